//! Values between the domain and PostgreSQL's binary format.

use crate::{Row, StoreError, Value, ValueRef};
use bytes::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use std::error::Error;
use uuid::Uuid;

/// A parameter. The server tells which type it expects; nothing is converted but the width of integers.
#[derive(Debug)]
pub(crate) struct Parameter<'a>(pub(crate) &'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self.0, ty) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Bool(flag), &Type::BOOL) => flag.to_sql(ty, out),
            (Value::Int(n), &Type::INT8) => n.to_sql(ty, out),
            (Value::Int(n), &Type::INT4) => i32::try_from(*n)?.to_sql(ty, out),
            (Value::Int(n), &Type::INT2) => i16::try_from(*n)?.to_sql(ty, out),
            (Value::Text(text), &Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::NAME | &Type::UNKNOWN) => {
                text.to_sql(ty, out)
            }
            (Value::Bytes(bytes), &Type::BYTEA) => bytes.to_sql(ty, out),
            (Value::Uuid(id), &Type::UUID) => id.to_sql(ty, out),
            (given, wanted) => Err(format!("a parameter is {given:?}, but {wanted} is wanted").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

pub(crate) struct PostgresRow<'a>(pub(crate) &'a postgres::Row);

impl PostgresRow<'_> {
    fn read<'r, T>(&'r self, column: usize, wrap: fn(T) -> ValueRef<'r>) -> Result<ValueRef<'r>, StoreError>
    where
        T: postgres::types::FromSql<'r>,
    {
        let value = self.0.try_get::<_, Option<T>>(column);
        let value = value.map_err(|error| StoreError::column(column, error.to_string()))?;
        Ok(value.map_or(ValueRef::Null, wrap))
    }
}

impl Row for PostgresRow<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>, StoreError> {
        let Some(described) = self.0.columns().get(column) else {
            return Err(StoreError::column(column, "is not in the row"));
        };
        match described.type_() {
            &Type::BOOL => self.read(column, ValueRef::Bool),
            &Type::INT8 => self.read(column, ValueRef::Int),
            &Type::INT4 => self.read(column, |n: i32| ValueRef::Int(n.into())),
            &Type::INT2 => self.read(column, |n: i16| ValueRef::Int(n.into())),
            &Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::NAME | &Type::UNKNOWN => {
                self.read(column, ValueRef::Text)
            }
            &Type::BYTEA => self.read(column, ValueRef::Bytes),
            &Type::UUID => self.read::<Uuid>(column, ValueRef::Uuid),
            other => Err(StoreError::column(column, format!("is of type {other}; cast it"))),
        }
    }
}
