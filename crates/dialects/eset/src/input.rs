//! What a call takes in: the one table-driven convention behind all calls. A call declares its inputs; here each declared value
//! is checked and turned into what handlers read. What does not fit is told for all inputs at once, before anything else is
//! looked at.

use crate::fields::{Fields, Value};
use crate::problem::Problem;
use crate::words::Word;
use lessor_core::Timestamp;
use lessor_core::metering::day::Day;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

/// One declared input of a call.
#[derive(Debug)]
pub struct Input {
    /// Its name as documented; any case is accepted.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Whether the call is refused without it.
    pub required: bool,
}

/// What values an input takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A text of at most so many characters; a number is taken as it is written.
    Text(usize),
    /// A GUID.
    Guid,
    /// A list of at most so many GUIDs.
    Guids(usize),
    /// A whole number of 32 bits.
    Int,
    /// A whole number between these, both included.
    Between(i64, i64),
    /// True or false.
    Flag,
    /// A date, or an instant whose date counts as it is written.
    Day,
    /// A value of an enumeration: its number, also in a text, or its name.
    Choice(&'static [Word]),
    /// As [`Kind::Choice`], and any other whole number: whether that means anything is the call's to say.
    Number(&'static [Word]),
    /// A list of at most so many texts of at most so many characters.
    Texts(usize, usize),
    /// An object.
    Object(&'static [Input]),
    /// A list of at most so many objects.
    List(usize, &'static [Input]),
    /// An object of at most so many members: GUIDs, and a value of an enumeration for each.
    Levels(usize, &'static [Word]),
    /// An object of at most so many members: keywords, and a list of columns for each.
    Columns(usize),
}

impl Input {
    /// An input that has to be there.
    pub const fn must(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, required: true }
    }

    /// An input that may be left out.
    pub const fn may(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, required: false }
    }
}

/// The two inputs of every list: how many entries to pass over, and how many to give.
pub const SKIP: Input = Input::may("skip", Kind::Between(0, i32::MAX as i64));
/// See [`SKIP`].
pub const TAKE: Input = Input::may("take", Kind::Between(1, 100));

/// What is wrong with which inputs.
pub(crate) type Faults = Vec<(String, String)>;

const NOT_VALID: &str = "The input was not valid.";

/// Reads the body of a POST. No body is one that says nothing.
///
/// # Errors
/// 400 that names each input that does not fit.
pub fn from_body(body: &[u8], declared: &'static [Input]) -> Result<Fields, Problem> {
    if body.trim_ascii().is_empty() {
        return from_members(&Map::new(), declared);
    }
    match lessor_core::json::parse(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)) {
        Ok(Json::Object(members)) => from_members(&members, declared),
        // As if nothing were said.
        Ok(Json::Null) => from_members(&Map::new(), declared),
        Ok(_) => Err(Problem::faults(vec![(String::new(), NOT_VALID.to_owned())])),
        Err(error) => Err(Problem::faults(vec![(String::new(), error.to_string())])),
    }
}

/// Reads the query of a GET and the named parts of its path.
///
/// # Errors
/// As [`from_body`].
pub fn from_query(query: &str, parts: &[(&str, &str)], declared: &'static [Input]) -> Result<Fields, Problem> {
    let mut members = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(name), Some(value)) = (decode(name, true), decode(value, true)) else {
            return Err(Problem::faults(vec![(String::new(), NOT_VALID.to_owned())]));
        };
        members.insert(name, Json::String(value));
    }
    for (name, value) in parts {
        let value = decode(value, false).unwrap_or_default();
        members.insert((*name).to_owned(), Json::String(value));
    }
    from_members(&members, declared)
}

fn from_members(members: &Map<String, Json>, declared: &'static [Input]) -> Result<Fields, Problem> {
    let mut faults = Faults::new();
    let fields = read_all(members, declared, "", &mut faults);
    if faults.is_empty() { Ok(fields) } else { Err(Problem::faults(faults)) }
}

fn read_all(members: &Map<String, Json>, declared: &'static [Input], at: &str, faults: &mut Faults) -> Fields {
    let mut fields = Fields::new(declared);
    for input in declared {
        let given = members
            .get(input.name)
            // Of several spellings the last counts.
            .or_else(|| members.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(input.name)).map(|(_, v)| v));
        let place = if at.is_empty() { input.name.to_owned() } else { format!("{at}.{}", input.name) };
        let before = faults.len();
        let value = given.and_then(|given| read(input.kind, given, &place, faults));
        let is_missing = value.as_ref().is_none_or(|value| *value == Value::Empty) && faults.len() == before;
        if input.required && is_missing {
            faults.push((place, format!("The {} field is required.", input.name)));
        } else if let Some(value) = value {
            fields.insert(input.name, value);
        }
    }
    fields
}

fn read(kind: Kind, given: &Json, place: &str, faults: &mut Faults) -> Option<Value> {
    let is_empty = match given {
        Json::Null => true,
        Json::String(text) => text.trim().is_empty(),
        _ => false,
    };
    if is_empty {
        return Some(Value::Empty);
    }
    let value = match kind {
        Kind::Text(max) => return text(given, max, place, faults).map(Value::Text),
        Kind::Guid => guid(given).map(Value::Guid),
        Kind::Guids(most) => elements(given, most).and_then(|list| list.iter().map(guid).collect()).map(Value::Guids),
        Kind::Int => whole_number(given).filter(|number| i32::try_from(*number).is_ok()).map(Value::Int),
        Kind::Between(min, max) => match whole_number(given) {
            Some(number) if (min..=max).contains(&number) => Some(Value::Int(number)),
            Some(_) => {
                faults.push((place.to_owned(), format!("The value must be between {min} and {max}.")));
                return None;
            }
            None => None,
        },
        Kind::Flag => flag(given).map(Value::Flag),
        Kind::Day => given.as_str().and_then(day).map(Value::Day),
        Kind::Choice(words) => choice(given, words).map(Value::Int),
        Kind::Number(words) => {
            choice(given, words).or_else(|| whole_number(given)).filter(|n| i32::try_from(*n).is_ok()).map(Value::Int)
        }
        Kind::Texts(most, max) => {
            let list = elements(given, most);
            list.and_then(|list| list.iter().map(|one| text(one, max, place, faults)).collect()).map(Value::Texts)
        }
        Kind::Object(inputs) => {
            given.as_object().map(|members| Value::Object(read_all(members, inputs, place, faults)))
        }
        Kind::List(most, inputs) => elements(given, most).and_then(|list| objects(list, inputs, place, faults)),
        Kind::Levels(most, words) => members(given, most).and_then(|members| {
            let levels =
                members.iter().map(|(id, level)| Some((Uuid::try_parse(id.trim()).ok()?, choice(level, words)?)));
            levels.collect::<Option<Vec<_>>>().map(Value::Levels)
        }),
        Kind::Columns(most) => members(given, most).and_then(|members| {
            let columns = members.iter().map(|(keyword, list)| {
                let list = elements(list, most)?.iter().map(whole_number).collect::<Option<Vec<_>>>()?;
                Some((keyword.clone(), list))
            });
            columns.collect::<Option<Vec<_>>>().map(Value::Columns)
        }),
    };
    if value.is_none() && !faults.iter().any(|(known, _)| known.starts_with(place)) {
        faults.push((place.to_owned(), NOT_VALID.to_owned()));
    }
    value
}

fn objects(list: &[Json], inputs: &'static [Input], place: &str, faults: &mut Faults) -> Option<Value> {
    let mut read = Vec::with_capacity(list.len());
    for (n, element) in list.iter().enumerate() {
        read.push(read_all(element.as_object()?, inputs, &format!("{place}[{n}]"), faults));
    }
    Some(Value::List(read))
}

fn text(given: &Json, max: usize, place: &str, faults: &mut Faults) -> Option<String> {
    let text = match given {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => {
            faults.push((place.to_owned(), NOT_VALID.to_owned()));
            return None;
        }
    };
    if text.chars().count() > max {
        faults.push((place.to_owned(), format!("The text must have at most {max} characters.")));
        return None;
    }
    Some(text)
}

fn guid(given: &Json) -> Option<Uuid> {
    Uuid::try_parse(given.as_str()?.trim()).ok()
}

fn flag(given: &Json) -> Option<bool> {
    match given {
        Json::Bool(flag) => Some(*flag),
        Json::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Json::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        Json::Number(_) => match whole_number(given) {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        _ => None,
    }
}

/// No whole number from here on is sure to be the one that was written.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A whole number, `5.0` too, or a text of digits.
fn whole_number(given: &Json) -> Option<i64> {
    match given {
        Json::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT)?;
            format!("{whole:.0}").parse().ok()
        }
        Json::Number(number) => number.as_i64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn choice(given: &Json, words: &'static [Word]) -> Option<i64> {
    let named = || given.as_str().and_then(|text| words.iter().find(|word| word.is_named(text)));
    let numbered = || whole_number(given).and_then(|number| words.iter().find(|word| word.code == number));
    numbered().or_else(named).map(|word| word.code)
}

/// `YYYY-MM-DD`, alone or before a time of day with or without an offset.
pub(crate) fn day(text: &str) -> Option<Day> {
    let text = text.trim();
    let (date, time) = text.split_at_checked(10)?;
    let is_time = |time: &str| {
        let zoned = |zone: &str| Timestamp::parse(&format!("{date}T{time}{zone}")).is_some();
        zoned("") || zoned("Z")
    };
    let fits = time.is_empty() || time.strip_prefix(['T', 't', ' ']).is_some_and(is_time);
    Day::parse(date).filter(|_| fits)
}

fn elements(given: &Json, most: usize) -> Option<&[Json]> {
    given.as_array().map(Vec::as_slice).filter(|elements| elements.len() <= most)
}

fn members(given: &Json, most: usize) -> Option<&Map<String, Json>> {
    given.as_object().filter(|members| members.len() <= most)
}

/// Undoes percent encoding; in a query `+` is a blank. `None` when the bytes are no UTF-8 or hold U+0000.
fn decode(text: &str, plus: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' if plus => bytes.push(b' '),
            b'%' => match after.first_chunk::<2>().and_then(hex_byte) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &after[2..];
                }
                None => bytes.push(b'%'),
            },
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn hex_byte(digits: &[u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some(digit(digits[0])? * 16 + digit(digits[1])?)
}

#[cfg(test)]
mod tests;
