//! Passive licenses: made for one client, which is never heard of again. It gets a signed lease in a file, which nothing
//! renews; what takes a server to hand out it cannot have.

use super::lease::Leased;
use super::rows;
use super::{Activation, ActivationKind};
use crate::account;
use crate::catalog::{self, Catalog, FeatureKind, FeatureSetting, SettingsChange, ValueSetting};
use crate::clock::Timestamp;
use crate::context::Context;
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, LicenseId, ProductId, ProfileId};
use crate::journal;
use crate::license::{self, ChangeLicense, Codes, Concurrency, IssueLicenses, LeaseForm, License, Role, TermsChange};
use crate::text::check_line;
use lessor_db::Tx;
use serde_json::json;

/// Least and most characters of a client's id.
const CLIENT_ID: (usize, usize) = (10, 255);

/// Makes a passive license.
#[derive(Clone, Debug)]
pub struct IssuePassive {
    /// To what.
    pub product: ProductId,
    /// What the client is known by: 10 to 255 characters of one line. The license is bound to it.
    pub client_id: String,
    /// Whose it is; `None` leaves it with the vendor.
    pub account: Option<AccountId>,
    /// Where its terms come from; `None` is the product itself.
    pub profile: Option<ProfileId>,
    /// Codes of the features that are on; all others are off. Flags alone can be.
    pub features: Vec<String>,
    /// Named values that differ from those of the profile or product.
    pub values: Vec<ValueSetting>,
}

/// A passive license as it was made.
#[derive(Clone, Debug)]
pub struct PassiveLicense {
    /// The license.
    pub license: License,
    /// Its one activation.
    pub activation: Activation,
    /// The signed lease: for as many hours as the license leases offline, or without end.
    pub document: String,
}

/// Makes a passive license and the signed lease for its client. Asking again makes another one.
///
/// # Errors
/// `WrongFeatureKind` for a feature that is no flag; `NotFound` for a product, account, profile, feature or value;
/// `ProductInactive`; `Held` where the account is on hold or the profile's licenses do not start usable; `TermOver` where
/// the term has ended already; `Malformed`.
pub fn issue_passive(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &IssuePassive) -> Result<PassiveLicense, Error> {
    check_line("client_id", &cmd.client_id, CLIENT_ID.1)?;
    if cmd.client_id.chars().count() < CLIENT_ID.0 {
        return Err(Error::malformed("client_id", format!("it has at least {} characters", CLIENT_ID.0)));
    }
    // First, since it finds out whether the caller may do this at all.
    let license = issue(tx, cx, cmd)?;
    let known = catalog::known::known(tx, cx, cmd.product, None)?;
    if !known.product.active {
        return Err(Refusal::ProductInactive.into());
    }
    let license = set_up(tx, cx, cmd, license, &known.catalog)?;
    license.usable(account::is_held(tx, license.account)?, cx.now)?;

    let mut terms = license.terms.clone();
    terms.term = terms.term.started(cx.now);
    let device = rows::known(tx, cx.new_id(), &known.product, &cmd.client_id, cx.now)?;
    let activation = Activation {
        id: cx.new_id(),
        tenant: known.product.tenant,
        product: known.product.id,
        license: Some(license.id),
        trial: None,
        device: device.id,
        fingerprint: cmd.client_id.clone(),
        user: String::new(),
        kind: ActivationKind::Passive,
        active: true,
        virtual_platform: None,
        activated_at: cx.now,
        returned_at: None,
        lease_number: 1,
        leased_at: cx.now,
        lease_end: terms.lease_end(LeaseForm::Offline, cx.now),
        secret_generation: 1,
        renew_at: None,
        answer_lost: false,
        long_until: None,
    };
    rows::insert(tx, &activation, None)?;
    license::activated(tx, &license, cx.now)?;
    let data = json!({
        "code": license.code, "device": activation.fingerprint, "user": "", "activation": activation.id.to_string(),
        "kind": activation.kind.word(), "lease_end": activation.lease_end.map(Timestamp::to_rfc3339),
    });
    journal::append(tx, cx, "license.activated", license.subject(), &data)?;
    let settings = catalog::settings_of(tx, license.id.0)?;
    let license = License { terms, active_count: 1, last_activated_at: Some(cx.now), ..license };
    // The client has no key of its own: the lease is bound to its id alone.
    let leased = Leased { activation, license: Some(license.clone()), settings, known, device_key: None };
    let document = leased.sign(&leased.lease())?;
    Ok(PassiveLicense { license, activation: leased.activation, document })
}

fn issue(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &IssuePassive) -> Result<LicenseId, Error> {
    let issue = IssueLicenses {
        product: cmd.product,
        account: cmd.account,
        profile: cmd.profile,
        codes: Codes::Generate(1),
        reference: String::new(),
        order: String::new(),
        role: Role::Passive,
    };
    let made = license::issue(tx, cx, &issue)?;
    made.first().map(|(id, _)| *id).ok_or(Error::not_found(Noun::License))
}

/// Gives the license its one place and just the features that were asked for.
fn set_up(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    cmd: &IssuePassive,
    license: LicenseId,
    catalog: &Catalog,
) -> Result<License, Error> {
    for code in &cmd.features {
        if catalog.feature(code)?.kind != FeatureKind::Flag {
            return Err(Refusal::WrongFeatureKind.into());
        }
    }
    let features = catalog.features.iter().map(|feature| FeatureSetting {
        code: feature.code.clone(),
        enabled: Some(cmd.features.contains(&feature.code)),
        limit: None,
    });
    let mut change = ChangeLicense::of(license);
    change.terms =
        TermsChange { activation_limit: Some(1), concurrency: Some(Concurrency::Off), ..TermsChange::default() };
    change.settings =
        SettingsChange { features: features.collect(), values: cmd.values.clone(), functions: Vec::new() };
    license::change(tx, cx, &change)
}
