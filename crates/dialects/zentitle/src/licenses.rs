//! License codes: shown, listed, created, changed, deleted, handed out.

use crate::convert;
use crate::fields::Fields;
use crate::ids;
use crate::page::{self, Page, Rows, Span};
use crate::problem::Problem;
use crate::render::{self, Breakdown, Renderer, Show};
use crate::reply::Reply;
use crate::table::Asked;
use crate::wire;
use lessor_core::catalog;
use lessor_core::license::{
    self, Acquire, ChangeLicense, Codes, IssueLicenses, LicenseFilter, LicenseView, NotesChange, Role, TermsChange,
};
use lessor_core::{Context, Error, ProductId, ProfileId, Refusal, Start, Tx};

/// How many codes one query reads, and one stretch of an answer has: a megabyte or two while it is written.
const CHUNK: i64 = 250;

/// `GET LicenseCode`: the code in each product that has it.
pub async fn get(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let codes = app.read(&caller, move |tx, cx| show(tx, cx, &fields)).await?;
    Ok(Reply::json(&codes))
}

fn show(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields) -> Result<Vec<wire::LicenseCode>, Error> {
    let show = Show {
        breakdown: breakdown(fields),
        all_features: fields.text("showFeatures") != Some("on"),
        functions: fields.flag("getSfs").unwrap_or(false),
    };
    let with_notes = fields.flag("getNotes").unwrap_or(false);
    let mut renderer = Renderer::default();
    let mut shown = Vec::new();
    let views = find(tx, cx, fields, show.breakdown != Breakdown::None)?;
    renderer.learn(tx, cx, &views)?;
    for view in views {
        let mut code = renderer.license(tx, cx, &view, show)?;
        if with_notes {
            let notes = license::notes(tx, cx, view.license.id)?;
            code.notes = Some(notes.into_iter().map(render::note).collect());
        }
        shown.push(code);
    }
    Ok(shown)
}

/// By user says more than by computer.
fn breakdown(fields: &Fields) -> Breakdown {
    match (fields.flag("userDetails"), fields.flag("details")) {
        (Some(true), _) => Breakdown::Users,
        (_, Some(true)) => Breakdown::Computers,
        _ => Breakdown::None,
    }
}

/// The codes that `licenseCode` names: in one product, or in all that have it. With who holds what of them, if asked for.
fn find(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields, checkouts: bool) -> Result<Vec<LicenseView>, Error> {
    let product = ids::maybe_product(tx, cx, fields.text("productId"))?;
    license::by_code(tx, cx, ids::tenant(cx), product, fields.need("licenseCode"), checkouts)
}

/// `POST LicenseCode`: generated codes are told, imported ones are known already.
pub async fn create(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let codes = codes(&fields)?;
    let imported = matches!(codes, Codes::Import(_));
    let issued = app
        .write(&caller, move |tx, cx| {
            let product = ids::product(tx, cx, fields.need("productId"))?;
            let company = fields.int("companyId").filter(|number| *number != 0);
            let cmd = IssueLicenses {
                product,
                profile: profile(tx, cx, product, &fields)?.flatten(),
                account: company.map(|number| ids::company(tx, cx, number)).transpose()?,
                codes: codes.clone(),
                reference: fields.string("reference").unwrap_or_default(),
                order: fields.string("orderId").unwrap_or_default(),
                role: Role::Standard,
            };
            license::issue(tx, cx, &cmd)
        })
        .await?;
    if imported {
        return Ok(Reply::message(says));
    }
    Ok(Reply::json(&wire::Codes { license_codes: issued.into_iter().map(|(_, code)| code).collect() }))
}

/// A list to import goes before a number to generate.
fn codes(fields: &Fields) -> Result<Codes, Problem> {
    if let Some(codes) = fields.texts("licenseCodes").filter(|codes| !codes.is_empty()) {
        return Ok(Codes::Import(codes.to_vec()));
    }
    fields.int("numCodes").map(Codes::Generate).ok_or_else(|| Problem::missing("numCodes"))
}

/// The profile that `profileName` names: `None` when it was left out, `Some(None)` for none.
pub fn profile(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: ProductId,
    fields: &Fields,
) -> Result<Option<Option<ProfileId>>, Error> {
    match convert::profile_name(fields) {
        None => Ok(None),
        Some(None) => Ok(Some(None)),
        Some(Some(name)) => Ok(Some(Some(catalog::profile_by_name(tx, cx, product, &name)?.id))),
    }
}

/// What a `PUT LicenseCode` says that does not depend on stored records.
struct Draft {
    terms: TermsChange,
    settings: catalog::SettingsChange,
    notes: NotesChange,
}

/// `PUT LicenseCode`.
pub async fn change(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let draft = Draft {
        terms: convert::terms_change(&fields)?,
        settings: convert::settings(&fields),
        notes: convert::notes(&fields)?,
    };
    app.write(&caller, move |tx, cx| {
        let cmd = change_command(tx, cx, &fields, &draft)?;
        license::change(tx, cx, &cmd).map(|_| ())
    })
    .await?;
    Ok(Reply::message(says))
}

fn change_command(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields, draft: &Draft) -> Result<ChangeLicense, Error> {
    let product = ids::product(tx, cx, fields.need("productId"))?;
    let license = license::find(tx, cx, product, fields.need("licenseCode"))?;
    let account = match fields.int("companyId") {
        None => None,
        Some(0) => Some(None),
        Some(number) => Some(Some(ids::company(tx, cx, number)?)),
    };
    Ok(ChangeLicense {
        account,
        enabled: fields.flag("enabledForUse"),
        acquired: fields.flag("acquiredByWebservice"),
        profile: profile(tx, cx, product, fields)?,
        inherit: fields.flag("inheritProfile").unwrap_or(false),
        order: fields.string("orderId"),
        terms: draft.terms.clone(),
        settings: draft.settings.clone(),
        notes: draft.notes.clone(),
        ..ChangeLicense::of(license.id)
    })
}

/// `DELETE LicenseCode`: in one product, or in all that have it.
pub async fn remove(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    app.write(&caller, move |tx, cx| {
        for view in find(tx, cx, &fields, false)? {
            license::remove(tx, cx, view.license.id)?;
        }
        Ok(())
    })
    .await?;
    Ok(Reply::message(says))
}

/// `GET LicenseCodes`: how many, or a page.
pub async fn list(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    if fields.has("company") && fields.has("companyId") {
        return Err(Problem::bad("Invalid company And companyId"));
    }
    match Page::or_count(&fields) {
        Page::Part { skip, take } => {
            let span = Span { skip, take, step: CHUNK };
            let functions = fields.flag("getSfs").unwrap_or(false);
            let prepare =
                move |tx: &mut dyn Tx, cx: &Context<'_>| Ok(filter(tx, cx, &fields)?.map(|filter| (filter, functions)));
            page::streamed(app, caller, span, prepare, write).await
        }
        Page::Count | Page::All => {
            let count = app.read(&caller, move |tx, cx| match filter(tx, cx, &fields)? {
                Some(filter) => license::count(tx, cx, &filter),
                None => Ok(0),
            });
            Ok(Reply::json(&page::count(count.await?)))
        }
    }
}

/// Writes the codes of one query as lists show them.
fn write(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    (filter, functions): &(LicenseFilter, bool),
    start: Start,
    limit: u32,
    rows: &mut Rows,
) -> Result<(), Error> {
    let views = license::list(tx, cx, filter, start, limit)?;
    let mut renderer = Renderer::default();
    renderer.learn(tx, cx, &views)?;
    for view in &views {
        renderer.row(tx, cx, view, *functions, rows.begin(view.license.id.0))?;
    }
    Ok(())
}

/// The filter that the inputs describe; `None` when they name a company that does not exist, which no code has.
fn filter(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields) -> Result<Option<LicenseFilter>, Error> {
    let product = ids::maybe_product(tx, cx, fields.text("productId"))?;
    let account = match (fields.text("company"), fields.int("companyId")) {
        (None, None) => Some(None),
        (Some(name), _) => existing(ids::company_by_name(tx, cx, name))?.map(Some),
        (None, Some(number)) => existing(ids::company(tx, cx, number))?.map(Some),
    };
    let Some(account) = account else { return Ok(None) };
    Ok(Some(LicenseFilter {
        product,
        account,
        profile: convert::profile_name(fields),
        acquired: fields.flag("acquiredByWebservice"),
        used: fields.flag("used"),
        activated: fields.flag("activated"),
        passive: fields.flag("passive"),
        ..LicenseFilter::of(ids::tenant(cx))
    }))
}

/// What is there, or nothing: other errors stay errors.
pub fn existing<T>(found: Result<T, Error>) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::Refused(Refusal::NotFound(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `GET NextLicenseCode`: codes that nobody has used or been given yet, and that are given now.
pub async fn next(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let codes = app
        .write(&caller, move |tx, cx| {
            let product = ids::product(tx, cx, fields.need("productId"))?;
            let profile = profile(tx, cx, product, &fields)?.flatten();
            let amount = fields.int("amount").unwrap_or(1);
            license::acquire(tx, cx, &Acquire { product, profile, amount })
        })
        .await?;
    Ok(Reply::json(&wire::Codes { license_codes: codes.into_iter().map(|(_, code)| code).collect() }))
}

/// `GET LicenseCodesByOrderID`: those whose order contains the given text.
pub async fn by_order(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let codes = app
        .read(&caller, move |tx, cx| {
            let mut renderer = Renderer::default();
            let found = license::by_order(tx, cx, ids::tenant(cx), fields.need("orderId"))?;
            let shown = found.into_iter().map(|found| {
                Ok(wire::CodeOfProduct {
                    product_id: renderer.product_number(tx, cx, found.product)?,
                    license_code: found.code,
                    order_id: Some(found.order),
                })
            });
            shown.collect::<Result<Vec<_>, Error>>()
        })
        .await?;
    Ok(Reply::json(&codes))
}
