//! A user as answers show it.

use crate::countries;
use crate::facts::Person;
use crate::state::user_status;
use crate::words;
use lessor_core::account::{self, Account};
use lessor_core::identity::Level;
use lessor_core::identity::user::{self, User};
use lessor_core::{Context, Error, Tx, UserId};
use serde_json::{Map, Value, json};

/// What `Current` tells of a user.
pub(super) fn brief(user: &User, account: &Account, cx: &Context<'_>) -> Value {
    let person = Person::of(&user.contact, &user.name, &user.login);
    // Nobody's zone is known before they have been here.
    let zone = user.has_password.then(|| {
        json!({
            "name": "(UTC+01:00) Belgrade, Bratislava, Budapest, Ljubljana, Prague",
            "code": "Central Europe Standard Time",
            "timeShift": "+01:00",
        })
    });
    json!({
        "id": user.id.0,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "email": person.email,
        "description": person.description,
        "phoneNumber": person.phone,
        "twoFactorEnabled": false,
        "status": user_status(user, &person, cx.now),
        "created": user.created_at,
        "lastUpdate": user.modified_at,
        "company": {
            "companyId": account.id.0,
            "id": account.id.0,
            "name": account.name,
            "type": words::entity_type(account.kind),
        },
        "country": {
            "countryCode": person.country,
            "name": countries::name(&person.country).unwrap_or_default(),
        },
        "timeZone": zone,
    })
}

/// What `GetUserDetails` tells: the same, and what the user may do.
pub(super) fn details(tx: &mut dyn Tx, cx: &Context<'_>, id: UserId) -> Result<Value, Error> {
    let user = user::get(tx, cx, id)?;
    let account = account::get(tx, cx, user.account)?;
    let set = user::permissions(tx, cx, id)?;
    let own = set.iter().find(|(on, _)| *on == user.account).map_or(Level::None, |(_, level)| *level);
    let mut specific = Map::new();
    for (on, level) in set.into_iter().filter(|(on, level)| *on != user.account && *level > Level::None) {
        specific.insert(on.0.to_string(), words::permission(level).into());
    }
    let mut shown = brief(&user, &account, cx);
    shown["permissionType"] = words::permission(own).into();
    shown["specificPermissions"] = Value::Object(specific);
    Ok(shown)
}
