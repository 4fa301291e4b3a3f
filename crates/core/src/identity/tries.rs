//! How signing in gets slow for whoever guesses, alike for names that exist and for those that don't.

use crate::alias;
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Refusal};
use crate::id::AccountId;
use lessor_db::Tx;
use uuid::Uuid;

/// Failures in a row without any delay.
const FREE_TRIES: i64 = 5;
/// The longest delay: it must not become a weapon to lock others out.
const MAX_DELAY_SECONDS: i64 = 900;
/// Failures in a row after which only an administrator or a link lets the user in.
const MAX_FAILURES: i64 = 100;

/// Counts a try under a name that nobody has. Such names are slowed down like the others, or the delay would tell who
/// exists. They are counted in 65 536 places for each door, so that inventing names fills nothing up.
///
/// # Errors
/// `TooManyTries`.
pub(crate) fn count_strange(tx: &mut dyn Tx, cx: &Context<'_>, door: &str, name: &[&[u8]]) -> Result<(), Error> {
    let place = cx.secret().mac(door, name);
    let name = format!("{door}:{:02x}{:02x}", place[0], place[1]);
    let failures = alias::next_number(tx, AccountId(Uuid::nil()), &name, 1)?;
    refuse_blocked(alias::meta_time(tx, &name)?, cx.now)?;
    if let Some(until) = blocked_until(failures, cx.now) {
        alias::set_meta(tx, &name, &until.to_rfc3339())?;
    }
    Ok(())
}

/// # Errors
/// `TooManyTries` before `until`.
pub(crate) fn refuse_blocked(until: Option<Timestamp>, now: Timestamp) -> Result<(), Error> {
    match until {
        Some(until) if now < until => {
            let seconds = u32::try_from(until.seconds() - now.seconds()).unwrap_or(u32::MAX).max(1);
            Err(Refusal::TooManyTries { seconds }.into())
        }
        _ => Ok(()),
    }
}

/// Until when nobody may try again after so many failures in a row: the delay doubles with each.
pub(crate) fn blocked_until(failures: i64, now: Timestamp) -> Option<Timestamp> {
    if failures >= MAX_FAILURES {
        return Some(now.plus_days(36_500));
    }
    let doublings = u32::try_from(failures - FREE_TRIES).ok()?;
    let seconds = 2_i64.checked_pow(doublings).unwrap_or(MAX_DELAY_SECONDS).min(MAX_DELAY_SECONDS);
    Some(now.plus_micros(seconds * 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_after_the_free_tries_and_stays_bounded() {
        let now = Timestamp::from_seconds(1_000);
        let wait = |failures| blocked_until(failures, now).map(|until| until.seconds() - now.seconds());
        assert_eq!((1..=4).map(wait).collect::<Vec<_>>(), [None; 4]);
        assert_eq!((5..=8).map(wait).collect::<Vec<_>>(), [Some(1), Some(2), Some(4), Some(8)]);
        assert_eq!(wait(99), Some(MAX_DELAY_SECONDS));
        assert!(wait(100) > Some(10 * 365 * 86_400));
    }

    #[test]
    fn a_block_ends_at_its_instant() {
        let until = Timestamp::from_seconds(10);
        assert!(refuse_blocked(Some(until), until).is_ok());
        let refused = refuse_blocked(Some(until), Timestamp::from_seconds(9));
        assert!(matches!(refused, Err(Error::Refused(Refusal::TooManyTries { seconds: 1 }))));
        assert!(refuse_blocked(None, until).is_ok());
    }
}
