//! The outbox: what goes to people by mail.

use crate::call::{Cursor, Limit, Nothing, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::App;
use lessor_core::mail::{self, MailFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_mails)).routes(routes!(get_mail)).routes(routes!(send_mail_again))
}

/// What became of a mail.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MailState {
    /// It waits for its turn, or for another try.
    Waiting,
    /// It was handed over; on a server without SMTP, it is kept here.
    Sent,
    /// It was refused for good, or tried too often.
    Failed,
}

impl From<mail::State> for MailState {
    fn from(state: mail::State) -> Self {
        match state {
            mail::State::Waiting => Self::Waiting,
            mail::State::Sent => Self::Sent,
            mail::State::Failed => Self::Failed,
        }
    }
}

impl From<MailState> for mail::State {
    fn from(state: MailState) -> Self {
        match state {
            MailState::Waiting => Self::Waiting,
            MailState::Sent => Self::Sent,
            MailState::Failed => Self::Failed,
        }
    }
}

/// A mail in the outbox.
#[derive(Serialize, ToSchema)]
pub(super) struct Mail {
    /// Its id.
    #[schema(example = "mal_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    pub(super) id: String,
    /// In whose affairs it goes out.
    account: String,
    /// Which letter it is.
    #[schema(example = "welcome")]
    kind: String,
    /// Whom it goes to.
    #[schema(example = "ada@fabrikam.example")]
    recipient: String,
    /// Its subject.
    #[schema(example = "Your access to Fabrikam MSP")]
    subject: String,
    /// Its text; it may hold a link that lets its reader in.
    text: String,
    /// What became of it.
    state: MailState,
    /// How often it was handed over.
    attempts: i64,
    created_at: Time,
    /// When it is handed over next; `null` unless it waits.
    next_try_at: Option<Time>,
    /// When it was sent or given up; `null` while it waits.
    settled_at: Option<Time>,
    /// Why it was last refused.
    #[schema(example = "550 no such mailbox")]
    problem: Option<String>,
}

impl From<mail::Mail> for Mail {
    fn from(mail: mail::Mail) -> Self {
        Self {
            id: mail.id.to_string(),
            account: mail.account.to_string(),
            next_try_at: (mail.state == mail::State::Waiting).then(|| mail.next_try_at.into()),
            kind: mail.kind,
            recipient: mail.recipient,
            subject: mail.subject,
            text: mail.text,
            state: mail.state.into(),
            attempts: mail.attempts,
            created_at: mail.created_at.into(),
            settled_at: mail.settled_at.map(Time),
            problem: mail.problem,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListMails {
    /// In whose affairs; left out, those of the caller's own account.
    account: Option<String>,
    /// Only to this address, upper and lower case alike.
    recipient: Option<String>,
    /// Only of which this became.
    #[param(inline)]
    state: Option<MailState>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List mails
///
/// Those of one account, in the order they were written; kept for 90 days. It takes the right to administer users, since a mail may
/// hold a link that makes its reader one.
#[utoipa::path(get, path = "/v1/mails", tag = "Mails", params(ListMails),
    security(("bearer" = ["identity:write"])),
    responses((status = 200, description = "A page of mails", body = Page<Mail>)))]
async fn list_mails(read: Read<ListMails>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let account = name::some_account(tx, cx, query.account.as_deref())?.unwrap_or(cx.actor().account);
        let filter = MailFilter { account, recipient: query.recipient.clone(), state: query.state.map(Into::into) };
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = mail::list(tx, cx, &filter, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |mail| mail.id.0.as_u128(), Mail::from)))
    })
    .await
}

/// Get a mail
#[utoipa::path(get, path = "/v1/mails/{mail}", tag = "Mails",
    params(("mail" = String, Path, description = "Which mail")),
    security(("bearer" = ["identity:write"])),
    responses((status = 200, description = "The mail", body = Mail)))]
async fn get_mail(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| Ok(Reply::ok(&Mail::from(mail::get(tx, cx, name::mail(&id)?)?)))).await
}

/// Send a mail again
///
/// Whatever became of it; 409 while it waits.
#[utoipa::path(post, path = "/v1/mails/{mail}/send-again", tag = "Mails",
    params(("mail" = String, Path, description = "Which mail")),
    security(("bearer" = ["identity:write"])),
    responses((status = 200, description = "The mail, which waits now", body = Mail)))]
async fn send_mail_again(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write.run(move |tx, cx, _| Ok(Reply::ok(&Mail::from(mail::send_again(tx, cx, name::mail(&id)?)?)))).await
}
