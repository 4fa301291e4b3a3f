//! Values that go into statements and come out of rows.

use crate::StoreError;
use uuid::Uuid;

/// A parameter of a statement. Integers are 64-bit everywhere (`BIGINT`); instants and money are integers.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// `BOOLEAN` (0 or 1 on SQLite).
    Bool(bool),
    /// `BIGINT`.
    Int(i64),
    /// `TEXT`.
    Text(String),
    /// `BYTEA`.
    Bytes(Vec<u8>),
    /// `UUID` (16 bytes on SQLite).
    Uuid(Uuid),
}

/// A value in a row, borrowed from the engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// SQL NULL.
    Null,
    /// `BOOLEAN`; SQLite gives [`ValueRef::Int`].
    Bool(bool),
    /// `BIGINT`.
    Int(i64),
    /// `TEXT`.
    Text(&'a str),
    /// `BYTEA`; SQLite gives this for `UUID` too.
    Bytes(&'a [u8]),
    /// `UUID`.
    Uuid(Uuid),
}

/// A type that can be read from a column.
pub trait FromColumn: Sized {
    /// Reads the value, or says what was expected instead.
    fn from_column(value: ValueRef<'_>) -> Result<Self, String>;
}

macro_rules! into_value {
    ($($from:ty => $to:expr;)*) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                let into: fn($from) -> Value = $to;
                into(value)
            }
        })*
    };
}

into_value! {
    bool => Value::Bool;
    i64 => Value::Int;
    u32 => |n| Value::Int(n.into());
    i32 => |n| Value::Int(n.into());
    String => Value::Text;
    &String => |text| Value::Text(text.clone());
    &str => |text| Value::Text(text.to_owned());
    Vec<u8> => Value::Bytes;
    &[u8] => |bytes| Value::Bytes(bytes.to_vec());
    Uuid => Value::Uuid;
    &Uuid => |id| Value::Uuid(*id);
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Value::Bytes(bytes.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

fn expected<T>(what: &str, found: ValueRef<'_>) -> Result<T, String> {
    let kind = match found {
        ValueRef::Null => "null",
        ValueRef::Bool(_) => "a boolean",
        ValueRef::Int(_) => "an integer",
        ValueRef::Text(_) => "text",
        ValueRef::Bytes(_) => "bytes",
        ValueRef::Uuid(_) => "an id",
    };
    Err(format!("expected {what}, found {kind}"))
}

impl FromColumn for i64 {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        match value {
            ValueRef::Int(n) => Ok(n),
            other => expected("an integer", other),
        }
    }
}

impl FromColumn for u32 {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        let n = i64::from_column(value)?;
        u32::try_from(n).map_err(|_| format!("{n} is out of range"))
    }
}

impl FromColumn for bool {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        match value {
            ValueRef::Bool(flag) => Ok(flag),
            ValueRef::Int(0) => Ok(false),
            ValueRef::Int(1) => Ok(true),
            other => expected("a boolean", other),
        }
    }
}

impl FromColumn for String {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        match value {
            ValueRef::Text(text) => Ok(text.to_owned()),
            other => expected("text", other),
        }
    }
}

impl FromColumn for Vec<u8> {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        match value {
            ValueRef::Bytes(bytes) => Ok(bytes.to_vec()),
            other => expected("bytes", other),
        }
    }
}

impl FromColumn for Uuid {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        match value {
            ValueRef::Uuid(id) => Ok(id),
            ValueRef::Bytes(bytes) => Uuid::from_slice(bytes).map_err(|error| error.to_string()),
            other => expected("an id", other),
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
        match value {
            ValueRef::Null => Ok(None),
            value => T::from_column(value).map(Some),
        }
    }
}

impl StoreError {
    /// A column that could not be read.
    pub fn column(column: usize, reason: impl Into<String>) -> Self {
        StoreError::Column { column, reason: reason.into() }
    }
}
