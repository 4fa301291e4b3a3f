//! All 64 calls as the documents list them, written down here once more: what the program's own table says is compared with
//! this, never the other way round.

use crate::transcript::{self, Step};
use lessor_eset::table;
use std::collections::{BTreeMap, BTreeSet};

/// Name, verb and address of each call.
#[rustfmt::skip]
const DOCUMENTED: [(&str, &str, &str); 64] = [
    ("Operation", "GET", "Operation/{operationId}"),
    ("BillingReport MyCompany", "POST", "BillingReport/MyCompany"),
    ("BillingReport My Company Selected Companies Only", "POST", "BillingReport/MyCompanySelectedCompaniesOnly"),
    ("BillingReport Single Managed Company", "POST", "BillingReport/SingleManagedCompany"),
    ("BillingReport Divisions Under Selected Distributor", "POST", "BillingReport/DivisionsUnderSelectedDistributor"),
    ("Company Delete", "POST", "Company/Delete"),
    ("Company Detail", "POST", "Company/Detail"),
    ("Company Children", "POST", "Company/Children"),
    ("Company Descendants", "POST", "Company/Descendants"),
    ("Company Users", "POST", "Company/Users"),
    ("Company Suspend", "POST", "Company/Suspend"),
    ("Company Unsuspend", "POST", "Company/Unsuspend"),
    ("Company Create MSP", "POST", "Company/Create/msp"),
    ("Company Create Managed MSP", "POST", "Company/Create/managedmsp"),
    ("Company Create Customer", "POST", "Company/Create/customer"),
    ("Company Update MSP", "POST", "Company/Update/msp"),
    ("Company Update Managed MSP", "POST", "Company/Update/managedmsp"),
    ("Company Update Customer", "POST", "Company/Update/customer"),
    ("Ema1Mapping CompanyId", "GET", "Ema1Mapping/CompanyId/{companyId}"),
    ("Ema1Mapping SiteId", "GET", "Ema1Mapping/SiteId"),
    ("Ema1Mapping LicenseId", "GET", "Ema1Mapping/LicenseId/{licenseId}"),
    ("Ema1Mapping UserId", "GET", "Ema1Mapping/UserId/{userId}"),
    ("Enum EntityTypes", "GET", "Enum/EntityTypes"),
    ("Enum AvailableProducts", "GET", "Enum/AvailableProducts"),
    ("Enum List of countries", "GET", "Enum/Countries"),
    ("Enum User statuses", "GET", "Enum/UserStatuses"),
    ("Enum PermissionTypes", "GET", "Enum/PermissionTypes"),
    ("Enum LicenseStates", "GET", "Enum/LicenseStates"),
    ("Enum OperationStates", "GET", "Enum/OperationStates"),
    ("License Order", "POST", "License/Order"),
    ("License UpdateQuantity", "POST", "License/UpdateQuantity"),
    ("License ExtendTrial", "POST", "License/ExtendTrial"),
    ("License Suspend", "POST", "License/Suspend"),
    ("License Unsuspend", "POST", "License/Unsuspend"),
    ("License Convert To Full", "POST", "License/ConvertToFull"),
    ("License GetHistory", "POST", "License/GetHistory"),
    ("License Detail", "POST", "License/Detail"),
    ("License ChangeProduct", "POST", "License/ChangeProduct"),
    ("License GetPossibleProductChanges", "POST", "License/GetPossibleProductChanges"),
    ("License Remove", "POST", "License/Remove"),
    ("Search Licenses", "POST", "Search/Licenses"),
    ("Search Users", "POST", "Search/Users"),
    ("Search Companies", "POST", "Search/Companies"),
    ("TermsOfUse Get", "GET", "TermsOfUse/Get"),
    ("TermsOfUse Detail", "GET", "TermsOfUse/Detail"),
    ("TermsOfUse Accept", "POST", "TermsOfUse/Accept"),
    ("Token Get", "POST", "Token/Get"),
    ("Token Renew", "POST", "Token/Renew"),
    ("Token Check", "POST", "Token/Check"),
    ("UsageReport Products AllCompanies", "POST", "UsageReport/AllCompanies/products"),
    ("UsageReport Products SelectedCompanies", "POST", "UsageReport/SelectedCompanies/products"),
    ("UsageReport Products Monthly", "POST", "UsageReport/Monthly/products"),
    ("UsageReport Products Daily", "POST", "UsageReport/Daily/products"),
    ("UsageReport Categories AllCompanies", "POST", "UsageReport/AllCompanies/categories"),
    ("UsageReport Categories SelectedCompanies", "POST", "UsageReport/SelectedCompanies/categories"),
    ("UsageReport Categories Monthly", "POST", "UsageReport/Monthly/categories"),
    ("UsageReport Categories Daily", "POST", "UsageReport/Daily/categories"),
    ("User Current", "GET", "User/Current"),
    ("User ChangePassword", "POST", "User/ChangePassword"),
    ("User Get User Details", "POST", "User/GetUserDetails"),
    ("User Create", "POST", "User/Create"),
    ("User Update", "POST", "User/Update"),
    ("User Get Direct Accessible Children", "POST", "User/GetDirectAccessibleChildren"),
    ("Version", "GET", "Version"),
];

/// The calls that succeed in transcripts, with the names of those.
fn shown() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut shown: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for (name, transcript) in transcript::all() {
        for step in &transcript.steps {
            let Step::Call(call) = step else { continue };
            let Some((verb, address)) = call.call.split_once(' ').filter(|_| call.status == 200) else { continue };
            let path = address.split('?').next().unwrap_or_default();
            let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
            let fits = |documented: &str| {
                let parts: Vec<&str> = documented.split('/').collect();
                let same =
                    |(part, segment): (&&str, &&str)| part.starts_with('{') || part.eq_ignore_ascii_case(segment);
                parts.len() == segments.len() && parts.iter().zip(&segments).all(same)
            };
            let found = DOCUMENTED.iter().find(|(_, known, path)| *known == verb && fits(path));
            let (call, ..) = found.unwrap_or_else(|| panic!("{name}: {} is no call", call.call));
            shown.entry(*call).or_default().insert(name.clone());
        }
    }
    shown
}

#[test]
fn the_table_holds_the_documented_calls_in_their_order_and_no_others() {
    let known: Vec<_> = table::calls().map(|call| (call.name, call.verb.word(), call.path)).collect();
    assert_eq!(known, DOCUMENTED);
}

#[test]
fn the_readme_lists_every_call_with_the_transcript_that_shows_it() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let rows: Vec<Vec<&str>> = readme
        .lines()
        .map(|line| line.trim().trim_matches('|').split('|').map(str::trim).collect())
        .filter(|cells: &Vec<&str>| cells.first().is_some_and(|cell| cell.parse::<usize>().is_ok()))
        .collect();
    assert_eq!(rows.len(), DOCUMENTED.len());
    let shown = shown();
    for ((place, (name, verb, path)), row) in DOCUMENTED.iter().enumerate().zip(&rows) {
        assert_eq!(row[..4], [(place + 1).to_string().as_str(), name, verb, path], "{row:?}");
        match shown.get(name) {
            Some(transcripts) => {
                assert!(transcripts.contains(row[4]), "{name} is shown in {transcripts:?}");
                assert_eq!(row[5], "done", "{name}");
            }
            None => assert_eq!(row[4..], ["", "missing"], "no transcript shows {name}"),
        }
    }
    let told = format!("{} of 64 are done.", shown.len());
    assert!(readme.contains(&told), "the README does not say: {told}");
}
