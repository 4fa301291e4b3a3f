//! What another system says: its table, read by its columns, rows of the same names added up.

use super::table::{Table, fault};
use super::{Exact, Reconcile};
use crate::error::Error;
use std::borrow::Cow;
use std::collections::HashMap;

/// Longest name of the other system.
const LONGEST_NAME: usize = 200;
/// Longest text of a number.
const LONGEST_NUMBER: usize = 64;

/// What a claim is of, in the other system's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Named {
    pub account: Option<String>,
    pub item: Option<String>,
    pub currency: Option<String>,
}

/// What the other system says of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub quantity: Exact,
    pub amount: Exact,
    /// How many rows it is made of.
    pub rows: i64,
    /// The line on which the first of them begins.
    pub line: usize,
}

impl Figures {
    pub fn add(&mut self, other: &Figures) {
        self.quantity = self.quantity.plus(other.quantity);
        self.amount = self.amount.plus(other.amount);
        self.rows += other.rows;
        self.line = self.line.min(other.line);
    }
}

/// All that a table says.
pub(super) struct Claims {
    pub figures: HashMap<Named, Figures>,
    /// Rows of the table.
    pub rows: i64,
}

/// Where the columns stand.
struct Places {
    account: Option<usize>,
    item: Option<usize>,
    quantity: Option<usize>,
    amount: Option<usize>,
    currency: Option<usize>,
}

/// Reads a table.
///
/// # Errors
/// `Malformed` for what is no such table, with line and column; for columns that it has not.
pub(super) fn read(cmd: &Reconcile<'_>) -> Result<Claims, Error> {
    let table = Table::new(&cmd.table, cmd.separator)?;
    let columns = &cmd.columns;
    let place = |member, name: &Option<String>| name.as_ref().map(|name| table.column(member, name)).transpose();
    let places = Places {
        account: place("account_column", &columns.account)?,
        item: columns.item.as_ref().map(|(_, name)| table.column("item_column", name)).transpose()?,
        quantity: place("quantity_column", &columns.quantity)?,
        amount: place("amount_column", &columns.amount)?,
        currency: place("currency_column", &columns.currency)?,
    };
    let numbers: Vec<usize> = [places.quantity, places.amount].into_iter().flatten().collect();
    let format = match cmd.decimal {
        Some(mark) => Format { mark, grouped: true },
        None => Format { mark: likely_mark(&table, &numbers)?, grouped: false },
    };
    let mut claims = Claims { figures: HashMap::new(), rows: 0 };
    table.rows(|line, row| {
        let named = Named {
            account: places.account.map(|at| name(line, at, row)).transpose()?,
            item: places.item.map(|at| name(line, at, row)).transpose()?,
            currency: match places.currency {
                Some(at) => Some(currency(line, at, row)?),
                None => cmd.currency.clone(),
            },
        };
        let number = |at: Option<usize>| at.map_or(Ok(Exact::ZERO), |at| format.read(line, at, row));
        let figures = Figures { quantity: number(places.quantity)?, amount: number(places.amount)?, rows: 1, line };
        claims.figures.entry(named).and_modify(|sum| sum.add(&figures)).or_insert(figures);
        claims.rows += 1;
        Ok(())
    })?;
    Ok(claims)
}

/// A name as the other system has it. Tables that we wrote have a `'` before what a spreadsheet would take for a formula.
fn name(line: usize, at: usize, row: &[Cow<'_, str>]) -> Result<String, Error> {
    let text = row[at].trim();
    let text = text.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@'])).unwrap_or(text);
    if text.is_empty() {
        return Err(fault(line, at + 1, "there is no name"));
    }
    if text.chars().count() > LONGEST_NAME {
        return Err(fault(line, at + 1, format!("a name has at most {LONGEST_NAME} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(fault(line, at + 1, "a name holds no control characters"));
    }
    Ok(text.to_owned())
}

fn currency(line: usize, at: usize, row: &[Cow<'_, str>]) -> Result<String, Error> {
    let text = row[at].trim();
    if is_currency(text) {
        Ok(text.to_owned())
    } else {
        Err(fault(line, at + 1, "a currency is three capital letters"))
    }
}

/// Is it the name of a currency?
pub(super) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// How numbers are written.
struct Format {
    mark: char,
    /// May thousands be set apart? Only where the decimal mark was told: otherwise one could be taken for the other.
    grouped: bool,
}

/// The decimal mark of a table that does not say it: the only one that its numbers have.
fn likely_mark(table: &Table<'_>, numbers: &[usize]) -> Result<char, Error> {
    let (mut found, mut both) = (None, None);
    table.rows(|line, row| {
        for at in numbers {
            for mark in row[*at].chars().filter(|mark| ['.', ','].contains(mark)) {
                if *found.get_or_insert(mark) != mark {
                    both.get_or_insert((line, *at));
                }
            }
        }
        Ok(())
    })?;
    match both {
        None => Ok(found.unwrap_or('.')),
        Some((line, at)) => {
            Err(fault(line, at + 1, "numbers have both `.` and `,`: say with `decimal` which is the decimal mark"))
        }
    }
}

impl Format {
    fn read(&self, line: usize, at: usize, row: &[Cow<'_, str>]) -> Result<Exact, Error> {
        let text = row[at].trim();
        if text.len() > LONGEST_NUMBER {
            return Err(fault(line, at + 1, "it is no number"));
        }
        let (whole, places) = text.split_once(self.mark).map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        let whole = if self.grouped { ungrouped(whole, self.mark) } else { Some(whole.to_owned()) };
        let plain = whole.map(|whole| match places {
            Some(places) => format!("{whole}.{places}"),
            None => whole,
        });
        plain.and_then(|plain| Exact::parse(&plain)).ok_or_else(|| {
            fault(line, at + 1, "it is no number of at most 18 digits before and 10 behind the decimal mark")
        })
    }
}

/// Digits without what sets their thousands apart: always the same, and always three digits behind it.
fn ungrouped(whole: &str, decimal: char) -> Option<String> {
    let is_group =
        |mark: char| [',', '.', ' ', '\'', '\u{a0}', '\u{202f}', '\u{2019}'].contains(&mark) && mark != decimal;
    let Some(mark) = whole.chars().find(|mark| is_group(*mark)) else { return Some(whole.to_owned()) };
    let mut groups = whole.split(mark);
    let first = groups.next()?;
    let digits = first.trim_start_matches(['-', '+']).len();
    let fits = (1..=3).contains(&digits) && groups.clone().all(|group| group.len() == 3);
    fits.then(|| groups.fold(first.to_owned(), |sum, group| sum + group))
}

#[cfg(test)]
mod tests {
    use super::super::{Columns, Item};
    use super::*;
    use crate::id::AccountId;
    use crate::metering::day::Month;
    use proptest::prelude::*;

    fn reconcile(table: &str, decimal: Option<char>) -> Reconcile<'_> {
        let column = |name: &str| Some(name.to_owned());
        Reconcile {
            account: AccountId(uuid::Uuid::nil()),
            branch: true,
            month: Month::parse("2026-03").expect("a month"),
            name: String::new(),
            system: "crm".into(),
            columns: Columns {
                account: column("who"),
                item: Some((Item::Product, "what".into())),
                quantity: None,
                amount: column("sum"),
                currency: None,
            },
            currency: None,
            adjustments: true,
            quantity_tolerance: Exact::ZERO,
            amount_tolerance: Exact::ZERO,
            separator: None,
            decimal,
            table: table.into(),
        }
    }

    fn sum(number: &str, decimal: Option<char>) -> Result<String, String> {
        let claims = read(&reconcile(&format!("who;what;sum\na;b;{number}\n"), decimal));
        let claims = claims.map_err(|error| error.to_string())?;
        Ok(claims.figures.values().map(|figures| figures.amount.to_string()).collect())
    }

    #[test]
    fn numbers_are_read_as_they_are_written_in_the_table() {
        for (text, decimal, read) in [
            ("10.60", None, "10.6"),
            ("10,60", None, "10.6"),
            (" -3 ", None, "-3"),
            ("1.234,5", Some(','), "1234.5"),
            ("-1 234 567,5", Some(','), "-1234567.5"),
            ("1,234.5", Some('.'), "1234.5"),
            ("1'234", Some('.'), "1234"),
            ("1.234", Some(','), "1234"),
        ] {
            assert_eq!(sum(text, decimal).as_deref(), Ok(read), "{text}");
        }
        for (text, decimal) in [
            ("1.234,5", None),
            ("12.34,5", Some(',')),
            ("1.2345", Some(',')),
            ("1.234.5,6", Some(',')),
            ("1,5", Some('.')),
            ("10 EUR", None),
            ("", None),
            ("1e3", None),
            ("(3)", None),
            ("0.00000000001", None),
        ] {
            let error = sum(text, decimal).expect_err(text);
            assert!(error.contains("line 2, column 3"), "{text}: {error}");
        }
    }

    #[test]
    fn rows_of_the_same_names_are_one_claim() {
        let claims = read(&reconcile("who,what,sum\n a,b,1.5\nc,b,1\na,b ,-0.5\n'=a,b,2\n", None)).expect("claims");
        let named = |account: &str| Named { account: Some(account.into()), item: Some("b".into()), currency: None };
        let of = |account| claims.figures[&named(account)];
        assert_eq!((of("a").amount.to_string(), of("a").rows, of("a").line), ("1".to_owned(), 2, 2));
        assert_eq!((of("c").rows, of("=a").rows, claims.rows), (1, 1, 4));
    }

    #[test]
    fn a_row_without_a_name_is_refused() {
        for table in ["who,what,sum\n,b,1\n", "who,what,sum\na\u{7},b,1\n"] {
            let error = read(&reconcile(table, None)).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("line 2, column 1"), "{error}");
        }
        assert!(read(&reconcile("who,sum\na,1\n", None)).is_err());
    }

    proptest! {
        #[test]
        fn order_and_splitting_of_rows_change_no_figure(
            rows in prop::collection::vec((0_usize..4, 0_usize..3, -100_000_i64..100_000), 1..40),
            seed in any::<u64>(),
        ) {
            let row = |(who, what, cents): (usize, usize, i64)| {
                let sign = if cents < 0 { "-" } else { "" };
                format!("w{who};p{what};{sign}{}.{:02}\n", cents.abs() / 100, cents.abs() % 100)
            };
            let table = |rows: &[(usize, usize, i64)]| -> String {
                std::iter::once("who;what;sum\n".to_owned()).chain(rows.iter().copied().map(row)).collect()
            };
            let mut others: Vec<_> = rows
                .iter()
                .flat_map(|(who, what, cents)| {
                    let part = cents / 3;
                    [(*who, *what, part), (*who, *what, cents - part)]
                })
                .collect();
            let length = others.len();
            for at in 0..length {
                others.swap(at, usize::try_from(seed.rotate_left(at as u32) % length as u64).unwrap_or_default());
            }
            let sums = |table: &str| {
                let claims = read(&reconcile(table, None)).expect("claims");
                let sums = claims.figures.into_iter().map(|(named, figures)| (named.account, named.item, figures.amount));
                let mut sums: Vec<_> = sums.collect();
                sums.sort();
                sums
            };
            prop_assert_eq!(sums(&table(&rows)), sums(&table(&others)));
        }
    }
}
