//! Reading a backup line by line, and knowing at its end that every byte is what was written.

use super::table::{Table, quote};
use super::{DumpError, FORMAT, Meta, Summary, TableDigest};
use crate::digest::Hash;
use std::io::{BufRead, Read};

/// Longest line: far more than any row, far less than memory.
const LINE_BYTES: u64 = 256 << 20;

/// `{"backup":1,"schema":12,"meta":{…}}`
pub(super) fn header_line(schema: u32, meta: &Meta) -> Vec<u8> {
    let meta = serde_json::Value::from_iter(meta.iter().map(|(key, value)| (key.clone(), value.clone())));
    format!("{{\"backup\":{FORMAT},\"schema\":{schema},\"meta\":{meta}}}\n").into_bytes()
}

/// The last line: what each table must come to, and the whole.
pub(super) fn closing_line(tables: &[TableDigest], sha256: &str) -> Vec<u8> {
    let mut line = br#"{"tables":["#.to_vec();
    for (at, table) in tables.iter().enumerate() {
        line.extend(if at == 0 { "" } else { "," }.bytes());
        line.extend(br#"{"table":"#);
        quote(&table.table, &mut line);
        line.extend(format!(",\"rows\":{},\"sha256\":\"{}\"}}", table.rows, table.sha256).bytes());
    }
    line.extend(format!("],\"sha256\":\"{sha256}\"}}\n").bytes());
    line
}

/// What comes next in a backup.
pub(super) enum Item {
    Table(Table),
    /// A row of the table before it; [`Reader::line`] has it.
    Row,
    /// The end; everything was verified.
    End(Summary),
}

pub(super) struct Reader<'a> {
    input: &'a mut dyn BufRead,
    line: Vec<u8>,
    number: u64,
    whole: Hash,
    schema: u32,
    meta: Meta,
    done: Vec<TableDigest>,
    table: Option<(TableDigest, Hash)>,
}

impl<'a> Reader<'a> {
    /// Reads the first line.
    pub(super) fn new(input: &'a mut dyn BufRead) -> Result<Self, DumpError> {
        let mut reader = Reader {
            input,
            line: Vec::new(),
            number: 0,
            whole: Hash::default(),
            schema: 0,
            meta: Meta::new(),
            done: Vec::new(),
            table: None,
        };
        reader.advance()?;
        reader.header()?;
        reader.whole.add(&reader.line);
        Ok(reader)
    }

    /// The schema's number in the first line.
    pub(super) fn schema(&self) -> u32 {
        self.schema
    }

    /// The line that was read last.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    pub(super) fn next(&mut self) -> Result<Item, DumpError> {
        self.advance()?;
        if self.line.starts_with(br#"{"tables":"#) {
            return self.close().map(Item::End);
        }
        self.whole.add(&self.line);
        if self.line.starts_with(b"{") {
            let table = Table::parse(&self.line).ok_or_else(|| self.damaged("not the beginning of a table"))?;
            self.finish_table();
            let digest = TableDigest { table: table.name.clone(), rows: 0, sha256: String::new() };
            let mut hash = Hash::default();
            hash.add(&self.line);
            self.table = Some((digest, hash));
            return Ok(Item::Table(table));
        }
        let Some((digest, hash)) = &mut self.table else {
            return Err(self.damaged("a row outside of a table"));
        };
        digest.rows += 1;
        hash.add(&self.line);
        Ok(Item::Row)
    }

    /// An error about the line that was read last.
    pub(super) fn damaged(&self, reason: impl Into<String>) -> DumpError {
        DumpError::Damaged { line: self.number, reason: reason.into() }
    }

    fn advance(&mut self) -> Result<(), DumpError> {
        self.line.clear();
        (&mut *self.input).take(LINE_BYTES).read_until(b'\n', &mut self.line)?;
        if self.line.last() != Some(&b'\n') {
            let too_long = self.line.len() as u64 == LINE_BYTES;
            return Err(if too_long { self.damaged("too long") } else { DumpError::CutOff { line: self.number } });
        }
        self.number += 1;
        Ok(())
    }

    fn header(&mut self) -> Result<(), DumpError> {
        let not_ours = || self.damaged("this is not a backup");
        let header: serde_json::Value = serde_json::from_slice(&self.line).map_err(|_| not_ours())?;
        let number = |name: &str| header.get(name).and_then(serde_json::Value::as_u64).ok_or_else(not_ours);
        let found = number("backup")?;
        if found != FORMAT {
            return Err(DumpError::Format { found, known: FORMAT });
        }
        let schema = u32::try_from(number("schema")?).map_err(|_| not_ours())?;
        let meta = header.get("meta").and_then(serde_json::Value::as_object).ok_or_else(not_ours)?;
        let meta = meta.iter().map(|(key, value)| value.as_str().map(|value| (key.clone(), value.to_owned())));
        let meta = meta.collect::<Option<Meta>>().ok_or_else(not_ours)?;
        (self.schema, self.meta) = (schema, meta);
        Ok(())
    }

    fn finish_table(&mut self) {
        if let Some((mut digest, hash)) = self.table.take() {
            digest.sha256 = hash.hex();
            self.done.push(digest);
        }
    }

    fn close(&mut self) -> Result<Summary, DumpError> {
        self.finish_table();
        let sha256 = self.whole.clone().hex();
        if self.line != closing_line(&self.done, &sha256) {
            return Err(self.damaged(self.difference()));
        }
        if !self.input.fill_buf()?.is_empty() {
            return Err(self.damaged("something follows the last line"));
        }
        let tables = std::mem::take(&mut self.done);
        Ok(Summary { schema: self.schema, meta: std::mem::take(&mut self.meta), tables, sha256 })
    }

    /// Where the last line and what was read differ, as near as can be told.
    fn difference(&self) -> String {
        let closing: Option<serde_json::Value> = serde_json::from_slice(&self.line).ok();
        let told = closing.as_ref().and_then(|closing| closing.get("tables")?.as_array());
        let Some(told) = told else { return "the last line is not readable".into() };
        for (at, read) in self.done.iter().enumerate() {
            let same = told.get(at).is_some_and(|told| {
                told.get("table").and_then(|name| name.as_str()) == Some(&read.table)
                    && told.get("rows").and_then(serde_json::Value::as_u64) == Some(read.rows)
                    && told.get("sha256").and_then(|digest| digest.as_str()) == Some(&read.sha256)
            });
            if !same {
                return format!("the digest of table {} does not match: it, or this line, was changed", read.table);
            }
        }
        "the digest of the whole does not match: this or another line was changed".into()
    }
}
