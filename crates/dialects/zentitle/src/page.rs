//! Pages of lists, with the two conventions that the documents have for them.

use crate::fields::Fields;
use crate::problem::Problem;
use crate::wire::Count;
use lessor_core::Start;

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

/// Reads a part of a list in steps of at most `step` records, until it is complete or the list ends.
pub fn collect<T, E>(
    skip: i64,
    take: i64,
    step: i64,
    mut read: impl FnMut(Start, u32) -> Result<Vec<T>, E>,
) -> Result<Vec<T>, E> {
    let mut all = Vec::new();
    let mut done = 0;
    while done < take {
        let some = step.min(take - done);
        let found = read(Start::At(skip.saturating_add(done)), u32::try_from(some).unwrap_or(u32::MAX))?;
        let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
        all.extend(found);
        if count < some {
            break;
        }
        done += some;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input;
    use crate::table::{self, Verb};

    fn query(controller: &str, query: &str) -> Fields {
        let call = table::find(controller, Verb::Get).expect("a call");
        input::from_query(query, call.inputs).expect("inputs that fit")
    }

    #[test]
    fn most_lists_count_unless_a_page_is_named() {
        let page = |text: &str| Page::or_count(&query("Profiles", text));
        assert_eq!(page(""), Page::Count);
        assert_eq!(page("pageNumber=0&pageSize=5"), Page::Count);
        assert_eq!(page("pageSize=5"), Page::Count);
        assert_eq!(page("pagenumber=1"), Page::Part { skip: 0, take: 10_000 });
        assert_eq!(page("PAGENUMBER=3&pagesize=5"), Page::Part { skip: 10, take: 5 });
        assert_eq!(page("pageNumber=2147483647"), Page::Part { skip: 21_474_836_460_000, take: 10_000 });
    }

    #[test]
    fn two_lists_show_everything_unless_a_page_is_named() {
        let page = |text: &str| Page::or_all(&query("NetworkMasterLicense", text), 10);
        assert_eq!(page(""), Ok(Page::All));
        assert_eq!(page("pageNumber=0"), Ok(Page::Count));
        assert_eq!(page("pageNumber=2"), Ok(Page::Part { skip: 10, take: 10 }));
        assert_eq!(page("pageSize=5"), Err(Problem::missing("pageNumber")));
    }

    #[test]
    fn a_part_is_read_in_steps_until_the_list_ends() {
        let list: Vec<i64> = (0..25).collect();
        let part = |skip: i64, take: i64| {
            let read = |start: Start, take: u32| {
                let Start::At(skip) = start else { panic!("parts are numbered") };
                let rest = list.iter().skip(usize::try_from(skip).expect("small")).take(take as usize);
                Ok::<_, ()>(rest.copied().collect::<Vec<_>>())
            };
            collect(skip, take, 10, read).expect("a part")
        };
        assert_eq!(part(0, i64::MAX), list);
        assert_eq!(part(3, 12), list[3..15]);
        assert_eq!(part(20, 10), list[20..]);
        assert!(part(25, 10).is_empty());
    }
}
