//! Why something could not be done.

use std::path::PathBuf;
use std::time::Duration;

use lessor_lease::DocumentError;

/// The server's reasoned no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code of the reason, such as `no_seat`. The list is the server's and may grow.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// The reason as a sentence, for people.
    pub detail: String,
}

impl Refusal {
    /// True if the reason is this one.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// True if there was nothing free: no seat, no element, no token, no place for one more device. Trying again later
    /// may help.
    pub fn is_exhausted(&self) -> bool {
        matches!(self.code.as_str(), "no_seat" | "limit_reached")
    }

    /// True if the time of the license or trial is over.
    pub fn is_over(&self) -> bool {
        matches!(self.code.as_str(), "term_over" | "trial_over")
    }

    /// True if the license itself stands in the way and only the vendor can help.
    pub fn is_withheld(&self) -> bool {
        matches!(self.code.as_str(), "license_held" | "trial_not_offered" | "trial_used")
    }

    /// True if what was to be changed has changed since it was read.
    pub fn is_stale(&self) -> bool {
        self.status == 412
    }

    /// True if the server no longer counts this activation.
    pub fn is_returned(&self) -> bool {
        self.code == "activation_returned"
    }
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server said no, with a reason.
    #[error("{} ({})", .0.detail, .0.code)]
    Refused(Refusal),
    /// The server takes this device for a copy of another: its key is another one, or the lease it holds is older than
    /// what the server has given since.
    #[error("{} ({})", .0.detail, .0.code)]
    DuplicateDevice(Refusal),
    /// No connection came about, or it broke.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The server has too much to do.
    #[error("the server is busy")]
    Busy {
        /// How long it asked to be left alone, if it said so.
        retry_after: Option<Duration>,
    },
    /// The server's answer makes no sense.
    #[error("the server's answer cannot be used: {0}")]
    BadAnswer(String),
    /// A document is damaged, forged or of the wrong kind.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A genuine lease, but for something or someone else.
    #[error("the lease is for another {0}")]
    ForeignLease(&'static str),
    /// A genuine lease that is older than the last one seen.
    #[error("the lease is number {number}, older than number {latest} seen before")]
    OldLease {
        /// The number of the lease.
        number: u64,
        /// The highest number seen.
        latest: u64,
    },
    /// Nothing is activated.
    #[error("the product is not activated")]
    NotActivated,
    /// Something else is activated; return it first.
    #[error("the product is already activated with another license; return that first")]
    AlreadyActivated,
    /// The license was activated through files, so that the server knows no secret of this device.
    #[error("the license was activated offline and cannot be used for calls to the server")]
    OfflineActivation,
    /// More tokens were to be spent than are held.
    #[error("only {left} of the tokens are left")]
    TooFewTokens {
        /// How many are left.
        left: u32,
    },
    /// More events wait to be sent than are kept; this one is not recorded.
    #[error("too many events wait to be sent")]
    EventsFull,
    /// More of what was counted waits to be sent than is kept; this is not recorded.
    #[error("too much of what was counted waits to be sent")]
    UsageFull,
    /// No key is there to verify with, and none could be fetched.
    #[error("no key of the product is known to verify the lease with")]
    NoKeys,
    /// No offline request is open.
    #[error("no offline request is waiting for an answer")]
    NoOpenRequest,
    /// The answer is for another request than the open one.
    #[error("the answer is for another request")]
    OtherRequest,
    /// The open request is too old, see [`crate::REQUEST_OPEN_SECONDS`].
    #[error("the offline request is too old; make a new one")]
    RequestTooOld,
    /// The state in the folder is of another device or product than the configuration.
    #[error("the state folder belongs to another {0}")]
    OtherState(&'static str),
    /// The configuration cannot be meant.
    #[error("{0}")]
    BadConfig(&'static str),
    /// The state file is damaged. Restore it or delete it; deleting it forgets the activation.
    #[error("the state file {} is damaged: {why}", path.display())]
    StateDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The state could not be read or written.
    #[error("the state file {} cannot be used: {source}", path.display())]
    StateFile {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    NoRandom,
}

impl Error {
    /// A stable code: the server's own for a refusal, otherwise the library's.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(refusal) | Self::DuplicateDevice(refusal) => &refusal.code,
            Self::Unreachable(_) => "unreachable",
            Self::Busy { .. } => "busy",
            Self::BadAnswer(_) => "bad_answer",
            Self::Document(_) => "bad_document",
            Self::ForeignLease(_) => "foreign_lease",
            Self::OldLease { .. } => "old_lease",
            Self::NotActivated => "not_activated",
            Self::AlreadyActivated => "already_activated",
            Self::OfflineActivation => "offline_activation",
            Self::TooFewTokens { .. } => "too_few_tokens",
            Self::EventsFull => "events_full",
            Self::UsageFull => "usage_full",
            Self::NoKeys => "no_keys",
            Self::NoOpenRequest => "no_open_request",
            Self::OtherRequest => "other_request",
            Self::RequestTooOld => "request_too_old",
            Self::OtherState(_) => "other_state",
            Self::BadConfig(_) => "bad_config",
            Self::StateDamaged { .. } => "state_damaged",
            Self::StateFile { .. } => "state_file",
            Self::NoRandom => "no_random",
        }
    }

    /// True if the license is the reason, and not a connection, a configuration or the machine.
    pub fn is_about_the_license(&self) -> bool {
        match self {
            Self::Refused(_)
            | Self::DuplicateDevice(_)
            | Self::Document(_)
            | Self::ForeignLease(_)
            | Self::OldLease { .. }
            | Self::NotActivated
            | Self::AlreadyActivated
            | Self::OfflineActivation
            | Self::TooFewTokens { .. }
            | Self::NoKeys
            | Self::NoOpenRequest
            | Self::OtherRequest
            | Self::RequestTooOld => true,
            Self::Unreachable(_)
            | Self::Busy { .. }
            | Self::BadAnswer(_)
            | Self::EventsFull
            | Self::UsageFull
            | Self::OtherState(_)
            | Self::BadConfig(_)
            | Self::StateDamaged { .. }
            | Self::StateFile { .. }
            | Self::NoRandom => false,
        }
    }

    /// True if the same call may well succeed a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Busy { .. } | Self::BadAnswer(_))
    }

    /// The server's refusal, if this is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        if let Self::Refused(refusal) | Self::DuplicateDevice(refusal) = self { Some(refusal) } else { None }
    }
}
