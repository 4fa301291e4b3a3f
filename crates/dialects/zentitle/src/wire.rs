//! The dialect's answers: members in the order, with the names and of the JSON types that its documents show. They hold no
//! behaviour; `convert.rs` fills them from the core's records.

use lessor_core::Timestamp;
use serde::{Serialize, Serializer};

/// A truth that is written as text: `"true"` or `"false"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrueFalse(pub bool);

impl Serialize for TrueFalse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0 { "true" } else { "false" })
    }
}

/// A switch that is written as text: `"ON"` or `"OFF"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnOff(pub bool);

impl Serialize for OnOff {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0 { "ON" } else { "OFF" })
    }
}

/// The profile of a code: its number as text, or the number 0 when it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileNumber(pub i64);

impl Serialize for ProfileNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 0 { serializer.serialize_i64(0) } else { serializer.serialize_str(&self.0.to_string()) }
    }
}

/// How many records there are, in the place of the records: `[{"count": 5}]`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Count {
    /// How many.
    pub count: i64,
}

/// Codes that were generated or handed out.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Codes {
    /// The codes.
    pub license_codes: Vec<String>,
}

/// What a code or a profile has of one feature.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeatureUse {
    /// Its code.
    pub feature_code: String,
    /// Whether it is switched on.
    pub feature_availability: OnOff,
    /// Its type.
    pub feature_type: &'static str,
    /// Limit and figures, each as `name : value`.
    pub feature_details: Vec<String>,
}

/// A feature of a product.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeatureDefinition {
    /// Its code.
    pub feature_code: String,
    /// Whether new codes have it switched on.
    pub feature_availability: OnOff,
    /// Its type.
    pub feature_type: &'static str,
    /// Its title.
    pub feature_name: String,
    /// Notes.
    pub feature_notes: String,
    /// The group it is filed in.
    pub feature_group: String,
}

/// An application agility field with its value.
#[derive(Clone, Debug, Serialize)]
pub struct Agility {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// How a server function is set.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerFunction {
    /// Its name.
    pub function_name: String,
    /// Whether it is switched on.
    pub enabled: OnOff,
    /// Its parameter in digits, or nothing.
    pub parameter_value: String,
}

/// A note on a code.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Its number.
    pub note_id: i64,
    /// `General` or `System`.
    pub r#type: &'static str,
    /// When it was made.
    pub created: Timestamp,
    /// Who made it; empty when a web call did.
    pub created_by: String,
    /// Its text.
    pub description: String,
}

/// A product.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// Its name.
    pub product_name: String,
    /// Its ten digits.
    pub product_id: String,
    /// Hours.
    pub client_lease_period: i64,
    /// Hours.
    pub vm_lease_period: i64,
    /// Hours.
    pub client_offline_lease_period: i64,
    /// Days.
    pub trial_period: i64,
    /// The term of new codes.
    pub license_type: &'static str,
    /// Activations of new codes.
    pub clients_allowed: i64,
    /// Its features.
    pub features: Vec<FeatureDefinition>,
    /// Its application agility fields.
    pub application_agility: Vec<Agility>,
}

/// A code, as `LicenseCode` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LicenseCode {
    pub(crate) license_code: String,
    pub(crate) product_id: String,
    pub(crate) company: String,
    pub(crate) company_id: i64,
    pub(crate) order_id: String,
    pub(crate) enabled_for_use: TrueFalse,
    pub(crate) license_type: &'static str,
    pub(crate) clients_allowed: i64,
    pub(crate) client_lease_period: i64,
    pub(crate) vm_lease_period: i64,
    pub(crate) client_offline_lease_period: i64,
    pub(crate) acquired_by_webservice: TrueFalse,
    pub(crate) network_seats: i64,
    pub(crate) heart_beat: i64,
    pub(crate) profile_name: String,
    pub(crate) profile_id: ProfileNumber,
    pub(crate) concurrent_processes: i64,
    pub(crate) num_activations: i64,
    pub(crate) concurrency_mode: &'static str,
    pub(crate) subscription_period: i64,
    pub(crate) subscription_end_date: Option<Timestamp>,
    pub(crate) subscription_last_activated: Option<Timestamp>,
    pub(crate) maintenance_end_date: Option<Timestamp>,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) features: Vec<FeatureUse>,
    pub(crate) application_agility: Vec<Agility>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notes: Option<Vec<Note>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_functions: Option<Vec<ServerFunction>>,
    pub(crate) current_live_activations: i64,
}

/// A code, as `LicenseCodes` lists it; the members of [`LicenseCodeRowEnd`] follow in the same object.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LicenseCodeRow<'a> {
    pub(crate) license_code: &'a str,
    pub(crate) product_id: &'a str,
    pub(crate) company: &'a str,
    pub(crate) company_id: i64,
    pub(crate) order_id: &'a str,
    pub(crate) enabled_for_use: TrueFalse,
    pub(crate) license_type: &'static str,
    pub(crate) profile_name: &'a str,
    pub(crate) profile_id: ProfileNumber,
    pub(crate) acquired_by_webservice: TrueFalse,
    pub(crate) clients_allowed: i64,
    pub(crate) client_lease_period: i64,
    pub(crate) vm_lease_period: i64,
    pub(crate) client_offline_lease_period: i64,
    pub(crate) network_seats: i64,
    pub(crate) heart_beat: i64,
    pub(crate) concurrent_processes: i64,
    pub(crate) num_activations: i64,
    pub(crate) num_de_activations: i64,
    pub(crate) concurrency_mode: &'static str,
    pub(crate) subscription_period: i64,
    pub(crate) subscription_end_date: Option<Timestamp>,
    pub(crate) subscription_last_activated: Option<Timestamp>,
    pub(crate) maintenance_end_date: Option<Timestamp>,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

/// What a code that is listed has set: the last members of its object.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LicenseCodeRowEnd {
    pub(crate) features: Vec<FeatureUse>,
    pub(crate) application_agility: Vec<Agility>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_functions: Option<Vec<ServerFunction>>,
}

/// A code by its product.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeOfProduct {
    pub(crate) product_id: String,
    pub(crate) license_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order_id: Option<String>,
}

/// An activation of a code.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    pub(crate) license_code: String,
    pub(crate) computer_id: String,
    /// Left out unless asked for; `null` when the computer has reported nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) system_info: Option<Option<SystemInfo>>,
    pub(crate) status: &'static str,
    pub(crate) vm_lease_period: i64,
    pub(crate) client_lease_end_date: Option<Timestamp>,
    pub(crate) lease_last_date: Option<Timestamp>,
    pub(crate) vm_platform: String,
    pub(crate) user_name: String,
    pub(crate) activated: Timestamp,
    pub(crate) deactivated: Option<Timestamp>,
}

/// What a computer told about itself. Everything is text.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemInfo {
    pub(crate) computer_id: String,
    pub(crate) operating_system: String,
    pub(crate) bitage: String,
    pub(crate) screen_res_x: String,
    pub(crate) screen_res_y: String,
    pub(crate) processor: String,
    pub(crate) cores: String,
    pub(crate) memory: String,
    pub(crate) os_language: String,
    pub(crate) app_language: String,
    pub(crate) r#type: String,
    pub(crate) license_status: String,
    pub(crate) version: String,
    pub(crate) build: String,
    pub(crate) edition: String,
    pub(crate) computer_name: String,
    pub(crate) vm_platform: String,
}

/// A profile.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Only in the list of all profiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) product_id: Option<String>,
    pub(crate) profile_name: String,
    pub(crate) profile_id: i64,
    pub(crate) enabled_for_use: TrueFalse,
    pub(crate) license_type: &'static str,
    pub(crate) clients_allowed: i64,
    pub(crate) client_lease_period: i64,
    pub(crate) vm_lease_period: i64,
    pub(crate) client_offline_lease_period: i64,
    pub(crate) acquired_by_webservice: TrueFalse,
    pub(crate) network_seats: i64,
    pub(crate) heart_beat: i64,
    pub(crate) concurrent_processes: i64,
    pub(crate) reseller_id: i64,
    pub(crate) concurrency_mode: &'static str,
    pub(crate) subscription_period: i64,
    pub(crate) subscription_end_date: Option<Timestamp>,
    pub(crate) maintenance_end_date: Option<Timestamp>,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) features: Vec<FeatureUse>,
    pub(crate) application_agility: Vec<Agility>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_functions: Option<Vec<ServerFunction>>,
}

/// A trial.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    pub(crate) product_id: String,
    pub(crate) computer_id: String,
    /// Days, as text.
    pub(crate) trial_period: String,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) lease_end_date: Option<Timestamp>,
    pub(crate) expires: Timestamp,
    pub(crate) trial_status: &'static str,
    pub(crate) converted: TrueFalse,
    pub(crate) license_code: String,
}

/// A company.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Company {
    pub(crate) company: String,
    /// A text that holds JSON.
    pub(crate) company_data: String,
    pub(crate) first_name: String,
    pub(crate) email: String,
    pub(crate) search1: String,
    pub(crate) search2: String,
    pub(crate) search3: String,
    pub(crate) created: Timestamp,
    pub(crate) product_id: String,
}

/// A company with its number and its product.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompanyProduct {
    /// The number, as text.
    pub(crate) company_id: String,
    pub(crate) company: String,
    /// `0` for a company of all products.
    pub(crate) product_id: String,
    pub(crate) product_name: String,
}

/// A network master license, beside one of its daemons.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkMasterLicense {
    pub(crate) network_license: String,
    pub(crate) max_users: i64,
    pub(crate) current_users: i64,
    /// The company's name; empty for none.
    pub(crate) shafer_company: String,
    pub(crate) activated: Option<Timestamp>,
    pub(crate) deactivated: Option<Timestamp>,
    pub(crate) created: Timestamp,
    /// Of the daemon; empty before there is one.
    #[serde(rename = "computerID")]
    pub(crate) computer_id: String,
}

/// A record of the event stream.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamEvent {
    pub(crate) client_created: Timestamp,
    pub(crate) created: Timestamp,
    pub(crate) event_type: &'static str,
    pub(crate) event: String,
    /// An object.
    pub(crate) payload: serde_json::Value,
    pub(crate) ip: String,
    pub(crate) processed: bool,
    pub(crate) user_id: String,
}

/// Who uses a product on a computer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerRecord {
    pub(crate) product_id: String,
    pub(crate) computer_id: String,
    /// Empty for a trial.
    pub(crate) license_code: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) company: String,
    pub(crate) email: String,
    /// A text that holds JSON.
    pub(crate) client_info: String,
    pub(crate) created: Timestamp,
}
