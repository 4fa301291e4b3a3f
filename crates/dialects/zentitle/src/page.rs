//! Pages of lists, with the two conventions that the documents have for them.

use crate::fields::Fields;
use crate::problem::Problem;
use crate::wire::Count;

/// The most records of one page, and how many it has unless asked otherwise.
pub const MOST: i64 = 10_000;

/// What part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Only how many there are.
    Count,
    /// Everything.
    All,
    /// From the record number `skip` on, `take` of them.
    Part {
        /// How many are left out before.
        skip: i64,
        /// How many at most.
        take: i64,
    },
}

impl Page {
    /// Lists that only count unless a page is named.
    pub fn or_count(fields: &Fields) -> Self {
        Self::of(fields.int("pageNumber").unwrap_or(0), fields.int("pageSize").unwrap_or(MOST))
    }

    /// Lists that show everything unless a page is named; a size says nothing without a page.
    pub fn or_all(fields: &Fields, size: i64) -> Result<Self, Problem> {
        match (fields.int("pageNumber"), fields.int("pageSize")) {
            (None, None) => Ok(Page::All),
            (None, Some(_)) => Err(Problem::missing("pageNumber")),
            (Some(number), given) => Ok(Self::of(number, given.unwrap_or(size))),
        }
    }

    fn of(number: i64, size: i64) -> Self {
        match number {
            0 => Page::Count,
            number => Page::Part { skip: (number - 1).saturating_mul(size), take: size },
        }
    }
}

/// The answer in the place of a list: `[{"count": 5}]`.
pub fn count(count: i64) -> [Count; 1] {
    [Count { count }]
}
