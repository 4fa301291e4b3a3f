//! Tables as both engines describe them, and their rows as lines.

use super::{DumpError, TableDigest};
use crate::digest::{Hash, from_hex, hex};
use crate::{Engine, FromColumn, Row, Statement, StoreError, Tx, Value, ValueRef};
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};
use uuid::Uuid;

/// Columns with their types and places in the primary key (from 1; 0 for those outside it).
const COLUMNS_SQLITE: Statement =
    Statement { name: "COLUMNS", sql: "SELECT name, lower(type), pk FROM pragma_table_info($1) ORDER BY cid" };
const COLUMNS_POSTGRES: Statement = Statement {
    name: "COLUMNS",
    sql: "SELECT a.attname::text, format_type(a.atttypid, NULL),
              coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0)::bigint
          FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
          WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
          ORDER BY a.attnum",
};
/// Parameters in one INSERT; both engines take many times as many.
const PARAMETERS: usize = 4000;
/// Rows in one INSERT. More gain nothing.
const ROWS: usize = 64;

/// The types of columns that a backup knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    Text,
    Bytes,
    Uuid,
}

const KINDS: [(Kind, &str); 5] = [
    (Kind::Bool, "boolean"),
    (Kind::Int, "bigint"),
    (Kind::Text, "text"),
    (Kind::Bytes, "bytea"),
    (Kind::Uuid, "uuid"),
];

impl Kind {
    fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    fn parse(text: &str) -> Option<Kind> {
        KINDS.iter().find(|(_, name)| *name == text).map(|(kind, _)| *kind)
    }

    /// Appends the value as JSON; the same bytes whichever engine it came from.
    fn write(self, value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<(), String> {
        match (self, value) {
            (_, ValueRef::Null) => out.extend(b"null"),
            (Kind::Bool, value) => out.extend(bool::from_column(value)?.to_string().bytes()),
            (Kind::Int, value) => out.extend(i64::from_column(value)?.to_string().bytes()),
            (Kind::Text, ValueRef::Text(text)) => quote(text, out),
            (Kind::Bytes, ValueRef::Bytes(bytes)) => quote(&hex(bytes), out),
            (Kind::Uuid, value) => quote(&Uuid::from_column(value)?.to_string(), out),
            (kind, _) => return Err(format!("does not hold {}", kind.name())),
        }
        Ok(())
    }

    fn read(self, cell: serde_json::Value) -> Option<Value> {
        match (self, cell) {
            (_, serde_json::Value::Null) => Some(Value::Null),
            (Kind::Bool, serde_json::Value::Bool(flag)) => Some(Value::Bool(flag)),
            (Kind::Int, serde_json::Value::Number(n)) => n.as_i64().map(Value::Int),
            (Kind::Text, serde_json::Value::String(text)) => Some(Value::Text(text)),
            (Kind::Bytes, serde_json::Value::String(text)) => from_hex(&text).map(Value::Bytes),
            (Kind::Uuid, serde_json::Value::String(text)) => Uuid::parse_str(&text).ok().map(Value::Uuid),
            _ => None,
        }
    }
}

/// Appends text as a JSON string.
pub(super) fn quote(text: &str, out: &mut Vec<u8>) {
    out.extend(serde_json::Value::from(text).to_string().bytes());
}

/// A table's name and columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    columns: Vec<(String, Kind)>,
}

/// A table in a database: it has an order too.
pub(super) struct Stored {
    pub(super) table: Table,
    /// Columns of the primary key, in its order.
    key: Vec<(String, Kind)>,
}

impl Table {
    /// `{"table":"accounts","columns":[["id","uuid"],["name","text"]]}`
    pub(super) fn line(&self) -> Vec<u8> {
        let columns: Vec<_> = self.columns.iter().map(|(name, kind)| serde_json::json!([name, kind.name()])).collect();
        let mut line = br#"{"table":"#.to_vec();
        quote(&self.name, &mut line);
        line.extend(br#","columns":"#);
        line.extend(serde_json::Value::from(columns).to_string().bytes());
        line.extend(b"}\n");
        line
    }

    pub(super) fn parse(line: &[u8]) -> Option<Table> {
        let value: serde_json::Value = serde_json::from_slice(line).ok()?;
        let name = value.get("table")?.as_str()?.to_owned();
        let columns = value.get("columns")?.as_array()?.iter().map(|column| {
            let [name, kind] = column.as_array()?.as_slice() else { return None };
            Some((name.as_str()?.to_owned(), Kind::parse(kind.as_str()?)?))
        });
        Some(Table { name, columns: columns.collect::<Option<_>>()? })
    }

    /// The values in a row's line.
    pub(super) fn row(&self, line: &[u8]) -> Result<Vec<Value>, String> {
        let cells: Vec<serde_json::Value> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if cells.len() != self.columns.len() {
            return Err(format!("{} values for {} columns", cells.len(), self.columns.len()));
        }
        let pairs = self.columns.iter().zip(cells);
        pairs
            .map(|((name, kind), cell)| kind.read(cell).ok_or(format!("column {name} is not {}", kind.name())))
            .collect()
    }

    /// How many rows one INSERT takes.
    pub(super) fn rows_at_once(&self) -> usize {
        (PARAMETERS / self.columns.len().max(1)).clamp(1, ROWS)
    }

    pub(super) fn insert(&self, rows: usize) -> Statement {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let tuple = |row: usize| {
            let marks: Vec<_> = (1..=names.len()).map(|column| format!("${}", row * names.len() + column)).collect();
            format!("({})", marks.join(", "))
        };
        let tuples: Vec<_> = (0..rows).map(tuple).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES {}", self.name, names.join(", "), tuples.join(", "));
        statement("RESTORE", sql)
    }

    pub(super) fn any(&self) -> Statement {
        statement("ANY", format!("SELECT 1 FROM {} LIMIT 1", self.name))
    }
}

impl Stored {
    /// Looks a table up in the engine's catalogue.
    pub(super) fn find(tx: &mut dyn Tx, name: &str) -> Result<Stored, DumpError> {
        let unfit = |reason: String| DumpError::Table { table: name.to_owned(), reason };
        if !is_plain(name) {
            return Err(unfit("is not a plain name".into()));
        }
        let columns = match tx.engine() {
            Engine::Sqlite => COLUMNS_SQLITE,
            Engine::Postgres => COLUMNS_POSTGRES,
        };
        let described = tx.all::<(String, String, i64)>(columns, &[name.into()])?;
        if described.is_empty() {
            return Err(unfit("does not exist".into()));
        }
        let mut columns = Vec::new();
        let mut key = Vec::new();
        for (column, kind, place) in described {
            let kind = Kind::parse(&kind).ok_or_else(|| unfit(format!("column {column} has type {kind}")))?;
            if !is_plain(&column) {
                return Err(unfit(format!("column {column} has no plain name")));
            }
            if place > 0 {
                key.push((place, column.clone(), kind));
            }
            columns.push((column, kind));
        }
        if key.is_empty() {
            return Err(unfit("has no primary key".into()));
        }
        key.sort_by_key(|(place, ..)| *place);
        let key = key.into_iter().map(|(_, column, kind)| (column, kind)).collect();
        Ok(Stored { table: Table { name: name.to_owned(), columns }, key })
    }

    /// All rows in the order of the primary key, text in byte order: the same sequence on both engines.
    fn select(&self) -> Statement {
        let names: Vec<_> = self.table.columns.iter().map(|(name, _)| name.as_str()).collect();
        let order = self.key.iter().map(|(name, kind)| match kind {
            Kind::Text => format!("{name} COLLATE \"C\""),
            _ => name.clone(),
        });
        let order: Vec<_> = order.collect();
        statement("DUMP", format!("SELECT {} FROM {} ORDER BY {}", names.join(", "), self.table.name, order.join(", ")))
    }

    /// Hands the table's line and those of all its rows to `out`, and gives the digest over them.
    pub(super) fn write(&self, tx: &mut dyn Tx, out: &mut dyn Write) -> Result<TableDigest, DumpError> {
        let mut lines = Lines { table: &self.table, hash: Hash::default(), rows: 0, buffer: self.table.line() };
        lines.flush(out)?;
        let mut trouble = None;
        let read = tx.query(self.select(), &[], &mut |row| {
            trouble = lines.add(row, out).err();
            Ok(trouble.is_none())
        });
        match trouble {
            Some(error) => Err(error),
            None => read.map(|()| lines.finish()).map_err(DumpError::from),
        }
    }
}

struct Lines<'a> {
    table: &'a Table,
    hash: Hash,
    rows: u64,
    buffer: Vec<u8>,
}

impl Lines<'_> {
    fn add(&mut self, row: &dyn Row, out: &mut dyn Write) -> Result<(), DumpError> {
        let mut mark = b'[';
        for (at, (name, kind)) in self.table.columns.iter().enumerate() {
            self.buffer.push(mark);
            mark = b',';
            kind.write(row.value(at)?, &mut self.buffer).map_err(|reason| DumpError::Table {
                table: self.table.name.clone(),
                reason: format!("row {}, column {name}: {reason}", self.rows + 1),
            })?;
        }
        self.buffer.extend(b"]\n");
        self.rows += 1;
        self.flush(out)
    }

    fn flush(&mut self, out: &mut dyn Write) -> Result<(), DumpError> {
        self.hash.add(&self.buffer);
        out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(self) -> TableDigest {
        TableDigest { table: self.table.name.clone(), rows: self.rows, sha256: self.hash.hex() }
    }
}

/// Names that go into SQL as they are.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A statement made at run time. There are a few for each table, kept for the life of the program, as the
/// engines know statements by where their text lies.
pub(super) fn statement(name: &'static str, sql: String) -> Statement {
    static TEXTS: OnceLock<Mutex<HashMap<String, &'static str>>> = OnceLock::new();
    let texts = TEXTS.get_or_init(Mutex::default);
    let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
    let sql = *texts.entry(sql).or_insert_with_key(|sql| Box::leak(sql.clone().into_boxed_str()));
    Statement { name, sql }
}

/// Is there any row? `None` when there is not.
pub(super) fn first(tx: &mut dyn Tx, table: &Table) -> Result<Option<(i64,)>, StoreError> {
    tx.opt(table.any(), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: Kind, value: ValueRef<'_>) -> String {
        let mut out = Vec::new();
        kind.write(value, &mut out).expect("it fits");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn both_engines_values_give_the_same_line() {
        let id = Uuid::from_u128(7);
        assert_eq!(written(Kind::Uuid, ValueRef::Uuid(id)), written(Kind::Uuid, ValueRef::Bytes(id.as_bytes())));
        assert_eq!(written(Kind::Bool, ValueRef::Bool(true)), written(Kind::Bool, ValueRef::Int(1)));
    }

    #[test]
    fn every_kind_of_value_comes_back() {
        let table = Table {
            name: "t".into(),
            columns: vec![
                ("a".into(), Kind::Bool),
                ("b".into(), Kind::Int),
                ("c".into(), Kind::Text),
                ("d".into(), Kind::Bytes),
                ("e".into(), Kind::Uuid),
                ("f".into(), Kind::Text),
            ],
        };
        let line =
            br#"[true,-9223372036854775808,"a\"\u0001\n\u00e4","00ff","00000000-0000-0000-0000-000000000007",null]"#;
        let expected = vec![
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Text("a\"\u{1}\nä".into()),
            Value::Bytes(vec![0, 255]),
            Value::Uuid(Uuid::from_u128(7)),
            Value::Null,
        ];
        assert_eq!(table.row(line), Ok(expected));
        assert!(table.row(b"[true]").is_err());
        assert!(table.row(br#"[1,1,"","","",null]"#).is_err());
        assert_eq!(Table::parse(&table.line()), Some(table));
    }

    #[test]
    fn only_plain_names_go_into_statements() {
        assert!(is_plain("accounts") && is_plain("_a1"));
        for name in ["", "1a", "Accounts", "a b", "a\"b", "a;b", "ä"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
