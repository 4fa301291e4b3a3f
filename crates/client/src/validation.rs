//! Is a code good, here and now? A question to the server that takes nothing and changes nothing.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::http::With;
use crate::license::License;

/// What the server thinks of a code.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Validation {
    /// True if the license may be used, and the feature too if one was asked for.
    pub valid: bool,
    /// Why not, as a stable code, such as `not_found`, `held`, `term_over`, `feature_off`.
    pub reason: Option<String>,
    /// The license, as the server shows it.
    #[serde(default)]
    pub license: Value,
    /// The feature, if one was asked for.
    #[serde(default)]
    pub feature: Value,
}

impl License {
    /// Asks the server whether a code is good for this product, and for the feature if one is named. Nothing needs to be
    /// activated, and nothing is.
    pub fn validate(&self, code: &str, feature: Option<&str>) -> Result<Validation, Error> {
        let mut question = json!({"product": self.config.product, "code": code});
        if let Some(feature) = feature {
            question["feature"] = feature.into();
        }
        self.server.post("validations", With::default(), &question)
    }
}
