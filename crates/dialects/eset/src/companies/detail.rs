//! Everything about one company.

use crate::codes::coded;
use crate::facts::Firm;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::state::company_status;
use crate::table::Asked;
use crate::words;
use lessor_core::account::{self, Account, Kind};
use lessor_core::identity::Right;
use lessor_core::{AccountId, Action, Caller, Context, Error, Noun, Refusal, Tx, decide, order};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn detail(asked: Asked) -> Result<Reply, Problem> {
    let id = AccountId(asked.fields.need_guid("companyId")?);
    let actor = Arc::clone(&asked.caller.actor);
    // A company is told who stands above it, which its users do not see otherwise.
    let server = Caller { request: asked.caller.request, ..asked.app.system() };
    let shown = asked.app.read(&server, move |tx, cx| {
        let account = account::get(tx, cx, id)?;
        decide(&actor, &Action::read(Right::ACCOUNTS_READ), &account.path, Noun::Account)?;
        if account.closed_at.is_some() {
            return Err(Refusal::Closed(Noun::Account).into());
        }
        shown(tx, cx, &account)
    });
    Ok(Reply::json(&shown.await?))
}

fn shown(tx: &mut dyn Tx, cx: &Context<'_>, account: &Account) -> Result<Value, Error> {
    let above = match account.parent {
        Some(parent) => Some(account::get(tx, cx, parent)?),
        None => None,
    };
    // What a customer gets is for the company right above it to order.
    let seller = above.as_ref().filter(|_| account.kind == Kind::Customer).unwrap_or(account).id;
    let offers = order::offers(tx, cx, seller)?;
    let products = coded(tx, cx, offers)?;
    let products: Vec<Value> =
        products.into_iter().map(|(code, product)| json!({ "code": code, "name": product.name })).collect();
    let rules = order::rules(tx, cx, account.id)?;
    let sells = matches!(account.kind, Kind::PartnerManager | Kind::Partner);
    let firm = Firm::of(&account.contact);
    let division = above.as_ref().filter(|above| sells && above.kind == Kind::Division);
    Ok(json!({
        "ancestor": above.as_ref().map(|above| {
            json!({ "id": above.id.0, "name": above.name, "type": words::entity_type(above.kind) })
        }),
        "id": account.id.0,
        "companyId": account.id.0,
        "publicId": account.id.0,
        "name": account.name,
        "type": words::entity_type(account.kind),
        "status": company_status(tx, cx, account)?,
        "email": firm.email,
        "description": firm.description,
        "comment": firm.comment,
        "customIdentifier": firm.custom_identifier,
        "vatId": firm.vat_id,
        "address": {
            "countryCode": firm.address.country,
            "state": firm.address.state,
            "city": firm.address.city,
            "streetAddress": firm.address.street,
            "zipCode": firm.address.zip,
        },
        "tags": firm.tags.into_iter().map(|tag| json!({ "tag": tag })).collect::<Vec<_>>(),
        "products": products,
        "trialLicenseAllowed": order::rules(tx, cx, seller)?.trials_allowed,
        "trusted": (account.kind == Kind::ManagedPartner).then_some(!rules.by_request),
        "reseller": sells.then_some(firm.reseller),
        "manager": sells.then_some(account.kind == Kind::PartnerManager),
        "divisionId": division.map(|division| division.id.0),
        "created": account.created_at,
        "lastUpdate": account.modified_at,
    }))
}
