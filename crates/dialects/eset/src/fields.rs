//! Checked inputs as handlers read them: a value that is there has the declared kind.

use crate::input::Input;
use crate::problem::Problem;
use lessor_core::metering::day::Day;
use uuid::Uuid;

/// The inputs of one call, or of one object in it.
#[derive(Clone, Debug)]
pub struct Fields {
    declared: &'static [Input],
    values: Vec<(&'static str, Value)>,
}

/// One checked value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, or a text without a character.
    Empty,
    /// A whole number, or the number of an enumeration's value.
    Int(i64),
    /// True or false.
    Flag(bool),
    /// A text.
    Text(String),
    /// A GUID.
    Guid(Uuid),
    /// A list of GUIDs.
    Guids(Vec<Uuid>),
    /// A date.
    Day(Day),
    /// A list of texts.
    Texts(Vec<String>),
    /// An object.
    Object(Fields),
    /// A list of objects.
    List(Vec<Fields>),
    /// Numbers of an enumeration, by GUID.
    Levels(Vec<(Uuid, i64)>),
    /// Lists of columns, by keyword.
    Columns(Vec<(String, Vec<i64>)>),
}

/// What an update says of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// Nothing: it stays.
    Keep,
    /// It is to be empty.
    Erase,
    /// It is to be this.
    Set(T),
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident, $need:ident, $kind:ident($value:ident) -> $type:ty = $give:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name(&self, name: &str) -> Option<$type> {
            match self.get(name)? {
                Value::$kind($value) => Some($give),
                _ => None,
            }
        }

        /// The same of an input that has to be there.
        ///
        /// # Errors
        /// 400 where it is not.
        pub fn $need(&self, name: &'static str) -> Result<$type, Problem> {
            self.$name(name).ok_or_else(|| Problem::missing(name))
        }
    )*};
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

    getters! {
        /// A text with at least one character.
        text, need_text, Text(text) -> &str = text;
        /// A whole number, or the number of an enumeration's value.
        int, need_int, Int(number) -> i64 = *number;
        /// True or false.
        flag, need_flag, Flag(flag) -> bool = *flag;
        /// A GUID.
        guid, need_guid, Guid(guid) -> Uuid = *guid;
        /// A list of GUIDs.
        guids, need_guids, Guids(guids) -> &[Uuid] = guids;
        /// A date.
        day, need_day, Day(day) -> Day = *day;
        /// A list of texts.
        texts, need_texts, Texts(texts) -> &[String] = texts;
        /// An object.
        object, need_object, Object(fields) -> &Fields = fields;
        /// A list of objects.
        list, need_list, List(list) -> &[Fields] = list;
        /// Numbers of an enumeration, by GUID.
        levels, need_levels, Levels(levels) -> &[(Uuid, i64)] = levels;
        /// Lists of columns, by keyword.
        columns, need_columns, Columns(columns) -> &[(String, Vec<i64>)] = columns;
    }

    /// What an update says of a text: absent, empty and given are three cases.
    pub fn change(&self, name: &str) -> Change<&str> {
        match self.get(name) {
            None => Change::Keep,
            Some(Value::Text(text)) => Change::Set(text),
            Some(_) => Change::Erase,
        }
    }

    /// Was the input given as `null` or as an empty text?
    pub fn is_empty(&self, name: &str) -> bool {
        self.get(name) == Some(&Value::Empty)
    }
}
