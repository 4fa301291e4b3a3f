//! The 64 calls. Everything that is said of a call is said in its row: the router, who may make it, the checks of its inputs, the
//! OpenAPI document and the tests read these rows. Each group of calls keeps its rows beside its handlers.

use crate::fields::Fields;
use crate::input::Input;
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::settings::Settings;
use crate::{
    billing, companies, enums, licenses, mappings, operations, search, terms_of_use, token, usage, users, version,
};
use lessor_core::{AccountId, App, Caller, UserId};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The verbs of the dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Inputs come in the path and in the query.
    Get,
    /// Inputs come in the body.
    Post,
}

impl Verb {
    /// As it stands in a request.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
        }
    }
}

/// Who may make a call at all. What it may be made on is for the core to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// Every user.
    User,
    /// Users who may change their own company.
    Writer,
    /// Users of a distributor or of the vendor.
    Distributor,
}

/// What a call that succeeded answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// JSON, as in this example: the names and types of an answer's members are those of the example's.
    Json(&'static str),
    /// `{}`.
    Empty,
    /// No body.
    Nothing,
}

/// A call that came in: who calls, with what.
pub struct Asked {
    /// Where commands and queries run.
    pub app: App,
    /// What the installation has set.
    pub settings: Arc<Settings>,
    /// Who calls; the server itself where a call is open to anybody.
    pub caller: Caller,
    /// Which user that is; none where a call is open to anybody.
    pub user: Option<UserId>,
    /// The checked inputs.
    pub fields: Fields,
}

impl Asked {
    /// The company of the user who calls.
    pub fn own_company(&self) -> AccountId {
        self.caller.actor.account
    }

    /// The user who calls.
    ///
    /// # Errors
    /// 401 where a call is open to anybody.
    pub fn own_user(&self) -> Result<UserId, Problem> {
        self.user.ok_or_else(Problem::unauthorized)
    }
}

/// What runs a call.
pub type Handler = fn(Asked) -> Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send>>;

/// One call.
pub struct Call {
    /// Its name in the documents' list of calls.
    pub name: &'static str,
    /// The verb.
    pub verb: Verb,
    /// Its address behind `/api/`, as documented; parts in braces are inputs.
    pub path: &'static str,
    /// The first number of its errors.
    pub area: Area,
    /// Who may make it.
    pub access: Access,
    /// What it takes in.
    pub inputs: &'static [Input],
    /// An example of a request's body, where it has one.
    pub example: Option<&'static str>,
    /// What it answers with.
    pub answer: Answer,
    /// What runs it.
    pub handler: Handler,
}

impl Call {
    const fn new(verb: Verb, name: &'static str, path: &'static str, area: Area, handler: Handler) -> Self {
        let answer = Answer::Empty;
        Self { name, verb, path, area, access: Access::User, inputs: &[], example: None, answer, handler }
    }

    /// A call whose inputs come in path and query. It is open to every user, takes nothing and answers `{}`, unless told.
    pub const fn get(name: &'static str, path: &'static str, area: Area, handler: Handler) -> Self {
        Self::new(Verb::Get, name, path, area, handler)
    }

    /// A call whose inputs come in a body. It is open to every user, takes nothing and answers `{}`, unless told.
    pub const fn post(name: &'static str, path: &'static str, area: Area, handler: Handler) -> Self {
        Self::new(Verb::Post, name, path, area, handler)
    }

    /// Who may make it.
    pub const fn by(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// What it takes in.
    pub const fn takes(mut self, inputs: &'static [Input]) -> Self {
        self.inputs = inputs;
        self
    }

    /// An example of a request's body.
    pub const fn shows(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }

    /// What it answers with.
    pub const fn gives(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }
}

/// The groups of calls, in the order of the documents.
static GROUPS: [&[Call]; 12] = [
    &operations::CALLS,
    &billing::CALLS,
    &companies::CALLS,
    &mappings::CALLS,
    &enums::CALLS,
    &licenses::CALLS,
    &search::CALLS,
    &terms_of_use::CALLS,
    &token::CALLS,
    &usage::CALLS,
    &users::CALLS,
    &version::CALLS,
];

/// All calls, in the order of the documents.
pub fn calls() -> impl Iterator<Item = &'static Call> {
    GROUPS.iter().flat_map(|group| group.iter())
}

/// What a path behind `/api/` names: the calls there are at it, and its parts that are inputs.
pub(crate) fn at<'a>(segments: &[&'a str]) -> Vec<(&'static Call, Vec<(&'static str, &'a str)>)> {
    calls().filter_map(|call| Some((call, parts(call.path, segments)?))).collect()
}

/// The inputs in a path, if it is this call's. Case does not matter.
fn parts<'a>(documented: &'static str, segments: &[&'a str]) -> Option<Vec<(&'static str, &'a str)>> {
    let mut parts = Vec::new();
    let mut rest = segments.iter();
    for expected in documented.split('/') {
        let segment = rest.next()?;
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => parts.push((name, *segment)),
            None if expected.eq_ignore_ascii_case(segment) => {}
            None => return None,
        }
    }
    rest.next().is_none().then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_path_is_found_in_any_case_with_its_inputs() {
        let found = |path: &str| {
            let segments: Vec<&str> = path.split('/').collect();
            at(&segments).first().map(|(call, parts)| (call.name, parts.first().map(|(_, value)| value.to_string())))
        };
        assert_eq!(found("company/create/MSP"), Some(("Company Create MSP", None)));
        assert_eq!(found("operation/Ab1"), Some(("Operation", Some("Ab1".to_owned()))));
        assert_eq!(found("operation"), None);
        assert_eq!(found("operation/1/2"), None);
        assert_eq!(found("Companies"), None);
    }

    #[test]
    fn there_are_64_calls_and_no_two_at_one_address() {
        let addresses: BTreeSet<String> = calls().map(|call| call.path.to_lowercase()).collect();
        assert_eq!((calls().count(), addresses.len()), (64, 64));
    }

    #[test]
    fn every_example_is_taken_as_it_stands_and_every_answer_can_be_read() {
        for call in calls() {
            let example = call.example.unwrap_or_default();
            let fields = crate::input::from_body(example.as_bytes(), call.inputs);
            let needs = call.verb == Verb::Post && call.inputs.iter().any(|input| input.required);
            assert!(fields.is_ok() || call.verb == Verb::Get, "{}: {fields:?}", call.name);
            assert!(!needs || call.example.is_some(), "{} shows no request", call.name);
            if let Answer::Json(answer) = call.answer {
                assert!(serde_json::from_str::<serde_json::Value>(answer).is_ok(), "{}", call.name);
            }
        }
    }
}
