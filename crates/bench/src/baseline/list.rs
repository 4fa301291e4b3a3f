//! Reading a page of licenses with what they grant from the same file, and writing it as JSON: no server, no HTTP, no
//! rights, no order of pages.

use lessor_testkit::random::Random;
use rusqlite::{Connection, OpenFlags, Statement, params};
use serde::Serialize;
use std::path::Path;
use std::time::{Duration, Instant};

#[derive(Serialize)]
struct License {
    code: String,
    reference: String,
    order: String,
    acquired: bool,
    online_lease_hours: i64,
    virtual_lease_hours: i64,
    offline_lease_hours: i64,
    term_kind: String,
    term_days: i64,
    term_end: Option<i64>,
    maintenance_end: Option<i64>,
    activation_limit: i64,
    process_limit: i64,
    concurrency: String,
    network_seats: i64,
    heartbeat_minutes: i64,
    active_count: i64,
    returned_count: i64,
    last_activated_at: Option<i64>,
    created_at: i64,
    modified_at: i64,
    account: String,
    profile: Option<String>,
    grants: Vec<Grant>,
}

#[derive(Serialize)]
struct Grant {
    feature: [u8; 16],
    enabled: bool,
    limit: i64,
    used: i64,
}

const LICENSES: &str = "SELECT l.id, l.code, l.reference, l.order_reference, l.acquired, l.online_lease_hours, l.virtual_lease_hours, \
     l.offline_lease_hours, l.term_kind, l.term_days, l.term_end, l.maintenance_end, l.activation_limit, l.process_limit, \
     l.concurrency, l.network_seats, l.heartbeat_minutes, l.active_count, l.returned_count, l.last_activated_at, \
     l.created_at, l.modified_at, a.name, p.name \
     FROM licenses l JOIN accounts a ON a.id = l.account_id LEFT JOIN profiles p ON p.id = l.profile_id \
     WHERE l.id >= ?1 ORDER BY l.id LIMIT ?2";
const GRANTS: &str = "SELECT feature_id, enabled, unit_limit, used FROM grants WHERE owner_id = ?1";

/// Pages of so many licenses a second, and microseconds of half and of all but one in a hundred.
pub fn measure(folder: &Path, page: u64, chance: &mut Random, time: Duration) -> rusqlite::Result<(f64, u32, u32)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(folder.join("lessor.db"), flags)?;
    // It knows where the pages begin.
    let starts: Vec<[u8; 16]> = connection
        .prepare("SELECT id FROM licenses ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .step_by(usize::try_from(page).unwrap_or(usize::MAX))
        .collect::<Result<_, _>>()?;
    let mut licenses = connection.prepare(LICENSES)?;
    let mut grants = connection.prepare(GRANTS)?;
    let mut took = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < time {
        let asked = Instant::now();
        let start = &starts[chance.below(starts.len() as u64) as usize];
        let rows = read(&mut licenses, &mut grants, start, page)?;
        let text = serde_json::to_vec(&rows).unwrap_or_default();
        std::hint::black_box(text);
        took.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    let rate = took.len() as f64 / begin.elapsed().as_secs_f64();
    took.sort_unstable();
    Ok((rate, took[took.len() / 2], took[took.len() * 99 / 100]))
}

fn read(
    licenses: &mut Statement<'_>,
    grants: &mut Statement<'_>,
    start: &[u8; 16],
    size: u64,
) -> rusqlite::Result<Vec<License>> {
    let mut rows = licenses.query(params![start, i64::try_from(size).unwrap_or(i64::MAX)])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let id: [u8; 16] = row.get(0)?;
        let held = grants.query_map([id], |row| {
            Ok(Grant { feature: row.get(0)?, enabled: row.get(1)?, limit: row.get(2)?, used: row.get(3)? })
        })?;
        page.push(License {
            code: row.get(1)?,
            reference: row.get(2)?,
            order: row.get(3)?,
            acquired: row.get(4)?,
            online_lease_hours: row.get(5)?,
            virtual_lease_hours: row.get(6)?,
            offline_lease_hours: row.get(7)?,
            term_kind: row.get(8)?,
            term_days: row.get(9)?,
            term_end: row.get(10)?,
            maintenance_end: row.get(11)?,
            activation_limit: row.get(12)?,
            process_limit: row.get(13)?,
            concurrency: row.get(14)?,
            network_seats: row.get(15)?,
            heartbeat_minutes: row.get(16)?,
            active_count: row.get(17)?,
            returned_count: row.get(18)?,
            last_activated_at: row.get(19)?,
            created_at: row.get(20)?,
            modified_at: row.get(21)?,
            account: row.get(22)?,
            profile: row.get(23)?,
            grants: held.collect::<Result<_, _>>()?,
        });
    }
    Ok(page)
}
