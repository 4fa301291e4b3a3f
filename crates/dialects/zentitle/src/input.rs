//! What a call takes in: the one table-driven convention behind all 70 calls. A call declares its inputs; here each declared
//! value is checked and turned into what handlers read. Nothing is guessed after this point.

use crate::fields::{Fields, Value};
use crate::problem::Problem;
use crate::when;
use serde_json::Value as Json;

/// How deep lists of objects nest at most; no call of the dialect goes beyond one level.
const MAX_LIST: usize = 10_000;

/// One declared input of a call.
#[derive(Debug)]
pub struct Input {
    /// Its name as documented; any case is accepted.
    pub name: &'static str,
    /// Other names for the same input, taken only when `name` itself is not there.
    pub aliases: &'static [&'static str],
    /// What values it takes.
    pub kind: Kind,
    /// Whether the call is refused without it.
    pub required: bool,
    /// In a query, a blank in the value stands for a raw `+`.
    pub plus: bool,
    /// When a value of it that cannot be read is ignored rather than refused.
    pub idle: Idle,
}

/// When an input has no meaning, so that its value is not checked.
#[derive(Clone, Copy, Debug)]
pub enum Idle {
    /// It always has one.
    Never,
    /// While another input, declared before, is given with another value than this one.
    UnlessIs(&'static str, &'static str),
    /// While another input, declared before, is given.
    With(&'static str),
}

/// Which characters a text may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// Any but NUL.
    Any,
    /// No control characters.
    Plain,
    /// No control characters and none of `'`, `"`, `\`, `<`, `>`.
    NoMarkup,
    /// No control characters, and no blanks at either end.
    Line,
    /// Letters, digits and `-`.
    Code,
    /// Letters, digits, `_` and `-`.
    Word,
    /// Visible ASCII characters.
    Visible,
}

impl Charset {
    fn takes(self, text: &str) -> bool {
        match self {
            Charset::Any => !text.contains('\0'),
            Charset::Plain => !text.contains(char::is_control),
            Charset::NoMarkup => !text.contains(['\'', '"', '\\', '<', '>']) && !text.contains(char::is_control),
            Charset::Line => !text.contains(char::is_control) && text.trim() == text,
            Charset::Code => text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
            Charset::Word => text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)),
            Charset::Visible => text.bytes().all(|byte| byte.is_ascii_graphic()),
        }
    }
}

/// One accepted word of a [`Kind::Choice`]: how handlers see it, and other spellings that are taken for it.
#[derive(Debug)]
pub struct Word {
    /// How handlers see it and documents show it.
    pub word: &'static str,
    /// Other spellings.
    pub also: &'static [&'static str],
}

/// What values an input takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number, as JSON or as digits in a text.
    Int {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// 0 or 1.
    Flag,
    /// `true` or `false`, as JSON or in a text.
    TrueFalse,
    /// `on` or `off`.
    OnOff,
    /// A text; its length counts characters.
    Text {
        /// The least.
        min: usize,
        /// The most.
        max: usize,
        /// Its characters.
        of: Charset,
    },
    /// One of a few words.
    Choice(&'static [Word]),
    /// A date or an instant.
    When,
    /// A date, an instant, or the word `reset`.
    WhenOrReset,
    /// An object whose members are the caller's own, or a text that holds one.
    Object,
    /// Any JSON at all.
    AnyJson,
    /// A list of objects.
    List(&'static [Input]),
    /// A list of texts.
    TextList {
        /// The longest a text of it may be.
        max: usize,
        /// Their characters.
        of: Charset,
    },
}

impl Input {
    /// An input that the call cannot do without.
    pub const fn need(name: &'static str, kind: Kind) -> Self {
        Self { name, aliases: &[], kind, required: true, plus: false, idle: Idle::Never }
    }

    /// An input that may be left out.
    pub const fn may(name: &'static str, kind: Kind) -> Self {
        Self { name, aliases: &[], kind, required: false, plus: false, idle: Idle::Never }
    }

    /// The same under further names.
    pub const fn or_named(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// The same, reading blanks of a query back as the plus signs they were.
    pub const fn with_plus(mut self) -> Self {
        self.plus = true;
        self
    }

    /// The same, with values that are not always checked.
    pub const fn idle(mut self, idle: Idle) -> Self {
        self.idle = idle;
        self
    }

    /// Does `name`, in whatever case, name this input?
    fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn is_idle(&self, read: &Fields) -> bool {
        match self.idle {
            Idle::Never => false,
            Idle::UnlessIs(other, "true") => read.flag(other) == Some(false),
            Idle::UnlessIs(other, value) => read.text(other).is_some_and(|is| is != value),
            Idle::With(other) => read.has(other),
        }
    }

    fn invalid(&self) -> Problem {
        Problem::invalid(self.name)
    }
}

/// Reads the declared inputs from a query string.
///
/// # Errors
/// 400 for bad UTF-8, a name that is there twice, a missing or an invalid value.
pub fn from_query(query: &str, inputs: &'static [Input]) -> Result<Fields, Problem> {
    let mut members = serde_json::Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or_else(Problem::incorrect_data)?;
        let value = decode(value).ok_or_else(Problem::incorrect_data)?;
        if members.contains_key(&name) {
            return Err(Problem::bad(format!("Duplicate {name}")));
        }
        let plus = inputs.iter().any(|input| input.plus && input.is_named(&name));
        let value = if plus { value.replace(' ', "+") } else { value };
        // An empty value in a query is a value that was left out.
        members.insert(name, if value.is_empty() { Json::Null } else { Json::String(value) });
    }
    from_members(&members, inputs)
}

/// What a query says, undeclared names too, as far as it can be read.
pub fn members(query: &str) -> serde_json::Map<String, Json> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let read = pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name)?, Json::String(decode(value)?)))
    });
    read.collect()
}

/// Reads the declared inputs from a JSON body. An empty body is an object without members.
///
/// # Errors
/// 400 for anything but one JSON object, a member that is there twice in whatever case, a missing or an invalid value.
pub fn from_body(body: &[u8], inputs: &'static [Input]) -> Result<Fields, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return from_members(&serde_json::Map::new(), inputs);
    }
    match lessor_core::json::parse(body) {
        Ok(Json::Object(members)) => from_members(&members, inputs),
        Ok(_) | Err(_) => Err(Problem::incorrect_data()),
    }
}

fn from_members(members: &serde_json::Map<String, Json>, inputs: &'static [Input]) -> Result<Fields, Problem> {
    refuse_doubles(members)?;
    let mut fields = Fields::new(inputs);
    for input in inputs {
        let Some(given) = find(members, input) else {
            if input.required {
                return Err(Problem::missing(input.name));
            }
            continue;
        };
        match input.read(given) {
            Ok(value) => fields.insert(input.name, value),
            Err(_) if input.is_idle(&fields) => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(fields)
}

/// Two members whose names differ only in case leave open which was meant.
fn refuse_doubles(members: &serde_json::Map<String, Json>) -> Result<(), Problem> {
    let mut seen = std::collections::HashSet::with_capacity(members.len());
    match members.keys().find(|name| !seen.insert(name.to_ascii_lowercase())) {
        Some(name) => Err(Problem::bad(format!("Duplicate {name}"))),
        None => Ok(()),
    }
}

/// The value given for an input, `null` being none; by its own name before any other.
fn find<'a>(members: &'a serde_json::Map<String, Json>, input: &Input) -> Option<&'a Json> {
    let by_name = |wanted: &dyn Fn(&str) -> bool| {
        members.iter().find(|(name, value)| wanted(name) && !value.is_null()).map(|(_, value)| value)
    };
    by_name(&|name| input.is_named(name))
        .or_else(|| by_name(&|name| input.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))))
}

impl Input {
    fn read(&self, given: &Json) -> Result<Value, Problem> {
        match self.kind {
            Kind::Int { min, max } => self.read_int(given, min, max),
            Kind::Flag => match whole_number(given) {
                Some(0) => Ok(Value::Flag(false)),
                Some(1) => Ok(Value::Flag(true)),
                _ => Err(self.invalid()),
            },
            Kind::TrueFalse => self.read_switch(given, "true", "false"),
            Kind::OnOff => self.read_switch(given, "on", "off"),
            Kind::Text { min, max, of } => self.read_text(given, min, max, of),
            Kind::Choice(words) => self.read_choice(given, words),
            Kind::When => self.read_when(given),
            Kind::WhenOrReset => match given {
                Json::String(text) if text.trim().eq_ignore_ascii_case("reset") => Ok(Value::Reset),
                _ => self.read_when(given),
            },
            Kind::Object => self.read_object(given),
            Kind::AnyJson => Ok(Value::Json(given.clone())),
            Kind::List(inputs) => self.read_list(given, inputs),
            Kind::TextList { max, of } => self.read_texts(given, max, of),
        }
    }

    fn read_int(&self, given: &Json, min: i64, max: i64) -> Result<Value, Problem> {
        let number = whole_number(given).filter(|number| (min..=max).contains(number));
        number.map(Value::Int).ok_or_else(|| self.invalid())
    }

    fn read_switch(&self, given: &Json, yes: &str, no: &str) -> Result<Value, Problem> {
        match given {
            Json::Bool(flag) if yes == "true" => Ok(Value::Flag(*flag)),
            Json::String(text) if text.trim().eq_ignore_ascii_case(yes) => Ok(Value::Flag(true)),
            Json::String(text) if text.trim().eq_ignore_ascii_case(no) => Ok(Value::Flag(false)),
            _ => Err(self.invalid()),
        }
    }

    fn read_text(&self, given: &Json, min: usize, max: usize, of: Charset) -> Result<Value, Problem> {
        let text = plain_text(given).ok_or_else(|| self.invalid())?;
        if self.required && text.trim().is_empty() {
            return Err(Problem::missing(self.name));
        }
        // What has a least length is no fraction and no negative number that somebody left unquoted.
        let is_other_number = given.is_number() && min > 1 && !text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (min..=max).contains(&text.chars().count()) && of.takes(&text) && !is_other_number;
        if fits { Ok(Value::Text(text)) } else { Err(self.invalid()) }
    }

    fn read_choice(&self, given: &Json, words: &'static [Word]) -> Result<Value, Problem> {
        let text = plain_text(given).ok_or_else(|| self.invalid())?;
        if self.required && text.trim().is_empty() {
            return Err(Problem::missing(self.name));
        }
        words
            .iter()
            .find(|word| word.means(text.trim()))
            .map(|word| Value::Word(word.word))
            .ok_or_else(|| self.invalid())
    }

    fn read_when(&self, given: &Json) -> Result<Value, Problem> {
        let instant = given.as_str().and_then(when::parse);
        instant.map(Value::When).ok_or_else(|| self.invalid())
    }

    fn read_object(&self, given: &Json) -> Result<Value, Problem> {
        match given {
            Json::Object(_) => Ok(Value::Json(given.clone())),
            Json::String(text) => match lessor_core::json::parse(text.as_bytes()) {
                Ok(object @ Json::Object(_)) => Ok(Value::Json(object)),
                Ok(_) | Err(_) => Err(self.invalid()),
            },
            _ => Err(self.invalid()),
        }
    }

    fn read_list(&self, given: &Json, inputs: &'static [Input]) -> Result<Value, Problem> {
        let elements = self.elements(given)?;
        let read = elements.iter().map(|element| match element {
            Json::Object(members) => from_members(members, inputs),
            _ => Err(self.invalid()),
        });
        read.collect::<Result<Vec<_>, _>>().map(Value::List)
    }

    fn read_texts(&self, given: &Json, max: usize, of: Charset) -> Result<Value, Problem> {
        let fits = |text: &String| !text.is_empty() && text.chars().count() <= max && of.takes(text);
        let read =
            self.elements(given)?.iter().map(|element| plain_text(element).filter(fits).ok_or_else(|| self.invalid()));
        read.collect::<Result<Vec<_>, _>>().map(Value::Texts)
    }

    fn elements<'a>(&self, given: &'a Json) -> Result<&'a [Json], Problem> {
        let elements = given.as_array().filter(|elements| elements.len() <= MAX_LIST).ok_or_else(|| self.invalid())?;
        if self.required && elements.is_empty() {
            return Err(Problem::missing(self.name));
        }
        Ok(elements)
    }
}

impl Word {
    fn means(&self, text: &str) -> bool {
        self.word.eq_ignore_ascii_case(text) || self.also.iter().any(|also| also.eq_ignore_ascii_case(text))
    }
}

/// No whole number from here on is sure to be the one that was written.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A whole number, `5.0` too, or a text of digits with an optional sign and blanks around it.
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

/// A text, or a number in its decimal digits as long as they are exact, and in its shortest form where they are many.
fn plain_text(given: &Json) -> Option<String> {
    match given {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) if number.is_f64() => {
            let digits = number.as_f64().filter(|float| float.abs() < EXACT)?.to_string();
            Some(if digits.len() > 32 { number.to_string() } else { digits })
        }
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Undoes the encoding of a query: `+` is a blank, `%XX` a byte; a `%` without two hex digits stands for itself. `None` when
/// the bytes are no UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
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
    String::from_utf8(bytes).ok()
}

fn hex_byte(digits: &[u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some(digit(digits[0])? * 16 + digit(digits[1])?)
}

#[cfg(test)]
mod tests;
