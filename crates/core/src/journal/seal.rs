//! Seals events into blocks, each hashed over the one before, and walks that chain.

use super::rows::{self, SealedEvent};
use crate::context::Context;
use crate::error::Error;
use crate::stream;
use lessor_db::Tx;
use sha2::{Digest, Sha256};

/// Events in a block at most.
const BLOCK_SIZE: u32 = 1_000;

/// Seals what is not sealed yet, up to one block. `true` when there may be more.
///
/// Of two servers that seal at once the second waits for the block of the first, and goes on behind it.
pub fn seal(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<bool, Error> {
    cx.touches_nothing();
    if !rows::has_unsealed(tx)? {
        return Ok(false);
    }
    let (last, before) = rows::last_block(tx)?.unwrap_or((0, vec![0; 32]));
    let number = last + 1;
    // The block's row is the lock: whoever inserts it first owns the number.
    if !rows::claim_block(tx, number, &before, cx.now)? {
        return Ok(true);
    }
    let taken = rows::take_into_block(tx, number, BLOCK_SIZE)?;
    let events = rows::events_of_block(tx, number)?;
    let hash = chain(&before, number, &events);
    rows::close_block(tx, number, i64::try_from(events.len()).unwrap_or(i64::MAX), &hash)?;
    stream::take_events(tx, cx, &events)?;
    Ok(taken == u64::from(BLOCK_SIZE))
}

/// What is wrong with the journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A block number is left out.
    #[error("journal block {0} is missing")]
    MissingBlock(i64),
    /// An event of the block was altered, added, removed or reordered, or its hash was.
    #[error("journal block {0} does not match its hash")]
    Altered(i64),
    /// Events claim a block that does not exist.
    #[error("{0} events claim a journal block that does not exist")]
    Stray(i64),
}

/// Walks the whole chain; the first flaw of each block is told.
pub fn verify(tx: &mut dyn Tx) -> Result<Vec<Flaw>, Error> {
    let mut flaws = Vec::new();
    let (mut last, mut before) = (0, vec![0; 32]);
    loop {
        let blocks = rows::blocks_after(tx, last)?;
        if blocks.is_empty() {
            break;
        }
        for (number, count, hash) in blocks {
            if number != last + 1 {
                flaws.push(Flaw::MissingBlock(last + 1));
            }
            let events = rows::events_of_block(tx, number)?;
            let complete = i64::try_from(events.len()) == Ok(count);
            if !complete || chain(&before, number, &events).as_slice() != hash {
                flaws.push(Flaw::Altered(number));
            }
            (last, before) = (number, hash);
        }
    }
    let stray = rows::stray(tx, last)?;
    if stray > 0 {
        flaws.push(Flaw::Stray(stray));
    }
    Ok(flaws)
}

fn chain(before: &[u8], number: i64, events: &[SealedEvent]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(number.to_be_bytes());
    for event in events {
        let at = event.at.micros().to_be_bytes();
        let parts: [&[u8]; 10] = [
            event.id.0.as_bytes(),
            event.tenant.0.as_bytes(),
            event.account.0.as_bytes(),
            &at,
            event.kind.as_bytes(),
            event.subject_kind.as_bytes(),
            event.subject.as_bytes(),
            event.actor.as_bytes(),
            event.request.0.as_bytes(),
            event.data.as_bytes(),
        ];
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().into()
}
