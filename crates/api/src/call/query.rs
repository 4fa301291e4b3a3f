//! Query parameters: those an operation knows, each once.

use super::Head;
use crate::problem::{Fault, Problem};
use lessor_core::Start;
use lessor_core::secret::crc32;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Items of a page that does not say how many it wants.
const DEFAULT_LIMIT: u32 = 25;
const MAX_LIMIT: u32 = 100;

/// An operation without query parameters.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoQuery {}

/// Reads the query of a request.
pub(super) fn typed<T: DeserializeOwned>(head: &Head) -> Result<T, Problem> {
    let invalid = |name: &str, detail: String| Problem::invalid(&head.trace, Fault::Parameter(name.to_owned(), detail));
    let mut members = Map::new();
    for (name, value) in form_urlencoded::parse(head.query.as_bytes()) {
        if members.insert(name.clone().into_owned(), Value::String(value.into_owned())).is_some() {
            return Err(invalid(&name, "it is there twice".to_owned()));
        }
    }
    serde_path_to_error::deserialize(Value::Object(members)).map_err(|error| {
        let detail = error.inner().to_string();
        let pointer = super::body::pointer(error.path(), &detail);
        invalid(pointer.trim_start_matches('/'), detail)
    })
}

/// How many items a page shall have: 1 to 100.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub u32);

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT_LIMIT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = String::deserialize(deserializer)?.parse().ok().filter(|number| (1..=MAX_LIMIT).contains(number));
        number.map(Self).ok_or_else(|| D::Error::custom(format!("it is a number from 1 to {MAX_LIMIT}")))
    }
}

/// `true` or `false`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(D::Error::custom("it is `true` or `false`")),
        }
    }
}

/// Where the next page of a list begins. Callers hand it back as they got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor(pub u128);

impl Cursor {
    /// Where the page behind it starts; without one, at the first item.
    pub fn start(cursor: Option<Self>) -> Start {
        cursor.map_or(Start::FIRST, |cursor| Start::After(Uuid::from_u128(cursor.0)))
    }

    pub fn text(self) -> String {
        format!("{:032x}{:08x}", self.0, crc32(&self.0.to_be_bytes()))
    }

    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (place, sum) = plain.then(|| text.split_at(32))?;
        let cursor = Self(u128::from_str_radix(place, 16).ok()?);
        (u32::from_str_radix(sum, 16).ok()? == crc32(&cursor.0.to_be_bytes())).then_some(cursor)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("it is no cursor of ours"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_a_mistyped_one_does_not() {
        let cursor = Cursor(u128::MAX / 7);
        let text = cursor.text();
        assert_eq!(Cursor::parse(&text), Some(cursor));
        assert_eq!(Cursor::parse(&text.replace('4', "5")), None);
        assert_eq!(Cursor::parse(""), None);
        assert_eq!(Cursor::parse(&"é".repeat(20)), None);
    }
}
