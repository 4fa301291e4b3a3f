//! What daemons are answered, whether they ask themselves or people carry it.

use crate::wire::Time;
use lessor_core::daemon::Answer;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A request that a daemon signed, with the records that it vouches for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DaemonRequest {
    /// The document's text.
    #[schema(example = "075fd924625f6ab16a0000012e7b2276223a312c…")]
    pub request: String,
    /// What happened on the daemon's network: a record a line, at most 5000.
    #[serde(default)]
    #[schema(example = "")]
    pub records: String,
}

/// What a daemon may hand out from now on.
#[derive(Serialize, ToSchema)]
pub(crate) struct DaemonAnswer {
    /// The daemon's id.
    #[schema(example = "act_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    daemon: String,
    /// What to send with every call about it. Only the answer to a daemon itself that enrols has it, and only to a request newer
    /// than those answered before.
    #[schema(value_type = String, required = false, example = "lds_0aZ9bY8c4mQ7rT1wZxC2vB5nM8kJ3hG6fDs1a2B3c4D")]
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Number of the last record that is kept.
    #[schema(example = 117)]
    taken: i64,
    /// Number of the delegation: of two the higher counts.
    #[schema(example = 3)]
    number: i64,
    /// The first moment at which it counts no longer.
    ends_at: Time,
    /// Why nothing is delegated at present: the code of the refusal.
    #[schema(example = json!(null))]
    withheld: Option<&'static str>,
    /// The signed delegation.
    #[schema(example = "065fd924625f6ab16a0000031a7b2276223a312c…")]
    delegation: String,
    /// Signed endorsements: of the daemon's own key, and of each key of the product by those before it.
    #[schema(example = json!(["055fd924625f6ab16a000001107b2276223a312c…"]))]
    endorsements: Vec<String>,
    /// The product's public keys (64 hexadecimal digits), for a daemon that was told none.
    #[schema(example = json!(["d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"]))]
    keys: Vec<String>,
}

impl From<Answer> for DaemonAnswer {
    fn from(answer: Answer) -> Self {
        Self {
            daemon: answer.daemon.to_string(),
            secret: None,
            taken: answer.taken,
            number: answer.number,
            ends_at: answer.ends_at.into(),
            withheld: answer.withheld.as_ref().map(|refusal| crate::problem::outcome(refusal).1),
            delegation: answer.delegation,
            endorsements: answer.endorsements,
            keys: answer.keys.iter().map(lessor_lease::PublicKey::to_hex).collect(),
        }
    }
}
