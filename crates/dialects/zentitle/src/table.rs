//! The 70 calls of 35 controllers. Everything that is said of a call is said here: the router, the key-type matrix and the
//! OpenAPI document read this table.

use crate::fields::Fields;
use crate::input::Input;
use crate::inputs;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::{
    activity, admin, companies, consumers, groups, licenses, notes, product_parts, products, profiles, stream,
    unattended,
};
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
    /// What runs it.
    pub handler: Handler,
}

impl Call {
    const fn new(verb: Verb, controller: &'static str, keys: Keys, action: &'static str, handler: Handler) -> Self {
        Self { controller, verb, keys, action, inputs: inputs::NONE, answer: Answer::Message, says: "", handler }
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
    Call::new(Get, "LicenseCode", Read, "Getting License Code", |asked| Box::pin(licenses::get(asked))).takes(inputs::LICENSE_CODE_GET).gives(List("LicenseCode")),
    Call::new(Post, "LicenseCode", Write, "Creating License Code", |asked| Box::pin(licenses::create(asked))).takes(inputs::LICENSE_CODE_POST).gives(Codes).says("OK"),
    Call::new(Put, "LicenseCode", Write, "Updating License Code", |asked| Box::pin(licenses::change(asked))).takes(inputs::LICENSE_CODE_PUT).says("OK"),
    Call::new(Delete, "LicenseCode", Write, "Deleting License Code", |asked| Box::pin(licenses::remove(asked))).takes(inputs::LICENSE_CODE_DELETE).says("License Code Deleted Successfully"),
    Call::new(Get, "LicenseCodes", Read, "Getting License Codes", |asked| Box::pin(licenses::list(asked))).takes(inputs::LICENSE_CODES_GET).gives(Page("LicenseCodeRow")),
    Call::new(Get, "Products", Read, "Getting Products", |asked| Box::pin(products::list(asked))).gives(List("Product")),
    Call::new(Get, "Product", Read, "Getting Product", |asked| Box::pin(products::get(asked))).takes(inputs::PRODUCT_GET).gives(List("Product")),
    Call::new(Post, "Product", Write, "Creating Product", |asked| Box::pin(products::create(asked))).takes(inputs::PRODUCT_POST).says("Product Created Successfully"),
    Call::new(Put, "Product", Write, "Updating Product", |asked| Box::pin(products::change(asked))).takes(inputs::PRODUCT_PUT).says("Product Updated Successfully"),
    Call::new(Post, "ProductFeatureGroups", Write, "Creating Product Feature Groups", |asked| Box::pin(product_parts::add_groups(asked))).takes(inputs::GROUPS_POST).says("Product Feature Groups Created Successfully"),
    Call::new(Put, "ProductFeatureGroups", Write, "Updating Product Feature Groups", |asked| Box::pin(product_parts::change_groups(asked))).takes(inputs::GROUPS_PUT).says("Product Feature Groups Updated Successfully"),
    Call::new(Delete, "ProductFeatureGroups", Write, "Deleting Product Feature Group", |asked| Box::pin(product_parts::remove_group(asked))).takes(inputs::GROUPS_DELETE).says("Product Feature Group Deleted Successfully"),
    Call::new(Post, "ProductFeatures", Write, "Creating Product Features", |asked| Box::pin(products::add_features(asked))).takes(inputs::FEATURES_POST).says("Product Features Created Successfully"),
    Call::new(Put, "ProductFeatures", Write, "Updating Product Features", |asked| Box::pin(products::change_features(asked))).takes(inputs::FEATURES_PUT).says("Product Features Updated Successfully"),
    Call::new(Delete, "ProductFeatures", Write, "Deleting Product Feature", |asked| Box::pin(products::remove_feature(asked))).takes(inputs::FEATURES_DELETE).says("Product Feature Deleted Successfully"),
    Call::new(Post, "ProductApplicationAgility", Write, "Creating Product Application Agility", |asked| Box::pin(product_parts::add_agility(asked))).takes(inputs::AGILITY_POST).says("Product Application Agility Created Successfully"),
    Call::new(Put, "ProductApplicationAgility", Write, "Updating Product Application Agility", |asked| Box::pin(product_parts::change_agility(asked))).takes(inputs::AGILITY_PUT).says("Product Application Agility Updated Successfully"),
    Call::new(Delete, "ProductApplicationAgility", Write, "Deleting Product Application Agility", |asked| Box::pin(product_parts::remove_agility(asked))).takes(inputs::AGILITY_DELETE).says("Product Application Agility Deleted Successfully"),
    Call::new(Get, "NextLicenseCode", Read, "Getting Next License Code", |asked| Box::pin(licenses::next(asked))).takes(inputs::NEXT_CODE_GET).gives(One("Codes")),
    Call::new(Get, "ActivatedLicenseCodes", Read, "Getting Activated License Codes", |asked| Box::pin(activity::activated(asked))).takes(inputs::ACTIVATED_CODES_GET).gives(List("CodeOfProduct")),
    Call::new(Get, "LicenseCodeActivity", Read, "Getting License Code Activity", |asked| Box::pin(activity::list(asked))).takes(inputs::ACTIVITY_GET).gives(Page("Activity")),
    Call::new(Put, "LicenseCodeActivity", Write, "Updating License Code Activity", |asked| Box::pin(activity::return_all(asked))).takes(inputs::PRODUCT_AND_CODE).says("OK"),
    Call::new(Delete, "LicenseCodeActivity", Write, "Deleting License Code Activity", |asked| Box::pin(activity::erase(asked))).takes(inputs::ACTIVITY_DELETE).says("OK"),
    Call::new(Get, "LicenseCodesByOrderID", Read, "Getting License Codes By Order ID", |asked| Box::pin(licenses::by_order(asked))).takes(inputs::CODES_BY_ORDER_GET).gives(List("CodeOfOrder")),
    Call::new(Post, "PassiveLicense", Write, "Creating Passive License", |asked| Box::pin(unattended::issue_passive(asked))).takes(inputs::PASSIVE_POST).says("Passive License Created Successfully"),
    Call::new(Post, "NetworkMasterLicense", Write, "Creating Network Master License", |asked| Box::pin(unattended::issue_master(asked))).takes(inputs::MASTER_POST).says("Network Master License Created Successfully"),
    Call::new(Get, "NetworkMasterLicense", Read, "Getting Network Master License", |asked| Box::pin(unattended::masters(asked))).takes(inputs::MASTER_GET).gives(Page("NetworkMasterLicense")),
    Call::new(Get, "Profile", Read, "Getting Profile", |asked| Box::pin(profiles::get(asked))).takes(inputs::PROFILE_GET).gives(List("Profile")),
    Call::new(Post, "Profile", Write, "Creating Profile", |asked| Box::pin(profiles::create(asked))).takes(inputs::PROFILE_POST).says("Profile Created Successfully"),
    Call::new(Put, "Profile", Write, "Updating Profile", |asked| Box::pin(profiles::change(asked))).takes(inputs::PROFILE_PUT).says("Profile Updated Successfully"),
    Call::new(Get, "Profiles", Read, "Getting Profiles", |asked| Box::pin(profiles::list(asked))).takes(inputs::PROFILES_GET).gives(Page("ProfileRow")),
    Call::new(Get, "ConsumerData", Read, "Getting Consumer Data", |asked| Box::pin(consumers::list(asked))).takes(inputs::CONSUMERS_GET).gives(Page("ConsumerRecord")),
    Call::new(Post, "ConsumerData", Write, "Creating Consumer Data", |asked| Box::pin(consumers::create(asked))).takes(inputs::CONSUMERS_POST).says("Consumer Data Created Successfully"),
    Call::new(Get, "Trial", Read, "Getting Trial", |asked| Box::pin(activity::trial(asked))).takes(inputs::PRODUCT_AND_COMPUTER).says("In Trial"),
    Call::new(Delete, "Trial", Write, "Deleting Trial", |asked| Box::pin(activity::delete_trial(asked))).takes(inputs::PRODUCT_AND_COMPUTER).says("Trial Deleted Successfully"),
    Call::new(Get, "Trials", Read, "Getting Trials", |asked| Box::pin(activity::trials(asked))).takes(inputs::TRIALS_GET).gives(Page("Trial")),
    Call::new(Post, "OfflineActivation", Offline, "Creating Offline Activation", |asked| Box::pin(activity::offline_activate(asked))).takes(inputs::OFFLINE_POST).says("8595e2ecc3e0fad7002bfc0b99051c2a5a3b0a8699f9cc864c7c33e9103b368c"),
    Call::new(Post, "OfflineDeActivation", Offline, "Creating Offline DeActivation", |asked| Box::pin(activity::offline_return(asked))).takes(inputs::OFFLINE_RETURN_POST).says("OK"),
    Call::new(Get, "SystemDetails", Read, "Getting System Details", |asked| Box::pin(activity::system_details(asked))).takes(inputs::PRODUCT_AND_COMPUTER).gives(One("SystemDetails")),
    Call::new(Get, "Company", Read, "Getting Company", |asked| Box::pin(companies::get(asked))).takes(inputs::COMPANY_GET).gives(One("Company")),
    Call::new(Post, "Company", Write, "Creating Company", |asked| Box::pin(companies::create(asked))).takes(inputs::COMPANY_POST).says("Company Created Successfully"),
    Call::new(Put, "Company", Write, "Updating Company", |asked| Box::pin(companies::change(asked))).takes(inputs::COMPANY_PUT).says("Company Updated Successfully"),
    Call::new(Delete, "Company", Write, "Deleting Company", |asked| Box::pin(companies::remove(asked))).takes(inputs::COMPANY_DELETE).says("Company Deleted Successfully"),
    Call::new(Get, "CompanyID", Read, "Getting Company ID", |asked| Box::pin(companies::number(asked))).takes(inputs::COMPANY_ID_GET).gives(One("CompanyProduct")),
    Call::new(Get, "CompaniesProducts", Read, "Getting Companies Products", |asked| Box::pin(companies::list(asked))).gives(List("CompanyProduct")),
    Call::new(Get, "Group", Read, "Getting Group", |asked| Box::pin(groups::get(asked))).takes(inputs::GROUP_KEY).gives(One("Group")),
    Call::new(Post, "Group", Write, "Creating Group", |asked| Box::pin(groups::create(asked))).takes(inputs::GROUP_POST).says("Group Created Successfully"),
    Call::new(Put, "Group", Write, "Updating Group", |asked| Box::pin(groups::change(asked))).takes(inputs::GROUP_PUT).says("Group Updated Successfully"),
    Call::new(Delete, "Group", Write, "Deleting Group", |asked| Box::pin(groups::remove(asked))).takes(inputs::GROUP_KEY).says("Group Deleted Successfully"),
    Call::new(Get, "Groups", Read, "Getting Groups", |asked| Box::pin(groups::list(asked))).takes(inputs::GROUPS_GET).gives(Page("Group")),
    Call::new(Get, "GroupUser", Read, "Getting Group User", |asked| Box::pin(groups::user(asked))).takes(inputs::USER_GET).gives(One("GroupUser")),
    Call::new(Post, "GroupUser", Write, "Creating Group User", |asked| Box::pin(groups::create_user(asked))).takes(inputs::USER_POST).says("Group User Created Successfully"),
    Call::new(Put, "GroupUser", Write, "Updating Group User", |asked| Box::pin(groups::change_user(asked))).takes(inputs::USER_PUT).says("Group User Updated Successfully"),
    Call::new(Delete, "GroupUser", Write, "Deleting Group User", |asked| Box::pin(groups::remove_user(asked))).takes(inputs::USER_DELETE).says("Group User Deleted Successfully"),
    Call::new(Put, "GroupUserPassword", Write, "Updating Group User Password", |asked| Box::pin(groups::set_password(asked))).takes(inputs::PASSWORD_PUT).says("Group User Password Updated Successfully"),
    Call::new(Get, "GroupLicenseCode", Read, "Getting Group License Code", |asked| Box::pin(groups::code(asked))).takes(inputs::PRODUCT_AND_CODE).gives(One("GroupLicenseCode")),
    Call::new(Post, "GroupLicenseCode", Write, "Creating Group License Code", |asked| Box::pin(groups::add_code(asked))).takes(inputs::GROUP_CODE_POST).says("Group License Code Created Successfully"),
    Call::new(Delete, "GroupLicenseCode", Write, "Deleting Group License Code", |asked| Box::pin(groups::remove_code(asked))).takes(inputs::GROUP_CODE_DELETE).says("Group License Code Deleted Successfully"),
    Call::new(Post, "GroupUserLicense", Write, "Creating Group User License", |asked| Box::pin(groups::create_all(asked))).takes(inputs::GROUP_USER_LICENSE_POST).says("Group User License Created Successfully"),
    Call::new(Get, "LicenseNote", Read, "Getting License Note", |asked| Box::pin(notes::list(asked))).takes(inputs::PRODUCT_AND_CODE).gives(List("Note")),
    Call::new(Post, "LicenseNote", Write, "Creating License Note", |asked| Box::pin(notes::create(asked))).takes(inputs::NOTE_POST).says("License Note Created Successfully"),
    Call::new(Put, "LicenseNote", Write, "Updating License Note", |asked| Box::pin(notes::change(asked))).takes(inputs::NOTE_PUT).says("License Note Updated Successfully"),
    Call::new(Delete, "LicenseNote", Write, "Deleting License Note", |asked| Box::pin(notes::remove(asked))).takes(inputs::NOTE_DELETE).says("License Note Deleted Successfully"),
    Call::new(Get, "AuthenticateUser", Read, "Authenticating User", |asked| Box::pin(groups::authenticate(asked))).takes(inputs::SIGN_IN).says("User Authenticated Successfully"),
    Call::new(Get, "DataStreamer", Stream, "Getting DataStreamer Data", |asked| Box::pin(stream::list(asked))).takes(inputs::STREAM_GET).gives(List("StreamEvent")),
    Call::new(Post, "DataStreamer", Stream, "Creating DataStreamer Event", |asked| Box::pin(stream::add(asked))).takes(inputs::STREAM_POST).says("DataStreamer Event Created Successfully"),
    Call::new(Put, "ConsumptionTokens", Write, "Updating Consumption Tokens", |asked| Box::pin(admin::set_tokens(asked))).takes(inputs::TOKENS_PUT).says("Consumption Tokens Updated Successfully"),
    Call::new(Post, "APIKey", Write, "Creating API Key", |asked| Box::pin(admin::create_key(asked))).takes(inputs::KEY_POST).says("API Key Created Successfully"),
    Call::new(Put, "APIKey", Write, "Updating API Key", |asked| Box::pin(admin::change_key(asked))).takes(inputs::KEY_PUT).says("API Key Updated Successfully"),
    Call::new(Delete, "APIKey", Write, "Deleting API Key", |asked| Box::pin(admin::remove_key(asked))).takes(inputs::KEY_DELETE).says("API Key Deleted Successfully"),
];
