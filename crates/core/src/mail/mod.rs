//! Mail: what is to be told to people who are not looking. A command puts a mail into the outbox in its own transaction, so
//! that one goes out exactly for what came true; a job hands it to the carrier later, and tries again where that fails.
//!
//! Without a carrier mails are kept and count as sent: whoever may administer the account reads them here.

mod carry;
mod letter;
pub(crate) mod rows;

pub use carry::{Outcome, expire, settle, take};
pub use letter::Letter;

use crate::account::{self, Account};
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, MailId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::license::from_word;
use crate::text::check_line;
use lessor_db::{FromColumn, Tx, ValueRef};
use serde_json::json;

/// Most characters of an address: what mail itself allows.
const MOST_ADDRESS: usize = 254;

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for its turn, or for another try.
    Waiting,
    /// The carrier took it; without a carrier, it is kept here.
    Sent,
    /// It was refused for good, or tried too often.
    Failed,
}

impl State {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Sent => "sent",
            State::Failed => "failed",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [State::Waiting, State::Sent, State::Failed].into_iter().find(|state| state.word() == word)
    }
}

from_word!(State);

/// A mail in the outbox.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its id.
    pub id: MailId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// In whose affairs it goes out.
    pub account: AccountId,
    /// Which letter it is.
    pub kind: String,
    /// Whom it goes to.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// Its text. It may hold a link that lets its reader in.
    pub text: String,
    /// What became of it.
    pub state: State,
    /// How often it was handed to the carrier.
    pub attempts: i64,
    /// When it is handed over next, while it waits.
    pub next_try_at: Timestamp,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was sent or given up.
    pub settled_at: Option<Timestamp>,
    /// What the carrier said when it last refused.
    pub problem: Option<String>,
}

/// Leaves the text out: it may hold a link.
impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).field("kind", &self.kind).field("state", &self.state).finish()
    }
}

impl Mail {
    fn subject_of_event(&self) -> Subject {
        Subject { kind: "mail", id: self.id.0, account: self.account, tenant: self.tenant }
    }
}

/// Is this an address that mail can go to? One `@` with something on both sides, no blanks, at most 254 characters. Whether
/// anybody reads there, only a mail can tell.
///
/// # Errors
/// `Malformed`.
pub fn check_address(field: &'static str, address: &str) -> Result<(), Error> {
    check_line(field, address, MOST_ADDRESS)?;
    let parts = address.rsplit_once('@');
    let fits = parts.is_some_and(|(name, host)| {
        !name.is_empty() && name.len() <= 64 && !host.is_empty() && !host.starts_with('.') && !host.ends_with('.')
    });
    let plain = address.is_ascii() && !address.bytes().any(|byte| byte == b' ' || b"<>(),;:\\\"[]".contains(&byte));
    if fits && plain && address.matches('@').count() == 1 {
        return Ok(());
    }
    Err(Error::malformed(field, "it must be an address such as ada@fabrikam.example"))
}

/// Puts a letter into the outbox. Whether the caller may have it written, the command that does so has decided.
///
/// # Errors
/// `Malformed` for the address.
pub fn post(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    account: &Account,
    recipient: &str,
    letter: &Letter<'_>,
) -> Result<Mail, Error> {
    check_address("recipient", recipient)?;
    let (subject, text) = letter.written();
    let mail = Mail {
        id: cx.new_id(),
        tenant: account.tenant,
        account: account.id,
        kind: letter.kind().to_owned(),
        recipient: recipient.to_owned(),
        subject,
        text,
        state: State::Waiting,
        attempts: 0,
        next_try_at: cx.now,
        created_at: cx.now,
        settled_at: None,
        problem: None,
    };
    rows::insert(tx, &mail)?;
    // Not the text: whoever may read events may not become whom the mail is for.
    let data = json!({ "kind": mail.kind, "recipient": mail.recipient });
    journal::append(tx, cx, "mail.posted", mail.subject_of_event(), &data)?;
    Ok(mail)
}

/// One mail. It takes the right to administer users, since the mail may hold a link that makes its reader one.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub fn get(tx: &mut dyn Tx, cx: &Context<'_>, id: MailId) -> Result<Mail, Error> {
    let mail = rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::Mail))?;
    account::authorized(tx, cx, mail.account, &Action::write(Right::IDENTITY_WRITE), Noun::Mail)?;
    Ok(mail)
}

/// Which mails a list shows.
#[derive(Clone, Debug)]
pub struct MailFilter {
    /// In the affairs of this account.
    pub account: AccountId,
    /// Only to this address, upper and lower case alike.
    pub recipient: Option<String>,
    /// Only of which this became.
    pub state: Option<State>,
}

/// A page of an account's mails in the order they were written, after `after`.
///
/// # Errors
/// `NotFound`, `Forbidden` for an account whose users the caller may not administer.
pub fn list(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &MailFilter,
    after: Option<MailId>,
    limit: u32,
) -> Result<Vec<Mail>, Error> {
    account::authorized(tx, cx, filter.account, &Action::write(Right::IDENTITY_WRITE), Noun::Account)?;
    Ok(rows::page(tx, filter, after, limit)?)
}

/// Has a mail sent once more, whatever became of it.
///
/// # Errors
/// `NotFound`, `Forbidden`; `InUse` while it waits.
pub fn send_again(tx: &mut dyn Tx, cx: &Context<'_>, id: MailId) -> Result<Mail, Error> {
    let mail = rows::lock(tx, id)?.ok_or(Error::not_found(Noun::Mail))?;
    account::authorized(tx, cx, mail.account, &Action::write(Right::IDENTITY_WRITE), Noun::Mail)?;
    if mail.state == State::Waiting {
        return Err(Refusal::InUse(Noun::Mail).into());
    }
    let again =
        Mail { state: State::Waiting, attempts: 0, next_try_at: cx.now, settled_at: None, problem: None, ..mail };
    rows::update(tx, &again)?;
    journal::append(tx, cx, "mail.posted_again", again.subject_of_event(), &json!({ "recipient": again.recipient }))?;
    Ok(again)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_host_and_nothing_that_could_become_a_header() {
        for address in ["ada@fabrikam.example", "a.b+c@x.y", "1@h"] {
            assert!(check_address("email", address).is_ok(), "{address}");
        }
        let long = format!("{}@x.y", "a".repeat(65));
        for address in
            ["", "ada", "@x", "ada@", "a@b@c", "a b@c", "a@.c", "a@c.", "a\r\nBcc: x@y", "<a@b>", "ä@b", &long]
        {
            assert!(check_address("email", address).is_err(), "{address}");
        }
    }
}
