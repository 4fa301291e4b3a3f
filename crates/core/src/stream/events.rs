//! What the stream takes over from the journal.

use super::{Source, StreamRecord, rows};
use crate::context::Context;
use crate::error::Error;
use crate::id::{ProductId, StreamRecordId};
use crate::journal::rows::SealedEvent;
use lessor_db::Tx;
use serde_json::Value;
use uuid::Uuid;

/// What time alone does to the licenses of devices.
const BY_TIME: [&str; 2] = ["lease.lapsed", "trial.ended"];

/// Takes over events of tenants that draw. An event is sealed once, so that it comes here once.
pub(crate) fn take_events(tx: &mut dyn Tx, cx: &Context<'_>, events: &[SealedEvent]) -> Result<(), Error> {
    for tenant in rows::drawing(tx, cx.now)? {
        let mut records = Vec::new();
        for event in events.iter().filter(|event| event.tenant == tenant) {
            records.extend(record(tx, event)?);
        }
        rows::insert(tx, tenant, &records)?;
    }
    Ok(())
}

fn record(tx: &mut dyn Tx, event: &SealedEvent) -> Result<Option<StreamRecord>, Error> {
    let chain: Vec<String> = serde_json::from_str(&event.actor).unwrap_or_default();
    let who = chain.first().map(String::as_str).unwrap_or_default();
    let Some(source) = source(&event.kind, who) else { return Ok(None) };
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let (product, code) = about(tx, event)?;
    let told = data["code"].as_str().or_else(|| data["after"]["code"].as_str());
    let code = told.map(ToOwned::to_owned).or(code);
    let who = who.rsplit_once('_').and_then(|(_, id)| Uuid::try_parse(id).ok());
    let by_itself = (event.subject_kind == "activation").then_some(event.subject);
    Ok(Some(StreamRecord {
        id: StreamRecordId(event.id.0),
        source,
        name: event.kind.clone(),
        // What was refused is told with the reason.
        failed: data["reason"].is_string(),
        told_at: event.at,
        at: event.at,
        ip: String::new(),
        who: who.or(by_itself),
        product,
        product_name: None,
        code,
        data,
    }))
}

/// Where an event comes from; `None` for what the calls of programs tell of themselves, and for the server's own housekeeping.
fn source(kind: &str, who: &str) -> Option<Source> {
    if let Some(told) = kind.strip_prefix("daemon.") {
        return Some(if told.contains('.') { Source::Relayed } else { Source::Daemons });
    }
    match who.split('_').next().unwrap_or_default() {
        "usr" => Some(Source::People),
        "act" | "device" => Some(Source::Devices),
        "system" if BY_TIME.contains(&kind) => Some(Source::Devices),
        _ => None,
    }
}

/// The product that an event is about, and the code of the license.
fn about(tx: &mut dyn Tx, event: &SealedEvent) -> Result<(Option<ProductId>, Option<String>), Error> {
    Ok(match event.subject_kind.as_str() {
        "product" => (Some(ProductId(event.subject)), None),
        "license" => {
            rows::of_license(tx, event.subject)?.map(|(product, code)| (Some(product), Some(code))).unwrap_or_default()
        }
        "activation" => {
            rows::of_activation(tx, event.subject)?.map(|(product, code)| (Some(product), code)).unwrap_or_default()
        }
        "trial" => (rows::of_trial(tx, event.subject)?, None),
        _ => (None, None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_of_whoever_did_it() {
        assert_eq!(source("license.activated", "device"), Some(Source::Devices));
        assert_eq!(source("feature.checked_out", "act_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b"), Some(Source::Devices));
        assert_eq!(source("lease.lapsed", "system"), Some(Source::Devices));
        assert_eq!(source("product.created", "system"), None);
        assert_eq!(source("product.created", "usr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b"), Some(Source::People));
        assert_eq!(source("product.created", "key_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b"), None);
        assert_eq!(source("daemon.enrolled", "device"), Some(Source::Daemons));
        assert_eq!(source("daemon.license.activated", "device"), Some(Source::Relayed));
    }
}
