//! Statements that write many rows at once. Their text is made when the program is built, so that it is a constant like that
//! of every other statement.

use lessor_db::{Statement, StoreError, Tx, Value};

/// How many rows a statement for many of them writes.
pub(crate) const ROWS: usize = 50;

/// The same statement for [`ROWS`] rows and for one.
#[derive(Clone, Copy)]
pub(crate) struct Insert {
    /// For as many as fit.
    pub(crate) many: Statement,
    /// For each of what is left.
    pub(crate) one: Statement,
}

impl Insert {
    /// Hands out the statements that write `items`, each with its parameters: first those that all rows share.
    pub(crate) fn each<T>(
        self,
        shared: &[Value],
        items: &[T],
        params: impl Fn(&T, &mut Vec<Value>),
        run: impl FnMut(Statement, &[Value]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        stepped(&[(ROWS, self.many), (1, self.one)], shared, items, params, run)
    }

    /// Writes `items`.
    pub(crate) fn write<T>(
        self,
        tx: &mut dyn Tx,
        shared: &[Value],
        items: &[T],
        params: impl Fn(&T, &mut Vec<Value>),
    ) -> Result<(), StoreError> {
        self.each(shared, items, params, |statement, bound| tx.queue(statement, bound))
    }
}

/// The same statement for several numbers of rows: the largest first, the last for one.
#[derive(Clone, Copy)]
pub(crate) struct Steps(pub(crate) &'static [(usize, Statement)]);

impl Steps {
    /// As [`Insert::each`].
    pub(crate) fn each<T>(
        self,
        shared: &[Value],
        items: &[T],
        params: impl Fn(&T, &mut Vec<Value>),
        run: impl FnMut(Statement, &[Value]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        stepped(self.0, shared, items, params, run)
    }

    /// As [`Insert::write`].
    pub(crate) fn write<T>(
        self,
        tx: &mut dyn Tx,
        shared: &[Value],
        items: &[T],
        params: impl Fn(&T, &mut Vec<Value>),
    ) -> Result<(), StoreError> {
        self.each(shared, items, params, |statement, bound| tx.queue(statement, bound))
    }
}

fn stepped<T>(
    steps: &[(usize, Statement)],
    shared: &[Value],
    items: &[T],
    params: impl Fn(&T, &mut Vec<Value>),
    mut run: impl FnMut(Statement, &[Value]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut bound = shared.to_vec();
    let mut rest = items;
    for (rows, statement) in steps {
        while let Some((some, more)) = rest.split_at_checked(*rows) {
            if some.is_empty() {
                break;
            }
            bound.truncate(shared.len());
            some.iter().for_each(|item| params(item, &mut bound));
            run(*statement, &bound)?;
            rest = more;
        }
    }
    Ok(())
}

/// A text of at most `N` bytes, made by [`many`].
pub(crate) struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    /// The text itself.
    pub(crate) const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => panic!("what it was made from is text"),
        }
    }

    const fn with(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut at = 0;
        while at < text.len() {
            self.bytes[self.length] = text[at];
            self.length += 1;
            at += 1;
        }
        self
    }

    const fn with_number(mut self, number: usize) -> Self {
        let mut unit = 1;
        while number / unit >= 10 {
            unit *= 10;
        }
        while unit > 0 {
            self.bytes[self.length] = b'0' + (number / unit % 10) as u8;
            self.length += 1;
            unit /= 10;
        }
        self
    }
}

/// `head`, then `row` as often as `rows` says with commas between, then `tail`. Each `?` of a row becomes the next parameter
/// behind the first `shared` ones, which all rows name as `$1` and so on. Compiling fails where `N` bytes are too few.
pub(crate) const fn many<const N: usize>(head: &str, row: &str, rows: usize, shared: usize, tail: &str) -> Text<N> {
    let mut text = Text { bytes: [b' '; N], length: 0 }.with(head);
    let mut parameter = shared;
    let mut done = 0;
    while done < rows {
        if done > 0 {
            text = text.with(", ");
        }
        let mut rest = row;
        while let Some(at) = first_mark(rest) {
            let (before, behind) = rest.split_at(at);
            parameter += 1;
            text = text.with(before).with("$").with_number(parameter);
            rest = behind.split_at(1).1;
        }
        text = text.with(rest);
        done += 1;
    }
    text.with(tail)
}

const fn first_mark(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'?' {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_parameters_of_its_own_behind_the_shared_ones() {
        const TEXT: Text<128> = many("VALUES ", "(?, $1, ?)", 5, 1, " END");
        let expected = "VALUES ($2, $1, $3), ($4, $1, $5), ($6, $1, $7), ($8, $1, $9), ($10, $1, $11) END";
        assert_eq!(TEXT.as_str(), expected);
    }
}
