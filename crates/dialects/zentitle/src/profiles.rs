//! Profiles.

use crate::convert;
use crate::fields::Fields;
use crate::ids;
use crate::page::{self, Page};
use crate::problem::{Names, Problem};
use crate::render::{Breakdown, Renderer, Show};
use crate::reply::Reply;
use crate::table::Asked;
use crate::wire;
use lessor_core::catalog::{self, ChangeProfile, CreateProfile, Profile, ProfileFilter};
use lessor_core::{Context, Error, Noun, Tx};

/// How many profiles one query reads.
const CHUNK: i64 = 1_000;
/// A new name that is no good comes in another field than the first name of a profile.
const RENAMED: Names = &[("profile name", "newProfileName")];

fn show(fields: &Fields) -> Show {
    Show { breakdown: Breakdown::None, all_features: true, functions: fields.flag("getSfs").unwrap_or(false) }
}

/// `GET Profile`: by name or by number; a list of one.
pub async fn get(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    match (fields.has("profileName"), fields.has("profileId")) {
        (true, true) => return Err(Problem::bad("Invalid profileName And profileId")),
        (false, false) => return Err(Problem::missing("profileName")),
        _ => {}
    }
    let profile = app
        .read(&caller, move |tx, cx| {
            let profile = find(tx, cx, &fields)?;
            Renderer::default().profile(tx, cx, &profile, show(&fields), false)
        })
        .await?;
    Ok(Reply::json(&[profile]))
}

fn find(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields) -> Result<Profile, Error> {
    let product = ids::product(tx, cx, fields.need("productId"))?;
    let Some(number) = fields.int("profileId") else {
        return catalog::profile_by_name(tx, cx, product, fields.need("profileName"));
    };
    let id = ids::profile(tx, cx, number)?;
    let profile = catalog::profile_by_id(tx, cx, id)?;
    if profile.product == product { Ok(profile) } else { Err(Error::not_found(Noun::Profile)) }
}

/// `GET Profiles`: how many, or a page.
pub async fn list(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    match Page::or_count(&fields) {
        Page::Part { skip, take } => {
            let profiles = app.read(&caller, move |tx, cx| rows(tx, cx, &fields, skip, take)).await?;
            Ok(Reply::json(&profiles))
        }
        Page::Count | Page::All => {
            let count = app.read(&caller, move |tx, cx| {
                let filter = filter(tx, cx, &fields)?;
                catalog::count_profiles(tx, cx, &filter)
            });
            Ok(Reply::json(&page::count(count.await?)))
        }
    }
}

fn filter(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields) -> Result<ProfileFilter, Error> {
    Ok(ProfileFilter { tenant: ids::tenant(cx), product: ids::maybe_product(tx, cx, fields.text("productId"))? })
}

fn rows(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields, skip: i64, take: i64) -> Result<Vec<wire::Profile>, Error> {
    let filter = filter(tx, cx, fields)?;
    let mut renderer = Renderer::default();
    page::collect(skip, take, CHUNK, |skip, take| {
        let profiles = catalog::profiles(tx, cx, &filter, skip, take)?;
        profiles.iter().map(|profile| renderer.profile(tx, cx, profile, show(fields), true)).collect()
    })
}

/// `POST Profile`.
pub async fn create(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let terms = convert::profile_terms(&fields)?;
    let settings = convert::settings(&fields);
    let number = app
        .write(&caller, move |tx, cx| {
            let cmd = CreateProfile {
                product: ids::product(tx, cx, fields.need("productId"))?,
                name: fields.need("profileName").to_owned(),
                reseller: ids::reseller(tx, cx, fields.text("reseller").unwrap_or_default())?,
                enabled: fields.flag("enabledForUse").unwrap_or(false),
                acquired: fields.flag("acquiredByWebservice").unwrap_or(false),
                terms: terms.clone(),
                settings: settings.clone(),
            };
            let profile = catalog::create_profile(tx, cx, &cmd)?;
            ids::give_number(tx, ids::tenant(cx), ids::PROFILE, profile.id.0, Noun::Profile)
        })
        .await?;
    Ok(Reply::made(says, number))
}

/// `PUT Profile`: onto its codes as well, if told to.
pub async fn change(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let terms = convert::terms_change(&fields)?;
    let settings = convert::settings(&fields);
    let changed = app.write(&caller, move |tx, cx| {
        let product = ids::product(tx, cx, fields.need("productId"))?;
        let profile = catalog::profile_by_name(tx, cx, product, fields.need("profileName"))?;
        let reseller = fields.text("reseller").map(|name| ids::reseller(tx, cx, name)).transpose()?;
        let cmd = ChangeProfile {
            profile: profile.id,
            name: fields.string("newProfileName"),
            reseller,
            enabled: fields.flag("enabledForUse"),
            acquired: fields.flag("acquiredByWebservice"),
            terms: terms.clone(),
            settings: settings.clone(),
            push: fields.flag("inheritProfile").unwrap_or(false),
        };
        catalog::change_profile(tx, cx, &cmd).map(|_| ())
    });
    changed.await.map_err(|error| Problem::of(error, RENAMED))?;
    Ok(Reply::message(says))
}
