//! The device API's shapes, as far as this library reads and writes them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::events::EventKind;

#[derive(Serialize)]
pub struct Activate<'a> {
    pub product: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_user: Option<EndUser<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_days: Option<u32>,
    pub device: Device<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub user: &'a str,
}

#[derive(Serialize)]
pub struct EndUser<'a> {
    pub user_name: &'a str,
    pub password: &'a str,
}

#[derive(Serialize)]
pub struct Device<'a> {
    pub id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_platform: Option<&'a str>,
}

#[derive(Deserialize)]
pub struct Activation {
    pub activation: String,
    pub secret: Option<String>,
    pub document: String,
}

#[derive(Deserialize)]
pub struct Keys {
    pub product: String,
    pub keys: Vec<Key>,
    #[serde(default)]
    pub endorsements: Vec<String>,
}

#[derive(Deserialize)]
pub struct Key {
    pub algorithm: String,
    pub public_key: String,
}

#[derive(Deserialize)]
pub struct Answer {
    pub answer: String,
}

/// RFC 9457 problem details.
#[derive(Deserialize)]
pub struct Problem {
    pub code: Option<String>,
    pub detail: Option<String>,
    pub title: Option<String>,
}

/// An answer whose content does not matter.
pub type Anything = Value;

/// An event of the program's use, as it travels and as it waits.
#[derive(Serialize)]
pub struct Event<'a> {
    pub id: &'a str,
    pub kind: EventKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<&'a str>,
    pub at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<&'a Value>,
}

#[derive(Serialize)]
pub struct Text<'a> {
    pub text: &'a str,
}

#[derive(Deserialize)]
pub struct Stored {
    pub text: String,
}
