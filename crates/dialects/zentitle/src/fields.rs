//! Checked inputs as handlers read them. The getters cannot fail: a value that is there has the declared kind.

use crate::input::Input;
use lessor_core::Timestamp;
use serde_json::Value as Json;

/// The inputs of one call, or of one object in a list of it.
#[derive(Clone, Debug)]
pub struct Fields {
    declared: &'static [Input],
    values: Vec<(&'static str, Value)>,
}

/// One checked value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// 0 or 1, true or false, on or off.
    Flag(bool),
    /// A text.
    Text(String),
    /// One of the declared words.
    Word(&'static str),
    /// An instant.
    When(Timestamp),
    /// The word `reset` in the place of an instant.
    Reset,
    /// JSON whose shape is the caller's own.
    Json(Json),
    /// A list of objects.
    List(Vec<Fields>),
    /// A list of texts.
    Texts(Vec<String>),
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl Fields {
    pub(crate) fn new(declared: &'static [Input]) -> Self {
        Self { declared, values: Vec::new() }
    }

    pub(crate) fn insert(&mut self, name: &'static str, value: Value) {
        self.values.push((name, value));
    }

    fn get(&self, name: &str) -> Option<&Value> {
        // A handler that asks for what its call does not declare would always be told "left out".
        debug_assert!(self.declared.iter().any(|input| input.name == name), "{name} is not declared");
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Was the input given?
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A whole number.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// 0/1, true/false or on/off.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A text or a word of a choice.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            Value::Word(word) => Some(word),
            _ => None,
        }
    }

    /// A text that the call cannot do without.
    pub fn need(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// A text as an owned one.
    pub fn string(&self, name: &str) -> Option<String> {
        self.text(name).map(ToOwned::to_owned)
    }

    /// An instant.
    pub fn when(&self, name: &str) -> Option<Timestamp> {
        match self.get(name)? {
            Value::When(instant) => Some(*instant),
            _ => None,
        }
    }

    /// An instant to set, or `Some(None)` to clear it.
    pub fn when_or_reset(&self, name: &str) -> Option<Option<Timestamp>> {
        match self.get(name)? {
            Value::When(instant) => Some(Some(*instant)),
            Value::Reset => Some(None),
            _ => None,
        }
    }

    /// JSON of the caller's own shape.
    pub fn json(&self, name: &str) -> Option<&Json> {
        match self.get(name)? {
            Value::Json(json) => Some(json),
            _ => None,
        }
    }

    /// A list of objects; empty when it was left out.
    pub fn list(&self, name: &str) -> &[Fields] {
        match self.get(name) {
            Some(Value::List(list)) => list,
            _ => &[],
        }
    }

    /// A list of texts.
    pub fn texts(&self, name: &str) -> Option<&[String]> {
        match self.get(name)? {
            Value::Texts(texts) => Some(texts),
            _ => None,
        }
    }
}
