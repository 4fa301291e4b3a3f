//! Loading a backup: everything, or nothing.

use super::read::{Item, Reader};
use super::table::{Stored, Table, first, statement};
use super::{DumpError, Summary};
use crate::{Engine, Statement, Tx, Value, migrate};

/// Rows of one table may refer to rows further down: SQLite looks at the end of the transaction.
const DEFER_SQLITE: Statement = Statement { name: "DEFER", sql: "PRAGMA defer_foreign_keys = ON" };
/// PostgreSQL looks at once, unless the rule is taken away for so long.
const REFERENCES: Statement = Statement {
    name: "REFERENCES",
    sql: "SELECT quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
          WHERE contype = 'f' AND conrelid = to_regclass($1) ORDER BY conname",
};

pub(super) fn load(tx: &mut dyn Tx, reader: &mut Reader<'_>, tables: &[&str]) -> Result<Summary, DumpError> {
    let wanted = migrate::schema(tx)?.ok_or(DumpError::NoSchema)?;
    if reader.schema() != wanted {
        return Err(DumpError::Schema { found: reader.schema(), wanted });
    }
    let tables = tables.iter().map(|name| Stored::find(tx, name)).collect::<Result<Vec<_>, _>>()?;
    lock(tx, &tables)?;
    for stored in &tables {
        if first(tx, &stored.table)?.is_some() {
            return Err(DumpError::NotEmpty { table: stored.table.name.clone() });
        }
    }
    let references = set_references_aside(tx, &tables)?;
    let summary = fill(tx, reader, &tables)?;
    for put_back in references {
        tx.execute(put_back, &[])?;
    }
    compare(tx, &tables, &summary)?;
    Ok(summary)
}

/// Nobody adds a row between our look at an empty table and the end.
fn lock(tx: &mut dyn Tx, tables: &[Stored]) -> Result<(), DumpError> {
    if tx.engine() == Engine::Postgres && !tables.is_empty() {
        let names: Vec<_> = tables.iter().map(|stored| stored.table.name.as_str()).collect();
        tx.execute(statement("LOCK", format!("LOCK TABLE {} IN EXCLUSIVE MODE", names.join(", "))), &[])?;
    }
    Ok(())
}

/// Takes foreign keys away until all rows are there; gives the statements that put each one back.
fn set_references_aside(tx: &mut dyn Tx, tables: &[Stored]) -> Result<Vec<Statement>, DumpError> {
    let mut aside = Vec::new();
    if tx.engine() == Engine::Sqlite {
        tx.execute(DEFER_SQLITE, &[])?;
        return Ok(aside);
    }
    for stored in tables {
        let table = &stored.table.name;
        for (name, definition) in tx.all::<(String, String)>(REFERENCES, &[table.into()])? {
            tx.execute(statement("SET_ASIDE", format!("ALTER TABLE {table} DROP CONSTRAINT {name}")), &[])?;
            let put_back = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}");
            aside.push(statement("PUT_BACK", put_back));
        }
    }
    Ok(aside)
}

fn fill(tx: &mut dyn Tx, reader: &mut Reader<'_>, tables: &[Stored]) -> Result<Summary, DumpError> {
    let mut expected = tables.iter();
    let mut current: Option<Rows<'_>> = None;
    loop {
        match reader.next()? {
            Item::Row => {
                // The reader gives no row before a table.
                let Some(rows) = &mut current else { continue };
                let values = rows.table.row(reader.line()).map_err(|reason| reader.damaged(reason))?;
                rows.add(tx, values)?;
            }
            Item::Table(found) => {
                finish(tx, current.take())?;
                let next = expected.next().map(|stored| &stored.table).filter(|table| **table == found);
                let table = next.ok_or_else(|| reader.damaged(format!("table {} is not as here", found.name)))?;
                current = Some(Rows::new(table));
            }
            Item::End(summary) => {
                finish(tx, current.take())?;
                if let Some(missing) = expected.next() {
                    return Err(reader.damaged(format!("table {} is missing", missing.table.name)));
                }
                return Ok(summary);
            }
        }
    }
}

fn finish(tx: &mut dyn Tx, rows: Option<Rows<'_>>) -> Result<(), DumpError> {
    rows.map_or(Ok(()), |rows| rows.finish(tx))
}

/// Rows on their way into a table, some at a time.
struct Rows<'a> {
    table: &'a Table,
    many: usize,
    insert_many: Statement,
    waiting: Vec<Value>,
    width: usize,
}

impl<'a> Rows<'a> {
    fn new(table: &'a Table) -> Self {
        let many = table.rows_at_once();
        Rows { table, many, insert_many: table.insert(many), waiting: Vec::new(), width: 0 }
    }

    fn add(&mut self, tx: &mut dyn Tx, values: Vec<Value>) -> Result<(), DumpError> {
        self.width = values.len();
        self.waiting.extend(values);
        if self.waiting.len() == self.many * self.width {
            tx.execute(self.insert_many, &self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }

    fn finish(self, tx: &mut dyn Tx) -> Result<(), DumpError> {
        let insert_one = self.table.insert(1);
        for row in self.waiting.chunks(self.width.max(1)) {
            tx.execute(insert_one, row)?;
        }
        Ok(())
    }
}

/// What is in storage now must be what the backup told.
fn compare(tx: &mut dyn Tx, tables: &[Stored], summary: &Summary) -> Result<(), DumpError> {
    for (stored, told) in tables.iter().zip(&summary.tables) {
        if stored.write(tx, &mut std::io::sink())? != *told {
            let reason = "holds something else than the backup after loading it".to_owned();
            return Err(DumpError::Table { table: told.table.clone(), reason });
        }
    }
    Ok(())
}
