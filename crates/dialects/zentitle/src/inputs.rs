//! The declared inputs of all calls, by group. Ranges and defaults are the documented ones; what depends on stored records is the
//! core's to check.

use crate::input::{Charset, Idle, Input, Kind, Word};

const MOST: i64 = i32::MAX as i64;

/// An identifier: longer ones cannot exist.
const ID: Kind = Kind::Text { min: 0, max: 64, of: Charset::Any };
const NAME: Kind = Kind::Text { min: 0, max: 255, of: Charset::Any };
/// A name to give to something.
const NEW_NAME: Kind = Kind::Text { min: 1, max: 200, of: Charset::Line };
const COMPANY_NAME: Kind = Kind::Text { min: 0, max: 200, of: Charset::NoMarkup };
const REMARK: Kind = Kind::Text { min: 0, max: 200, of: Charset::Plain };
const VALUE: Kind = Kind::Text { min: 0, max: 4000, of: Charset::Any };
const REFERENCE: Kind = Kind::Text { min: 0, max: 200, of: Charset::Plain };
const NEW_CODE: Kind = Kind::Text { min: 1, max: 50, of: Charset::Word };
const CERTIFICATE: Kind = Kind::Text { min: 0, max: 128 * 1024, of: Charset::Any };
const NUMBER: Kind = Kind::Int { min: 0, max: MOST };
const PAGE_SIZE: Kind = Kind::Int { min: 1, max: 10_000 };
const DAYS: Kind = Kind::Int { min: 0, max: 100_000 };

const fn word(word: &'static str) -> Word {
    Word { word, also: &[] }
}

const LICENSE_TYPE: Kind = Kind::Choice(&[
    Word { word: "perpetual", also: &["0"] },
    Word { word: "subscriptionPeriod", also: &["1"] },
    Word { word: "expirationDate", also: &["2"] },
]);
const CONCURRENCY: Kind = Kind::Choice(&[word("off"), word("cloud"), word("network")]);
const FEATURE_TYPE: Kind = Kind::Choice(&[
    word("normal"),
    word("floating"),
    word("elementPool"),
    Word { word: "consumptionTokens", also: &["consumptionToken"] },
    word("secureStore"),
]);
const GROUP_TYPE: Kind = Kind::Choice(&[word("master"), word("standard")]);
const NOTE_TYPE: Kind = Kind::Choice(&[word("general"), word("system")]);
const KEY_TYPE: Kind = Kind::Choice(&[
    word("SaaS"),
    word("WebAPI READ-ONLY"),
    word("WebAPI READ-WRITE"),
    word("WebAPI Offline"),
    word("WebAPI DS"),
]);

// Inputs that many calls share.

const PRODUCT: Input = Input::need("productId", ID);
const ANY_PRODUCT: Input = Input::may("productId", ID);
const CODE: Input = Input::need("licenseCode", ID);
const COMPUTER: Input = Input::need("computerId", ID).with_plus();
const ANY_COMPUTER: Input = Input::may("computerId", ID).with_plus();
const GET_FUNCTIONS: Input = Input::may("getSfs", Kind::Flag);
const PAGE: Input = Input::may("pageNumber", NUMBER);
const SIZE: Input = Input::may("pageSize", PAGE_SIZE);

const LEASE: Input = Input::may("clientLeasePeriod", Kind::Int { min: 0, max: 8760 });
const OFFLINE_LEASE: Input = Input::may("clientOfflineLeasePeriod", Kind::Int { min: 0, max: 500 });
const VM_LEASE: Input = Input::may("vmLeasePeriod", Kind::Int { min: 0, max: 500 });
const TERM: Input = Input::may("licenseType", LICENSE_TYPE);
const TERM_DAYS: Input =
    Input::may("subscriptionPeriod", DAYS).idle(Idle::UnlessIs("licenseType", "subscriptionPeriod"));
const TERM_END: Input =
    Input::may("subscriptionEndDate", Kind::WhenOrReset).idle(Idle::UnlessIs("licenseType", "expirationDate"));
const ENABLED: Input = Input::may("enabledForUse", Kind::TrueFalse);
const CLIENTS: Input = Input::may("clientsAllowed", Kind::Int { min: 0, max: 50_000 });
const PRODUCT_CLIENTS: Input = Input::may("clientsAllowed", Kind::Int { min: 1, max: 50_000 });
const ACQUIRED: Input = Input::may("acquiredByWebservice", Kind::TrueFalse);
const MAINTENANCE: Input = Input::may("maintenanceEndDate", Kind::WhenOrReset);
const PROCESSES: Input = Input::may("concurrentProcesses", NUMBER);
const MODE: Input = Input::may("concurrencyMode", CONCURRENCY);
const SEATS: Input = Input::may("networkSeats", NUMBER);
const HEARTBEAT: Input = Input::may("heartBeat", Kind::Int { min: 5, max: 1440 });
const FEATURES: Input = Input::may(
    "features",
    Kind::List(&[
        Input::need("featureCode", ID),
        Input::may("featureAvailability", Kind::OnOff),
        Input::may("limit", NUMBER),
    ]),
);
const AGILITY: Input =
    Input::may("applicationAgility", Kind::List(&[Input::need("name", NAME), Input::may("value", VALUE)]));
const FUNCTIONS: Input = Input::may(
    "serverFunctions",
    Kind::List(&[
        Input::need("functionName", NAME),
        Input::may("enabled", Kind::OnOff),
        Input::may("parameterValue", NUMBER),
    ]),
);

pub(crate) const NONE: &[Input] = &[];

// License codes.

pub(crate) const LICENSE_CODE_GET: &[Input] = &[
    CODE,
    ANY_PRODUCT,
    Input::may("details", Kind::Flag),
    Input::may("getNotes", Kind::Flag),
    Input::may("userDetails", Kind::Flag),
    GET_FUNCTIONS,
    Input::may("showFeatures", Kind::Choice(&[word("on"), word("all")])),
];
pub(crate) const LICENSE_CODE_POST: &[Input] = &[
    PRODUCT,
    Input::may("companyId", NUMBER),
    Input::may("licenseCodes", Kind::TextList { max: 64, of: Charset::Code }),
    Input::may("numCodes", Kind::Int { min: 1, max: 10_000 }).idle(Idle::With("licenseCodes")),
    Input::may("profileName", NAME),
    Input::may("reference", REFERENCE),
    Input::may("orderId", REFERENCE),
];
pub(crate) const LICENSE_CODE_PUT: &[Input] = &[
    PRODUCT,
    CODE,
    Input::may("companyId", NUMBER),
    LEASE,
    OFFLINE_LEASE,
    VM_LEASE,
    ENABLED,
    TERM,
    CLIENTS,
    ACQUIRED,
    Input::may("profileName", NAME),
    Input::may("inheritProfile", Kind::TrueFalse),
    TERM_DAYS,
    TERM_END,
    MAINTENANCE,
    PROCESSES,
    MODE,
    SEATS,
    HEARTBEAT,
    Input::may("orderId", REFERENCE),
    FEATURES,
    AGILITY,
    Input::may(
        "notes",
        Kind::List(&[
            Input::need("type", Kind::Choice(&[word("general"), word("system"), word("delete"), word("deleteall")])),
            Input::may("description", VALUE),
        ]),
    ),
    FUNCTIONS,
];
pub(crate) const LICENSE_CODE_DELETE: &[Input] = &[CODE, ANY_PRODUCT];
pub(crate) const LICENSE_CODES_GET: &[Input] = &[
    ANY_PRODUCT,
    PAGE,
    SIZE,
    Input::may("company", NAME),
    Input::may("companyId", NUMBER),
    Input::may("profileName", NAME),
    ACQUIRED,
    Input::may("used", Kind::TrueFalse),
    Input::may("activated", Kind::TrueFalse),
    Input::may("passive", Kind::TrueFalse),
    GET_FUNCTIONS,
];
pub(crate) const NEXT_CODE_GET: &[Input] =
    &[PRODUCT, Input::may("amount", Kind::Int { min: 1, max: 10_000 }), Input::may("profileName", NAME)];
pub(crate) const ACTIVATED_CODES_GET: &[Input] = &[COMPUTER];
pub(crate) const ACTIVITY_GET: &[Input] =
    &[PRODUCT, CODE, Input::may("activated", Kind::Flag), Input::may("getSysInfo", Kind::Flag), PAGE, SIZE];
pub(crate) const PRODUCT_AND_CODE: &[Input] = &[PRODUCT, CODE];
pub(crate) const ACTIVITY_DELETE: &[Input] = &[PRODUCT, CODE, ANY_COMPUTER];
pub(crate) const CODES_BY_ORDER_GET: &[Input] =
    &[Input::need("orderId", Kind::Text { min: 0, max: 200, of: Charset::Any })];
pub(crate) const PASSIVE_POST: &[Input] = &[
    PRODUCT,
    Input::need("clientId", Kind::Text { min: 10, max: 255, of: Charset::Any }),
    Input::may("companyId", NUMBER),
    Input::may("profileName", NAME),
    Input::may("features", Kind::List(&[Input::need("featureCode", ID)])),
    AGILITY,
];
pub(crate) const MASTER_POST: &[Input] = &[PRODUCT, Input::may("companyId", NUMBER)];
pub(crate) const MASTER_GET: &[Input] = &[
    Input::may("licenseCode", ID),
    Input::may("company", NAME),
    Input::may("companyID", NUMBER).or_named(&["ShaferCompanyID"]),
    PAGE,
    SIZE,
];

// Products.

const NEW_GROUPS: Kind = Kind::List(&[Input::need("featureGroupName", NEW_NAME), Input::may("notes", VALUE)]);
const NEW_FEATURES: Kind = Kind::List(&[
    Input::need("featureName", NEW_NAME),
    Input::need("featureCode", NEW_CODE),
    Input::need("notes", VALUE),
    Input::may("featureType", FEATURE_TYPE),
    Input::may("featureGroupName", NAME),
    Input::may("availableInTrials", Kind::TrueFalse),
]);
const NEW_AGILITY: Kind = Kind::List(&[Input::need("name", NEW_NAME), Input::may("value", VALUE)]);

pub(crate) const PRODUCT_GET: &[Input] = &[PRODUCT];
pub(crate) const PRODUCT_POST: &[Input] = &[
    Input::need("productName", NEW_NAME),
    Input::may("inTrial", Kind::TrueFalse),
    LEASE,
    OFFLINE_LEASE,
    VM_LEASE,
    Input::may("trialPeriod", Kind::Int { min: 1, max: 100_000 }).idle(Idle::UnlessIs("inTrial", "true")),
    TERM,
    PRODUCT_CLIENTS,
    TERM_DAYS,
    TERM_END,
    Input::may("featureGroups", NEW_GROUPS),
    Input::may("features", NEW_FEATURES),
    Input::may("applicationAgility", NEW_AGILITY),
];
pub(crate) const PRODUCT_PUT: &[Input] = &[
    PRODUCT,
    Input::may("productName", NEW_NAME),
    LEASE,
    VM_LEASE,
    OFFLINE_LEASE,
    Input::may("trialPeriod", Kind::Int { min: 1, max: 100_000 }),
    PRODUCT_CLIENTS,
    TERM,
    TERM_DAYS,
    TERM_END,
];
pub(crate) const GROUPS_POST: &[Input] = &[PRODUCT, Input::need("featureGroups", NEW_GROUPS)];
pub(crate) const GROUPS_PUT: &[Input] = &[
    PRODUCT,
    Input::need(
        "featureGroups",
        Kind::List(&[
            Input::need("featureGroupName", NAME),
            Input::may("newFeatureGroupName", NEW_NAME),
            Input::may("notes", VALUE),
        ]),
    ),
];
pub(crate) const GROUPS_DELETE: &[Input] = &[PRODUCT, Input::need("featureGroupName", NAME)];
pub(crate) const FEATURES_POST: &[Input] = &[PRODUCT, Input::need("features", NEW_FEATURES)];
pub(crate) const FEATURES_PUT: &[Input] = &[
    PRODUCT,
    // The documented example puts the list under the second name.
    Input::need(
        "features",
        Kind::List(&[
            Input::need("featureCode", ID),
            Input::may("newFeatureCode", NEW_CODE),
            Input::may("featureName", NEW_NAME),
            Input::may("notes", VALUE),
            Input::may("featureGroupName", NAME),
            Input::may("availableInTrials", Kind::TrueFalse),
        ]),
    )
    .or_named(&["featureGroups"]),
];
pub(crate) const FEATURES_DELETE: &[Input] = &[PRODUCT, Input::need("featureCode", ID)];
pub(crate) const AGILITY_POST: &[Input] = &[PRODUCT, Input::need("applicationAgility", NEW_AGILITY)];
pub(crate) const AGILITY_PUT: &[Input] = &[
    PRODUCT,
    Input::need(
        "applicationAgility",
        Kind::List(&[Input::need("name", NAME), Input::may("newName", NEW_NAME), Input::may("value", VALUE)]),
    ),
];
pub(crate) const AGILITY_DELETE: &[Input] = &[PRODUCT, Input::need("name", NAME)];

// Profiles.

pub(crate) const PROFILE_GET: &[Input] =
    &[PRODUCT, Input::may("profileName", NAME), Input::may("profileId", NUMBER), GET_FUNCTIONS];
pub(crate) const PROFILE_POST: &[Input] = &[
    PRODUCT,
    Input::need("profileName", NEW_NAME),
    LEASE,
    OFFLINE_LEASE,
    VM_LEASE,
    ENABLED,
    TERM,
    CLIENTS,
    ACQUIRED,
    TERM_DAYS,
    TERM_END,
    MAINTENANCE,
    PROCESSES,
    MODE,
    SEATS,
    HEARTBEAT,
    Input::may("reseller", NAME),
    FEATURES,
    AGILITY,
    FUNCTIONS,
];
pub(crate) const PROFILE_PUT: &[Input] = &[
    PRODUCT,
    Input::need("profileName", NAME),
    Input::may("newProfileName", NEW_NAME),
    LEASE,
    OFFLINE_LEASE,
    VM_LEASE,
    ENABLED,
    TERM,
    CLIENTS,
    ACQUIRED,
    TERM_DAYS,
    TERM_END,
    MAINTENANCE,
    PROCESSES,
    MODE,
    SEATS,
    HEARTBEAT,
    Input::may("reseller", NAME),
    Input::may("inheritProfile", Kind::TrueFalse),
    FEATURES,
    AGILITY,
    FUNCTIONS,
];
pub(crate) const PROFILES_GET: &[Input] = &[ANY_PRODUCT, PAGE, SIZE, GET_FUNCTIONS];

// Trials, computers, consumers, certificates.

pub(crate) const CONSUMERS_GET: &[Input] = &[
    PRODUCT,
    ANY_COMPUTER,
    Input::may("justLast", Kind::TrueFalse),
    Input::may("type", Kind::Choice(&[word("trials"), word("activations"), word("all")])),
    PAGE,
    SIZE,
    Input::may("startDate", Kind::When),
    Input::may("endDate", Kind::When),
];
pub(crate) const CONSUMERS_POST: &[Input] = &[
    PRODUCT,
    Input::need("computerId", Kind::Text { min: 0, max: 64, of: Charset::Visible }).with_plus(),
    Input::need("clientInfo", Kind::Object),
    Input::may("licenseCode", Kind::Text { min: 0, max: 64, of: Charset::Plain }),
];
pub(crate) const PRODUCT_AND_COMPUTER: &[Input] = &[PRODUCT, COMPUTER];
pub(crate) const TRIALS_GET: &[Input] = &[
    ANY_PRODUCT,
    PAGE,
    SIZE,
    ANY_COMPUTER,
    Input::may("expiresBefore", Kind::When),
    Input::may("expiresAfter", Kind::When),
    Input::may("expiresWithinDays", DAYS),
    Input::may("trialStatus", Kind::Choice(&[word("inTrial"), word("expired")])),
    Input::may("converted", Kind::TrueFalse),
    Input::may("createdBefore", Kind::When),
    Input::may("createdAfter", Kind::When),
    Input::may("createdWithinDays", DAYS),
];
pub(crate) const OFFLINE_POST: &[Input] = &[PRODUCT, Input::need("activationCertificate", CERTIFICATE)];
pub(crate) const OFFLINE_RETURN_POST: &[Input] = &[PRODUCT, Input::need("deActivationCertificate", CERTIFICATE)];

// Companies.

pub(crate) const COMPANY_GET: &[Input] = &[Input::need("companyId", NUMBER), ANY_PRODUCT];
pub(crate) const COMPANY_POST: &[Input] = &[
    Input::need("company", COMPANY_NAME),
    PRODUCT,
    Input::may("global", Kind::Flag),
    Input::may("companyData", Kind::Object),
    Input::may("search1", COMPANY_NAME),
    Input::may("search2", COMPANY_NAME),
    Input::may("search3", COMPANY_NAME),
    Input::may("reseller", NAME),
];
pub(crate) const COMPANY_PUT: &[Input] = &[
    Input::need("companyId", NUMBER),
    PRODUCT,
    Input::may("global", Kind::Flag),
    Input::may("companyData", Kind::Object),
    Input::may("company", COMPANY_NAME),
    Input::may("search1", COMPANY_NAME),
    Input::may("search2", COMPANY_NAME),
    Input::may("search3", COMPANY_NAME),
    Input::may("reseller", NAME),
];
pub(crate) const COMPANY_DELETE: &[Input] = &[Input::need("companyId", NUMBER)];
pub(crate) const COMPANY_ID_GET: &[Input] = &[Input::need("company", NAME), ANY_PRODUCT];

// Groups and users.

const FIRST_NAME: Input = Input::may("firstName", REMARK);
const LAST_NAME: Input = Input::may("lastName", REMARK);
const EMAIL: Input = Input::may("email", REMARK);
const TELEPHONE: Input = Input::may("telephone", REMARK);
const ADDITIONAL: Input = Input::may("additionalData", Kind::Object);
const PASSWORD: Input = Input::need("password", NAME);
const NEW_PASSWORD: Input = Input::need("password", Kind::Text { min: 8, max: 128, of: Charset::Any });
const GROUP_DESCRIPTION: Input = Input::may("description", Kind::Text { min: 0, max: 2000, of: Charset::Any });

pub(crate) const GROUP_KEY: &[Input] = &[Input::may("groupId", NUMBER), Input::may("groupName", NAME)];
pub(crate) const GROUP_POST: &[Input] = &[
    Input::need("groupName", NEW_NAME),
    Input::need("type", GROUP_TYPE),
    GROUP_DESCRIPTION,
    Input::may("masterGroupId", NUMBER),
    Input::may("companyId", NUMBER),
];
pub(crate) const GROUP_PUT: &[Input] = &[
    Input::need("groupId", NUMBER),
    Input::may("groupName", NEW_NAME),
    Input::may("type", GROUP_TYPE),
    GROUP_DESCRIPTION,
    Input::may("masterGroupId", NUMBER),
    Input::may("companyId", NUMBER),
];
pub(crate) const GROUPS_GET: &[Input] = &[PAGE, SIZE];
pub(crate) const USER_GET: &[Input] = &[Input::may("groupUserId", NUMBER), Input::may("userName", NAME)];
pub(crate) const USER_POST: &[Input] = &[
    Input::need("groupId", NUMBER),
    Input::need("userName", NEW_NAME),
    NEW_PASSWORD,
    FIRST_NAME,
    LAST_NAME,
    EMAIL,
    TELEPHONE,
    ADDITIONAL,
];
pub(crate) const USER_PUT: &[Input] = &[
    Input::need("groupUserId", NUMBER),
    Input::need("groupId", NUMBER),
    Input::may("userName", NEW_NAME),
    FIRST_NAME,
    LAST_NAME,
    EMAIL,
    TELEPHONE,
    ADDITIONAL,
];
pub(crate) const USER_DELETE: &[Input] = &[Input::need("groupUserId", NUMBER)];
pub(crate) const PASSWORD_PUT: &[Input] = &[Input::need("userName", NAME), NEW_PASSWORD];
pub(crate) const SIGN_IN: &[Input] = &[Input::need("userName", NAME), PASSWORD];
pub(crate) const GROUP_CODE_POST: &[Input] =
    &[Input::need("groupId", NUMBER), PRODUCT, CODE, Input::may("companyId", NUMBER), Input::may("profileId", NUMBER)];
pub(crate) const GROUP_CODE_DELETE: &[Input] = &[Input::need("groupId", NUMBER), PRODUCT, CODE];
pub(crate) const GROUP_USER_LICENSE_POST: &[Input] = &[
    Input::need("groupName", NEW_NAME),
    PRODUCT,
    CODE,
    Input::need("userName", NEW_NAME),
    NEW_PASSWORD,
    FIRST_NAME,
    LAST_NAME,
    EMAIL,
    TELEPHONE,
    ADDITIONAL,
];

// Notes, stream, tokens, keys.

pub(crate) const NOTE_POST: &[Input] =
    &[PRODUCT, CODE, Input::need("type", NOTE_TYPE), Input::need("description", VALUE)];
pub(crate) const NOTE_PUT: &[Input] =
    &[PRODUCT, CODE, Input::need("noteId", NUMBER), Input::may("type", NOTE_TYPE), Input::may("description", VALUE)];
pub(crate) const NOTE_DELETE: &[Input] = &[PRODUCT, CODE, Input::may("noteId", NUMBER)];
pub(crate) const STREAM_GET: &[Input] = &[
    Input::need(
        "eventType",
        Kind::Choice(&[
            word("NSA"),
            word("NSL"),
            word("UI"),
            word("WS"),
            word("REST"),
            word("DNSA"),
            word("DAudit"),
            word("Custom"),
            word("All"),
        ]),
    ),
    Input::need("startDate", Kind::When),
    Input::need("endDate", Kind::When),
    Input::may("event", NAME),
    Input::may("fail", Kind::TrueFalse),
    ANY_PRODUCT,
    Input::may("userId", ID),
    Input::may("licenseCode", ID),
];
pub(crate) const STREAM_POST: &[Input] = &[
    Input::need("event", Kind::Text { min: 0, max: 255, of: Charset::Plain }),
    ANY_PRODUCT,
    Input::may("payload", Kind::AnyJson),
];
pub(crate) const TOKENS_PUT: &[Input] = &[
    PRODUCT,
    CODE,
    Input::need("featureCode", ID),
    Input::may("tokenMax", Kind::Int { min: 0, max: 2_000_000_000 }),
    Input::may("checkedOutTokens", Kind::Int { min: 0, max: 2_000_000_000 }),
    Input::may("computerId", ID),
];
pub(crate) const KEY_POST: &[Input] = &[Input::need("keyType", KEY_TYPE), Input::may("description", REMARK)];
pub(crate) const KEY_PUT: &[Input] =
    &[Input::need("key", ID), Input::may("keyType", KEY_TYPE), Input::may("description", REMARK)];
pub(crate) const KEY_DELETE: &[Input] = &[Input::need("key", ID)];
