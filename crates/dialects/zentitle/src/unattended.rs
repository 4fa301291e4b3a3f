//! Licenses for computers that never call here: passive ones, and the master licenses of daemons on local networks.

use crate::convert;
use crate::fields::Fields;
use crate::ids;
use crate::licenses;
use crate::page::{self, Page};
use crate::problem::{Names, Problem};
use crate::reply::Reply;
use crate::table::Asked;
use crate::wire;
use lessor_core::daemon::{self, Master, MasterFilter};
use lessor_core::device::{self, IssuePassive};
use lessor_core::license::{self, ChangeLicense, Codes, IssueLicenses, Role, TermsChange};
use lessor_core::{Context, Error, Refusal, Tx};

/// How many records one query reads.
const CHUNK: i64 = 1_000;
/// Records of a page unless asked otherwise.
const PAGE_SIZE: i64 = 10;
/// How many daemons a new master license is good for.
const DAEMONS: i64 = 1;

/// `POST PassiveLicense`: the lease for a client comes in the answer.
pub async fn issue_passive(asked: Asked) -> Result<Reply, Problem> {
    const NAMES: Names = &[("client_id", "clientId")];
    let Asked { app, caller, fields, says } = asked;
    convert::once_each(&fields, "features", "featureCode")?;
    convert::once_each(&fields, "applicationAgility", "name")?;
    let issued = app.write(&caller, move |tx, cx| {
        let product = ids::product(tx, cx, fields.need("productId"))?;
        let company = fields.int("companyId").filter(|number| *number != 0);
        let features = fields.list("features").iter().map(|feature| feature.need("featureCode").to_owned());
        let cmd = IssuePassive {
            product,
            client_id: fields.need("clientId").to_owned(),
            account: company.map(|number| ids::company(tx, cx, number)).transpose()?,
            profile: licenses::profile(tx, cx, product, &fields)?.flatten(),
            features: features.collect(),
            values: convert::values(&fields),
        };
        device::issue_passive(tx, cx, &cmd)
    });
    match issued.await {
        Ok(passive) => Ok(Reply::made(says, passive.document)),
        Err(Error::Refused(Refusal::WrongFeatureKind)) => Err(Problem::invalid("featureCode")),
        Err(error) => Err(Problem::of(error, NAMES)),
    }
}

/// `POST NetworkMasterLicense`: a code for one daemon.
pub async fn issue_master(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let code = app.write(&caller, move |tx, cx| {
        let product = ids::product(tx, cx, fields.need("productId"))?;
        let company = fields.int("companyId").filter(|number| *number != 0);
        let cmd = IssueLicenses {
            product,
            account: company.map(|number| ids::company(tx, cx, number)).transpose()?,
            profile: None,
            codes: Codes::Generate(1),
            reference: String::new(),
            order: String::new(),
            role: Role::NetworkMaster,
        };
        let made = license::issue(tx, cx, &cmd)?;
        for (id, _) in &made {
            let terms = TermsChange { activation_limit: Some(DAEMONS), ..TermsChange::default() };
            license::change(tx, cx, &ChangeLicense { terms, ..ChangeLicense::of(*id) })?;
        }
        Ok(made.into_iter().map(|(_, code)| code).collect::<String>())
    });
    Ok(Reply::made(says, code.await?))
}

/// `GET NetworkMasterLicense`: everything unless a page is named.
pub async fn masters(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let (skip, take) = match Page::or_all(&fields, PAGE_SIZE)? {
        Page::Part { skip, take } => (skip, take),
        Page::All => (0, i64::MAX),
        Page::Count => {
            let count = app.read(&caller, move |tx, cx| match filter(tx, cx, &fields)? {
                Some(filter) => daemon::count_masters(tx, cx, &filter),
                None => Ok(0),
            });
            return Ok(Reply::json(&page::count(count.await?)));
        }
    };
    let rows = app.read(&caller, move |tx, cx| {
        let Some(filter) = filter(tx, cx, &fields)? else { return Ok(Vec::new()) };
        page::collect(skip, take, CHUNK, |start, take| {
            let found = daemon::masters(tx, cx, &filter, start, take)?;
            Ok(found.into_iter().map(|master| row(master, ids::tenant(cx))).collect())
        })
    });
    Ok(Reply::json(&rows.await?))
}

/// The filter that the inputs describe; `None` when they name a company that does not exist, which has no license.
fn filter(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields) -> Result<Option<MasterFilter>, Error> {
    let by_name = fields.text("company").map(|name| ids::company_by_name(tx, cx, name)).transpose();
    let by_number = fields.int("companyID").map(|number| ids::company(tx, cx, number)).transpose();
    let (Some(by_name), Some(by_number)) = (licenses::existing(by_name)?, licenses::existing(by_number)?) else {
        return Ok(None);
    };
    if by_name.is_some() && by_number.is_some() && by_name != by_number {
        return Ok(None);
    }
    let code = fields.string("licenseCode");
    Ok(Some(MasterFilter { tenant: ids::tenant(cx), code, account: by_name.or(by_number) }))
}

fn row(master: Master, tenant: lessor_core::AccountId) -> wire::NetworkMasterLicense {
    let (activated, deactivated, computer) = match master.daemon {
        Some(daemon) => (Some(daemon.enrolled_at), daemon.returned_at, daemon.device),
        None => (None, None, String::new()),
    };
    wire::NetworkMasterLicense {
        network_license: master.code,
        max_users: master.limit,
        current_users: master.active,
        shafer_company: if master.account == tenant { String::new() } else { master.account_name },
        activated,
        deactivated,
        created: master.created_at,
        computer_id: computer,
    }
}
