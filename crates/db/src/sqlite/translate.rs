//! From PostgreSQL's words to SQLite's: parameters, row locks, byte-order collation.

use crate::Statement;
use std::collections::HashMap;

/// Translations made so far. Statements are constants, so where the text lies identifies it.
#[derive(Default)]
pub(crate) struct Translations(HashMap<(usize, usize), Box<str>>);

impl Translations {
    pub(crate) fn of(&mut self, statement: Statement) -> &str {
        let key = (statement.sql.as_ptr() as usize, statement.sql.len());
        self.0.entry(key).or_insert_with(|| translate(statement.sql).into_boxed_str())
    }
}

/// `$1` becomes `?1`; row locks fall away (the one writer is the lock) and so does `COLLATE "C"` (SQLite's own order).
/// Literals, quoted names and comments stay as they are.
pub(crate) fn translate(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    let mut in_word = false;
    while let Some(first) = rest.chars().next() {
        let verbatim = verbatim_len(rest);
        let dropped = if in_word || verbatim > 0 { 0 } else { dropped_len(rest) };
        if verbatim > 0 {
            out.push_str(&rest[..verbatim]);
            rest = &rest[verbatim..];
            in_word = false;
        } else if dropped > 0 {
            out.truncate(out.trim_end().len());
            rest = &rest[dropped..];
        } else {
            let parameter = first == '$' && rest[1..].starts_with(|c: char| c.is_ascii_digit());
            out.push(if parameter { '?' } else { first });
            in_word = first.is_alphanumeric() || first == '_';
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// Length of the literal, quoted name or comment that `text` starts with; 0 when it starts with none.
fn verbatim_len(text: &str) -> usize {
    let end_after = |from: usize, mark: &str| text[from..].find(mark).map_or(text.len(), |at| from + at + mark.len());
    if text.starts_with('\'') {
        end_after(1, "'")
    } else if text.starts_with('"') {
        end_after(1, "\"")
    } else if text.starts_with("--") {
        end_after(2, "\n")
    } else if text.starts_with("/*") {
        end_after(2, "*/")
    } else {
        0
    }
}

/// Length of the clause SQLite has no use for that `text` starts with; 0 when it starts with none.
fn dropped_len(text: &str) -> usize {
    row_lock(text).or_else(|| collation(text)).map_or(0, |rest| text.len() - rest.len())
}

fn collation(text: &str) -> Option<&str> {
    let rest = word(text, "COLLATE")?;
    rest.trim_start().strip_prefix("\"C\"")
}

fn row_lock(text: &str) -> Option<&str> {
    let rest = word(text, "FOR")?;
    let mut rest = words(rest, &["NO", "KEY", "UPDATE"])
        .or_else(|| words(rest, &["UPDATE"]))
        .or_else(|| words(rest, &["KEY", "SHARE"]))
        .or_else(|| words(rest, &["SHARE"]))?;
    if let Some(names) = words(rest, &["OF"]) {
        rest = name_list(names);
    }
    Some(words(rest, &["SKIP", "LOCKED"]).or_else(|| words(rest, &["NOWAIT"])).unwrap_or(rest))
}

fn words<'a>(text: &'a str, list: &[&str]) -> Option<&'a str> {
    list.iter().try_fold(text, |rest, next| word(rest.trim_start(), next))
}

fn word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    let whole = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    (whole && head.eq_ignore_ascii_case(word)).then_some(rest)
}

/// What follows `a, b, c`.
fn name_list(text: &str) -> &str {
    let rest = text.trim_start().trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    match rest.trim_start().strip_prefix(',') {
        Some(more) => name_list(more),
        None => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn parameters_get_sqlites_sign() {
        assert_eq!(translate("SELECT $1, $12 WHERE a=$2"), "SELECT ?1, ?12 WHERE a=?2");
    }

    #[test]
    fn row_locks_fall_away_in_every_form() {
        for lock in [
            " FOR UPDATE",
            " for update",
            "\n  FOR UPDATE SKIP LOCKED",
            " FOR UPDATE OF a, b",
            " FOR NO KEY UPDATE NOWAIT",
            " FOR SHARE",
            " FOR KEY SHARE",
        ] {
            assert_eq!(translate(&format!("SELECT a FROM t{lock}")), "SELECT a FROM t", "{lock}");
        }
    }

    #[test]
    fn a_row_lock_in_a_subquery_falls_away_too() {
        let sql = "UPDATE t SET a = 1 WHERE id IN (SELECT id FROM t LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING id";
        let expected = "UPDATE t SET a = 1 WHERE id IN (SELECT id FROM t LIMIT ?1) RETURNING id";
        assert_eq!(translate(sql), expected);
    }

    #[test]
    fn byte_order_needs_no_name() {
        assert_eq!(translate("SELECT a FROM t ORDER BY a COLLATE \"C\", b"), "SELECT a FROM t ORDER BY a, b");
    }

    #[test]
    fn literals_names_and_comments_stay() {
        for sql in [
            "SELECT ' FOR UPDATE $1 '",
            "SELECT 'it''s $1'",
            "SELECT \"$1\"",
            "SELECT 1 -- $1 FOR UPDATE",
            "SELECT /* $1 */ 1",
            "SELECT before_for FROM t",
            "SELECT a FROM before_updates",
            "SELECT a COLLATE \"other\"",
            "SELECT 'ünïcode'",
            "SELECT 'open",
        ] {
            assert_eq!(translate(sql), sql);
        }
    }
}
