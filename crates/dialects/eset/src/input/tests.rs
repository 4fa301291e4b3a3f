use super::*;
use crate::words::{ENTITY_TYPES_ASKED, LICENSE_TYPES};
use serde_json::json;

static INNER: [Input; 2] = [Input::must("tag", Kind::Text(5)), Input::may("n", Kind::Int)];
static ALL: [Input; 12] = [
    Input::may("text", Kind::Text(5)),
    Input::may("id", Kind::Guid),
    Input::may("ids", Kind::Guids(2)),
    Input::may("quantity", Kind::Int),
    Input::may("take", Kind::Between(1, 100)),
    Input::may("flag", Kind::Flag),
    Input::may("from", Kind::Day),
    Input::may("entityType", Kind::Choice(&ENTITY_TYPES_ASKED)),
    Input::may("licenseType", Kind::Number(&LICENSE_TYPES)),
    Input::may("tags", Kind::List(2, &INNER)),
    Input::may("levels", Kind::Levels(2, &LICENSE_TYPES)),
    Input::may("search", Kind::Columns(2)),
];
static NEEDED: [Input; 2] = [Input::must("name", Kind::Text(9)), Input::may("inner", Kind::Object(&INNER))];

const ID: &str = "5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d";

fn read(body: serde_json::Value) -> Result<Fields, Problem> {
    from_body(body.to_string().as_bytes(), &ALL)
}

fn faults(of: Result<Fields, Problem>) -> Problem {
    of.expect_err("faults")
}

#[test]
fn names_come_in_any_case_and_unknown_ones_are_ignored() {
    let fields = read(json!({ "TEXT": "abc", "Take": 7, "whatever": [1] })).expect("fields");
    assert_eq!((fields.text("text"), fields.int("take")), (Some("abc"), Some(7)));
    let fields = read(json!({ "Text": "one", "tEXT": "two" })).expect("fields");
    assert_eq!(fields.text("text"), Some("two"));
}

#[test]
fn enumerations_come_as_numbers_as_names_and_as_numbers_in_texts() {
    for given in [json!("Any"), json!("any"), json!(1000), json!("1000")] {
        assert_eq!(read(json!({ "entityType": given })).expect("fields").int("entityType"), Some(1000));
    }
    assert_eq!(faults(read(json!({ "entityType": 999 }))), Problem::invalid("entityType"));
    assert_eq!(faults(read(json!({ "entityType": "Some" }))), Problem::invalid("entityType"));
    assert_eq!(read(json!({ "licenseType": "trial" })).expect("fields").int("licenseType"), Some(4));
    assert_eq!(read(json!({ "licenseType": 2 })).expect("fields").int("licenseType"), Some(2));
    assert_eq!(faults(read(json!({ "licenseType": "half" }))), Problem::invalid("licenseType"));
}

#[test]
fn numbers_are_whole_and_of_32_bits() {
    for (given, number) in
        [(json!(5), 5), (json!("5"), 5), (json!(5.0), 5), (json!(-1), -1), (json!(2147483647), 2147483647)]
    {
        assert_eq!(read(json!({ "quantity": given })).expect("fields").int("quantity"), Some(number));
    }
    for given in [json!(2147483648_i64), json!(1e30), json!(1.5), json!("x"), json!([1]), json!(true)] {
        assert_eq!(faults(read(json!({ "quantity": given }))), Problem::invalid("quantity"), "{given}");
    }
    for given in [json!(0), json!(101), json!(-1)] {
        let expected = Problem::faults(vec![("take".into(), "The value must be between 1 and 100.".into())]);
        assert_eq!(faults(read(json!({ "take": given }))), expected);
    }
}

#[test]
fn days_come_alone_or_with_a_time_of_day() {
    let first = Day::parse("2023-01-01");
    for text in [
        "2023-01-01",
        "2023-01-01T00:00:00",
        "2023-01-01T23:59:59.999Z",
        "2023-01-01T00:00:00+02:00",
        "2023-01-01 10:00:00",
    ] {
        assert_eq!(read(json!({ "from": text })).expect("fields").day("from"), first, "{text}");
    }
    for text in ["2023-02-30", "2023-1-1", "01.01.2023", "2023-01-01Tx", "2023-01-01x", "2023-01-0é"] {
        assert_eq!(faults(read(json!({ "from": text }))), Problem::invalid("from"), "{text}");
    }
}

#[test]
fn ids_flags_lists_and_maps_are_read() {
    let fields = read(json!({
        "id": ID.to_uppercase(), "ids": [ID], "flag": "True", "tags": [{ "TAG": "a" }],
        "levels": { ID: "Full" }, "search": { "ann": [2, "3"] },
    }));
    let fields = fields.expect("fields");
    let id = Uuid::try_parse(ID).expect("an id");
    assert_eq!((fields.guid("id"), fields.guids("ids"), fields.flag("flag")), (Some(id), Some(&[id][..]), Some(true)));
    assert_eq!(fields.list("tags").expect("a list")[0].text("tag"), Some("a"));
    assert_eq!(fields.levels("levels"), Some(&[(id, 1)][..]));
    assert_eq!(fields.columns("search"), Some(&[("ann".to_owned(), vec![2, 3])][..]));
    for (name, given) in [
        ("id", json!("5c1b")),
        ("ids", json!(["x"])),
        ("ids", json!([ID, ID, ID])),
        ("flag", json!("yes")),
        ("tags", json!({})),
        ("tags", json!([1])),
        ("levels", json!({ "x": 1 })),
        ("levels", json!({ ID: 2 })),
        ("search", json!({ "a": ["x"] })),
        ("search", json!([])),
    ] {
        assert_eq!(faults(read(json!({ name: given }))), Problem::invalid(name), "{name} {given}");
    }
}

#[test]
fn texts_are_bounded_and_numbers_are_taken_as_they_are_written() {
    assert_eq!(read(json!({ "text": 107 })).expect("fields").text("text"), Some("107"));
    assert_eq!(read(json!({ "text": "žžžžž" })).expect("fields").text("text"), Some("žžžžž"));
    let expected = Problem::faults(vec![("text".into(), "The text must have at most 5 characters.".into())]);
    assert_eq!(faults(read(json!({ "text": "123456" }))), expected);
    assert_eq!(faults(read(json!({ "text": {} }))), Problem::invalid("text"));
}

#[test]
fn absent_empty_and_given_are_three_cases() {
    use crate::fields::Change;
    let fields = read(json!({ "text": "", "flag": null })).expect("fields");
    assert_eq!((fields.change("text"), fields.change("id")), (Change::Erase, Change::Keep));
    assert_eq!(fields.text("text"), None);
    assert!(fields.is_empty("text") && fields.is_empty("flag") && !fields.is_empty("id"));
    assert_eq!(read(json!({ "text": "a" })).expect("fields").change("text"), Change::Set("a"));
}

#[test]
fn all_that_is_wrong_is_told_at_once_by_its_place() {
    let body = json!({ "inner": { "tag": "123456", "n": "x" } });
    let expected = Problem::faults(vec![
        ("name".into(), "The name field is required.".into()),
        ("inner.tag".into(), "The text must have at most 5 characters.".into()),
        ("inner.n".into(), "The input was not valid.".into()),
    ]);
    assert_eq!(faults(from_body(body.to_string().as_bytes(), &NEEDED)), expected);
    let blank = from_body(br#"{"name":" "}"#, &NEEDED);
    assert_eq!(faults(blank), Problem::missing("name"));
}

#[test]
fn no_body_says_nothing_and_a_broken_one_is_told() {
    for body in ["", " \n", "{}", "null", "\u{feff}{}"] {
        assert!(from_body(body.as_bytes(), &ALL).is_ok(), "{body}");
    }
    for body in ["{", "[]", "1", "{\"text\":\"a\\u0000\"}", "{\"text\":1,\"text\":2}"] {
        assert_eq!(faults(from_body(body.as_bytes(), &ALL)).status, 400, "{body}");
    }
}

#[test]
fn queries_and_parts_of_paths_are_decoded() {
    let fields = from_query("TEXT=a+b%20c&x", &[("id", ID)], &ALL).expect("fields");
    assert_eq!(fields.text("text"), Some("a b c"));
    assert_eq!(fields.guid("id"), Uuid::try_parse(ID).ok());
    assert!(from_query("text=%00", &[], &ALL).is_err());
    assert!(from_query("text=%ff", &[], &ALL).is_err());
}
