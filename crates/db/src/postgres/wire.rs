//! The conversation with the server. Steps are gathered and sent together; the answers are read once, in order.
//!
//! One `Sync` ends what is sent together. When a step fails, the server passes over everything up to there, a COMMIT
//! included: what comes after a failure never happens.

use super::fault::{Fault, Said};
use super::stream::Transport;
use super::value;
use crate::Value;
use bytes::BytesMut;
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend::{self, BindError};
use std::io::{self, Read, Write};
use tokio_postgres::fallible_iterator::FallibleIterator;
use tokio_postgres::types::{Kind, Oid, Type};

/// Bytes asked of the socket at once.
const PIECE: usize = 8 << 10;
/// A buffer that had to grow beyond this is not kept.
const LARGEST: usize = 1 << 20;
/// Steps, and bytes, that are gathered at most. The answers to so many fit into the system's buffers, so that the
/// server never waits for us to read while we wait for it to.
const STEPS: usize = 64;
const BYTES: usize = 64 << 10;
/// In the protocol's words: binary.
const BINARY: i16 = 1;

pub(crate) struct Wire {
    transport: Transport,
    out: BytesMut,
    input: BytesMut,
    /// What `out` holds.
    steps: Vec<Step>,
    /// The answer to a ROLLBACK was not read yet.
    owed: bool,
    /// The server warned of something in the present step.
    warned: bool,
    broken: bool,
}

/// One thing asked of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// The statement's name, for messages.
    pub(crate) name: &'static str,
    describes: bool,
}

/// How the server names a statement, and what it takes and gives.
pub(crate) struct Prepared {
    name: String,
    pub(crate) parameters: Vec<Type>,
    pub(crate) columns: Vec<Type>,
}

/// What came of the last of the steps that were sent together.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Rows it touched, or gave.
    pub(crate) rows: u64,
    /// The server's word for what it did.
    pub(crate) tag: String,
    /// It warned of something.
    pub(crate) warned: bool,
    parameters: Vec<Type>,
    columns: Vec<Type>,
}

/// A step failed, and everything behind it did not happen, unless the way broke.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) step: Step,
    /// It was the last of those sent together.
    pub(crate) last: bool,
    pub(crate) fault: Fault,
}

impl Wire {
    pub(crate) fn new(transport: Transport) -> Wire {
        let (out, input) = (BytesMut::with_capacity(PIECE), BytesMut::with_capacity(PIECE));
        Wire { transport, out, input, steps: Vec::new(), owed: false, warned: false, broken: false }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// How many steps are gathered.
    pub(crate) fn gathered(&self) -> usize {
        self.steps.len()
    }

    /// Whether so much is gathered that it should be sent.
    pub(crate) fn is_full(&self) -> bool {
        self.steps.len() >= STEPS || self.out.len() >= BYTES
    }

    /// Has plain statements run, and gives the first column of the last row. For setting a session up.
    pub(crate) fn run_text(&mut self, sql: &str) -> Result<Option<String>, Fault> {
        frontend::query(sql, &mut self.out)?;
        self.send()?;
        let mut found = None;
        loop {
            match self.message()? {
                Message::DataRow(row) => found = first_text(&row)?,
                Message::ErrorResponse(body) => {
                    self.broken = true;
                    return Err(Said::read(body.fields())?.into());
                }
                Message::ReadyForQuery(_) => return Ok(found),
                _ => {}
            }
        }
    }

    /// Names a statement that takes nothing, so that later [`control`](Self::control) needs only the name.
    pub(crate) fn name(&mut self, name: &'static str, sql: &str) -> Result<(), Fault> {
        frontend::parse(name, sql, [], &mut self.out)?;
        frontend::describe(b'S', name, &mut self.out)?;
        self.steps.push(Step { name, describes: true });
        Ok(())
    }

    /// Gathers a statement that was named.
    pub(crate) fn control(&mut self, name: &'static str) {
        let bound = bind(name, &[], &[], &mut self.out);
        // Only texts of gigabytes do not fit, and these are words.
        debug_assert!(bound.is_ok());
        self.steps.push(Step { name, describes: false });
    }

    /// Gathers a statement with its parameters; says what is wrong with them.
    pub(crate) fn step(&mut self, name: &'static str, prepared: &Prepared, params: &[Value]) -> Result<(), String> {
        let before = self.out.len();
        let bound = bind(&prepared.name, &prepared.parameters, params, &mut self.out);
        if let Err(error) = bound {
            self.out.truncate(before);
            return Err(error);
        }
        self.steps.push(Step { name, describes: false });
        Ok(())
    }

    /// Has the server read a statement, after all that was gathered. `label` is how the server is to name it.
    pub(crate) fn prepare(&mut self, name: &'static str, sql: &str, label: String) -> Result<Prepared, Failed> {
        let step = Step { name, describes: true };
        let lost = |error: io::Error| Failed { step, last: true, fault: error.into() };
        frontend::parse(&label, sql, [], &mut self.out).map_err(lost)?;
        frontend::describe(b'S', &label, &mut self.out).map_err(lost)?;
        self.steps.push(step);
        let told = self.exchange(&mut |_| {})?;
        Ok(Prepared { name: label, parameters: told.parameters, columns: told.columns })
    }

    /// Sends what was gathered and reads the answers. `each` gets the rows of the last step.
    pub(crate) fn exchange(&mut self, each: &mut dyn FnMut(&DataRowBody)) -> Result<Told, Failed> {
        if self.steps.is_empty() {
            return Ok(Told::default());
        }
        frontend::sync(&mut self.out);
        let steps = std::mem::take(&mut self.steps);
        let mut at = 0;
        let outcome = self.converse(&steps, &mut at, each);
        let (step, last) = (steps[at], at + 1 == steps.len());
        self.steps = steps;
        self.steps.clear();
        outcome.map_err(|fault| Failed { step, last, fault })
    }

    fn converse(&mut self, steps: &[Step], at: &mut usize, each: &mut dyn FnMut(&DataRowBody)) -> Result<Told, Fault> {
        self.send()?;
        if std::mem::take(&mut self.owed) {
            self.skip_to_ready()?;
        }
        let mut told = Told::default();
        for (number, step) in steps.iter().enumerate() {
            *at = number;
            self.warned = false;
            let mut ignore = |_: &DataRowBody| {};
            let rows = if number + 1 == steps.len() { &mut *each } else { &mut ignore };
            told = match self.answer(*step, rows) {
                Ok(told) => told,
                Err(fault) => {
                    // A refusal stays one even if the way breaks behind it; then there is no next step here.
                    if matches!(fault, Fault::Said(_)) && self.skip_to_ready().is_err() {
                        self.broken = true;
                    }
                    return Err(fault);
                }
            };
        }
        self.skip_to_ready()?;
        told.warned = self.warned;
        Ok(told)
    }

    /// Reads the answer to one step.
    fn answer(&mut self, step: Step, rows: &mut dyn FnMut(&DataRowBody)) -> Result<Told, Fault> {
        let mut told = Told::default();
        loop {
            match self.message()? {
                Message::ParseComplete | Message::BindComplete => {}
                Message::ParameterDescription(body) => told.parameters = body.parameters().map(known).collect()?,
                Message::RowDescription(body) if step.describes => {
                    told.columns = body.fields().map(|field| known(field.type_oid())).collect()?;
                    return Ok(told);
                }
                Message::NoData if step.describes => return Ok(told),
                Message::DataRow(row) => rows(&row),
                Message::CommandComplete(body) => {
                    body.tag()?.clone_into(&mut told.tag);
                    told.rows = told.tag.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
                    return Ok(told);
                }
                Message::EmptyQueryResponse => return Ok(told),
                Message::ErrorResponse(body) => return Err(Said::read(body.fields())?.into()),
                _ => return Err(self.out_of_step()),
            }
        }
    }

    /// Forgets what was gathered and not sent.
    pub(crate) fn forget(&mut self) {
        self.out.clear();
        self.steps.clear();
    }

    /// Sends what was gathered without waiting for the answer. Only for a ROLLBACK, of which nobody needs to know more
    /// than that it came before the next step.
    pub(crate) fn send_off(&mut self) {
        frontend::sync(&mut self.out);
        self.steps.clear();
        self.owed = self.send().is_ok();
    }

    fn send(&mut self) -> Result<(), Fault> {
        let sent = self.transport.write_all(&self.out).and_then(|()| self.transport.flush());
        if self.out.capacity() > LARGEST {
            self.out = BytesMut::with_capacity(PIECE);
        }
        self.out.clear();
        sent.map_err(|error| {
            // What the server said before it hung up tells more than a broken pipe.
            let farewell = self.last_words();
            self.broken = true;
            farewell.unwrap_or_else(|| error.into())
        })
    }

    fn last_words(&mut self) -> Option<Fault> {
        loop {
            match self.message() {
                Ok(Message::ErrorResponse(body)) => return Said::read(body.fields()).ok().map(Fault::from),
                // It did more than refuse.
                Ok(Message::CommandComplete(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    fn skip_to_ready(&mut self) -> Result<(), Fault> {
        loop {
            match self.message()? {
                Message::ReadyForQuery(_) => return Ok(()),
                Message::ErrorResponse(body) => {
                    // Behind a refusal there is only the end of the connection.
                    self.broken = true;
                    return Err(Said::read(body.fields())?.into());
                }
                Message::BindComplete | Message::CommandComplete(_) => {}
                _ => return Err(self.out_of_step()),
            }
        }
    }

    /// The next message that is an answer to something.
    fn message(&mut self) -> Result<Message, Fault> {
        let message = self.any_message();
        self.broken |= message.is_err();
        Ok(message?)
    }

    fn any_message(&mut self) -> io::Result<Message> {
        loop {
            match Message::parse(&mut self.input)? {
                Some(Message::NoticeResponse(body)) => {
                    let said = Said::read(body.fields())?;
                    self.warned |= said.severity == "WARNING";
                    tracing::debug!(severity = said.severity, "PostgreSQL: {}", said.message);
                }
                Some(Message::ParameterStatus(_) | Message::NotificationResponse(_)) => {}
                Some(message) => return Ok(message),
                None => self.receive()?,
            }
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        let before = self.input.len();
        self.input.resize(before + PIECE, 0);
        let length = self.transport.read(&mut self.input[before..]);
        self.input.truncate(before + *length.as_ref().unwrap_or(&0));
        match length? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed")),
            _ => Ok(()),
        }
    }

    fn out_of_step(&mut self) -> Fault {
        self.broken = true;
        Fault::Lost("the server sent what was not asked for".into())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if !self.broken {
            self.out.clear();
            frontend::terminate(&mut self.out);
            // It notices by itself as well, but would complain.
            let _ = self.transport.write_all(&self.out).and_then(|()| self.transport.flush());
        }
    }
}

/// Appends the two messages that run a statement.
fn bind(name: &str, types: &[Type], params: &[Value], out: &mut BytesMut) -> Result<(), String> {
    let serialize = |(value, ty): (&Value, &Type), out: &mut BytesMut| value::write(value, ty, out);
    let values = params.iter().zip(types);
    let bound = frontend::bind("", name, [BINARY], values, serialize, [BINARY], out);
    bound.map_err(|error| match error {
        BindError::Conversion(error) => error.to_string(),
        BindError::Serialization(error) => error.to_string(),
    })?;
    frontend::execute("", 0, out).map_err(|error| error.to_string())
}

fn known(oid: Oid) -> io::Result<Type> {
    Ok(Type::from_oid(oid).unwrap_or_else(|| Type::new(format!("number {oid}"), oid, Kind::Simple, String::new())))
}

fn first_text(row: &DataRowBody) -> io::Result<Option<String>> {
    let range = row.ranges().next()?.flatten();
    Ok(range.map(|range| String::from_utf8_lossy(&row.buffer()[range]).into_owned()))
}
