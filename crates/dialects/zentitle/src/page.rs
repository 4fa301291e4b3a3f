//! Pages of lists, with the two conventions that the documents have for them, and how a long one is sent.

use crate::fields::Fields;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::Count;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use lessor_core::{App, Caller, Context, Error, Start, Tx};
use serde::Serialize;
use std::sync::Arc;
use uuid::Uuid;

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

/// What a list sends: from the record number `skip` on, `take` of them, `step` of them a query.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// How many are left out before.
    pub skip: i64,
    /// How many at most.
    pub take: i64,
    /// How many are read, written and held at a time.
    pub step: i64,
}

/// The records of one query, as they are written.
#[derive(Debug)]
pub struct Rows {
    text: Vec<u8>,
    /// What stands before the next record.
    before: u8,
    count: i64,
    last: Option<Uuid>,
}

impl Rows {
    fn new(before: u8) -> Self {
        Self { text: Vec::new(), before, count: 0, last: None }
    }

    /// Begins the record with this id: what is appended to the given text until the next one has to be one JSON value.
    pub fn begin(&mut self, id: Uuid) -> &mut Vec<u8> {
        self.text.push(std::mem::replace(&mut self.before, b','));
        self.count += 1;
        self.last = Some(id);
        &mut self.text
    }

    /// Writes the record with this id.
    pub fn push(&mut self, id: Uuid, record: &impl Serialize) {
        // The shapes of `wire.rs` have text keys alone, so that writing them into memory cannot fail.
        serde_json::to_writer(self.begin(id), record).unwrap_or_default();
    }
}

/// The answer to a call for a list: a JSON array that is sent while it is read on, each query behind the last record sent. It
/// skips and repeats nothing, whatever is made or deleted meanwhile, and holds one query's records at a time. A query that
/// fails half-way cuts the connection, so that nobody takes the beginning for the whole.
///
/// `prepare` runs once, together with the first query: what it makes of the inputs goes into every query; `None` leaves the
/// list empty. `read` writes up to the given number of records from the given start on.
///
/// # Errors
/// Those of `prepare` and of the first query, which have their own answers.
pub async fn streamed<Q, P, R>(app: App, caller: Caller, span: Span, prepare: P, read: R) -> Result<Reply, Problem>
where
    Q: Send + Sync + 'static,
    P: Fn(&mut dyn Tx, &Context<'_>) -> Result<Option<Q>, Error> + Send + 'static,
    R: Fn(&mut dyn Tx, &Context<'_>, &Q, Start, u32, &mut Rows) -> Result<(), Error> + Send + Sync + 'static,
{
    let read = Arc::new(read);
    let reader = Arc::clone(&read);
    let begin = move |tx: &mut dyn Tx, cx: &Context<'_>| {
        let Some(query) = prepare(tx, cx)? else { return Ok(None) };
        let first = Stretch { start: Start::At(span.skip), left: span.take, step: span.step };
        let written = first.write(tx, cx, &query, reader.as_ref(), b'[')?;
        Ok(Some((query, written)))
    };
    let Some((query, (text, next))) = app.read(&caller, begin).await? else {
        return Ok(Reply::json(&[(); 0]));
    };
    if next.is_none() {
        return Ok(Reply::written(text));
    }
    let query = Arc::new(query);
    let rest = stream::try_unfold(next, move |next| {
        let (app, caller, query, read) = (app.clone(), caller.clone(), Arc::clone(&query), Arc::clone(&read));
        async move {
            let Some(next) = next else { return Ok(None) };
            let write =
                move |tx: &mut dyn Tx, cx: &Context<'_>| next.write(tx, cx, query.as_ref(), read.as_ref(), b',');
            let (text, next) = app.read(&caller, write).await?;
            Ok::<_, Error>(Some((Bytes::from(text), next)))
        }
    });
    let first = stream::once(std::future::ready(Ok(Bytes::from(text))));
    Ok(Reply::parts(first.chain(rest)))
}

/// What one query of a list reads.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    start: Start,
    /// How many records the list may still have.
    left: i64,
    step: i64,
}

impl Stretch {
    /// Reads and writes it, with `before` before the first record and, behind the last of the list, its end; gives the next
    /// one, if there is one.
    fn write<Q, R>(
        self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        query: &Q,
        read: &R,
        before: u8,
    ) -> Result<(Vec<u8>, Option<Stretch>), Error>
    where
        R: Fn(&mut dyn Tx, &Context<'_>, &Q, Start, u32, &mut Rows) -> Result<(), Error>,
    {
        let some = u32::try_from(self.left.min(self.step)).unwrap_or(u32::MAX);
        let mut rows = Rows::new(before);
        read(tx, cx, query, self.start, some, &mut rows)?;
        let Rows { mut text, count, last, .. } = rows;
        if count == 0 && before == b'[' {
            text.push(before);
        }
        let left = self.left - count;
        let more = left > 0 && count >= i64::from(some);
        let next = last.filter(|_| more).map(|id| Stretch { start: Start::After(id), left, ..self });
        if next.is_none() {
            text.push(b']');
        }
        Ok((text, next))
    }
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
    use lessor_testkit::{Bench, on_both_engines};
    use std::sync::Mutex;

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

    /// A list in memory, sent five records a query; whether a query fails, and what was asked for.
    struct Listed {
        records: Mutex<Vec<u128>>,
        queries: Mutex<Vec<(Start, u32)>>,
        fails_at: usize,
    }

    impl Listed {
        fn new(count: u128, fails_at: usize) -> Arc<Self> {
            let records = Mutex::new((1..=count).collect());
            Arc::new(Self { records, queries: Mutex::default(), fails_at })
        }

        async fn send(
            self: &Arc<Self>,
            bench: &Bench,
            skip: i64,
            take: i64,
        ) -> Result<axum::body::BodyDataStream, Problem> {
            let listed = Arc::clone(self);
            let read = move |_: &mut dyn Tx, _: &Context<'_>, _: &(), start: Start, limit: u32, rows: &mut Rows| {
                let mut queries = listed.queries.lock().expect("unpoisoned");
                queries.push((start, limit));
                if queries.len() == listed.fails_at {
                    return Err(Error::Forbidden);
                }
                let records = listed.records.lock().expect("unpoisoned");
                let rest: Vec<u128> = match start {
                    Start::At(skip) => records.iter().skip(usize::try_from(skip).expect("small")).copied().collect(),
                    Start::After(id) => records.iter().filter(|record| **record > id.as_u128()).copied().collect(),
                };
                rest.iter()
                    .take(limit as usize)
                    .for_each(|record| rows.push(Uuid::from_u128(*record), &record.to_string()));
                Ok(())
            };
            let caller = bench.app.system();
            let span = Span { skip, take, step: 5 };
            let reply = streamed(bench.app.clone(), caller, span, |_, _| Ok(Some(())), read).await?;
            Ok(reply.into_response().into_body().into_data_stream())
        }

        fn asked(&self) -> usize {
            self.queries.lock().expect("unpoisoned").len()
        }
    }

    fn told(parts: &[Bytes]) -> Vec<u128> {
        let text = parts.concat();
        let records: Vec<String> = serde_json::from_slice(&text).expect("a JSON list");
        records.iter().map(|record| record.parse().expect("a number")).collect()
    }

    on_both_engines! {
        a_list_is_sent_whole_however_it_is_cut(bench) {
            for (count, skip, take) in [(0, 0, 9), (1, 0, 9), (5, 0, 9), (17, 0, i64::MAX), (17, 2, 10), (17, 2, 11), (20, 0, 20), (17, 17, 3)] {
                let sent = Listed::new(count, 0).send(&bench, skip, take).await.expect("an answer");
                let parts: Vec<Bytes> = sent.map(|part| part.expect("a part")).collect().await;
                let least = u128::try_from(skip).expect("small");
                let most = u128::try_from(skip.saturating_add(take)).expect("positive").min(count);
                assert_eq!(told(&parts), (least + 1..=most).collect::<Vec<_>>(), "{count} {skip} {take}");
            }
        }

        a_list_is_read_no_faster_than_it_is_taken_and_skips_nothing_when_records_go(bench) {
            let listed = Listed::new(17, 0);
            let mut sent = listed.send(&bench, 0, i64::MAX).await.expect("an answer");
            let mut parts = vec![sent.next().await.expect("a part").expect("sent")];
            assert_eq!(listed.asked(), 1, "the next query waits until somebody takes its answer");
            // One that was sent and one that was not.
            listed.records.lock().expect("unpoisoned").retain(|record| ![2, 8].contains(record));
            while let Some(part) = sent.next().await {
                parts.push(part.expect("a part"));
            }
            assert_eq!(told(&parts), (1..=17).filter(|record| *record != 8).collect::<Vec<_>>());
            let longest = parts.iter().map(Bytes::len).max().expect("parts");
            assert!(parts.len() == 4 && longest < 32, "{} parts of up to {longest} bytes", parts.len());
        }

        a_list_that_fails_has_an_answer_of_its_own_at_the_start_and_none_later(bench) {
            let at_once = Listed::new(17, 1).send(&bench, 0, i64::MAX).await.err().map(|problem| problem.status);
            assert_eq!(at_once, Some(http::StatusCode::FORBIDDEN));
            let mut sent = Listed::new(17, 2).send(&bench, 0, i64::MAX).await.expect("the first query succeeds");
            let first = sent.next().await.expect("a part").expect("sent");
            assert!(sent.next().await.expect("an end").is_err(), "the connection is cut");
            assert!(serde_json::from_slice::<serde_json::Value>(&first).is_err(), "what was sent is no list");
        }
    }
}
