//! Codes that the users of a group sign in for.

use super::{NAMES, shapes, users};
use crate::fields::Fields;
use crate::ids;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::table::Asked;
use http::StatusCode;
use lessor_core::catalog;
use lessor_core::group::{self, CreateGroup, GroupKind};
use lessor_core::license::{self, ChangeLicense, License};
use lessor_core::{Context, Error, Noun, Refusal, Tx};

/// The code that `productId` and `licenseCode` name.
fn find(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields) -> Result<License, Error> {
    let product = ids::product(tx, cx, fields.need("productId"))?;
    license::find(tx, cx, product, fields.need("licenseCode"))
}

/// The dialect's word for a code in a group.
const ENTITY: &str = "Group License Code";

fn not_assigned() -> Problem {
    Problem::not_found(ENTITY)
}

/// `GET GroupLicenseCode`: the group that a code is in.
pub async fn get(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let found = app.read(&caller, move |tx, cx| {
        let license = find(tx, cx, &fields)?;
        let Some(there) = group::group_of_license(tx, cx, license.id)? else { return Ok(None) };
        Ok(Some(shapes::GroupLicenseCode {
            group_id: ids::group_number(tx, there.group)?,
            product_id: fields.need("productId").to_owned(),
            license_code: there.code,
            created: there.added_at,
        }))
    });
    Ok(Reply::json(&found.await?.ok_or_else(not_assigned)?))
}

/// `POST GroupLicenseCode`. Company and profile that are left out stay as they are.
pub async fn create(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let created = app.write(&caller, move |tx, cx| {
        let group = ids::group(tx, cx, fields.int("groupId").unwrap_or(0))?;
        let license = find(tx, cx, &fields)?;
        let change = change_of(tx, cx, &license, &fields)?;
        let (_, is_new) = group::add_license(tx, cx, group, license.id)?;
        if let Some(cmd) = change.filter(|_| is_new) {
            license::change(tx, cx, &cmd)?;
        }
        Ok(is_new)
    });
    if created.await.map_err(|error| Problem::of(error, NAMES))? {
        return Ok(Reply::message(says));
    }
    Err(Problem::new(StatusCode::CONFLICT, format!("{ENTITY} Already Exists")))
}

/// What a call changes of the code itself; 0 stands for none.
fn change_of(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    license: &License,
    fields: &Fields,
) -> Result<Option<ChangeLicense>, Error> {
    let (company, profile) = (fields.int("companyId"), fields.int("profileId"));
    if company.is_none() && profile.is_none() {
        return Ok(None);
    }
    let mut cmd = ChangeLicense::of(license.id);
    if let Some(number) = company {
        cmd.account = Some(if number == 0 { None } else { Some(ids::company(tx, cx, number)?) });
    }
    if let Some(number) = profile {
        cmd.profile = Some(if number == 0 { None } else { Some(ids::profile(tx, cx, number)?) });
    }
    if let Some(Some(id)) = cmd.profile
        && catalog::profile_by_id(tx, cx, id)?.product != license.product
    {
        return Err(Error::not_found(Noun::Profile));
    }
    Ok(Some(cmd))
}

/// `DELETE GroupLicenseCode`. What was activated stays activated.
pub async fn remove(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let removed = app.write(&caller, move |tx, cx| {
        let group = ids::group(tx, cx, fields.int("groupId").unwrap_or(0))?;
        let license = find(tx, cx, &fields)?.id;
        match group::remove_license(tx, cx, group, license) {
            // Group and code are there, the one in the other is not.
            Err(Error::Refused(Refusal::NotFound(Noun::License))) => Ok(false),
            done => done.map(|()| true),
        }
    });
    if removed.await? { Ok(Reply::message(says)) } else { Err(not_assigned()) }
}

/// `POST GroupUserLicense`: a group with one user and one code, all or nothing.
pub async fn create_all(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let hash = users::hashed(&app, &fields).await?;
    let created = app.write(&caller, move |tx, cx| {
        let license = find(tx, cx, &fields)?.id;
        let cmd = CreateGroup {
            account: ids::tenant(cx),
            kind: GroupKind::Standard,
            master: None,
            name: fields.need("groupName").to_owned(),
            description: String::new(),
        };
        let (group, group_number) = super::make(tx, cx, &cmd)?;
        let user_number = users::make(tx, cx, group, &fields, &hash)?;
        group::add_license(tx, cx, group, license)?;
        Ok(format!("{group_number}\n{user_number}"))
    });
    let numbers = created.await.map_err(|error| Problem::of(error, NAMES))?;
    Ok(Reply::made(says, numbers))
}
