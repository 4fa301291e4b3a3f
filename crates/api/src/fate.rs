//! What became of records of use, told alike to back offices and to devices.

use crate::problem::{outcome, sentence};
use lessor_core::metering::Fate;
use serde::Serialize;
use utoipa::ToSchema;

/// What became of a record.
#[derive(Clone, Copy, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageOutcome {
    /// It is in the figures.
    Counted,
    /// It was told before; nothing changed.
    Duplicate,
    /// It is not in the figures; `reason` says why. It can come again once it is right.
    Rejected,
}

/// Why a record was not counted.
#[derive(Serialize, ToSchema)]
pub struct UsageReason {
    /// For programs: the code that the same error has elsewhere.
    #[schema(example = "account_unknown")]
    code: &'static str,
    /// In a sentence.
    #[schema(example = "No such account.")]
    detail: String,
}

/// What became of a record.
#[derive(Serialize, ToSchema)]
pub struct UsageResult {
    /// What the source calls it; `null` where it did not say.
    #[schema(example = "r-1")]
    id: Option<String>,
    pub(crate) outcome: UsageOutcome,
    /// Why a record was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<UsageReason>,
}

impl UsageResult {
    /// The fate of a record.
    pub fn of(id: Option<String>, fate: &Fate) -> Self {
        match fate {
            Fate::Counted => Self { id, outcome: UsageOutcome::Counted, reason: None },
            Fate::Duplicate => Self { id, outcome: UsageOutcome::Duplicate, reason: None },
            Fate::Rejected { refusal } => Self::rejected(id, outcome(refusal).1, &refusal.to_string()),
        }
    }

    /// The fate of what could not be read as a record.
    pub fn unread(id: Option<String>, detail: &str) -> Self {
        Self::rejected(id, "invalid_request", detail)
    }

    fn rejected(id: Option<String>, code: &'static str, detail: &str) -> Self {
        let reason = Some(UsageReason { code, detail: sentence(detail) });
        Self { id, outcome: UsageOutcome::Rejected, reason }
    }
}
