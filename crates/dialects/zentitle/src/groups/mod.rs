//! Groups of users: made, shown, listed, changed, deleted.

mod codes;
mod shapes;
mod users;

pub use codes::{create as add_code, create_all, get as code, remove as remove_code};
pub use users::{
    authenticate, change as change_user, create as create_user, get as user, remove as remove_user, set_password,
};

use crate::fields::Fields;
use crate::ids;
use crate::page::{self, Page, Rows, Span};
use crate::problem::{Names, Problem};
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::group::{self, ChangeGroup, CreateGroup, GroupFilter, GroupKind};
use lessor_core::{AccountId, Context, Error, GroupId, Noun, Start, Tx};

/// How many groups one query reads, each with all that is in it.
const CHUNK: i64 = 200;
/// How the core's words for fields of groups and their users are documented.
const NAMES: Names = &[
    ("name", "groupName"),
    ("master", "masterGroupId"),
    ("user_name", "userName"),
    ("first_name", "firstName"),
    ("last_name", "lastName"),
    ("document", "additionalData"),
    ("license", "licenseCode"),
    ("licenses", "licenseCode"),
];

/// One of the two inputs has to be there, and not the other.
fn either(fields: &Fields, number: &str, name: &str) -> Result<(), Problem> {
    match (fields.has(number), fields.has(name)) {
        (true, true) => Err(Problem::bad(format!("Invalid {number} And {name}"))),
        (false, false) => Err(Problem::missing(number)),
        _ => Ok(()),
    }
}

/// The group that `groupId` or `groupName` names.
fn find(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields) -> Result<GroupId, Error> {
    if let Some(number) = fields.int("groupId") {
        return ids::group(tx, cx, number);
    }
    let name = fields.string("groupName");
    let filter = GroupFilter { branch: Some(ids::tenant(cx)), master: None, name };
    let found = group::list(tx, cx, &filter, None, 1)?.pop();
    found.map(|group| group.id).ok_or(Error::not_found(Noun::Group))
}

/// `GET Group`: with its codes, its users and the groups below it.
pub async fn get(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    either(&fields, "groupId", "groupName")?;
    let group = app.read(&caller, move |tx, cx| {
        let id = find(tx, cx, &fields)?;
        let view = group::view(tx, cx, ids::tenant(cx), id)?;
        shapes::groups(tx, cx, vec![view])?.pop().ok_or(Error::not_found(Noun::Group))
    });
    Ok(Reply::json(&group.await?))
}

/// `GET Groups`: how many, or a page of them as [`get`] shows them.
pub async fn list(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    match Page::or_count(&fields) {
        Page::Part { skip, take } => {
            let span = Span { skip, take, step: CHUNK };
            page::streamed(app, caller, span, |_, cx| Ok(Some(ids::tenant(cx))), write).await
        }
        Page::Count | Page::All => {
            let count = app.read(&caller, move |tx, cx| group::count(tx, cx, ids::tenant(cx)));
            Ok(Reply::json(&page::count(count.await?)))
        }
    }
}

fn write(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: &AccountId,
    start: Start,
    limit: u32,
    rows: &mut Rows,
) -> Result<(), Error> {
    let views = group::page(tx, cx, *tenant, start, limit)?;
    let records: Vec<GroupId> = views.iter().map(|view| view.group.id).collect();
    for (id, shown) in records.into_iter().zip(shapes::groups(tx, cx, views)?) {
        rows.push(id.0, &shown);
    }
    Ok(())
}

/// Makes a group; gives its number too.
fn make(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &CreateGroup) -> Result<(GroupId, i64), Error> {
    let group = group::create(tx, cx, cmd)?;
    let number = ids::give_number(tx, ids::tenant(cx), ids::GROUP, group.id.0, Noun::Group)?;
    Ok((group.id, number))
}

/// `masterGroupId`, 0 standing for none.
fn master(tx: &mut dyn Tx, cx: &Context<'_>, number: i64) -> Result<Option<GroupId>, Error> {
    if number == 0 { Ok(None) } else { ids::group(tx, cx, number).map(Some) }
}

/// `POST Group`.
pub async fn create(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let created = app.write(&caller, move |tx, cx| {
        let cmd = CreateGroup {
            account: ids::company(tx, cx, fields.int("companyId").unwrap_or(0))?,
            kind: GroupKind::parse(fields.need("type")).unwrap_or(GroupKind::Standard),
            master: master(tx, cx, fields.int("masterGroupId").unwrap_or(0))?,
            name: fields.need("groupName").to_owned(),
            description: fields.need("description").to_owned(),
        };
        make(tx, cx, &cmd).map(|(_, number)| number)
    });
    let number = created.await.map_err(|error| Problem::of(error, NAMES))?;
    Ok(Reply::made(says, number))
}

/// `PUT Group`.
pub async fn change(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let changed = app.write(&caller, move |tx, cx| {
        let cmd = ChangeGroup {
            group: ids::group(tx, cx, fields.int("groupId").unwrap_or(0))?,
            account: fields.int("companyId").map(|number| ids::company(tx, cx, number)).transpose()?,
            kind: fields.text("type").and_then(GroupKind::parse),
            master: fields.int("masterGroupId").map(|number| master(tx, cx, number)).transpose()?,
            name: fields.string("groupName"),
            description: fields.string("description"),
        };
        group::change(tx, cx, &cmd).map(|_| ())
    });
    changed.await.map_err(|error| Problem::of(error, NAMES))?;
    Ok(Reply::message(says))
}

/// `DELETE Group`: its users go with it, its codes are in no group then, and the groups below it stand below none.
pub async fn remove(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    either(&fields, "groupId", "groupName")?;
    let removed = app.write(&caller, move |tx, cx| {
        let id = find(tx, cx, &fields)?;
        group::release_all(tx, cx, id)?;
        group::delete(tx, cx, id).map(|_| ())
    });
    removed.await?;
    Ok(Reply::message(says))
}
