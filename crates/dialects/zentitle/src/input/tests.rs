use super::*;
use http::StatusCode;
use proptest::prelude::*;
use serde_json::json;

const PARTS: &[Input] =
    &[Input::need("code", Kind::Text { min: 0, max: 5, of: Charset::Any }), Input::may("on", Kind::OnOff)];
const COLOURS: &[Word] = &[Word { word: "Red", also: &["0"] }, Word { word: "deepBlue", also: &["1", "navy"] }];
const ALL: &[Input] = &[
    Input::may("int", Kind::Int { min: -5, max: 500 }),
    Input::may("flag", Kind::Flag),
    Input::may("truth", Kind::TrueFalse),
    Input::may("switch", Kind::OnOff),
    Input::may("text", Kind::Text { min: 2, max: 4, of: Charset::NoMarkup }),
    Input::may("code", Kind::Text { min: 0, max: 64, of: Charset::Code }),
    Input::may("colour", Kind::Choice(COLOURS)),
    Input::may("when", Kind::When),
    Input::may("end", Kind::WhenOrReset).idle(Idle::UnlessIs("colour", "Red")),
    Input::may("object", Kind::Object),
    Input::may("any", Kind::AnyJson),
    Input::may("parts", Kind::List(PARTS)).or_named(&["pieces", "bits"]),
    Input::may("texts", Kind::TextList { max: 3, of: Charset::Code }),
    Input::may("number", Kind::Int { min: 1, max: 9 }).idle(Idle::With("texts")),
    Input::may("computerId", Kind::Text { min: 0, max: 64, of: Charset::Any }).with_plus(),
];
const NEEDS: &[Input] = &[
    Input::need("id", Kind::Text { min: 0, max: 9, of: Charset::Any }),
    Input::need("count", Kind::Int { min: 0, max: 9 }),
    Input::need("list", Kind::TextList { max: 9, of: Charset::Any }),
];

fn body(body: &Json) -> Result<Fields, Problem> {
    from_body(body.to_string().as_bytes(), ALL)
}

fn invalid(body_of: &Json, field: &str) {
    assert_eq!(body(body_of), Err(Problem::invalid(field)), "{body_of}");
}

#[test]
fn whole_numbers_come_as_json_or_as_digits_in_a_text() {
    for value in [json!(17), json!("17"), json!(" 17 "), json!("+17"), json!("017"), json!(17.0)] {
        assert_eq!(body(&json!({ "int": value })).expect("a number").int("int"), Some(17), "{value}");
    }
    assert_eq!(body(&json!({"int": "-5"})).expect("a number").int("int"), Some(-5));
    for value in [
        json!(1.5),
        json!("1.0"),
        json!(1e3),
        json!("1e3"),
        json!(""),
        json!("x"),
        json!(true),
        json!([]),
        json!({}),
        json!(-6),
        json!(501),
        json!("99999999999999999999"),
        json!(u64::MAX),
    ] {
        invalid(&json!({ "int": value }), "int");
    }
}

#[test]
fn a_flag_is_0_or_1_and_a_truth_is_neither() {
    for (value, expected) in [(json!(0), false), (json!("0"), false), (json!(1), true), (json!("1"), true)] {
        assert_eq!(body(&json!({ "flag": value })).expect("a flag").flag("flag"), Some(expected));
        invalid(&json!({ "truth": value }), "truth");
        invalid(&json!({ "switch": value }), "switch");
    }
    for (value, expected) in
        [(json!(true), true), (json!("TRUE"), true), (json!("False"), false), (json!(false), false)]
    {
        assert_eq!(body(&json!({ "truth": value })).expect("a truth").flag("truth"), Some(expected));
        invalid(&json!({ "flag": value }), "flag");
        invalid(&json!({ "switch": value }), "switch");
    }
    assert_eq!(body(&json!({"switch": "On"})).expect("a switch").flag("switch"), Some(true));
    assert_eq!(body(&json!({"switch": "OFF"})).expect("a switch").flag("switch"), Some(false));
    for value in [json!(2), json!("yes"), json!("")] {
        invalid(&json!({ "flag": value }), "flag");
        invalid(&json!({ "truth": value }), "truth");
        invalid(&json!({ "switch": value }), "switch");
    }
}

#[test]
fn a_text_has_its_length_and_characters_and_may_come_as_a_number() {
    let code = |value: Json| body(&json!({ "code": value })).map(|fields| fields.string("code"));
    assert_eq!(code(json!(278310026536907968_u64)), Ok(Some("278310026536907968".into())));
    assert_eq!(code(json!("a-1")), Ok(Some("a-1".into())));
    assert_eq!(code(json!(-7)), Ok(Some("-7".into())));
    for value in [json!("a b"), json!("a_b"), json!("ä"), json!(1e300), json!(true), json!(["a"])] {
        assert_eq!(code(value.clone()), Err(Problem::invalid("code")), "{value}");
    }
    let text = |value: &str| body(&json!({ "text": value })).map(|fields| fields.string("text"));
    assert_eq!(text("äöü"), Ok(Some("äöü".into())));
    for value in ["", "a", "abcde", "a<b", "a>b", "a'b", "a\"b", "a\\b"] {
        assert_eq!(text(value), Err(Problem::invalid("text")), "{value:?}");
    }
    assert_eq!(text("a\0b"), Err(Problem::incorrect_data()), "no JSON of ours holds U+0000");
}

#[test]
fn a_choice_is_taken_in_any_case_and_spelling_and_read_in_one() {
    let colour = |value: Json| body(&json!({ "colour": value })).map(|fields| fields.string("colour"));
    for value in [json!("deepblue"), json!("DEEPBLUE"), json!(" deepBlue "), json!("Navy"), json!("1"), json!(1)] {
        assert_eq!(colour(value.clone()), Ok(Some("deepBlue".into())), "{value}");
    }
    for value in [json!("green"), json!(""), json!(2), json!(true)] {
        assert_eq!(colour(value.clone()), Err(Problem::invalid("colour")), "{value}");
    }
}

#[test]
fn instants_are_checked_and_reset_is_one_only_where_it_clears() {
    let given = body(&json!({"when": "2021-01-02", "end": "RESET"})).expect("instants");
    assert_eq!(given.when("when"), when::parse("2021-01-02T00:00:00Z"));
    assert_eq!(given.when_or_reset("end"), Some(None));
    let given = body(&json!({"end": "2021-01-02T03:04"})).expect("an instant");
    assert_eq!(given.when_or_reset("end"), Some(when::parse("2021-01-02T03:04:00Z")));
    invalid(&json!({"when": "reset"}), "when");
    invalid(&json!({"end": "soon"}), "end");
    invalid(&json!({"when": 20210102}), "when");
}

#[test]
fn a_value_that_has_no_meaning_is_not_checked() {
    let given = body(&json!({"colour": "navy", "end": "soon"})).expect("the end is ignored");
    assert!(!given.has("end"));
    invalid(&json!({"colour": "red", "end": "soon"}), "end");
    let given = body(&json!({"texts": ["a"], "number": "0"})).expect("the number is ignored");
    assert!(!given.has("number"));
    invalid(&json!({"number": "0"}), "number");
}

#[test]
fn a_free_form_object_keeps_its_members_as_they_came() {
    let text = r#"{"Zeta":1,"alpha":{"B":[1,2,{"x":null}],"b":"ü"},"ALPHA":"+1 888","empty":{}}"#;
    let given = from_body(format!(r#"{{"OBJECT":{text},"any":[{text}]}}"#).as_bytes(), ALL).expect("an object");
    assert_eq!(given.json("object").map(ToString::to_string).as_deref(), Some(text));
    assert_eq!(given.json("any").map(ToString::to_string), Some(format!("[{text}]")));
    let as_text = body(&json!({ "object": text })).expect("an object in a text");
    assert_eq!(as_text.json("object"), given.json("object"));
    for value in [json!("x"), json!("[1]"), json!(1), json!([]), json!(r#"{"a":1,"a":2}"#), json!("")] {
        invalid(&json!({ "object": value }), "object");
    }
}

#[test]
fn lists_hold_objects_or_texts_and_each_is_checked() {
    let given = body(&json!({"Parts": [{"CODE": "a", "On": "off"}, {"code": 7}]})).expect("a list");
    let parts = given.list("parts");
    assert_eq!((parts[0].need("code"), parts[0].flag("on")), ("a", Some(false)));
    assert_eq!((parts[1].need("code"), parts[1].flag("on")), ("7", None));
    assert_eq!(body(&json!({"parts": [{"on": "off"}]})), Err(Problem::missing("code")));
    assert_eq!(body(&json!({"parts": [{"code": "a", "CODE": "b"}]})), Err(Problem::bad("Duplicate CODE")));
    invalid(&json!({"parts": [{"code": "toolong"}]}), "code");
    invalid(&json!({"parts": {"code": "a"}}), "parts");
    invalid(&json!({"parts": ["a"]}), "parts");
    let given = body(&json!({"texts": ["a", 12]})).expect("texts");
    assert_eq!(given.texts("texts"), Some(&["a".to_owned(), "12".to_owned()][..]));
    for value in [json!(["a", ""]), json!(["abcd"]), json!([null]), json!("a"), json!([["a"]])] {
        invalid(&json!({ "texts": value }), "texts");
    }
    let long = vec!["a"; MAX_LIST + 1];
    invalid(&json!({ "texts": long }), "texts");
}

#[test]
fn an_input_is_found_under_its_own_name_before_any_other() {
    let other = body(&json!({"PIECES": [{"code": "p"}]})).expect("a list");
    assert_eq!(other.list("parts")[0].need("code"), "p");
    let both = body(&json!({"pieces": [{"code": "p"}], "parts": [{"code": "own"}]})).expect("a list");
    assert_eq!(both.list("parts")[0].need("code"), "own");
    let null = body(&json!({"pieces": [{"code": "p"}], "parts": null})).expect("a list");
    assert_eq!(null.list("parts")[0].need("code"), "p");
}

#[test]
fn null_is_left_out_and_unknown_members_are_ignored() {
    let given = body(&json!({"int": null, "colour": null, "what": {"ever": 1}})).expect("nothing");
    assert!(!given.has("int") && !given.has("colour"));
    assert_eq!(from_body(br#"{"id":null}"#, NEEDS), Err(Problem::missing("id")));
}

#[test]
fn what_is_needed_is_told_by_its_documented_name() {
    assert_eq!(from_body(b"", NEEDS), Err(Problem::missing("id")));
    assert_eq!(from_body(b" \r\n", NEEDS), Err(Problem::missing("id")));
    assert_eq!(from_body(br#"{"ID":" "}"#, NEEDS), Err(Problem::missing("id")));
    assert_eq!(from_body(br#"{"ID":"1"}"#, NEEDS), Err(Problem::missing("count")));
    assert_eq!(from_body(br#"{"ID":"1","count":""}"#, NEEDS), Err(Problem::invalid("count")));
    assert_eq!(from_body(br#"{"ID":"1","count":"3","list":[]}"#, NEEDS), Err(Problem::missing("list")));
    assert_eq!(from_query("id=&count=3", NEEDS), Err(Problem::missing("id")));
}

#[test]
fn two_names_that_differ_in_case_are_refused_on_every_level_but_free_form_ones() {
    assert_eq!(body(&json!({"int": 1, "INT": 1})), Err(Problem::bad("Duplicate INT")));
    assert_eq!(body(&json!({"unknown": 1, "Unknown": 1})), Err(Problem::bad("Duplicate Unknown")));
    assert!(body(&json!({"object": {"a": 1, "A": 2}})).is_ok());
    assert_eq!(from_query("int=1&INT=1", ALL), Err(Problem::bad("Duplicate INT")));
    assert_eq!(from_query("int=1&int=1", ALL), Err(Problem::bad("Duplicate int")));
    assert_eq!(from_query("int=&INT=1", ALL), Err(Problem::bad("Duplicate INT")));
}

#[test]
fn what_is_no_json_object_is_incorrect_data() {
    for text in ["{", "[]", "1", "\"x\"", "null", "{}{}", "{\"a\":1,\"a\":2}", "{\"int\":01}", "\u{feff}{}"] {
        assert_eq!(from_body(text.as_bytes(), ALL), Err(Problem::incorrect_data()), "{text}");
    }
    assert_eq!(from_body(b"{\"code\":\"\xff\"}", ALL), Err(Problem::incorrect_data()));
    assert_eq!(from_body(b"{\"code\":\"\\ud800\"}", ALL), Err(Problem::incorrect_data()));
    assert_eq!(from_body("[".repeat(100_000).as_bytes(), ALL), Err(Problem::incorrect_data()));
}

#[test]
fn a_query_is_decoded_and_the_plus_of_a_computer_id_comes_back() {
    let given = from_query("COMPUTERID=oLh+T3o%2BA39g5Sz/8Ug8&code=a%2d1", ALL).expect("a query");
    assert_eq!(given.need("computerId"), "oLh+T3o+A39g5Sz/8Ug8");
    assert_eq!(given.need("code"), "a-1");
    let given = from_query("text=a+b&&=x&flag=1&int", ALL).expect("a query");
    assert_eq!((given.text("text"), given.flag("flag"), given.int("int")), (Some("a b"), Some(true), None));
    let given = from_query("text=%zz%", ALL).expect("percent signs that stand for themselves");
    assert_eq!(given.text("text"), Some("%zz%"));
    assert_eq!(from_query("text=%ff%fe", ALL), Err(Problem::incorrect_data()));
    let in_body = body(&json!({"computerId": "a b"})).expect("a body");
    assert_eq!(in_body.need("computerId"), "a b");
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::hash_map("[a-zA-Z_]{1,6}", inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

/// A body that uses declared names with values of any kind.
fn any_body() -> impl Strategy<Value = Json> {
    let names: Vec<&'static str> = ALL.iter().map(|input| input.name).collect();
    prop::collection::hash_map(prop::sample::select(names), any_json(), 0..6)
        .prop_map(|map| Json::Object(map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

proptest! {
    #[test]
    fn no_body_is_answered_with_anything_but_fields_or_400(given in any_body()) {
        if let Err(problem) = body(&given) {
            prop_assert_eq!(problem.status, StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn no_bytes_and_no_query_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), query in "\\PC{0,40}") {
        let _ = from_body(&bytes, ALL);
        let _ = from_query(&query, ALL);
    }

    #[test]
    fn a_number_means_the_same_as_json_and_as_text(number in any::<i64>()) {
        let as_json = body(&json!({ "int": number })).map(|fields| fields.int("int"));
        let as_text = body(&json!({ "int": number.to_string() })).map(|fields| fields.int("int"));
        prop_assert_eq!(&as_json, &as_text);
        prop_assert_eq!(as_json.is_ok(), (-5..=500).contains(&number));
    }

    #[test]
    fn names_are_found_in_any_case(upper in prop::collection::vec(any::<bool>(), 10)) {
        let recase = |(letter, up): (char, &bool)| if *up { letter.to_ascii_uppercase() } else { letter };
        let name: String = "computerid".chars().zip(&upper).map(recase).collect();
        let given = body(&json!({ name: "x" })).expect("a body");
        prop_assert_eq!(given.need("computerId"), "x");
    }

    #[test]
    fn whatever_is_encoded_is_decoded(value in "\\PC{1,20}") {
        let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        prop_assert_eq!(decode(&encoded), Some(value));
    }
}
