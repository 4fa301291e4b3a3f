//! Values between the domain and PostgreSQL's binary format.

use super::fault::Fault;
use crate::{Row, StoreError, Value, ValueRef};
use bytes::BytesMut;
use postgres_protocol::message::backend::DataRowBody;
use postgres_protocol::{IsNull, types};
use std::error::Error;
use std::ops::Range;
use tokio_postgres::fallible_iterator::FallibleIterator;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

/// Appends a parameter. The server tells which type it expects; nothing is converted but the width of integers.
pub(crate) fn write(value: &Value, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
    match (value, ty) {
        (Value::Null, _) => return Ok(IsNull::Yes),
        (Value::Bool(flag), &Type::BOOL) => types::bool_to_sql(*flag, out),
        (Value::Int(n), &Type::INT8) => types::int8_to_sql(*n, out),
        (Value::Int(n), &Type::INT4) => types::int4_to_sql(i32::try_from(*n)?, out),
        (Value::Int(n), &Type::INT2) => types::int2_to_sql(i16::try_from(*n)?, out),
        (Value::Text(text), &Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::NAME | &Type::UNKNOWN) => {
            types::text_to_sql(text, out);
        }
        (Value::Bytes(bytes), &Type::BYTEA) => types::bytea_to_sql(bytes, out),
        (Value::Uuid(id), &Type::UUID) => types::uuid_to_sql(*id.as_bytes(), out),
        (given, wanted) => return Err(format!("a parameter is {given:?}, but {wanted} is wanted").into()),
    }
    Ok(IsNull::No)
}

/// Where the values of a row lie in it. Used for one row after the other.
#[derive(Default)]
pub(crate) struct Places(Vec<Option<Range<usize>>>);

impl Places {
    /// Finds the values of the next row.
    pub(crate) fn of<'a>(&'a mut self, row: &'a DataRowBody, columns: &'a [Type]) -> Result<PostgresRow<'a>, Fault> {
        self.0.clear();
        let mut ranges = row.ranges();
        while let Some(range) = ranges.next()? {
            self.0.push(range);
        }
        Ok(PostgresRow { bytes: row.buffer(), places: &self.0, columns })
    }
}

pub(crate) struct PostgresRow<'a> {
    bytes: &'a [u8],
    places: &'a [Option<Range<usize>>],
    columns: &'a [Type],
}

impl PostgresRow<'_> {
    fn read<'r, T: FromSql<'r>>(
        &'r self,
        column: usize,
        ty: &Type,
        wrap: fn(T) -> ValueRef<'r>,
    ) -> Result<ValueRef<'r>, StoreError> {
        let Some(range) = self.places.get(column).cloned().flatten() else {
            return Ok(ValueRef::Null);
        };
        let value = T::from_sql(ty, &self.bytes[range]);
        value.map(wrap).map_err(|error| StoreError::column(column, error.to_string()))
    }
}

impl Row for PostgresRow<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>, StoreError> {
        let Some(ty) = self.columns.get(column) else {
            return Err(StoreError::column(column, "is not in the row"));
        };
        match *ty {
            Type::BOOL => self.read(column, ty, ValueRef::Bool),
            Type::INT8 => self.read(column, ty, ValueRef::Int),
            Type::INT4 => self.read(column, ty, |n: i32| ValueRef::Int(n.into())),
            Type::INT2 => self.read(column, ty, |n: i16| ValueRef::Int(n.into())),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
                self.read(column, ty, ValueRef::Text)
            }
            Type::BYTEA => self.read(column, ty, ValueRef::Bytes),
            Type::UUID => self.read::<Uuid>(column, ty, ValueRef::Uuid),
            _ => Err(StoreError::column(column, format!("is of type {ty}; cast it"))),
        }
    }
}
