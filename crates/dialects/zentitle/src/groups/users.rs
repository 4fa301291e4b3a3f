//! Users of groups: made, shown, changed, deleted, and their passwords.

use super::{NAMES, either, shapes};
use crate::fields::Fields;
use crate::ids;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::group::{
    self, ChangeEndUser, CreateEndUser, EndUser, EndUserFilter, LEAST_PASSWORD, Realm, verify_end_user,
};
use lessor_core::identity::password;
use lessor_core::{App, Context, EndUserId, Error, GroupId, Noun, Refusal, Tx};
use serde_json::Value;

/// `GET GroupUser`: by number or by name.
pub async fn get(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    either(&fields, "groupUserId", "userName")?;
    let user = app.read(&caller, move |tx, cx| {
        let user = match fields.int("groupUserId") {
            Some(number) => {
                let id = ids::group_user(tx, cx, number)?;
                group::end_user(tx, cx, id)?
            }
            None => by_name(tx, cx, fields.need("userName"))?,
        };
        let (number, group) = (ids::group_user_number(tx, user.id)?, ids::group_number(tx, user.group)?);
        Ok(shapes::GroupUser::of(user, number, group))
    });
    Ok(Reply::json(&user.await?))
}

/// The user with this very name.
fn by_name(tx: &mut dyn Tx, cx: &Context<'_>, name: &str) -> Result<EndUser, Error> {
    let filter = EndUserFilter { branch: Some(ids::tenant(cx)), group: None, user_name: Some(name.to_owned()) };
    group::end_users(tx, cx, &filter, None, 1)?.pop().ok_or(Error::not_found(Noun::EndUser))
}

/// What is stored of the password that a call brings.
pub(super) async fn hashed(app: &App, fields: &Fields) -> Result<String, Problem> {
    let text = fields.need("password");
    password::check(text, LEAST_PASSWORD)?;
    Ok(app.hasher().hash(text).await?)
}

/// Makes the user that a call describes; gives its number.
pub(super) fn make(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    group: GroupId,
    fields: &Fields,
    password_hash: &str,
) -> Result<i64, Error> {
    let document = fields.json("additionalData");
    let cmd = CreateEndUser {
        group,
        user_name: fields.need("userName").to_owned(),
        password_hash: password_hash.to_owned(),
        first_name: fields.need("firstName").to_owned(),
        last_name: fields.need("lastName").to_owned(),
        email: fields.need("email").to_owned(),
        telephone: fields.need("telephone").to_owned(),
        document: document.cloned(),
        master: document.is_some_and(is_master),
    };
    let user = group::create_end_user(tx, cx, &cmd)?;
    ids::give_number(tx, ids::tenant(cx), ids::GROUP_USER, user.id.0, Noun::EndUser)
}

/// The one member of the free-form data that has a meaning: it lifts a user above the others of its group.
fn is_master(data: &Value) -> bool {
    let mut members = data.as_object().into_iter().flatten();
    members.any(|(name, value)| {
        let is_true =
            value.as_bool().unwrap_or_else(|| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true")));
        name.eq_ignore_ascii_case("EUPMaster") && is_true
    })
}

/// `POST GroupUser`.
pub async fn create(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let hash = hashed(&app, &fields).await?;
    let created = app.write(&caller, move |tx, cx| {
        let group = ids::group(tx, cx, fields.int("groupId").unwrap_or(0))?;
        make(tx, cx, group, &fields, &hash)
    });
    let number = created.await.map_err(|error| Problem::of(error, NAMES))?;
    Ok(Reply::made(says, number))
}

/// `PUT GroupUser`. What it has activated stays activated, in whatever group it is then.
pub async fn change(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let changed = app.write(&caller, move |tx, cx| {
        let document = fields.json("additionalData");
        let cmd = ChangeEndUser {
            end_user: ids::group_user(tx, cx, fields.int("groupUserId").unwrap_or(0))?,
            group: Some(ids::group(tx, cx, fields.int("groupId").unwrap_or(0))?),
            user_name: fields.string("userName"),
            first_name: fields.string("firstName"),
            last_name: fields.string("lastName"),
            email: fields.string("email"),
            telephone: fields.string("telephone"),
            document: document.map(|document| Some(document.clone())),
            master: document.map(is_master),
        };
        group::change_end_user(tx, cx, &cmd).map(|_| ())
    });
    changed.await.map_err(|error| Problem::of(error, NAMES))?;
    Ok(Reply::message(says))
}

/// `DELETE GroupUser`: what it has activated is returned.
pub async fn remove(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let removed = app.write(&caller, move |tx, cx| {
        let id = ids::group_user(tx, cx, fields.int("groupUserId").unwrap_or(0))?;
        group::delete_end_user(tx, cx, id).map(|_| ())
    });
    removed.await?;
    Ok(Reply::message(says))
}

/// `PUT GroupUserPassword`.
pub async fn set_password(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let hash = hashed(&app, &fields).await?;
    let set = app.write(&caller, move |tx, cx| {
        let id = by_name(tx, cx, fields.need("userName"))?.id;
        group::set_password(tx, cx, id, &hash)
    });
    set.await?;
    Ok(Reply::message(says))
}

/// `GET AuthenticateUser`: the same answer for a name that nobody has as for a wrong password.
pub async fn authenticate(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let realm = Realm::Tenant(caller.actor.tenant);
    let id: EndUserId = verify_end_user(&app, realm, fields.need("userName"), fields.need("password")).await?;
    // A key may be limited to a part of the tenant.
    let seen = app.read(&caller, move |tx, cx| group::end_user(tx, cx, id).map(|_| ()));
    seen.await.map_err(|error| match error {
        Error::Refused(Refusal::NotFound(_)) => Refusal::BadCredentials.into(),
        other => other,
    })?;
    Ok(Reply::message(says))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_user_is_lifted_by_a_truth_in_any_spelling() {
        for data in [json!({"EUPMaster": true}), json!({"a": 1, "eupmaster": "True"})] {
            assert!(is_master(&data), "{data}");
        }
        for data in [json!({}), json!({"EUPMaster": "yes"}), json!({"EUPMaster": 1}), json!({"Master": true})] {
            assert!(!is_master(&data), "{data}");
        }
    }
}
