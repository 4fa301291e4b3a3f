//! Letting users in by mail: a link with which they set a password themselves, so that nobody else ever knows it.

use super::{rows, session};
use crate::account;
use crate::context::Context;
use crate::error::{Error, Noun};
use crate::id::UserId;
use crate::mail::{self, Letter, Mail};
use lessor_db::Tx;

/// Send a user a link.
#[derive(Clone, Debug)]
pub struct SendLink {
    /// Which user.
    pub user: UserId,
    /// The address of the page that takes the link, which is put behind it.
    pub page: String,
}

/// Mails a user a link that works once, within a day: a welcome to whoever has no password yet, a way to another one to the
/// others. It goes to `email` of the user's contact, or else to what the user signs in with. Links made before stop working.
///
/// # Errors
/// `NotFound`, `Closed`; `Malformed` where neither is an address; `Forbidden` unless the caller can do itself all that the
/// user can.
pub fn send_link(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &SendLink) -> Result<Mail, Error> {
    let link = session::create_link(tx, cx, cmd.user)?;
    let user = rows::user(tx, cmd.user)?.ok_or(Error::not_found(Noun::User))?.user;
    let account = account::rows::by_id(tx, user.account)?.ok_or(Error::not_found(Noun::User))?;
    let link = format!("{}{}", cmd.page, link.reveal());
    let until = session::link_end(cx.now);
    let letter = if user.has_password {
        Letter::NewPassword { name: &user.name, link: &link, until }
    } else {
        Letter::Welcome { name: &user.name, account: &account.name, login: &user.login, link: &link, until }
    };
    let told = user.contact["email"].as_str().filter(|email| !email.is_empty());
    mail::post(tx, cx, &account, told.unwrap_or(&user.login), &letter)
}
