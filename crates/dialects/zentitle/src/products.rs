//! Products and their features.

use crate::convert;
use crate::fields::Fields;
use crate::ids;
use crate::problem::Problem;
use crate::render;
use crate::reply::Reply;
use crate::table::Asked;
use crate::wire;
use lessor_core::catalog::{self, ChangeFeature, ChangeProduct, CreateProduct, Product};
use lessor_core::{Context, Error, ProductId, Tx};

/// How many products one query reads.
const CHUNK: u32 = 1_000;
const DEFAULT_TRIAL_DAYS: i64 = 30;

/// `GET Products`: all of them.
pub async fn list(asked: Asked) -> Result<Reply, Problem> {
    let products = asked.app.read(&asked.caller, |tx, cx| all(tx, cx)).await?;
    Ok(Reply::json(&products))
}

fn all(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<Vec<wire::Product>, Error> {
    let mut shown = Vec::new();
    let mut after = None;
    loop {
        let products = catalog::products(tx, cx, ids::tenant(cx), after, CHUNK)?;
        let Some(last) = products.last() else { return Ok(shown) };
        after = Some(last.id);
        for product in &products {
            shown.push(view(tx, product)?);
        }
    }
}

fn view(tx: &mut dyn Tx, product: &Product) -> Result<wire::Product, Error> {
    let number = ids::product_number(tx, product.id)?;
    let catalog = catalog::catalog(tx, product.tenant, product.id)?;
    Ok(render::product(number, product, &catalog))
}

/// `GET Product`: a list of one.
pub async fn get(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let product = app
        .read(&caller, move |tx, cx| {
            let id = ids::product(tx, cx, fields.need("productId"))?;
            let product = catalog::product(tx, cx, id)?;
            view(tx, &product)
        })
        .await?;
    Ok(Reply::json(&[product]))
}

/// `POST Product`: with its groups, features and application agility fields.
pub async fn create(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let draft = draft(&fields)?;
    let number = app
        .write(&caller, move |tx, cx| {
            let cmd = CreateProduct { tenant: ids::tenant(cx), ..draft.clone() };
            let product = catalog::create_product(tx, cx, &cmd)?;
            ids::give_product_number(tx, cx, product.id)
        })
        .await?;
    Ok(Reply::made(says, number))
}

/// The command, but for the tenant.
fn draft(fields: &Fields) -> Result<CreateProduct, Problem> {
    convert::once_each(fields, "featureGroups", "featureGroupName")?;
    convert::once_each(fields, "features", "featureCode")?;
    convert::once_each(fields, "applicationAgility", "name")?;
    let trial_offered = fields.flag("inTrial").unwrap_or(false);
    let default_days = if trial_offered { DEFAULT_TRIAL_DAYS } else { 0 };
    Ok(CreateProduct {
        id: None,
        tenant: lessor_core::AccountId(uuid::Uuid::nil()),
        name: fields.need("productName").to_owned(),
        trial_offered,
        trial_days: fields.int("trialPeriod").unwrap_or(default_days),
        terms: convert::product_terms(fields)?,
        groups: convert::new_groups(fields),
        features: convert::new_features(fields),
        values: convert::new_agility(fields),
    })
}

/// `PUT Product`: codes made before keep what they have.
pub async fn change(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let terms = convert::product_terms_change(&fields)?;
    app.write(&caller, move |tx, cx| {
        let cmd = ChangeProduct {
            product: ids::product(tx, cx, fields.need("productId"))?,
            name: fields.string("productName"),
            active: None,
            trial_offered: None,
            trial_days: fields.int("trialPeriod"),
            terms: terms.clone(),
        };
        catalog::change_product(tx, cx, &cmd).map(|_| ())
    })
    .await?;
    Ok(Reply::message(says))
}

/// `POST ProductFeatures`.
pub async fn add_features(asked: Asked) -> Result<Reply, Problem> {
    let says = asked.says;
    convert::once_each(&asked.fields, "features", "featureCode")?;
    let features = convert::new_features(&asked.fields);
    on_product(asked, move |tx, cx, product| catalog::add_features(tx, cx, product, &features)).await?;
    Ok(Reply::message(says))
}

/// `PUT ProductFeatures`.
pub async fn change_features(asked: Asked) -> Result<Reply, Problem> {
    let says = asked.says;
    convert::once_each(&asked.fields, "features", "featureCode")?;
    let changes: Vec<ChangeFeature> = asked.fields.list("features").iter().map(feature_change).collect();
    on_product(asked, move |tx, cx, product| catalog::change_features(tx, cx, product, &changes)).await?;
    Ok(Reply::message(says))
}

fn feature_change(feature: &Fields) -> ChangeFeature {
    ChangeFeature {
        code: feature.need("featureCode").to_owned(),
        new_code: feature.string("newFeatureCode"),
        name: feature.string("featureName"),
        notes: feature.string("notes"),
        group: feature.string("featureGroupName"),
        in_trials: feature.flag("availableInTrials"),
    }
}

/// `DELETE ProductFeatures`: from the product and from all its codes and profiles.
pub async fn remove_feature(asked: Asked) -> Result<Reply, Problem> {
    let says = asked.says;
    let code = asked.fields.need("featureCode").to_owned();
    on_product(asked, move |tx, cx, product| catalog::remove_feature(tx, cx, product, &code)).await?;
    Ok(Reply::message(says))
}

/// Runs a command on the product that `productId` names.
pub(crate) async fn on_product<F>(asked: Asked, command: F) -> Result<(), Problem>
where
    F: Fn(&mut dyn Tx, &Context<'_>, ProductId) -> Result<(), Error> + Send + 'static,
{
    let Asked { app, caller, fields, .. } = asked;
    let run = app.write(&caller, move |tx, cx| {
        let product = ids::product(tx, cx, fields.need("productId"))?;
        command(tx, cx, product)
    });
    Ok(run.await?)
}
