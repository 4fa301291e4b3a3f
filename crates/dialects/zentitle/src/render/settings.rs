//! What a license or a profile has set, and who uses how much of it.

use super::{Breakdown, Show};
use crate::wire;
use lessor_core::FeatureId;
use lessor_core::catalog::{Catalog, Feature, FeatureKind, GrantView, Settings};

/// One check-out: feature, device, user, held, consumed.
type Checkout = (FeatureId, String, String, i64, i64);

/// The features, in the product's order.
pub(super) fn features(
    catalog: &Catalog,
    settings: &Settings,
    show: Show,
    checkouts: &[Checkout],
) -> Vec<wire::FeatureUse> {
    let grant = |feature: &Feature| settings.grants.get(&feature.id).copied().unwrap_or_default();
    catalog
        .features
        .iter()
        .map(|feature| (feature, grant(feature)))
        .filter(|(_, grant)| show.all_features || grant.enabled)
        .map(|(feature, grant)| wire::FeatureUse {
            feature_code: feature.code.clone(),
            feature_availability: wire::OnOff(grant.enabled),
            feature_type: feature_type(feature.kind),
            feature_details: details(feature, grant, show.breakdown, checkouts),
        })
        .collect()
}

/// Limit and figure, then who has how much of it, each as `name : value`.
fn details(feature: &Feature, grant: GrantView, breakdown: Breakdown, checkouts: &[Checkout]) -> Vec<String> {
    let (limit, count) = match feature.kind {
        FeatureKind::Floating => ("maximumActive", "totalActive"),
        FeatureKind::Pool => ("elementLimit", "elementCount"),
        FeatureKind::Tokens => ("tokenLimit", "tokenCount"),
        FeatureKind::Flag | FeatureKind::Store => return Vec::new(),
    };
    let mut lines = vec![format!("{limit} : {}", grant.limit), format!("{count} : {}", grant.used)];
    for ((computer, user), total) in totals(feature.id, breakdown, checkouts) {
        lines.push(format!("computerId : {computer}"));
        lines.extend(user.map(|user| format!("userName : {user}")));
        lines.push(format!("total : {total}"));
    }
    lines
}

type Holder<'a> = (&'a str, Option<&'a str>);

/// What each computer (and user) has of a feature, in the order they are stored; those that have nothing are left out.
fn totals<'a>(
    feature: FeatureId,
    breakdown: Breakdown,
    checkouts: &'a [Checkout],
) -> impl Iterator<Item = (Holder<'a>, i64)> {
    let mut totals: Vec<(Holder<'a>, i64)> = Vec::new();
    let wanted = checkouts.iter().filter(|_| breakdown != Breakdown::None).filter(|checkout| checkout.0 == feature);
    for (_, computer, user, held, _) in wanted {
        let holder = (computer.as_str(), (breakdown == Breakdown::Users).then_some(user.as_str()));
        match totals.iter_mut().find(|(known, _)| *known == holder) {
            Some((_, total)) => *total += held,
            None => totals.push((holder, *held)),
        }
    }
    totals.into_iter().filter(|(_, total)| *total != 0)
}

/// The named values.
pub(super) fn agility(catalog: &Catalog, settings: &Settings) -> Vec<wire::Agility> {
    let values = catalog.values.iter();
    values
        .map(|value| wire::Agility {
            name: value.name.clone(),
            value: settings.values.get(&value.id).unwrap_or(&value.value).clone(),
        })
        .collect()
}

/// The server functions.
pub(super) fn functions(catalog: &Catalog, settings: &Settings) -> Vec<wire::ServerFunction> {
    let functions = catalog.functions.iter();
    functions
        .map(|function| {
            let set = settings.functions.get(&function.id).copied();
            let (enabled, parameter) = set.unwrap_or((function.enabled, None));
            wire::ServerFunction {
                function_name: function.name.clone(),
                enabled: wire::OnOff(enabled),
                parameter_value: parameter.map(|number| number.to_string()).unwrap_or_default(),
            }
        })
        .collect()
}

/// The dialect's word for a kind.
pub(super) fn feature_type(kind: FeatureKind) -> &'static str {
    match kind {
        FeatureKind::Flag => "Normal",
        FeatureKind::Floating => "Floating",
        FeatureKind::Pool => "ElementPool",
        FeatureKind::Tokens => "ConsumptionToken",
        FeatureKind::Store => "SecureStore",
    }
}
