//! Making and changing users, and the caller's own password.

use super::shape::details;
use crate::countries;
use crate::facts::Person;
use crate::fields::{Change, Fields};
use crate::ids;
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::table::Asked;
use crate::words;
use lessor_core::identity::user::{self, ChangeUser, CreateUser, SetPermission, User};
use lessor_core::identity::{Level, Right, SendLink, send_link};
use lessor_core::{AccountId, Action, Context, Error, Noun, Refusal, Timestamp, Tx, UserId, account, alias};
use serde_json::json;
use std::ops::RangeInclusive;

/// How many characters a password has.
const PASSWORD: RangeInclusive<usize> = 10..=50;
/// After how many hours a password may be changed again.
const PASSWORD_HOURS: i64 = 24;
/// Where it is kept when that was.
const PASSWORD_CHANGED: &str = "password_changed_at";

pub(super) async fn change_password(asked: Asked) -> Result<Reply, Problem> {
    let password = asked.fields.need_text("newPassword")?;
    if !PASSWORD.contains(&password.chars().count()) {
        return Err(Problem::rule(Area::User, 6, "NewPasswordDoesNotMatchRequirements"));
    }
    let user = asked.own_user()?;
    // Before anything is hashed: nobody gets the server to work that hard in vain.
    let last = asked.app.read(&asked.caller, move |tx, _| changed_last(tx, user)).await?;
    check_day_has_passed(last, asked.app.now())?;
    let hash = asked.app.hasher().hash(password).await?;
    let done = asked.app.write(&asked.caller, move |tx, cx| {
        let last = changed_last(tx, user)?;
        if check_day_has_passed(last, cx.now).is_err() {
            return Ok(last);
        }
        user::change_own_password(tx, cx, &hash)?;
        let kept = json!({ PASSWORD_CHANGED: cx.now });
        alias::set_attributes(tx, user.0, ids::ATTRIBUTES, &kept)?;
        Ok(None)
    });
    // Of two changes at once the second finds the first.
    check_day_has_passed(done.await?, asked.app.now())?;
    Ok(Reply::Nothing)
}

fn changed_last(tx: &mut dyn Tx, user: UserId) -> Result<Option<Timestamp>, Error> {
    let kept = alias::attributes(tx, user.0, ids::ATTRIBUTES)?.unwrap_or_default();
    Ok(kept[PASSWORD_CHANGED].as_str().and_then(Timestamp::parse))
}

fn check_day_has_passed(last: Option<Timestamp>, now: Timestamp) -> Result<(), Problem> {
    match last {
        Some(last) if now < last.plus_hours(PASSWORD_HOURS) => {
            Err(Problem::rule(Area::User, 1001, "PasswordWasChangedRecently"))
        }
        _ => Ok(()),
    }
}

pub(super) async fn create(asked: Asked) -> Result<Reply, Problem> {
    let fields = &asked.fields;
    let level = words::level(fields.need_int("permissionType")?).ok_or_else(|| Problem::invalid("permissionType"))?;
    let specific = specific(fields, asked.own_company(), level)?.unwrap_or_default();
    let person = Person {
        first_name: fields.need_text("firstName")?.trim().to_owned(),
        last_name: fields.need_text("lastName")?.trim().to_owned(),
        email: email(fields.need_text("email")?)?,
        phone: fields.text("phone").unwrap_or_default().to_owned(),
        country: country(fields.need_text("countryCode")?)?,
        description: fields.text("description").unwrap_or_default().to_owned(),
        contact_user: false,
    };
    let cmd = CreateUser {
        account: asked.own_company(),
        name: person.full_name(),
        login: person.email.clone(),
        contact: person.into_contact(&json!({})),
        password_hash: None,
        level,
    };
    let page = asked.settings.link_page.clone();
    let made = asked.app.write(&asked.caller, move |tx, cx| {
        let user = user::create(tx, cx, &cmd)?;
        for (account, level) in &specific {
            user::set_permission(tx, cx, &SetPermission { user: user.id, account: *account, level: Some(*level) })?;
        }
        send_link(tx, cx, &SendLink { user: user.id, page: page.clone() })?;
        details(tx, cx, user.id)
    });
    Ok(Reply::json(&made.await.map_err(refused)?))
}

pub(super) async fn update(asked: Asked) -> Result<Reply, Problem> {
    let fields = &asked.fields;
    let id = UserId(fields.need_guid("userId")?);
    let told = Told {
        first_name: owned(fields.change("firstName")),
        last_name: owned(fields.change("lastName")),
        description: owned(fields.change("description")),
        phone: owned(fields.change("phone")),
        country: match fields.change("countryCode") {
            Change::Set(code) => Change::Set(country(code)?),
            Change::Erase => Change::Erase,
            Change::Keep => Change::Keep,
        },
    };
    let level = fields.int("permissionType").and_then(words::level);
    let levels = fields.levels("specificPermissions").map(<[_]>::to_vec);
    let changed = asked.app.write(&asked.caller, move |tx, cx| {
        let user = writable(tx, cx, id)?;
        let person = told.apply(Person::of(&user.contact, &user.name, &user.login));
        let name = person.full_name();
        let contact = person.into_contact(&user.contact);
        user::change(tx, cx, &ChangeUser { user: id, name: Some(name), contact: Some(contact) })?;
        permit(tx, cx, &user, level, levels.as_deref())?;
        details(tx, cx, id)
    });
    Ok(Reply::json(&changed.await.map_err(refused)?))
}

/// What an update says of a user.
struct Told {
    first_name: Change<String>,
    last_name: Change<String>,
    description: Change<String>,
    phone: Change<String>,
    country: Change<String>,
}

impl Told {
    fn apply(&self, before: Person) -> Person {
        let text = |change: &Change<String>, before: String| match change {
            Change::Keep => before,
            Change::Erase => String::new(),
            Change::Set(text) => text.clone(),
        };
        Person {
            first_name: text(&self.first_name, before.first_name),
            last_name: text(&self.last_name, before.last_name),
            description: text(&self.description, before.description),
            phone: text(&self.phone, before.phone),
            country: text(&self.country, before.country),
            ..before
        }
    }
}

fn owned(change: Change<&str>) -> Change<String> {
    match change {
        Change::Keep => Change::Keep,
        Change::Erase => Change::Erase,
        Change::Set(text) => Change::Set(text.trim().to_owned()),
    }
}

/// A user that is there, whom the caller may change. That somebody is the caller itself is not enough.
fn writable(tx: &mut dyn Tx, cx: &Context<'_>, id: UserId) -> Result<User, Error> {
    let user = user::get(tx, cx, id)?;
    let account = account::get(tx, cx, user.account)?;
    cx.authorize(&Action::write(Right::IDENTITY_WRITE), &account, Noun::User)?;
    match user.closed_at {
        None => Ok(user),
        Some(_) => Err(Refusal::Closed(Noun::User).into()),
    }
}

/// The field that tells what a user may do on single companies, in refusals.
const SPECIFIC: &str = "specific permissions";

/// Sets what a user may do on its own company, and replaces what it may do on single companies besides.
fn permit(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    user: &User,
    level: Option<Level>,
    specific: Option<&[(uuid::Uuid, i64)]>,
) -> Result<(), Error> {
    let set = user::permissions(tx, cx, user.id)?;
    let before = set.iter().find(|(on, _)| *on == user.account).map_or(Level::None, |(_, level)| *level);
    let then = level.unwrap_or(before);
    let wanted = match specific {
        Some(specific) => {
            wanted(specific, user.account, then).ok_or(Error::malformed(SPECIFIC, "not with this level"))?
        }
        None if then == Level::Write && then != before => Vec::new(),
        None => return put(tx, cx, user, user.account, level),
    };
    put(tx, cx, user, user.account, level)?;
    for (on, _) in set.iter().filter(|(on, _)| *on != user.account && !wanted.iter().any(|(kept, _)| kept == on)) {
        // What was set where the caller sees nothing stays.
        if account::get(tx, cx, *on).is_ok() {
            user::set_permission(tx, cx, &SetPermission { user: user.id, account: *on, level: None })?;
        }
    }
    wanted.into_iter().try_for_each(|(on, level)| put(tx, cx, user, on, Some(level)))
}

fn put(tx: &mut dyn Tx, cx: &Context<'_>, user: &User, account: AccountId, level: Option<Level>) -> Result<(), Error> {
    match level {
        Some(_) => user::set_permission(tx, cx, &SetPermission { user: user.id, account, level }),
        None => Ok(()),
    }
}

/// What a new user may do on single companies: beside a level on its own that allows everything there is no place for that.
fn specific(fields: &Fields, own: AccountId, level: Level) -> Result<Option<Vec<(AccountId, Level)>>, Problem> {
    let Some(levels) = fields.levels("specificPermissions") else { return Ok(None) };
    wanted(levels, own, level).map(Some).ok_or_else(not_allowed)
}

fn wanted(levels: &[(uuid::Uuid, i64)], own: AccountId, level: Level) -> Option<Vec<(AccountId, Level)>> {
    if level == Level::Write && !levels.is_empty() {
        return None;
    }
    let read = levels.iter().map(|(on, level)| Some((AccountId(*on), words::level(*level)?)));
    let read: Vec<_> = read.collect::<Option<_>>()?;
    (!read.iter().any(|(on, _)| *on == own)).then_some(read)
}

fn not_allowed() -> Problem {
    Problem::rule(Area::User, 1004, "SpecificPermissionsNotAllowed")
}

fn refused(error: Error) -> Problem {
    match error {
        Error::Refused(Refusal::Taken { noun: Noun::User, name: _ }) => {
            Problem::rule(Area::User, 1002, "EmailAlreadyExists")
        }
        Error::Refused(Refusal::Malformed { field: SPECIFIC, reason: _ }) => not_allowed(),
        other => other.into(),
    }
}

fn country(code: &str) -> Result<String, Problem> {
    let known = countries::code(code).ok_or_else(|| Problem::rule(Area::User, 1003, "UnknownCountry"))?;
    Ok(known.to_owned())
}

/// An address for mails, as far as its form can tell.
fn email(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let fits = text
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if fits && !text.contains(char::is_whitespace) { Ok(text.to_owned()) } else { Err(Problem::invalid("email")) }
}
