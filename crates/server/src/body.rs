//! Receiving a request's body whole: within its size, its time and the room there is for all bodies together.

use crate::refusal::Refusal;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Bodies up to this many bytes need no room of their own: a connection's buffers hold as much.
const SMALL: u64 = 16 << 10;
/// A client that sends too much is listened to for a while, or it would see a broken connection instead of the answer.
const LISTEN_TIME: Duration = Duration::from_secs(5);
const LISTEN_BYTES: usize = 16 << 20;

/// Whole KiB, rounded up, as a semaphore counts them.
pub fn kibibytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

/// The body, or why it cannot be had. `room` counts KiB.
pub async fn receive<B>(
    mut body: B,
    headers: &HeaderMap,
    limit: usize,
    time: Duration,
    room: &Semaphore,
) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let declared = body.size_hint().upper();
    if declared.is_some_and(|bytes| bytes > limit as u64) {
        // Who asked first hears no before sending anything.
        if !headers.contains_key(header::EXPECT) {
            listen_on(&mut body).await;
        }
        return Err(Refusal::BodyTooLarge);
    }
    let _room = match declared {
        Some(bytes) if bytes <= SMALL => None,
        _ => {
            let most = declared.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(limit);
            Some(room.try_acquire_many(kibibytes(most)).map_err(|_| Refusal::Busy)?)
        }
    };
    let received = timeout(time, collect(&mut body, limit)).await.map_err(|_| Refusal::BodyLate)?;
    if received == Err(Refusal::BodyTooLarge) {
        listen_on(&mut body).await;
    }
    received
}

async fn collect<B: Body<Data = Bytes> + Unpin>(body: &mut B, limit: usize) -> Result<Bytes, Refusal> {
    let first = next(body).await?.unwrap_or_default();
    if first.len() > limit {
        return Err(Refusal::BodyTooLarge);
    }
    // Most bodies come in one piece, and are not copied.
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    while let Some(piece) = next(body).await? {
        if whole.len() + piece.len() > limit {
            return Err(Refusal::BodyTooLarge);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The next piece of data. Trailers are passed over.
async fn next<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        match frame.map_err(|_| Refusal::BodyBroken)?.into_data() {
            Ok(data) => return Ok(Some(data)),
            Err(_trailers) => {}
        }
    }
    Ok(None)
}

async fn listen_on<B: Body<Data = Bytes> + Unpin>(body: &mut B) {
    let discard = async {
        let mut heard = 0;
        while let Ok(Some(piece)) = next(body).await {
            heard += piece.len();
            if heard > LISTEN_BYTES {
                break;
            }
        }
    };
    // Late or not, the answer is the same.
    let _ = timeout(LISTEN_TIME, discard).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    async fn receive_of(bytes: usize, limit: usize, room: &Semaphore) -> Result<Bytes, Refusal> {
        receive(Full::new(Bytes::from(vec![7; bytes])), &HeaderMap::new(), limit, Duration::from_secs(1), room).await
    }

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
        let room = Semaphore::new(64);
        assert_eq!(receive_of(1000, 1000, &room).await.map(|body| body.len()), Ok(1000));
        assert_eq!(receive_of(1001, 1000, &room).await, Err(Refusal::BodyTooLarge));
    }

    #[tokio::test]
    async fn large_bodies_need_room_and_small_ones_do_not() {
        let room = Semaphore::new(20);
        let _taken = room.try_acquire_many(10).expect("free");
        assert_eq!(receive_of(16 << 10, 1 << 20, &room).await.map(|body| body.len()), Ok(16 << 10));
        assert_eq!(receive_of(17 << 10, 1 << 20, &room).await, Err(Refusal::Busy));
    }
}
