//! Calls as records of the tenant's stream: what was asked, by whom, and why it was refused. What proves an identity is never
//! recorded.

use crate::convert;
use crate::ids;
use crate::input;
use crate::problem::Problem;
use crate::stream::FAIL;
use crate::table::{Call, Verb};
use axum::extract::ConnectInfo;
use http::Extensions;
use lessor_core::stream::{self, Entry};
use lessor_core::{App, Caller};
use serde_json::{Map, Value};
use std::net::SocketAddr;

/// A call that is being recorded, where anybody draws the stream.
pub struct Recording {
    call: &'static Call,
    record: Option<stream::Call>,
}

impl Recording {
    /// Begins to record a call. Should it never end, because its client went away, it is recorded as failed.
    pub async fn begin(app: &App, caller: &Caller, call: &'static Call, extensions: &Extensions) -> Self {
        if !caller.actor.draws {
            return Self { call, record: None };
        }
        let peer = extensions.get::<ConnectInfo<SocketAddr>>();
        let ip = peer.map(|peer| peer.0.ip().to_string()).unwrap_or_default();
        let entry = Entry { name: name(call, true), failed: true, product: None, code: None, data: Value::Null };
        let mut recording = Self { call, record: stream::begin(app, caller, ip, entry).await };
        recording.tell(Map::new(), Some("Connection Closed"));
        recording
    }

    /// Notes what came in with a query.
    pub fn query(&mut self, query: &str) {
        if self.record.is_some() {
            self.inputs(input::members(query));
        }
    }

    /// Notes what came in with a body.
    pub fn body(&mut self, body: &[u8]) {
        if self.record.is_some()
            && let Ok(Value::Object(members)) = serde_json::from_slice(body)
        {
            self.inputs(members);
        }
    }

    fn inputs(&mut self, members: Map<String, Value>) {
        // Who signs in with what is nobody's business.
        if self.call.controller == "AuthenticateUser" {
            return;
        }
        let mut members = without_secrets(members);
        if self.call.controller == "DataStreamer" && self.call.verb == Verb::Post {
            members = raised(members);
        }
        let Some(record) = &mut self.record else { return };
        let data = Value::Object(members.clone());
        let entry = record.entry();
        entry.product = convert::member_text(&data, "productId").map(|number| (ids::PRODUCT, number));
        entry.code = convert::member_text(&data, "licenseCode");
        self.tell(members, Some("Connection Closed"));
    }

    /// Ends the record.
    pub fn end<T>(mut self, outcome: &Result<T, Problem>) {
        let Some(record) = &mut self.record else { return };
        let entry = record.entry();
        entry.failed = outcome.is_err();
        entry.name = name(self.call, outcome.is_err());
        let members = match std::mem::take(&mut entry.data) {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        self.tell(members, outcome.as_ref().err().map(|problem| problem.reason.as_str()));
    }

    /// What the record tells: the inputs and, of a call that failed, the error that was answered.
    fn tell(&mut self, mut members: Map<String, Value>, reason: Option<&str>) {
        let Some(record) = &mut self.record else { return };
        members.shift_remove("error");
        if let Some(reason) = reason {
            members.insert("error".into(), Problem::text(reason, self.call.action).into());
        }
        record.entry().data = Value::Object(members);
    }
}

/// `Post-DataStreamerV2Controller (Fail)`
fn name(call: &Call, failed: bool) -> String {
    let verb = match call.verb {
        Verb::Get => "Get",
        Verb::Post => "Post",
        Verb::Put => "Put",
        Verb::Delete => "Delete",
    };
    let name = format!("{verb}-{}V2Controller", call.controller);
    if failed { format!("{name} {FAIL}") } else { name }
}

/// Leaves out passwords and keys, however deep they stand.
fn without_secrets(members: Map<String, Value>) -> Map<String, Value> {
    let kept = members.into_iter().filter(|(name, _)| {
        let name = name.trim().to_lowercase();
        !name.contains("password") && !name.contains("apikey") && name != "key"
    });
    kept.map(|(name, value)| (name, clean(value))).collect()
}

fn clean(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(without_secrets(members)),
        Value::Array(values) => Value::Array(values.into_iter().map(clean).collect()),
        other => other,
    }
}

/// An event's own payload beside the other inputs, as the documents show it.
fn raised(mut members: Map<String, Value>) -> Map<String, Value> {
    let name = members.keys().find(|name| name.eq_ignore_ascii_case("payload")).cloned();
    let payload = match name.and_then(|name| members.shift_remove_entry(&name)) {
        Some((_, Value::Object(payload))) => payload,
        Some((name, other)) => {
            members.insert(name, other);
            Map::new()
        }
        None => Map::new(),
    };
    for (name, value) in payload {
        let taken = members.keys().any(|known| known.eq_ignore_ascii_case(&name));
        if !taken {
            members.insert(name, value);
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn secrets_are_left_out_however_deep_they_stand() {
        let told = map(json!({
            "userName": "u", "PassWord": "p", "Key": "k", " key ": "k", "newPassword": "p",
            "additionalData": {"password": "p", "list": [{"KEY": 1, "apiKey": "k", "keyboard": "qwerty"}]},
        }));
        let kept = json!({"userName": "u", "additionalData": {"list": [{"keyboard": "qwerty"}]}});
        assert_eq!(Value::Object(without_secrets(told)), kept);
    }

    #[test]
    fn a_payload_stands_beside_the_other_inputs_and_hides_none() {
        let told = map(json!({"event": "e", "productId": "1", "Payload": {"a": 1, "EVENT": "other"}, "b": 2}));
        assert_eq!(Value::Object(raised(told)), json!({"event": "e", "productId": "1", "b": 2, "a": 1}));
        let told = map(json!({"event": "e", "payload": "data"}));
        assert_eq!(Value::Object(raised(told)), json!({"event": "e", "payload": "data"}));
    }
}
