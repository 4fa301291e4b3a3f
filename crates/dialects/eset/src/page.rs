//! Pages of lists: `skip` and `take` in, how many there are in all out.

use crate::fields::Fields;
use serde::Serialize;

/// Most entries of a page, and how many it has where nobody says.
pub const MOST: usize = 100;

/// Which entries of a list are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many to pass over.
    pub skip: usize,
    /// How many to give.
    pub take: usize,
}

impl Page {
    /// What a call with the inputs `skip` and `take` asks for.
    pub fn of(fields: &Fields) -> Self {
        let number = |name: &str| fields.int(name).and_then(|number| usize::try_from(number).ok());
        Self { skip: number("skip").unwrap_or(0), take: number("take").unwrap_or(MOST) }
    }

    /// The entries of the page, out of all.
    pub fn cut<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.skip).take(self.take).collect()
    }
}

/// How many entries a list has, whatever page of it is shown.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Paging {
    /// How many.
    pub total_count: usize,
}

/// The same in the spelling of searches and of histories.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PagingOfSearch {
    /// How many.
    pub total_count: usize,
}
