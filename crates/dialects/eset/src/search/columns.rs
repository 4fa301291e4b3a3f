//! Keywords and the columns they are looked for in.

use crate::problem::Problem;
use lessor_core::Timestamp;

/// A keyword, and where to look for it.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// In lower case, without blanks around it.
    keyword: String,
    columns: Vec<i64>,
}

/// What a record has in a column.
pub(super) enum Cell {
    /// A text, found by a part of it.
    Text(String),
    /// A value that is found as a whole, as any of these texts.
    Whole(Vec<String>),
    /// The day of an instant.
    Day(Timestamp),
}

impl Cell {
    /// A number or an id.
    pub(super) fn whole(value: impl ToString) -> Self {
        Self::Whole(vec![value.to_string()])
    }

    fn fits(&self, keyword: &str) -> bool {
        match self {
            Cell::Text(text) => text.to_lowercase().contains(keyword),
            Cell::Whole(values) => values.iter().any(|value| value.eq_ignore_ascii_case(keyword)),
            Cell::Day(instant) => instant.to_rfc3339().get(..10) == keyword.get(..10),
        }
    }
}

/// What a search asks for, if all its columns are among the known ones.
///
/// # Errors
/// 400 for a column that there is not.
pub(super) fn wanted(search: Option<&[(String, Vec<i64>)]>, known: &[i64]) -> Result<Vec<Wanted>, Problem> {
    let search = search.unwrap_or_default();
    if search.iter().any(|(_, columns)| columns.iter().any(|column| !known.contains(column))) {
        return Err(Problem::invalid("search"));
    }
    let wanted = |(keyword, columns): &(String, Vec<i64>)| Wanted {
        keyword: keyword.trim().to_lowercase(),
        columns: columns.clone(),
    };
    Ok(search.iter().map(wanted).collect())
}

/// Does a record have every keyword in one of its columns?
///
/// # Errors
/// Those of reading a cell.
pub(super) fn fits<E>(wanted: &[Wanted], mut cell: impl FnMut(i64) -> Result<Option<Cell>, E>) -> Result<bool, E> {
    for one in wanted {
        let mut found = false;
        for column in &one.columns {
            found = found || cell(*column)?.is_some_and(|cell| cell.fits(&one.keyword));
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(search: &[(&str, &[i64])]) -> bool {
        let search: Vec<_> =
            search.iter().map(|(keyword, columns)| ((*keyword).to_owned(), columns.to_vec())).collect();
        let wanted = wanted(Some(&search), &[0, 1, 2]).expect("known columns");
        let cell = |column| -> Result<Option<Cell>, ()> {
            Ok(match column {
                0 => Some(Cell::Text("Contoso Ltd".into())),
                1 => Some(Cell::whole(1007)),
                2 => Timestamp::parse("2016-01-17T23:00:00Z").map(Cell::Day),
                _ => None,
            })
        };
        fits(&wanted, cell).expect("an answer")
    }

    #[test]
    fn every_keyword_must_be_found_in_one_of_its_columns() {
        assert!(found(&[]));
        assert!(found(&[("toso l", &[0]), ("1007", &[0, 1])]));
        assert!(!found(&[("toso", &[0]), ("1006", &[0, 1])]));
        assert!(!found(&[("toso", &[1])]));
        assert!(!found(&[("toso", &[])]));
    }

    #[test]
    fn texts_are_found_by_a_part_and_the_rest_as_a_whole() {
        assert!(found(&[("CONTOSO", &[0])]) && found(&[(" ltd ", &[0])]));
        assert!(!found(&[("100", &[1])]));
        assert!(found(&[("2016-01-17", &[2])]) && found(&[("2016-01-17T00:00:00", &[2])]));
        assert!(!found(&[("2016-01-18", &[2])]) && !found(&[("2016", &[2])]));
    }

    #[test]
    fn a_column_that_there_is_not_is_refused() {
        let search = [("x".to_owned(), vec![0, 3])];
        assert_eq!(wanted(Some(&search), &[0, 1, 2]).err(), Some(Problem::invalid("search")));
    }
}
