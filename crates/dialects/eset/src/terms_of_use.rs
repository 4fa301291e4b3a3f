//! Terms of use that stand in the way of an order until somebody accepts them for a company.

use crate::codes::Codes;
use crate::input::{Input, Kind};
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::table::{Access, Answer, Asked, Call};
use lessor_core::agreement::{self, Accept, AgreementFilter, AgreementView};
use lessor_core::identity::user;
use lessor_core::{AgreementId, Context, Error, Tx, UserId, Who};
use serde_json::{Value, json};
use uuid::Uuid;

/// Agreements read at once.
const AT_ONCE: u32 = 100;

static ONE: [Input; 1] = [Input::must("termsOfUseId", Kind::Guid)];

pub(crate) static CALLS: [Call; 3] = [
    Call::get("TermsOfUse Get", "TermsOfUse/Get", Area::TermsOfUse, |asked| Box::pin(list(asked))).gives(Answer::Json(
        r#"{"termsOfUse":[{"termsOfUseId":"7d0f0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","productCode":"121","name":"LiveGuard Advanced","accepted":false}]}"#,
    )),
    Call::get("TermsOfUse Detail", "TermsOfUse/Detail", Area::TermsOfUse, |asked| Box::pin(detail(asked))).takes(&ONE).gives(Answer::Json(
        r#"{"termsOfUseId":"7d0f0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d","name":"LiveGuard Advanced","text":"...","url":"https://example.test/terms","productCode":"121","accepted":true,"acceptedOn":"2023-03-01T08:00:00Z","acceptedBy":"0d30a7b5-6e01-40c8-9ec4-f056329017c7"}"#,
    )),
    Call::post("TermsOfUse Accept", "TermsOfUse/Accept", Area::TermsOfUse, |asked| Box::pin(accept(asked)))
        .by(Access::Writer)
        .takes(&ONE)
        .shows(r#"{"termsOfUseId":"7d0f0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d"}"#)
        .gives(Answer::Nothing),
];

async fn list(asked: Asked) -> Result<Reply, Problem> {
    let filter = AgreementFilter { tenant: asked.caller.actor.tenant, product: None, account: asked.own_company() };
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let (mut views, mut after) = (Vec::new(), None);
        loop {
            let page = agreement::list(tx, cx, &filter, after, AT_ONCE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.agreement.id);
            views.extend(page.into_iter().filter(|view| view.agreement.retired_at.is_none()));
        }
        let codes = codes_of(tx, cx, &views)?;
        let terms = views.iter().map(|view| {
            json!({
                "termsOfUseId": view.agreement.id.0,
                "productCode": code(&codes, view),
                "name": view.agreement.name,
                "accepted": view.acceptance.is_some(),
            })
        });
        Ok(terms.collect::<Vec<Value>>())
    });
    Ok(Reply::json(&json!({ "termsOfUse": read.await? })))
}

async fn detail(asked: Asked) -> Result<Reply, Problem> {
    let (id, own) = (AgreementId(asked.fields.need_guid("termsOfUseId")?), asked.own_company());
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let view = agreement::get(tx, cx, id, own)?;
        let codes = codes_of(tx, cx, std::slice::from_ref(&view))?;
        let code = code(&codes, &view).to_owned();
        Ok((view, code))
    });
    let (AgreementView { agreement, acceptance }, code) = read.await?;
    let mut shown = json!({
        "termsOfUseId": agreement.id.0,
        "name": agreement.name,
        "text": agreement.text,
        "url": agreement.url,
        "productCode": code,
        "accepted": acceptance.is_some(),
    });
    if let Some(acceptance) = acceptance {
        shown["acceptedOn"] = json!(acceptance.accepted_at);
        if let Who::User(user) = acceptance.accepted_by
            && is_there(&asked, user).await?
        {
            shown["acceptedBy"] = json!(user.0);
        }
    }
    Ok(Reply::json(&shown))
}

/// Is a user still there? Who accepted the terms is told wherever in the tree they are.
async fn is_there(asked: &Asked, id: UserId) -> Result<bool, Error> {
    let app = &asked.app;
    let user = app.read(&app.system(), move |tx, cx| user::get(tx, cx, id)).await;
    match user {
        Ok(user) => Ok(user.closed_at.is_none()),
        Err(Error::Refused(_)) => Ok(false),
        Err(other) => Err(other),
    }
}

async fn accept(asked: Asked) -> Result<Reply, Problem> {
    let cmd = Accept { agreement: AgreementId(asked.fields.need_guid("termsOfUseId")?), account: asked.own_company() };
    asked.app.write(&asked.caller, move |tx, cx| agreement::accept(tx, cx, &cmd)).await?;
    Ok(Reply::Nothing)
}

fn codes_of(tx: &mut dyn Tx, cx: &Context<'_>, views: &[AgreementView]) -> Result<Codes, Error> {
    let products: Vec<Uuid> = views.iter().filter_map(|view| Some(view.agreement.product?.0)).collect();
    Codes::of_products(tx, cx, &products)
}

/// The code of the product that the terms are about; empty for those of all.
fn code<'a>(codes: &'a Codes, view: &AgreementView) -> &'a str {
    view.agreement.product.and_then(|product| codes.get(product.0)).unwrap_or_default()
}
