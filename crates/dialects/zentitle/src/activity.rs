//! What computers do with codes: activations, trials, what they tell of themselves, certificates.

use crate::fields::Fields;
use crate::ids;
use crate::page::{self, MOST, Page, Rows, Span};
use crate::problem::Problem;
use crate::render::Renderer;
use crate::reply::Reply;
use crate::table::Asked;
use crate::wire;
use lessor_core::device::{self, Activation, TrialFilter, TrialState};
use lessor_core::license::{self, License};
use lessor_core::{Context, Error, Noun, Refusal, Start, Timestamp, Tx};
use serde_json::Value;

/// How many records one query reads.
const CHUNK: i64 = 1_000;

/// The code that `productId` and `licenseCode` name.
pub(crate) fn find(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields) -> Result<License, Error> {
    let product = ids::product(tx, cx, fields.need("productId"))?;
    license::find(tx, cx, product, fields.need("licenseCode"))
}

/// `GET ActivatedLicenseCodes`: those activated on a computer, lapsed leases included.
pub async fn activated(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let codes = app.read(&caller, move |tx, cx| {
        let mut renderer = Renderer::default();
        let found = license::activities_of_device(tx, cx, ids::tenant(cx), fields.need("computerId"))?;
        let shown = found.into_iter().map(|(product, license_code)| {
            let product_id = renderer.product_number(tx, cx, product)?;
            Ok(wire::CodeOfProduct { product_id, license_code, order_id: None })
        });
        shown.collect::<Result<Vec<_>, Error>>()
    });
    Ok(Reply::json(&codes.await?))
}

/// `GET LicenseCodeActivity`: everything unless a page is named.
pub async fn list(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let (skip, take) = match Page::or_all(&fields, MOST)? {
        Page::Part { skip, take } => (skip, take),
        Page::All => (0, i64::MAX),
        Page::Count => {
            let count = app.read(&caller, move |tx, cx| {
                let code = find(tx, cx, &fields)?;
                license::count_activities(tx, cx, code.id, current(&fields))
            });
            return Ok(Reply::json(&page::count(count.await?)));
        }
    };
    let activities = app.read(&caller, move |tx, cx| rows(tx, cx, &fields, skip, take)).await?;
    Ok(Reply::json(&activities))
}

fn current(fields: &Fields) -> bool {
    fields.flag("activated").unwrap_or(false)
}

fn rows(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    fields: &Fields,
    skip: i64,
    take: i64,
) -> Result<Vec<wire::Activity>, Error> {
    let code = find(tx, cx, fields)?;
    let with_system = fields.flag("getSysInfo").unwrap_or(false);
    page::collect(skip, take, CHUNK, |skip, take| {
        let activations = license::activities(tx, cx, code.id, current(fields), skip, take)?;
        let shown = activations.into_iter().map(|activation| {
            let system = match with_system {
                true => Some(system_info(tx, cx, &activation)?),
                false => None,
            };
            Ok(activity(&code, activation, system))
        });
        shown.collect()
    })
}

fn system_info(tx: &mut dyn Tx, cx: &Context<'_>, activation: &Activation) -> Result<Option<wire::SystemInfo>, Error> {
    match device::system_report(tx, cx, activation.product, &activation.fingerprint) {
        Ok(report) => Ok(Some(system(&activation.fingerprint, &report))),
        Err(Error::Refused(Refusal::NotFound(Noun::SystemReport))) => Ok(None),
        Err(error) => Err(error),
    }
}

fn activity(code: &License, activation: Activation, system: Option<Option<wire::SystemInfo>>) -> wire::Activity {
    wire::Activity {
        license_code: code.code.clone(),
        computer_id: activation.fingerprint,
        system_info: system,
        status: if activation.active { "ACTIVATED" } else { "DEACTIVATED" },
        vm_lease_period: code.terms.virtual_lease_hours,
        client_lease_end_date: activation.lease_end,
        lease_last_date: Some(activation.leased_at),
        vm_platform: activation.virtual_platform.unwrap_or_default(),
        user_name: activation.user,
        activated: activation.activated_at,
        deactivated: activation.returned_at,
    }
}

/// `PUT LicenseCodeActivity`: takes every activation of a code back.
pub async fn return_all(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let returned = app.write(&caller, move |tx, cx| {
        let code = find(tx, cx, &fields)?;
        device::return_all(tx, cx, code.id).map(|_| ())
    });
    returned.await?;
    Ok(Reply::message(says))
}

/// `DELETE LicenseCodeActivity`: forgets the activations of a code, on one computer or on all.
pub async fn erase(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let erased = app.write(&caller, move |tx, cx| {
        let code = find(tx, cx, &fields)?;
        device::erase_activities(tx, cx, code.id, fields.text("computerId"))
    });
    erased.await?;
    Ok(Reply::message(says))
}

/// `GET SystemDetails`.
pub async fn system_details(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let details = app.read(&caller, move |tx, cx| {
        let product = ids::product(tx, cx, fields.need("productId"))?;
        let computer = fields.need("computerId");
        let report = device::system_report(tx, cx, product, computer)?;
        Ok(system(computer, &report))
    });
    Ok(Reply::json(&details.await?))
}

/// What a computer told of itself. Its members are found in any case, with or without `_`; whatever they hold becomes text.
pub fn system(computer: &str, report: &Value) -> wire::SystemInfo {
    let member = |name: &str| -> String {
        let members = report.as_object().into_iter().flatten();
        let same = |key: &String| key.replace('_', "").eq_ignore_ascii_case(name);
        match members.into_iter().find(|(key, _)| same(key)).map(|(_, value)| value) {
            Some(Value::String(text)) => text.clone(),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => String::new(),
        }
    };
    wire::SystemInfo {
        computer_id: computer.to_owned(),
        operating_system: member("operatingSystem"),
        bitage: member("bitage"),
        screen_res_x: member("screenResX"),
        screen_res_y: member("screenResY"),
        processor: member("processor"),
        cores: member("cores"),
        memory: member("memory"),
        os_language: member("osLanguage"),
        app_language: member("appLanguage"),
        r#type: member("type"),
        license_status: member("licenseStatus"),
        version: member("version"),
        build: member("build"),
        edition: member("edition"),
        computer_name: member("computerName"),
        vm_platform: member("vmPlatform"),
    }
}

/// `POST OfflineActivation`: a request of a computer goes in, the answer for it comes out.
pub async fn offline_activate(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let answer = app.write(&caller, move |tx, cx| {
        let product = ids::product(tx, cx, fields.need("productId"))?;
        device::offline_activate(tx, cx, Some(product), fields.need("activationCertificate").trim())
    });
    let answer = answer.await.map_err(|error| certificate_problem(error, "activationCertificate"))?;
    Ok(Reply::message(&answer))
}

fn certificate_problem(error: Error, field: &str) -> Problem {
    match error {
        Error::Refused(Refusal::BadCertificate(_)) => Problem::invalid(field),
        other => other.into(),
    }
}

/// `POST OfflineDeActivation`: a computer's proof that it has given its license up.
pub async fn offline_return(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let returned = app.write(&caller, move |tx, cx| {
        let product = ids::product(tx, cx, fields.need("productId"))?;
        device::offline_return(tx, cx, Some(product), fields.need("deActivationCertificate").trim()).map(|_| ())
    });
    returned.await.map_err(|error| certificate_problem(error, "deActivationCertificate"))?;
    Ok(Reply::message(says))
}

/// `GET Trial`: how a trial stands, in words.
pub async fn trial(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let status = app.read(&caller, move |tx, cx| {
        let product = ids::product(tx, cx, fields.need("productId"))?;
        Ok(match device::trial_of(tx, cx, product, fields.need("computerId"))? {
            None => "Trial Does Not Exist",
            Some(trial) if trial.converted_at.is_some() => "Trial Activated",
            Some(trial) => trial_status(trial.state(cx.now)),
        })
    });
    Ok(Reply::message(status.await?))
}

fn trial_status(state: TrialState) -> &'static str {
    match state {
        TrialState::Running => "In Trial",
        TrialState::Over => "Trial Expired",
    }
}

/// `DELETE Trial`: the computer may try again.
pub async fn delete_trial(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let deleted = app.write(&caller, move |tx, cx| {
        let product = ids::product(tx, cx, fields.need("productId"))?;
        device::delete_trial(tx, cx, product, fields.need("computerId"))
    });
    deleted.await?;
    Ok(Reply::message(says))
}

/// `GET Trials`: how many, or a page.
pub async fn trials(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    match Page::or_count(&fields) {
        Page::Part { skip, take } => {
            let span = Span { skip, take, step: CHUNK };
            let prepare = move |tx: &mut dyn Tx, cx: &Context<'_>| trial_filter(tx, cx, &fields).map(Some);
            page::streamed(app, caller, span, prepare, write_trials).await
        }
        Page::Count | Page::All => {
            let count = app.read(&caller, move |tx, cx| {
                let filter = trial_filter(tx, cx, &fields)?;
                device::count_trials(tx, cx, &filter)
            });
            Ok(Reply::json(&page::count(count.await?)))
        }
    }
}

fn trial_filter(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields) -> Result<TrialFilter, Error> {
    let soon = fields.int("expiresWithinDays").map(|days| cx.now.plus_days(days));
    let lately = fields.int("createdWithinDays").map(|days| cx.now.plus_days(-days));
    Ok(TrialFilter {
        product: ids::maybe_product(tx, cx, fields.text("productId"))?,
        fingerprint: fields.string("computerId"),
        ends_before: earliest(fields.when("expiresBefore"), soon),
        ends_after: latest(fields.when("expiresAfter"), soon.map(|_| cx.now)),
        started_before: fields.when("createdBefore"),
        started_after: latest(fields.when("createdAfter"), lately),
        state: fields.text("trialStatus").map(|word| match word {
            "expired" => TrialState::Over,
            _ => TrialState::Running,
        }),
        converted: fields.flag("converted"),
        ..TrialFilter::of(ids::tenant(cx))
    })
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

fn latest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).max()
}

fn write_trials(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &TrialFilter,
    start: Start,
    limit: u32,
    rows: &mut Rows,
) -> Result<(), Error> {
    let mut renderer = Renderer::default();
    for trial in device::trials(tx, cx, filter, start, limit)? {
        let shown = wire::Trial {
            product_id: renderer.product_number(tx, cx, trial.product)?,
            trial_period: trial.days.to_string(),
            created: trial.started_at,
            modified: trial.modified_at,
            lease_end_date: trial.lease_end,
            expires: trial.ends_at,
            trial_status: trial_status(trial.state(cx.now)),
            converted: wire::TrueFalse(trial.converted_at.is_some()),
            license_code: trial.license_code.unwrap_or_default(),
            computer_id: trial.fingerprint,
        };
        rows.push(trial.id.0, &shown);
    }
    Ok(())
}
