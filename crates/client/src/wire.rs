//! The device API's shapes, as far as this library reads and writes them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize)]
pub struct Activate<'a> {
    pub product: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    pub device: Device<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub user: &'a str,
}

#[derive(Serialize)]
pub struct Device<'a> {
    pub id: &'a str,
    pub key: String,
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
