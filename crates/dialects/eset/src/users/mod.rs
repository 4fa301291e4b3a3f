//! Users: the caller itself, the users of its company, and where it may change things.

mod change;
mod shape;

use crate::facts::Firm;
use crate::input::{Input, Kind, SKIP, TAKE};
use crate::page::{Page, Paging};
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::state::company_status;
use crate::table::{Access, Answer, Asked, Call};
use crate::words::{self, PERMISSIONS, SPECIFIC_PERMISSIONS};
use lessor_core::account::{self, Below};
use lessor_core::identity::Level;
use lessor_core::identity::user;
use lessor_core::{Caller, Error, Noun, Refusal, UserId};
use serde_json::{Value, json};

/// The longest name, in characters.
const NAME: Kind = Kind::Text(95);
/// Most companies on which a user has a level of its own.
const MOST: usize = 199;

static CHANGE_PASSWORD: [Input; 1] = [Input::must("newPassword", Kind::Text(1_000))];
static USER: [Input; 1] = [Input::must("userId", Kind::Guid)];
static CREATE: [Input; 8] = [
    Input::must("firstName", NAME),
    Input::must("lastName", NAME),
    Input::must("email", Kind::Text(200)),
    Input::must("countryCode", Kind::Text(3)),
    Input::must("permissionType", Kind::Choice(&PERMISSIONS)),
    Input::may("specificPermissions", Kind::Levels(MOST, &SPECIFIC_PERMISSIONS)),
    Input::may("description", Kind::Text(2_000)),
    Input::may("phone", Kind::Text(50)),
];
static UPDATE: [Input; 8] = [
    Input::must("userId", Kind::Guid),
    Input::may("firstName", NAME),
    Input::may("lastName", NAME),
    Input::may("description", Kind::Text(2_000)),
    Input::may("phone", Kind::Text(50)),
    Input::may("countryCode", Kind::Text(3)),
    Input::may("permissionType", Kind::Choice(&PERMISSIONS)),
    Input::may("specificPermissions", Kind::Levels(MOST, &SPECIFIC_PERMISSIONS)),
];
static CHILDREN: [Input; 2] = [SKIP, TAKE];

const CURRENT: Answer = Answer::Json(
    r#"{"id":"0d30a7b5-6e01-40c8-9ec4-f056329017c7","firstName":"Ann","lastName":"Example","email":"ann@example.test","description":"","phoneNumber":"","twoFactorEnabled":false,"status":1,"created":"2023-01-05T08:00:00Z","lastUpdate":"2023-02-01T08:00:00Z","company":{"companyId":"8f0e0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","id":"8f0e0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","name":"Example MSP","type":1005},"country":{"countryCode":"SVK","name":"Slovakia"},"timeZone":{"name":"(UTC+01:00) Prague, Bratislava","code":"Central Europe Standard Time","timeShift":"+01:00"}}"#,
);
const DETAILS: Answer = Answer::Json(
    r#"{"id":"0d30a7b5-6e01-40c8-9ec4-f056329017c7","firstName":"Bob","lastName":"Reader","email":"bob@example.test","description":"","phoneNumber":"","twoFactorEnabled":false,"status":1,"created":"2023-01-05T08:00:00Z","lastUpdate":"2023-02-01T08:00:00Z","company":{"companyId":"8f0e0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","id":"8f0e0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","name":"Example MSP","type":1005},"country":{"countryCode":"SVK","name":"Slovakia"},"timeZone":null,"permissionType":3,"specificPermissions":{"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d":2}}"#,
);

pub(crate) static CALLS: [Call; 6] = [
    Call::get("User Current", "User/Current", Area::User, |asked| Box::pin(current(asked))).gives(CURRENT),
    Call::post("User ChangePassword", "User/ChangePassword", Area::User, |asked| Box::pin(change::change_password(asked)))
        .takes(&CHANGE_PASSWORD)
        .shows(r#"{"newPassword":"another-horse-battery"}"#)
        .gives(Answer::Nothing),
    Call::post("User Get User Details", "User/GetUserDetails", Area::User, |asked| Box::pin(details(asked)))
        .takes(&USER)
        .shows(r#"{"userId":"0d30a7b5-6e01-40c8-9ec4-f056329017c7"}"#)
        .gives(DETAILS),
    Call::post("User Create", "User/Create", Area::User, |asked| Box::pin(change::create(asked)))
        .by(Access::Writer)
        .takes(&CREATE)
        .shows(r#"{"firstName":"Bob","lastName":"Reader","email":"bob@example.test","countryCode":"SVK","permissionType":"NoAccess","specificPermissions":{"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d":2}}"#)
        .gives(DETAILS),
    Call::post("User Update", "User/Update", Area::User, |asked| Box::pin(change::update(asked)))
        .takes(&UPDATE)
        .shows(r#"{"userId":"0d30a7b5-6e01-40c8-9ec4-f056329017c7","phone":"+421 2 123","permissionType":"Read"}"#)
        .gives(DETAILS),
    Call::post("User Get Direct Accessible Children", "User/GetDirectAccessibleChildren", Area::User, |asked| Box::pin(children(asked)))
        .takes(&CHILDREN)
        .shows(r#"{"skip":0,"take":100}"#)
        .gives(Answer::Json(
            r#"{"companies":[{"name":"Customer A","companyId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","publicId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","companyTypeId":1007,"type":1007,"email":"","status":1}],"paging":{"totalCount":1}}"#,
        )),
];

/// The caller with all it needs to read about itself and its own company, whatever its levels are: that it is told anyway.
fn as_itself(asked: &Asked) -> Caller {
    Caller { request: asked.caller.request, ..asked.app.system() }
}

async fn current(asked: Asked) -> Result<Reply, Problem> {
    let (id, own) = (asked.own_user()?, asked.own_company());
    let caller = as_itself(&asked);
    let shown = asked.app.read(&caller, move |tx, cx| {
        let user = user::get(tx, cx, id)?;
        Ok(shape::brief(&user, &account::get(tx, cx, own)?, cx))
    });
    Ok(Reply::json(&shown.await?))
}

async fn details(asked: Asked) -> Result<Reply, Problem> {
    let id = UserId(asked.fields.need_guid("userId")?);
    let caller = if asked.own_user()? == id { as_itself(&asked) } else { asked.caller.clone() };
    let shown = asked.app.read(&caller, move |tx, cx| {
        if user::get(tx, cx, id)?.closed_at.is_some() {
            return Err(Error::from(Refusal::Closed(Noun::User)));
        }
        shape::details(tx, cx, id)
    });
    Ok(Reply::json(&shown.await?))
}

async fn children(asked: Asked) -> Result<Reply, Problem> {
    let (own, page) = (asked.own_company(), Page::of(&asked.fields));
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let writable = Below { level: Level::Write, ..Below::children(own) };
        let (accounts, total_count) = account::below(tx, cx, &writable, page.skip, page.take)?;
        let mut companies = Vec::new();
        for account in accounts {
            companies.push(json!({
                "name": account.name,
                "companyId": account.id.0,
                "publicId": account.id.0,
                "companyTypeId": words::entity_type(account.kind),
                "type": words::entity_type(account.kind),
                "email": Firm::of(&account.contact).email,
                "status": company_status(tx, cx, &account)?,
            }));
        }
        Ok((companies, Paging { total_count }))
    });
    let (companies, paging): (Vec<Value>, Paging) = read.await?;
    Ok(Reply::json(&json!({ "companies": companies, "paging": paging })))
}
