//! From checked inputs to what the core's commands are made of. Rules that depend on one input beside another are checked here;
//! rules that depend on stored records are the core's.

use crate::fields::Fields;
use crate::problem::Problem;
use lessor_core::catalog::{
    FeatureKind, FeatureSetting, FunctionSetting, NewFeature, NewGroup, SettingsChange, ValueSetting,
};
use lessor_core::license::{
    Concurrency, NewNote, NoteKind, NotesChange, Term, TermChange, TermKind, Terms, TermsChange,
};

/// The word for no profile.
pub const NO_PROFILE: &str = "default";
const HOURS_A_DAY: i64 = 24;

/// The name of a profile that an input asks for: `None` when it was left out, `Some(None)` for none.
pub fn profile_name(fields: &Fields) -> Option<Option<String>> {
    let name = fields.text("profileName")?;
    let none = name.is_empty() || name.eq_ignore_ascii_case(NO_PROFILE);
    Some((!none).then(|| name.to_owned()))
}

fn term_kind(word: &str) -> TermKind {
    match word {
        "subscriptionPeriod" => TermKind::Subscription,
        "expirationDate" => TermKind::Expiring,
        _ => TermKind::Perpetual,
    }
}

fn concurrency(word: &str) -> Concurrency {
    match word {
        "cloud" => Concurrency::Cloud,
        "network" => Concurrency::Network,
        _ => Concurrency::Off,
    }
}

/// The kind that a feature is made as.
pub fn feature_kind(word: &str) -> FeatureKind {
    match word {
        "floating" => FeatureKind::Floating,
        "elementPool" => FeatureKind::Pool,
        "consumptionTokens" => FeatureKind::Tokens,
        "secureStore" => FeatureKind::Store,
        _ => FeatureKind::Flag,
    }
}

/// The term of something new. Days and end count for their own type alone.
fn new_term(fields: &Fields) -> Result<Term, Problem> {
    let kind = fields.text("licenseType").map_or(TermKind::Perpetual, term_kind);
    let days = fields.int("subscriptionPeriod");
    if kind == TermKind::Subscription && days.is_none() {
        return Err(Problem::missing("subscriptionPeriod"));
    }
    let end = fields.when_or_reset("subscriptionEndDate").flatten();
    if kind == TermKind::Expiring && fields.has("subscriptionEndDate") && end.is_none() {
        return Err(Problem::invalid("subscriptionEndDate"));
    }
    Term::new(kind, days.unwrap_or(0), end).map_err(|refusal| Problem::from(lessor_core::Error::from(refusal)))
}

/// A change of the term. It takes the type along, changed or not, or nothing may be said of days and end.
fn term_change(fields: &Fields) -> Result<Option<TermChange>, Problem> {
    let Some(kind) = fields.text("licenseType").map(term_kind) else {
        let named = fields.has("subscriptionPeriod") || fields.has("subscriptionEndDate");
        return if named { Err(Problem::missing("licenseType")) } else { Ok(None) };
    };
    let end = fields.when_or_reset("subscriptionEndDate");
    Ok(Some(TermChange {
        kind,
        days: fields.int("subscriptionPeriod").filter(|_| kind == TermKind::Subscription),
        // A date says something of an expiring license alone; a reset is for the two others.
        end: if kind == TermKind::Expiring { end } else { end.filter(Option::is_none) },
    }))
}

fn offline_hours(fields: &Fields) -> Option<i64> {
    fields.int("clientOfflineLeasePeriod").map(|days| days * HOURS_A_DAY)
}

/// The terms that a new product gives its codes.
pub fn product_terms(fields: &Fields) -> Result<Terms, Problem> {
    Ok(Terms {
        online_lease_hours: fields.int("clientLeasePeriod").unwrap_or(0),
        virtual_lease_hours: fields.int("vmLeasePeriod").unwrap_or(0),
        offline_lease_hours: offline_hours(fields).unwrap_or(0),
        term: new_term(fields)?,
        activation_limit: fields.int("clientsAllowed").unwrap_or(1),
        ..Terms::default()
    })
}

/// The terms that a new profile gives its codes.
pub fn profile_terms(fields: &Fields) -> Result<Terms, Problem> {
    let concurrency = fields.text("concurrencyMode").map_or(Concurrency::Off, concurrency);
    let beat = if concurrency == Concurrency::Network { 5 } else { 0 };
    Ok(Terms {
        online_lease_hours: fields.int("clientLeasePeriod").unwrap_or(0),
        virtual_lease_hours: fields.int("vmLeasePeriod").unwrap_or(0),
        offline_lease_hours: offline_hours(fields).unwrap_or(0),
        term: new_term(fields)?,
        maintenance_end: fields.when_or_reset("maintenanceEndDate").flatten(),
        activation_limit: fields.int("clientsAllowed").unwrap_or(0),
        process_limit: fields.int("concurrentProcesses").unwrap_or(0),
        concurrency,
        network_seats: fields.int("networkSeats").unwrap_or(0),
        heartbeat_minutes: fields.int("heartBeat").unwrap_or(beat),
    })
}

/// A change of a product's terms.
pub fn product_terms_change(fields: &Fields) -> Result<TermsChange, Problem> {
    Ok(TermsChange {
        online_lease_hours: fields.int("clientLeasePeriod"),
        virtual_lease_hours: fields.int("vmLeasePeriod"),
        offline_lease_hours: offline_hours(fields),
        term: term_change(fields)?,
        activation_limit: fields.int("clientsAllowed"),
        ..TermsChange::default()
    })
}

/// A change of the terms of a code or a profile.
pub fn terms_change(fields: &Fields) -> Result<TermsChange, Problem> {
    Ok(TermsChange {
        maintenance_end: fields.when_or_reset("maintenanceEndDate"),
        process_limit: fields.int("concurrentProcesses"),
        concurrency: fields.text("concurrencyMode").map(concurrency),
        network_seats: fields.int("networkSeats"),
        heartbeat_minutes: fields.int("heartBeat"),
        ..product_terms_change(fields)?
    })
}

/// What a code or a profile sets of features, application agility and server functions.
pub fn settings(fields: &Fields) -> SettingsChange {
    let features = fields.list("features").iter().map(|feature| FeatureSetting {
        code: feature.need("featureCode").to_owned(),
        enabled: feature.flag("featureAvailability"),
        limit: feature.int("limit"),
    });
    let functions = fields.list("serverFunctions").iter().map(|function| FunctionSetting {
        name: function.need("functionName").to_owned(),
        enabled: function.flag("enabled"),
        parameter: function.int("parameterValue"),
    });
    SettingsChange { features: features.collect(), values: values(fields), functions: functions.collect() }
}

/// What a code or a profile sets of application agility. A field without a value stays as it is.
pub fn values(fields: &Fields) -> Vec<ValueSetting> {
    let values = fields.list("applicationAgility").iter().filter_map(|field| {
        let value = field.string("value")?;
        Some(ValueSetting { name: field.need("name").to_owned(), value })
    });
    values.collect()
}

/// What is to happen to the notes of a code. The order is the core's: all, single ones, new ones.
pub fn notes(fields: &Fields) -> Result<NotesChange, Problem> {
    let mut change = NotesChange::default();
    for note in fields.list("notes") {
        let text = note.string("description");
        match note.need("type") {
            "deleteall" => change.delete_all = true,
            "delete" => {
                let number = text.and_then(|text| text.trim().parse().ok());
                change.delete.push(number.ok_or_else(|| Problem::invalid("description"))?);
            }
            kind => {
                let text = text.filter(|text| !text.is_empty()).ok_or_else(|| Problem::missing("description"))?;
                change.add.push(NewNote { kind: note_kind(kind), text });
            }
        }
    }
    Ok(change)
}

/// Who a note is from.
pub fn note_kind(word: &str) -> NoteKind {
    if word == "system" { NoteKind::System } else { NoteKind::General }
}

/// Groups to make.
pub fn new_groups(fields: &Fields) -> Vec<NewGroup> {
    let groups = fields.list("featureGroups").iter();
    groups
        .map(|group| NewGroup {
            name: group.need("featureGroupName").to_owned(),
            notes: group.string("notes").unwrap_or_default(),
        })
        .collect()
}

/// Application agility fields to make, each with its value.
pub fn new_agility(fields: &Fields) -> Vec<(String, String)> {
    let values = fields.list("applicationAgility").iter();
    values.map(|field| (field.need("name").to_owned(), field.string("value").unwrap_or_default())).collect()
}

/// Features to make.
pub fn new_features(fields: &Fields) -> Vec<NewFeature> {
    let features = fields.list("features").iter();
    features
        .map(|feature| NewFeature {
            code: feature.need("featureCode").to_owned(),
            name: feature.need("featureName").to_owned(),
            notes: feature.need("notes").to_owned(),
            kind: feature.text("featureType").map_or(FeatureKind::Flag, feature_kind),
            group: feature.string("featureGroupName"),
            in_trials: feature.flag("availableInTrials").unwrap_or(false),
        })
        .collect()
}

/// What an object calls `name`, in any case: a text that could be an identifier, or a number.
pub fn member_text(object: &serde_json::Value, name: &str) -> Option<String> {
    let (_, value) = object.as_object()?.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let fits = (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then_some(text).filter(|text| !text.trim().is_empty())
}

/// Refuses a list that names one thing twice.
pub fn once_each(fields: &Fields, list: &str, name: &'static str) -> Result<(), Problem> {
    let mut seen = std::collections::HashSet::new();
    let twice = fields.list(list).iter().any(|element| !seen.insert(element.need(name)));
    if twice { Err(Problem::invalid(name)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input;
    use crate::table::{self, Verb};
    use lessor_core::Timestamp;

    fn read(verb: Verb, controller: &str, body: &str) -> Fields {
        let call = table::find(controller, verb).expect("a call");
        input::from_body(body.as_bytes(), call.inputs).expect("inputs that fit")
    }

    fn put(members: &str) -> Fields {
        read(Verb::Put, "LicenseCode", &format!(r#"{{"productId":"1","licenseCode":"2"{members}}}"#))
    }

    #[test]
    fn days_and_end_without_a_type_are_refused_and_those_of_another_type_are_ignored() {
        assert_eq!(term_change(&put("")), Ok(None));
        assert_eq!(term_change(&put(r#","subscriptionPeriod":5"#)), Err(Problem::missing("licenseType")));
        assert_eq!(term_change(&put(r#","subscriptionEndDate":"reset""#)), Err(Problem::missing("licenseType")));
        let perpetual =
            put(r#","licenseType":"perpetual","subscriptionPeriod":"0","subscriptionEndDate":"2030-01-01""#);
        assert_eq!(term_change(&perpetual), Ok(Some(TermChange { kind: TermKind::Perpetual, days: None, end: None })));
        let reset = put(r#","licenseType":"1","subscriptionPeriod":"5","subscriptionEndDate":"Reset""#);
        let expected = TermChange { kind: TermKind::Subscription, days: Some(5), end: Some(None) };
        assert_eq!(term_change(&reset), Ok(Some(expected)));
        let end = put(r#","licenseType":"ExpirationDate","subscriptionPeriod":"x","subscriptionEndDate":"2030-01-01""#);
        let at = Timestamp::parse("2030-01-01T00:00:00Z");
        assert_eq!(term_change(&end), Ok(Some(TermChange { kind: TermKind::Expiring, days: None, end: Some(at) })));
    }

    #[test]
    fn a_new_term_needs_what_its_type_needs() {
        let post =
            |members: &str| new_term(&read(Verb::Post, "Product", &format!(r#"{{"productName":"p"{members}}}"#)));
        assert_eq!(post(""), Ok(Term::PERPETUAL));
        assert_eq!(post(r#","subscriptionPeriod":7"#), Ok(Term::PERPETUAL));
        assert_eq!(post(r#","licenseType":"subscriptionperiod""#), Err(Problem::missing("subscriptionPeriod")));
        assert_eq!(
            post(r#","licenseType":"subscriptionperiod","subscriptionPeriod":0"#),
            Err(Problem::invalid("subscriptionPeriod"))
        );
        assert_eq!(post(r#","licenseType":"expirationdate""#), Err(Problem::missing("subscriptionEndDate")));
        assert_eq!(
            post(r#","licenseType":"expirationdate","subscriptionEndDate":"reset""#),
            Err(Problem::invalid("subscriptionEndDate"))
        );
    }

    #[test]
    fn offline_leases_come_in_days_and_are_kept_in_hours() {
        let change =
            terms_change(&put(r#","clientOfflineLeasePeriod":"17","clientLeasePeriod":"48""#)).expect("a change");
        assert_eq!((change.offline_lease_hours, change.online_lease_hours), (Some(408), Some(48)));
    }

    #[test]
    fn notes_are_sorted_by_what_happens_to_them() {
        let change = notes(&put(
            r#","notes":[{"type":"General","description":"a"},{"type":"delete","description":" 12 "},{"type":"deleteall"}]"#,
        ));
        let add = vec![NewNote { kind: NoteKind::General, text: "a".into() }];
        assert_eq!(change, Ok(NotesChange { delete_all: true, delete: vec![12], add }));
        let bad = notes(&put(r#","notes":[{"type":"delete","description":"x"}]"#));
        assert_eq!(bad, Err(Problem::invalid("description")));
        assert_eq!(notes(&put(r#","notes":[{"type":"system"}]"#)), Err(Problem::missing("description")));
    }

    #[test]
    fn a_network_profile_beats_every_five_minutes_unless_told_otherwise() {
        let post = |members: &str| {
            let body = format!(r#"{{"productId":"1","profileName":"p"{members}}}"#);
            profile_terms(&read(Verb::Post, "Profile", &body)).expect("terms")
        };
        assert_eq!((post("").heartbeat_minutes, post("").activation_limit), (0, 0));
        assert_eq!(post(r#","concurrencyMode":"Network""#).heartbeat_minutes, 5);
        assert_eq!(post(r#","concurrencyMode":"network","heartBeat":"7""#).heartbeat_minutes, 7);
    }
}
