//! The 70 calls of 35 controllers. Everything that is said of a call is said here: the router, the key-type matrix and the
//! OpenAPI document read this table.

use crate::fields::Fields;
use crate::input::Input;
use crate::inputs;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::{activity, admin, companies, licenses, products, profiles};
use lessor_core::{App, Caller};
use std::future::Future;
use std::pin::Pin;

/// The verbs of the dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Reads; inputs come in the query.
    Get,
    /// Makes; inputs come in the body.
    Post,
    /// Changes; inputs come in the body.
    Put,
    /// Removes; inputs come in the query.
    Delete,
}

impl Verb {
    /// The verb of a request.
    pub fn of(method: &http::Method) -> Option<Self> {
        [Verb::Get, Verb::Post, Verb::Put, Verb::Delete].into_iter().find(|verb| verb.word() == method.as_str())
    }

    /// As it stands in a request.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Delete => "DELETE",
        }
    }

    /// Do the inputs come in the body?
    pub fn has_body(self) -> bool {
        matches!(self, Verb::Post | Verb::Put)
    }
}

/// Which keys a call takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// `WebAPI READ-ONLY` and `WebAPI READ-WRITE`.
    Read,
    /// `WebAPI READ-WRITE`.
    Write,
    /// `WebAPI READ-WRITE` and `WebAPI Offline`.
    Offline,
    /// `WebAPI DS`.
    Stream,
}

/// What a call that succeeded answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A bare text.
    Message,
    /// One object of this shape.
    One(&'static str),
    /// A list of objects of this shape.
    List(&'static str),
    /// A list of objects of this shape, or how many there are.
    Page(&'static str),
    /// New codes, or a bare text.
    Codes,
}

/// A call that came in: who calls, with what.
pub struct Asked {
    /// Where commands and queries run.
    pub app: App,
    /// Who calls.
    pub caller: Caller,
    /// The checked inputs.
    pub fields: Fields,
    /// What a success says, see [`Call::says`].
    pub says: &'static str,
}

/// What runs a call.
pub type Handler = fn(Asked) -> Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send>>;

/// One call.
pub struct Call {
    /// The controller, as documented.
    pub controller: &'static str,
    /// The verb.
    pub verb: Verb,
    /// Which keys it takes.
    pub keys: Keys,
    /// What it does, for errors: `Updating License Code`.
    pub action: &'static str,
    /// What it takes in.
    pub inputs: &'static [Input],
    /// What it answers with.
    pub answer: Answer,
    /// What a success says, where it says a text; what was made follows on the next line. For a text that differs from call to
    /// call, an example.
    pub says: &'static str,
    /// What runs it; `None` while it is not built.
    pub handler: Option<Handler>,
}

impl Call {
    const fn new(verb: Verb, controller: &'static str, keys: Keys, action: &'static str) -> Self {
        Self { controller, verb, keys, action, inputs: inputs::NONE, answer: Answer::Message, says: "", handler: None }
    }

    const fn takes(mut self, inputs: &'static [Input]) -> Self {
        self.inputs = inputs;
        self
    }

    const fn gives(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }

    const fn says(mut self, text: &'static str) -> Self {
        self.says = text;
        self
    }

    const fn by(mut self, handler: Handler) -> Self {
        self.handler = Some(handler);
        self
    }
}

/// The call of a controller, whose name may come in any case.
pub fn find(controller: &str, verb: Verb) -> Option<&'static Call> {
    of_controller(controller).find(|call| call.verb == verb)
}

/// All calls of a controller, whose name may come in any case.
pub fn of_controller(controller: &str) -> impl Iterator<Item = &'static Call> {
    CALLS.iter().filter(move |call| call.controller.eq_ignore_ascii_case(controller))
}

use Answer::{Codes, List, One, Page};
use Keys::{Offline, Read, Stream, Write};
use Verb::{Delete, Get, Post, Put};

/// All calls, in the order of the documents.
#[rustfmt::skip]
pub static CALLS: [Call; 70] = [
    Call::new(Get, "LicenseCode", Read, "Getting License Code").takes(inputs::LICENSE_CODE_GET).gives(List("LicenseCode")).by(|asked| Box::pin(licenses::get(asked))),
    Call::new(Post, "LicenseCode", Write, "Creating License Code").takes(inputs::LICENSE_CODE_POST).gives(Codes).says("OK").by(|asked| Box::pin(licenses::create(asked))),
    Call::new(Put, "LicenseCode", Write, "Updating License Code").takes(inputs::LICENSE_CODE_PUT).says("OK").by(|asked| Box::pin(licenses::change(asked))),
    Call::new(Delete, "LicenseCode", Write, "Deleting License Code").takes(inputs::LICENSE_CODE_DELETE).says("License Code Deleted Successfully").by(|asked| Box::pin(licenses::remove(asked))),
    Call::new(Get, "LicenseCodes", Read, "Getting License Codes").takes(inputs::LICENSE_CODES_GET).gives(Page("LicenseCodeRow")).by(|asked| Box::pin(licenses::list(asked))),
    Call::new(Get, "Products", Read, "Getting Products").gives(List("Product")).by(|asked| Box::pin(products::list(asked))),
    Call::new(Get, "Product", Read, "Getting Product").takes(inputs::PRODUCT_GET).gives(List("Product")).by(|asked| Box::pin(products::get(asked))),
    Call::new(Post, "Product", Write, "Creating Product").takes(inputs::PRODUCT_POST).says("Product Created Successfully").by(|asked| Box::pin(products::create(asked))),
    Call::new(Put, "Product", Write, "Updating Product").takes(inputs::PRODUCT_PUT).says("Product Updated Successfully").by(|asked| Box::pin(products::change(asked))),
    Call::new(Post, "ProductFeatureGroups", Write, "Creating Product Feature Groups").takes(inputs::GROUPS_POST).says("Product Feature Groups Created Successfully"),
    Call::new(Put, "ProductFeatureGroups", Write, "Updating Product Feature Groups").takes(inputs::GROUPS_PUT).says("Product Feature Groups Updated Successfully"),
    Call::new(Delete, "ProductFeatureGroups", Write, "Deleting Product Feature Group").takes(inputs::GROUPS_DELETE).says("Product Feature Group Deleted Successfully"),
    Call::new(Post, "ProductFeatures", Write, "Creating Product Features").takes(inputs::FEATURES_POST).says("Product Features Created Successfully").by(|asked| Box::pin(products::add_features(asked))),
    Call::new(Put, "ProductFeatures", Write, "Updating Product Features").takes(inputs::FEATURES_PUT).says("Product Features Updated Successfully").by(|asked| Box::pin(products::change_features(asked))),
    Call::new(Delete, "ProductFeatures", Write, "Deleting Product Feature").takes(inputs::FEATURES_DELETE).says("Product Feature Deleted Successfully").by(|asked| Box::pin(products::remove_feature(asked))),
    Call::new(Post, "ProductApplicationAgility", Write, "Creating Product Application Agility").takes(inputs::AGILITY_POST).says("Product Application Agility Created Successfully"),
    Call::new(Put, "ProductApplicationAgility", Write, "Updating Product Application Agility").takes(inputs::AGILITY_PUT).says("Product Application Agility Updated Successfully"),
    Call::new(Delete, "ProductApplicationAgility", Write, "Deleting Product Application Agility").takes(inputs::AGILITY_DELETE).says("Product Application Agility Deleted Successfully"),
    Call::new(Get, "NextLicenseCode", Read, "Getting Next License Code").takes(inputs::NEXT_CODE_GET).gives(One("Codes")).by(|asked| Box::pin(licenses::next(asked))),
    Call::new(Get, "ActivatedLicenseCodes", Read, "Getting Activated License Codes").takes(inputs::ACTIVATED_CODES_GET).gives(List("CodeOfProduct")).by(|asked| Box::pin(activity::activated(asked))),
    Call::new(Get, "LicenseCodeActivity", Read, "Getting License Code Activity").takes(inputs::ACTIVITY_GET).gives(Page("Activity")).by(|asked| Box::pin(activity::list(asked))),
    Call::new(Put, "LicenseCodeActivity", Write, "Updating License Code Activity").takes(inputs::PRODUCT_AND_CODE).says("OK").by(|asked| Box::pin(activity::return_all(asked))),
    Call::new(Delete, "LicenseCodeActivity", Write, "Deleting License Code Activity").takes(inputs::ACTIVITY_DELETE).says("OK").by(|asked| Box::pin(activity::erase(asked))),
    Call::new(Get, "LicenseCodesByOrderID", Read, "Getting License Codes By Order ID").takes(inputs::CODES_BY_ORDER_GET).gives(List("CodeOfOrder")).by(|asked| Box::pin(licenses::by_order(asked))),
    Call::new(Post, "PassiveLicense", Write, "Creating Passive License").takes(inputs::PASSIVE_POST).says("Passive License Created Successfully"),
    Call::new(Post, "NetworkMasterLicense", Write, "Creating Network Master License").takes(inputs::MASTER_POST).says("Network Master License Created Successfully"),
    Call::new(Get, "NetworkMasterLicense", Read, "Getting Network Master License").takes(inputs::MASTER_GET).gives(Page("NetworkMasterLicense")),
    Call::new(Get, "Profile", Read, "Getting Profile").takes(inputs::PROFILE_GET).gives(List("Profile")).by(|asked| Box::pin(profiles::get(asked))),
    Call::new(Post, "Profile", Write, "Creating Profile").takes(inputs::PROFILE_POST).says("Profile Created Successfully").by(|asked| Box::pin(profiles::create(asked))),
    Call::new(Put, "Profile", Write, "Updating Profile").takes(inputs::PROFILE_PUT).says("Profile Updated Successfully").by(|asked| Box::pin(profiles::change(asked))),
    Call::new(Get, "Profiles", Read, "Getting Profiles").takes(inputs::PROFILES_GET).gives(Page("ProfileRow")).by(|asked| Box::pin(profiles::list(asked))),
    Call::new(Get, "ConsumerData", Read, "Getting Consumer Data").takes(inputs::CONSUMERS_GET).gives(Page("ConsumerRecord")),
    Call::new(Post, "ConsumerData", Write, "Creating Consumer Data").takes(inputs::CONSUMERS_POST).says("Consumer Data Created Successfully"),
    Call::new(Get, "Trial", Read, "Getting Trial").takes(inputs::PRODUCT_AND_COMPUTER).says("In Trial").by(|asked| Box::pin(activity::trial(asked))),
    Call::new(Delete, "Trial", Write, "Deleting Trial").takes(inputs::PRODUCT_AND_COMPUTER).says("Trial Deleted Successfully").by(|asked| Box::pin(activity::delete_trial(asked))),
    Call::new(Get, "Trials", Read, "Getting Trials").takes(inputs::TRIALS_GET).gives(Page("Trial")).by(|asked| Box::pin(activity::trials(asked))),
    Call::new(Post, "OfflineActivation", Offline, "Creating Offline Activation").takes(inputs::OFFLINE_POST).says("8595e2ecc3e0fad7002bfc0b99051c2a5a3b0a8699f9cc864c7c33e9103b368c").by(|asked| Box::pin(activity::offline_activate(asked))),
    Call::new(Post, "OfflineDeActivation", Offline, "Creating Offline DeActivation").takes(inputs::OFFLINE_RETURN_POST).says("OK").by(|asked| Box::pin(activity::offline_return(asked))),
    Call::new(Get, "SystemDetails", Read, "Getting System Details").takes(inputs::PRODUCT_AND_COMPUTER).gives(One("SystemDetails")).by(|asked| Box::pin(activity::system_details(asked))),
    Call::new(Get, "Company", Read, "Getting Company").takes(inputs::COMPANY_GET).gives(One("Company")).by(|asked| Box::pin(companies::get(asked))),
    Call::new(Post, "Company", Write, "Creating Company").takes(inputs::COMPANY_POST).says("Company Created Successfully").by(|asked| Box::pin(companies::create(asked))),
    Call::new(Put, "Company", Write, "Updating Company").takes(inputs::COMPANY_PUT).says("Company Updated Successfully").by(|asked| Box::pin(companies::change(asked))),
    Call::new(Delete, "Company", Write, "Deleting Company").takes(inputs::COMPANY_DELETE).says("Company Deleted Successfully").by(|asked| Box::pin(companies::remove(asked))),
    Call::new(Get, "CompanyID", Read, "Getting Company ID").takes(inputs::COMPANY_ID_GET).gives(One("CompanyProduct")).by(|asked| Box::pin(companies::number(asked))),
    Call::new(Get, "CompaniesProducts", Read, "Getting Companies Products").gives(List("CompanyProduct")).by(|asked| Box::pin(companies::list(asked))),
    Call::new(Get, "Group", Read, "Getting Group").takes(inputs::GROUP_KEY).gives(One("Group")),
    Call::new(Post, "Group", Write, "Creating Group").takes(inputs::GROUP_POST).says("Group Created Successfully"),
    Call::new(Put, "Group", Write, "Updating Group").takes(inputs::GROUP_PUT).says("Group Updated Successfully"),
    Call::new(Delete, "Group", Write, "Deleting Group").takes(inputs::GROUP_KEY).says("Group Deleted Successfully"),
    Call::new(Get, "Groups", Read, "Getting Groups").takes(inputs::GROUPS_GET).gives(Page("Group")),
    Call::new(Get, "GroupUser", Read, "Getting Group User").takes(inputs::USER_GET).gives(One("GroupUser")),
    Call::new(Post, "GroupUser", Write, "Creating Group User").takes(inputs::USER_POST).says("Group User Created Successfully"),
    Call::new(Put, "GroupUser", Write, "Updating Group User").takes(inputs::USER_PUT).says("Group User Updated Successfully"),
    Call::new(Delete, "GroupUser", Write, "Deleting Group User").takes(inputs::USER_DELETE).says("Group User Deleted Successfully"),
    Call::new(Put, "GroupUserPassword", Write, "Updating Group User Password").takes(inputs::SIGN_IN).says("Group User Password Updated Successfully"),
    Call::new(Get, "GroupLicenseCode", Read, "Getting Group License Code").takes(inputs::PRODUCT_AND_CODE).gives(One("GroupLicenseCode")),
    Call::new(Post, "GroupLicenseCode", Write, "Creating Group License Code").takes(inputs::GROUP_CODE_POST).says("Group License Code Created Successfully"),
    Call::new(Delete, "GroupLicenseCode", Write, "Deleting Group License Code").takes(inputs::GROUP_CODE_DELETE).says("Group License Code Deleted Successfully"),
    Call::new(Post, "GroupUserLicense", Write, "Creating Group User License").takes(inputs::GROUP_USER_LICENSE_POST).says("Group User License Created Successfully"),
    Call::new(Get, "LicenseNote", Read, "Getting License Note").takes(inputs::PRODUCT_AND_CODE).gives(List("Note")),
    Call::new(Post, "LicenseNote", Write, "Creating License Note").takes(inputs::NOTE_POST).says("License Note Created Successfully"),
    Call::new(Put, "LicenseNote", Write, "Updating License Note").takes(inputs::NOTE_PUT).says("License Note Updated Successfully"),
    Call::new(Delete, "LicenseNote", Write, "Deleting License Note").takes(inputs::NOTE_DELETE).says("License Note Deleted Successfully"),
    Call::new(Get, "AuthenticateUser", Read, "Authenticating User").takes(inputs::SIGN_IN).says("User Authenticated Successfully"),
    Call::new(Get, "DataStreamer", Stream, "Getting DataStreamer Data").takes(inputs::STREAM_GET).gives(List("StreamEvent")),
    Call::new(Post, "DataStreamer", Stream, "Creating DataStreamer Event").takes(inputs::STREAM_POST).says("DataStreamer Event Created Successfully"),
    Call::new(Put, "ConsumptionTokens", Write, "Updating Consumption Tokens").takes(inputs::TOKENS_PUT).says("Consumption Tokens Updated Successfully").by(|asked| Box::pin(admin::set_tokens(asked))),
    Call::new(Post, "APIKey", Write, "Creating API Key").takes(inputs::KEY_POST).says("API Key Created Successfully").by(|asked| Box::pin(admin::create_key(asked))),
    Call::new(Put, "APIKey", Write, "Updating API Key").takes(inputs::KEY_PUT).says("API Key Updated Successfully").by(|asked| Box::pin(admin::change_key(asked))),
    Call::new(Delete, "APIKey", Write, "Deleting API Key").takes(inputs::KEY_DELETE).says("API Key Deleted Successfully").by(|asked| Box::pin(admin::remove_key(asked))),
];
