//! The forms in which inputs are taken, as JSON schemas for the OpenAPI document.

use crate::input::{Charset, Idle, Input, Kind, Word};
use serde_json::{Map, Value, json};

/// The object that a body is.
pub fn object(inputs: &[Input]) -> Value {
    let properties: Map<_, _> =
        inputs.iter().map(|input| (input.name.to_owned(), schema(input, Place::Body))).collect();
    let required: Vec<&str> =
        inputs.iter().filter(|input| input.required && input.aliases.is_empty()).map(|input| input.name).collect();
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// Where a value stands: a query has texts alone, a body has JSON too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a query.
    Query,
    /// In a body.
    Body,
}

/// What an input takes, in every form that it takes it in. Left to words alone: that words and names are taken in any case, blanks
/// around them, instants without an offset or in the older form, and objects inside a text.
pub fn schema(input: &Input, place: Place) -> Value {
    if let Some(when) = idle(input) {
        return json!({ "description": when });
    }
    let schema = match input.kind {
        Kind::Int { min, max } => number(min, max),
        Kind::Flag => number(0, 1),
        Kind::TrueFalse if place == Place::Query => words(&["true", "false"]),
        Kind::TrueFalse => json!({ "enum": ["true", "false", true, false] }),
        Kind::OnOff => words(&["on", "off"]),
        Kind::Text { min, max, of } => return text(input, min, max, of, place),
        Kind::Choice(words) => choice(words, place),
        Kind::When => json!({ "anyOf": instants() }),
        Kind::WhenOrReset => {
            let forms = [instants(), vec![json!({ "type": "string", "const": "reset" })]].concat();
            json!({ "anyOf": forms })
        }
        Kind::Object => json!({ "type": "object" }),
        Kind::AnyJson => json!({}),
        Kind::List(inputs) => {
            json!({ "type": "array", "items": object(inputs), "minItems": usize::from(input.required) })
        }
        Kind::TextList { max, of } => {
            json!({ "type": "array", "items": { "anyOf": text_forms(1, max, pattern(of, true), of, Place::Body) } })
        }
    };
    if input.required { schema } else { or_nothing(schema, place) }
}

/// When the value of an input is not looked at, in words.
fn idle(input: &Input) -> Option<String> {
    match input.idle {
        Idle::Never => None,
        Idle::UnlessIs(other, value) => Some(format!("Looked at unless `{other}` is given and is not `{value}`.")),
        Idle::With(other) => Some(format!("Not looked at beside `{other}`.")),
    }
}

/// `null` and an empty value in a query stand for a value that was left out.
fn or_nothing(mut schema: Value, place: Place) -> Value {
    let nothing = match place {
        Place::Body => json!({ "type": "null" }),
        Place::Query => json!({ "type": "string", "maxLength": 0 }),
    };
    if schema == json!({}) {
        return schema;
    }
    if let Some(forms) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        forms.push(nothing);
        return schema;
    }
    json!({ "anyOf": [schema, nothing] })
}

fn words(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

/// The words of a choice and their other spellings, which come as numbers too where they are digits.
fn choice(words: &[Word], place: Place) -> Value {
    let mut all: Vec<Value> =
        words.iter().flat_map(|word| std::iter::once(&word.word).chain(word.also)).map(|word| json!(word)).collect();
    if place == Place::Body {
        let digits = words.iter().flat_map(|word| word.also).filter_map(|also| also.parse::<i64>().ok());
        all.extend(digits.map(Value::from));
    }
    json!({ "enum": all })
}

/// A whole number, or its digits in a text.
fn number(min: i64, max: i64) -> Value {
    let minus_nothing = if min == 0 { "|-0+" } else { "" };
    let digits = format!(r"^[ \t\r\n]*(\+?0*({}){minus_nothing})[ \t\r\n]*$", range(min, max));
    json!({ "anyOf": [
        { "type": "integer", "minimum": min, "maximum": max },
        { "type": "string", "pattern": digits },
    ] })
}

/// A pattern for the digits of the numbers from `min`, which is not negative, to `max`.
fn range(min: i64, max: i64) -> String {
    // The last numbers of stretches in which each digit goes its own way, as in 5..=9, 10..=99, 100..=149.
    let mut ends = std::collections::BTreeSet::from([max]);
    let powers = || std::iter::successors(Some(10_i64), |power| power.checked_mul(10));
    ends.extend(powers().map(|power| min / power * power + power - 1).take_while(|end| *end < max));
    ends.extend(powers().map(|power| (max + 1) / power * power - 1).take_while(|end| *end > min));
    let mut start = min;
    let stretches = ends.into_iter().map(|end| {
        let (first, last) = (start.to_string(), end.to_string());
        start = end + 1;
        let digits = first.chars().zip(last.chars()).map(|digits| match digits {
            (low, high) if low == high => low.to_string(),
            (low, high) => format!("[{low}-{high}]"),
        });
        digits.collect::<String>()
    });
    stretches.collect::<Vec<_>>().join("|")
}

fn instants() -> Vec<Value> {
    vec![json!({ "type": "string", "format": "date-time" }), json!({ "type": "string", "format": "date" })]
}

fn text(input: &Input, min: usize, max: usize, of: Charset, place: Place) -> Value {
    let least = min.max(usize::from(input.required));
    let mut forms = text_forms(least, max, pattern(of, input.required), of, place);
    if !input.required {
        match place {
            Place::Body => forms.push(json!({ "type": "null" })),
            Place::Query if least > 0 => forms.push(json!({ "type": "string", "maxLength": 0 })),
            Place::Query => {}
        }
    }
    if forms.len() == 1 { forms.remove(0) } else { json!({ "anyOf": forms }) }
}

/// A text and, in a body, the numbers that are taken for their digits: whole ones, and where any text will do fractions.
fn text_forms(min: usize, max: usize, pattern: String, of: Charset, place: Place) -> Vec<Value> {
    const EXACT: i64 = 9_007_199_254_740_992;
    let mut forms = vec![json!({ "type": "string", "minLength": min, "maxLength": max, "pattern": pattern })];
    if place == Place::Query {
        return forms;
    }
    if min > 1 {
        let least = u32::try_from(min - 1).ok().and_then(|digits| 10_u64.checked_pow(digits)).unwrap_or(u64::MAX);
        forms.push(json!({ "type": "integer", "minimum": least, "maximum": u64::MAX }));
        return forms;
    }
    forms.push(json!({ "type": "integer", "minimum": i64::MIN, "maximum": u64::MAX }));
    if !matches!(of, Charset::Code | Charset::Word) {
        forms.push(json!({ "type": "number", "exclusiveMinimum": -EXACT, "exclusiveMaximum": EXACT }));
    }
    forms
}

/// The characters of a text; with `some`, one of them is no blank.
fn pattern(of: Charset, some: bool) -> String {
    let any = match of {
        Charset::Any => r"\u0000",
        Charset::NoMarkup => r#"'"\\<>\u0000-\u001f\u007f-\u009f"#,
        Charset::Plain | Charset::Line => r"\u0000-\u001f\u007f-\u009f",
        Charset::Code if some => return "^[A-Za-z0-9-]+$".to_owned(),
        Charset::Code => return "^[A-Za-z0-9-]*$".to_owned(),
        Charset::Word if some => return "^[A-Za-z0-9_-]+$".to_owned(),
        Charset::Word => return "^[A-Za-z0-9_-]*$".to_owned(),
        Charset::Visible if some => return "^[!-~]+$".to_owned(),
        Charset::Visible => return "^[!-~]*$".to_owned(),
    };
    match (of, some) {
        (Charset::Line, true) => format!(r"^[^\s{any}]([^{any}]*[^\s{any}])?$"),
        (Charset::Line, false) => format!(r"^([^\s{any}]([^{any}]*[^\s{any}])?)?$"),
        (_, true) => format!(r"^[^{any}]*[^\s{any}][^{any}]*$"),
        (_, false) => format!("^[^{any}]*$"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_of_a_range_are_those_of_its_numbers_and_no_others() {
        for (min, max) in [(0, 1), (0, 500), (1, 10_000), (5, 1440), (0, 8760), (17, 17), (98, 1203)] {
            let pattern = range(min, max);
            let stretches: Vec<Vec<(char, char)>> = pattern.split('|').map(digits).collect();
            for number in 0..20_000_i64 {
                let text = number.to_string();
                let fits = stretches.iter().any(|stretch| {
                    stretch.len() == text.len()
                        && stretch.iter().zip(text.chars()).all(|((low, high), digit)| (*low..=*high).contains(&digit))
                });
                assert_eq!(fits, (min..=max).contains(&number), "{number} in {pattern}");
            }
        }
    }

    /// `1[2-4]` as what each digit may be.
    fn digits(stretch: &str) -> Vec<(char, char)> {
        let mut letters = stretch.chars();
        let mut digits = Vec::new();
        while let Some(letter) = letters.next() {
            if letter == '[' {
                let range: Vec<char> = letters.by_ref().take_while(|letter| *letter != ']').collect();
                digits.push((range[0], range[2]));
            } else {
                digits.push((letter, letter));
            }
        }
        digits
    }
}
