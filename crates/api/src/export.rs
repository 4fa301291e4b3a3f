//! Answers that come as one stream of lines: tables for spreadsheets, JSON for programs.

use crate::call::Head;
use crate::problem::Problem;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, header};
use lessor_core::{App, Caller, Context, Error, Tx};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReportFormat {
    /// A page of rows.
    #[default]
    Json,
    /// All of it, a line each, as a table.
    Csv,
    /// All of it, a line each, as JSON.
    Ndjson,
}

/// A row of a stream.
pub(crate) trait Line: Serialize {
    /// The first line of the table, with its line break.
    const HEAD: &'static str;

    /// The fields of the row, in the order of the head.
    fn fields(&self) -> Vec<Field<'_>>;
}

/// A field of a table.
pub(crate) enum Field<'a> {
    /// What people wrote, or may have written: nothing that a spreadsheet would run.
    Text(&'a str),
    /// A number, a day or a word of ours.
    Plain(String),
}

impl<'a> Field<'a> {
    /// A text that may not be there.
    pub fn some(text: Option<&'a str>) -> Self {
        Field::Text(text.unwrap_or_default())
    }
}

/// Adds a row to lines that are being written.
pub(crate) fn write_line<L: Line>(lines: &mut String, format: ReportFormat, line: &L) {
    if format != ReportFormat::Csv {
        // A line has text keys alone, so that it always prints.
        lines.push_str(&serde_json::to_string(line).unwrap_or_default());
        lines.push('\n');
        return;
    }
    for (at, field) in line.fields().into_iter().enumerate() {
        if at > 0 {
            lines.push(',');
        }
        match field {
            Field::Text(text) => write_text(lines, text),
            Field::Plain(text) => lines.push_str(&text),
        }
    }
    lines.push_str("\r\n");
}

/// A text as a field of a table. Spreadsheets take what begins so for a formula, and run it.
fn write_text(line: &mut String, text: &str) {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let quoted = formula || text.contains([',', '"', '\r', '\n', ';', '\t']) || text.starts_with(' ');
    if quoted {
        line.push('"');
    }
    if formula {
        line.push('\'');
    }
    line.push_str(&if quoted { text.replace('"', "\"\"") } else { text.to_owned() });
    if quoted {
        line.push('"');
    }
}

/// A stream that is being sent: where it goes on, and how it is read from there.
struct Sending<P, F> {
    app: App,
    caller: Caller,
    next: Option<P>,
    read: Arc<F>,
}

impl<P, F> Sending<P, F>
where
    P: Clone + Send + Sync + 'static,
    F: Fn(&mut dyn Tx, &Context<'_>, &P) -> Result<(String, Option<P>), Error> + Send + Sync + 'static,
{
    async fn lines(&mut self, place: P) -> Result<Bytes, Error> {
        let read = Arc::clone(&self.read);
        let (lines, next) = self.app.read(&self.caller, move |tx, cx| read(tx, cx, &place)).await?;
        self.next = next;
        Ok(lines.into())
    }
}

/// Answers with the rows that `read` gives, some at a time: from a place on, it gives lines and the place behind them, or none
/// at the end.
pub(crate) async fn streamed<L, P, F>(
    head: &Head,
    caller: Caller,
    format: ReportFormat,
    start: P,
    read: F,
) -> Result<Response, Problem>
where
    L: Line,
    P: Clone + Send + Sync + 'static,
    F: Fn(&mut dyn Tx, &Context<'_>, &P) -> Result<(String, Option<P>), Error> + Send + Sync + 'static,
{
    let mut sending = Sending { app: head.app.clone(), caller, next: None, read: Arc::new(read) };
    // What is refused is refused before anything is sent.
    let first = sending.lines(start).await.map_err(|error| head.core_problem(&error))?;
    let (kind, head_line) = match format {
        ReportFormat::Csv => ("text/csv; charset=utf-8; header=present", L::HEAD),
        ReportFormat::Json | ReportFormat::Ndjson => ("application/x-ndjson", ""),
    };
    let begin = [Bytes::from_static(head_line.as_bytes()), first].into_iter().map(Ok);
    let rest = stream::unfold(sending, |mut sending| async move {
        let place = sending.next.take()?;
        let lines = sending.lines(place).await.inspect_err(|error| tracing::warn!(%error, "a report broke off"));
        Some((lines, sending))
    });
    let mut response = Response::new(Body::from_stream(stream::iter(begin).chain(rest)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Sale {
        name: &'static str,
        count: i64,
    }

    impl Line for Sale {
        const HEAD: &'static str = "name,count\r\n";

        fn fields(&self) -> Vec<Field<'_>> {
            vec![Field::Text(self.name), Field::Plain(self.count.to_string())]
        }
    }

    fn written(format: ReportFormat, name: &'static str) -> String {
        let mut lines = String::new();
        write_line(&mut lines, format, &Sale { name, count: -1 });
        lines
    }

    #[test]
    fn a_text_of_a_table_is_neither_a_formula_nor_two_fields() {
        let field = |text| written(ReportFormat::Csv, text).replace(",-1\r\n", "");
        assert_eq!(field("Fabrikam"), "Fabrikam");
        assert_eq!(field("Fabrikam, Ltd"), "\"Fabrikam, Ltd\"");
        assert_eq!(field("the \"best\""), "\"the \"\"best\"\"\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            assert_eq!(field(formula), format!("\"'{formula}\""));
        }
    }

    #[test]
    fn lines_for_programs_keep_what_people_wrote() {
        assert_eq!(written(ReportFormat::Ndjson, "=1+1"), "{\"name\":\"=1+1\",\"count\":-1}\n");
    }
}
