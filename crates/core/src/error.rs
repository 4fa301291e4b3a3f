//! Why the domain said no: one closed list that every dialect maps, each entry.

use crate::id::AgreementId;
use lessor_db::{Failure, StoreError};
use lessor_lease::DocumentError;

/// The kinds of records that can be missing, taken or in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noun {
    /// A node of the tree.
    Account,
    /// A user.
    User,
    /// An API key.
    ApiKey,
    /// A hold.
    Hold,
    /// A product.
    Product,
    /// A feature of a product.
    Feature,
    /// A group of features.
    FeatureGroup,
    /// A named value of a product.
    NamedValue,
    /// A function of the server.
    ServerFunction,
    /// A price category.
    PriceCategory,
    /// A price list.
    PriceList,
    /// A statement.
    Statement,
    /// A reconciliation.
    Reconciliation,
    /// A name of another system.
    RememberedName,
    /// A profile of a product.
    Profile,
    /// A reseller.
    Reseller,
    /// A license.
    License,
    /// A note on a license.
    Note,
    /// A device.
    Device,
    /// An activation.
    Activation,
    /// A trial.
    Trial,
    /// A device's report about itself.
    SystemReport,
    /// A group of end users.
    Group,
    /// An end user.
    EndUser,
    /// A key that documents are signed with.
    SigningKey,
    /// A text that a program keeps with its license.
    StoredText,
    /// A daemon on a local network.
    Daemon,
    /// What is counted.
    Meter,
    /// A mail in the outbox.
    Mail,
    /// An order that waits for a decision.
    OrderRequest,
    /// Something that takes longer than a call.
    Operation,
    /// Terms that have to be accepted.
    Agreement,
}

impl Noun {
    /// The word itself.
    pub fn word(self) -> &'static str {
        match self {
            Noun::Account => "account",
            Noun::User => "user",
            Noun::ApiKey => "api key",
            Noun::Hold => "hold",
            Noun::Product => "product",
            Noun::Feature => "feature",
            Noun::FeatureGroup => "feature group",
            Noun::NamedValue => "named value",
            Noun::ServerFunction => "server function",
            Noun::PriceCategory => "price category",
            Noun::PriceList => "price list",
            Noun::Statement => "statement",
            Noun::Reconciliation => "reconciliation",
            Noun::RememberedName => "remembered name",
            Noun::Profile => "profile",
            Noun::Reseller => "reseller",
            Noun::License => "license",
            Noun::Note => "note",
            Noun::Device => "device",
            Noun::Activation => "activation",
            Noun::Trial => "trial",
            Noun::SystemReport => "system report",
            Noun::Group => "group",
            Noun::EndUser => "end user",
            Noun::SigningKey => "signing key",
            Noun::StoredText => "stored text",
            Noun::Daemon => "daemon",
            Noun::Meter => "meter",
            Noun::Mail => "mail",
            Noun::OrderRequest => "order request",
            Noun::Operation => "operation",
            Noun::Agreement => "agreement",
        }
    }
}

impl std::fmt::Display for Noun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// Why the domain said no. Stable and closed: every dialect must answer each one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// No such record, or none in the caller's branch: the two are not told apart.
    #[error("no such {0}")]
    NotFound(Noun),
    /// The name, code or number belongs to another record.
    #[error("{noun} {name:?} exists already")]
    Taken {
        /// What it names.
        noun: Noun,
        /// The name, code or number.
        name: String,
    },
    /// A value that the domain cannot take, whatever the wire allowed.
    #[error("{field} is not valid: {reason}")]
    Malformed {
        /// The field, in the domain's words.
        field: &'static str,
        /// What would be valid.
        reason: String,
    },
    /// A value that must come with the others is not there.
    #[error("{field} is missing")]
    Missing {
        /// The field, in the domain's words.
        field: &'static str,
    },
    /// A number outside its bounds.
    #[error("{field} must be between {min} and {max}")]
    OutOfRange {
        /// The field, in the domain's words.
        field: &'static str,
        /// The least allowed.
        min: i64,
        /// The most allowed.
        max: i64,
    },
    /// This kind of account cannot stand below that one.
    #[error("a {child} cannot stand below a {parent}")]
    MisplacedAccount {
        /// Kind of the account.
        child: &'static str,
        /// Kind of the parent.
        parent: &'static str,
    },
    /// A move would put an account below itself.
    #[error("an account cannot move into its own branch")]
    MoveIntoOwnBranch,
    /// Tenants do not mix.
    #[error("the move would leave the vendor's tenant")]
    MoveOutOfTenant,
    /// The record was closed; it is kept for its past and takes nothing new.
    #[error("the {0} is closed")]
    Closed(Noun),
    /// The record was changed since the caller looked at it.
    #[error("the {0} was changed meanwhile")]
    Stale(Noun),
    /// Something still hangs on the record.
    #[error("the {0} is still in use")]
    InUse(Noun),
    /// A license belongs to one group at most.
    #[error("the license belongs to another group")]
    InOtherGroup,
    /// Nobody could administer any more.
    #[error("the last key that may write cannot be taken away")]
    LastKey,
    /// A key cannot saw off its own branch.
    #[error("a key cannot change or delete itself")]
    OwnKey,
    /// Wrong user name or password, or none of the two.
    #[error("the credentials are not valid")]
    BadCredentials,
    /// Too many tries.
    #[error("too many tries; wait {seconds} seconds")]
    TooManyTries {
        /// How long to wait.
        seconds: u32,
    },

    /// The product is switched off.
    #[error("the product is not active")]
    ProductInactive,
    /// A hold reaches the license or its account.
    #[error("the license is on hold")]
    Held,
    /// The subscription or the expiry date has passed.
    #[error("the license's term is over")]
    TermOver,
    /// All activations, seats or elements are taken.
    #[error("all {limit} are taken")]
    NoSeat {
        /// How many there are.
        limit: i64,
        /// Whether a seat comes free by itself when a lease ends.
        concurrent: bool,
    },
    /// Only a daemon on the local network may activate this license here.
    #[error("the license is served by a daemon on the local network")]
    NetworkOnly,
    /// What a daemon was given to hand out has ended.
    #[error("the daemon's delegation has ended: it has to get a new one from its server")]
    DelegationOver,
    /// Records of a daemon's use have to come in order, none left out.
    #[error("the next record is number {expected}")]
    RecordGap {
        /// The number that has to come next.
        expected: i64,
    },
    /// The product offers no trial, or the account that sells may order none.
    #[error("no trial is offered")]
    TrialNotOffered,
    /// The trial has ended.
    #[error("the trial is over")]
    TrialOver,
    /// The device has had a license of the product; a trial is for the time before.
    #[error("the device has been activated on the product already")]
    TrialUsed,
    /// The trial became a license.
    #[error("the trial was converted")]
    TrialConverted,
    /// Two machines present one device id.
    #[error("the device id is used by another device")]
    DeviceDuplicate,
    /// The license came to too many devices lately.
    #[error("the license may move to {limit} more devices in {days} days at most")]
    TooManyMoves {
        /// Moves allowed beyond the places of the license.
        limit: i64,
        /// In how many days.
        days: i64,
    },
    /// The license's place cannot be checked out for long.
    #[error("the license has no long-term check-out")]
    LongTermOff,
    /// The activation was given back.
    #[error("the activation was returned")]
    ActivationReturned,
    /// The license does not have this feature switched on.
    #[error("the feature is not granted")]
    FeatureOff,
    /// The operation does not fit the feature's kind.
    #[error("the feature is of another kind")]
    WrongFeatureKind,
    /// More than is held cannot be returned.
    #[error("only {held} are held")]
    NotHeld {
        /// What is held.
        held: i64,
    },
    /// No free code is left.
    #[error("no license is free")]
    NoneFree,
    /// A file or text is no certificate of ours.
    #[error("the certificate cannot be read: {0}")]
    BadCertificate(String),
    /// A certificate that was good once.
    #[error("the certificate is too old")]
    StaleCertificate,
    /// A suspension of what is suspended.
    #[error("the account is suspended already")]
    AlreadySuspended,
    /// A resumption of what is not suspended.
    #[error("the account is not suspended")]
    NotSuspended,
    /// An account has one operation at a time.
    #[error("another operation of the account is still running")]
    OperationRunning,
    /// Terms stand before it that nobody has accepted for the account.
    #[error("the agreement {agreement} has to be accepted first")]
    NotAccepted {
        /// The first of them.
        agreement: AgreementId,
    },
    /// What was not offered to the account that sells.
    #[error("the product is not offered here")]
    NotOffered,
    /// What is done to trials alone.
    #[error("the license is no trial")]
    NotTrial,
    /// A trial is extended so often and no more.
    #[error("the trial was extended {limit} times already")]
    ExtendedOften {
        /// How often it may be.
        limit: i64,
    },
    /// A change to what is there already.
    #[error("{field} is that already")]
    Unchanged {
        /// The field, in the domain's words.
        field: &'static str,
    },
    /// The catalog does not let this license become one of that product.
    #[error("the license cannot be exchanged for one of that product")]
    NotExchangeable,
    /// One idempotency key, two contents.
    #[error("the idempotency key was used for another request")]
    KeyReused,
}

/// What a command or query can fail with.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The domain said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The caller is known, sees the record, and may not do this to it.
    #[error("not allowed")]
    Forbidden,
    /// No or bad credentials.
    #[error("not authenticated")]
    Unauthenticated,
    /// Storage could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for Error {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Error::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<DocumentError> for Error {
    fn from(error: DocumentError) -> Self {
        Refusal::BadCertificate(error.to_string()).into()
    }
}

impl Error {
    /// Shorthand for a record that is not there, or not there for this caller.
    pub fn not_found(noun: Noun) -> Self {
        Error::Refused(Refusal::NotFound(noun))
    }

    /// Shorthand for a value the domain cannot take.
    pub fn malformed(field: &'static str, reason: impl Into<String>) -> Self {
        Error::Refused(Refusal::Malformed { field, reason: reason.into() })
    }

    /// Turns a hit uniqueness rule into the refusal it stands for.
    pub fn taken_on_unique(self, noun: Noun, name: &str) -> Self {
        match self {
            Error::Store(StoreError::Unique(_)) => Refusal::Taken { noun, name: name.to_owned() }.into(),
            other => other,
        }
    }
}
