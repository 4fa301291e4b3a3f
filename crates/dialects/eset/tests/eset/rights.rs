//! Who may do what to whom: every kind of caller, every call that names a company, a user or a license, and every company of the
//! tree, against a table that knows nothing of the program.

use crate::stage::Stage;
use crate::world::TREE;
use lessor_core::account::Kind;
use lessor_core::alias;
use lessor_core::identity::Level;
use lessor_core::order::{self, Order};
use lessor_core::{AccountId, Noun};
use lessor_eset::ids;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Above everything, and not in the tree of the world.
const HQ: &str = "hq";
/// A customer that the world lacks.
const LATE: (&str, Kind, &str) = ("untrusted-customer", Kind::Customer, "untrusted");

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum For {
    /// Whoever stands at or above the company.
    Branch,
    /// Whoever stands above it.
    Above,
    /// Who stands right above it.
    Parent,
    /// As `Branch`, and orders at once.
    Seller,
    /// As `Parent`, and orders at once.
    DirectSeller,
    /// A distributor or the headquarters, of a company right below.
    BillsChild,
    /// A distributor or the headquarters, of a company two below.
    BillsGrandchild,
    /// A distributor or the headquarters, of a division in its branch.
    BillsDivision,
}

/// What a call names.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Names {
    Company,
    User,
    License,
}

/// Each call, what it names, who may make it, and a body that changes nothing that the others go by: what it asks for is as it is
/// already, or cannot be. Those that suspend come last.
#[rustfmt::skip]
const CALLS: [(&str, Names, For, &str); 33] = [
    ("Company/Detail", Names::Company, For::Branch, r#"{"companyId":"@"}"#),
    ("Company/Children", Names::Company, For::Branch, r#"{"companyId":"@"}"#),
    ("Company/Descendants", Names::Company, For::Branch, r#"{"companyId":"@","entityType":1000}"#),
    ("Company/Unsuspend", Names::Company, For::Parent, r#"{"companyId":"@"}"#),
    ("Company/Delete", Names::Company, For::Above, r#"{"companyId":"@"}"#),
    ("Company/Create/customer", Names::Company, For::Branch, r#"{"name":"x","parentCompanyId":"@"}"#),
    ("Company/Update/msp", Names::Company, For::Branch, r#"{"companyId":"@"}"#),
    ("Company/Update/managedmsp", Names::Company, For::Branch, r#"{"companyId":"@"}"#),
    ("Company/Update/customer", Names::Company, For::Branch, r#"{"companyId":"@"}"#),
    ("License/GetPossibleProductChanges", Names::Company, For::Branch, r#"{"companyId":"@"}"#),
    ("License/Order", Names::Company, For::Seller, r#"{"customerId":"@","quantity":0,"productCode":"107","licenseType":1}"#),
    ("Search/Licenses", Names::Company, For::Branch, r#"{"customerId":"@"}"#),
    ("UsageReport/SelectedCompanies/products", Names::Company, For::Branch, r#"{"companyIds":["@"],"from":"2026-01-01","to":"2026-01-01"}"#),
    ("UsageReport/SelectedCompanies/categories", Names::Company, For::Branch, r#"{"companyIds":["@"],"from":"2026-01-01","to":"2026-01-01"}"#),
    ("UsageReport/Monthly/products", Names::Company, For::Branch, r#"{"companyId":"@","from":"2026-01-01","to":"2026-01-01"}"#),
    ("UsageReport/Monthly/categories", Names::Company, For::Branch, r#"{"companyId":"@","from":"2026-01-01","to":"2026-01-01"}"#),
    ("UsageReport/Daily/products", Names::Company, For::Branch, r#"{"companyId":"@","from":"2026-01-01","to":"2026-01-01"}"#),
    ("UsageReport/Daily/categories", Names::Company, For::Branch, r#"{"companyId":"@","from":"2026-01-01","to":"2026-01-01"}"#),
    ("BillingReport/MyCompanySelectedCompaniesOnly", Names::Company, For::BillsChild, r#"{"companyIds":["@"],"year":2025,"month":12}"#),
    ("BillingReport/SingleManagedCompany", Names::Company, For::BillsGrandchild, r#"{"companyId":"@","year":2025,"month":12}"#),
    ("BillingReport/DivisionsUnderSelectedDistributor", Names::Company, For::BillsDivision, r#"{"divisionIds":["@"],"year":2025,"month":12}"#),
    ("User/GetUserDetails", Names::User, For::Branch, r#"{"userId":"@"}"#),
    ("User/Update", Names::User, For::Branch, r#"{"userId":"@"}"#),
    ("License/Detail", Names::License, For::Branch, r#"{"publicLicenseKey":"@"}"#),
    ("License/GetHistory", Names::License, For::Branch, r#"{"publicLicenseKey":"@"}"#),
    ("License/UpdateQuantity", Names::License, For::Seller, r#"{"publicLicenseKey":"@","quantity":2}"#),
    ("License/ExtendTrial", Names::License, For::Seller, r#"{"publicLicenseKey":"@"}"#),
    ("License/ChangeProduct", Names::License, For::Seller, r#"{"publicLicenseKey":"@","newProductCode":"999","quantity":2}"#),
    ("License/Unsuspend", Names::License, For::DirectSeller, r#"{"publicLicenseKey":"@"}"#),
    ("License/ConvertToFull", Names::License, For::DirectSeller, r#"{"publicLicenseKey":"@","quantity":2}"#),
    ("License/Remove", Names::License, For::DirectSeller, r#"{"publicLicenseKey":"@"}"#),
    ("License/Suspend", Names::License, For::DirectSeller, r#"{"publicLicenseKey":"@"}"#),
    ("Company/Suspend", Names::Company, For::Parent, r#"{"companyId":"@"}"#),
];

fn tree() -> impl Iterator<Item = (&'static str, Kind, &'static str)> {
    TREE.into_iter().chain([LATE])
}

/// The company above; nothing above the headquarters.
fn above(company: &str) -> Option<&'static str> {
    let (.., parent) = tree().find(|(name, ..)| *name == company)?;
    Some(if parent.is_empty() { HQ } else { parent })
}

fn is_at_or_above(caller: &str, company: &str) -> bool {
    caller == company || above(company).is_some_and(|parent| is_at_or_above(caller, parent))
}

/// May somebody with write permission on `caller` do this to `company`?
fn may(what: For, caller: &str, company: &str) -> bool {
    let is_parent = above(company) == Some(caller);
    // Nor does its customer order for itself what it has to ask for.
    let orders = !is_at_or_above("untrusted", caller);
    let bills = [HQ, "distributor", "other-distributor"].contains(&caller);
    match what {
        For::Branch => is_at_or_above(caller, company),
        For::Above => is_at_or_above(caller, company) && caller != company,
        For::Parent => is_parent,
        For::Seller => is_at_or_above(caller, company) && orders,
        For::DirectSeller => is_parent && orders,
        For::BillsChild => is_parent && bills,
        For::BillsGrandchild => bills && above(company).and_then(above) == Some(caller),
        For::BillsDivision => bills && company == "division" && is_at_or_above(caller, company),
    }
}

/// What each company's records are called.
struct Records {
    company: Uuid,
    user: Uuid,
    license: Option<String>,
}

async fn records(stage: &Stage) -> BTreeMap<&'static str, Records> {
    let (world, bench) = (&stage.world, &stage.world.bench);
    let hash = bench.app.hasher().hash(crate::world::PASSWORD).await.expect("a hash");
    let hq = world.user(bench.root.id, "hq@example.test", Level::Write, &hash).await;
    let late = bench.account(world.company("untrusted").id, LATE.1, LATE.0).await.id;
    let user = world.user(late, "untrusted-customer@example.test", Level::Write, &hash).await;
    let mut records: BTreeMap<&str, Records> = world
        .companies
        .iter()
        .map(|(name, known)| (*name, Records { company: known.id.0, user: known.user.0, license: None }))
        .collect();
    records.insert(HQ, Records { company: bench.root.id.0, user: hq.0, license: None });
    records.insert(LATE.0, Records { company: late.0, user: user.0, license: None });
    for (n, (name, kind, _)) in tree().enumerate().filter(|(_, (_, kind, _))| *kind == Kind::Customer) {
        assert_eq!(kind, Kind::Customer);
        let record = records.get_mut(name).expect("a company");
        record.license = Some(license(stage, AccountId(record.company), format!("AAA-BBB-{n:03}")).await);
    }
    records
}

/// Two places of `211`, in full.
async fn license(stage: &Stage, customer: AccountId, key: String) -> String {
    let bench = &stage.world.bench;
    let (tenant, text) = (bench.root.id, key.clone());
    let made = bench.write(move |tx, cx| {
        let product = alias::resolve(tx, tenant, ids::PRODUCT, "211")?.expect("a product").into();
        let license = order::order(tx, cx, &Order { customer, product, quantity: 2, trial_days: None }, Some(&text))?;
        alias::give(tx, tenant, ids::LICENSE, &text, license.id.0, Noun::License)
    });
    made.await.expect("a license");
    key
}

on_both_engines! {
    everybody_may_do_what_the_table_says_and_nothing_else(bench) {
        let stage = Stage::new(&bench).await;
        let records = records(&stage).await;
        let mut tokens = BTreeMap::new();
        for name in records.keys() {
            tokens.insert(*name, stage.world.sign_in(&format!("{name}@example.test")).await);
        }
        let (mut asked, mut wrong) = (0, Vec::new());
        for (call, names, what, body) in CALLS {
            for (caller, token) in &tokens {
                for (company, record) in &records {
                    let named = match names {
                        Names::Company => record.company.to_string(),
                        Names::User => record.user.to_string(),
                        Names::License => match &record.license {
                            Some(key) => key.clone(),
                            None => continue,
                        },
                    };
                    // What somebody suspends who may, stays so for the others: that changes what they are answered, not
                    // whether it is forbidden to them.
                    let body: Value = serde_json::from_str(&body.replace('@', &named)).expect("JSON");
                    let answer = stage.world.post(token, call, body).await;
                    asked += 1;
                    assert!(answer.status.as_u16() < 500, "{call} by {caller} of {company}: {}", answer.text);
                    if (answer.status != 403) != may(what, caller, company) {
                        wrong.push(format!("{call} by {caller} of {company}: {} {}", answer.status, answer.text));
                    }
                }
                let nothing = if names == Names::License { "ZZZ-ZZZ-ZZZ".to_owned() } else { Uuid::max().to_string() };
                let body = serde_json::from_str(&body.replace('@', &nothing)).expect("JSON");
                let answer = stage.world.post(token, call, body).await;
                if answer.status != 403 {
                    wrong.push(format!("{call} by {caller} of nothing: {} {}", answer.status, answer.text));
                }
            }
        }
        assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    }

    who_may_only_read_changes_nothing(bench) {
        let stage = Stage::new(&bench).await;
        let records = records(&stage).await;
        let hash = bench.app.hasher().hash(crate::world::PASSWORD).await.expect("a hash");
        stage.world.user(bench.root.id, "reader@example.test", Level::Read, &hash).await;
        let token = stage.world.sign_in("reader@example.test").await;
        let reads = |call: &str| {
            !["Company/Suspend", "Company/Unsuspend", "Company/Delete", "User/Update"].contains(&call)
                && !["Company/Create", "Company/Update", "License/"].iter().any(|start| call.starts_with(start))
                || ["License/Detail", "License/GetHistory", "License/GetPossibleProductChanges"].contains(&call)
        };
        for (call, names, what, body) in CALLS {
            for (company, record) in &records {
                let named = match names {
                    Names::Company => record.company.to_string(),
                    Names::User => record.user.to_string(),
                    Names::License => match &record.license {
                        Some(key) => key.clone(),
                        None => continue,
                    },
                };
                let body: Value = serde_json::from_str(&body.replace('@', &named)).expect("JSON");
                let answer = stage.world.post(&token, call, body).await;
                let may = reads(call) && may(what, HQ, company);
                assert_eq!(answer.status != 403, may, "{call} of {company}: {} {}", answer.status, answer.text);
            }
        }
        let create = json!({ "firstName": "B", "lastName": "R", "email": "b@example.test", "countryCode": "SVK", "permissionType": 3 });
        assert_eq!(stage.world.post(&token, "User/Create", create).await.refused(), (403, 2, 1901));
    }
}
