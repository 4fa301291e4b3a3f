//! The SQL that writes many new licenses at once.

use super::Start;
use crate::bulk::{Insert, ROWS, Text, many};
use crate::clock::Timestamp;
use crate::id::{FeatureId, LicenseId, NamedValueId, ServerFunctionId};
use crate::license::{License, terms_columns};
use lessor_db::{StoreError, Tx, Value, statements};
use std::collections::HashSet;
use uuid::Uuid;

/// Tenant, product and instant are the same for all rows.
const LICENSE: &str = "(?, $1, ?, $2, ?, ?, ?, ?, ?, ?, 0, 0, 0, NULL, $3, $3, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const LICENSE_HEAD: &str = concat!(
    "INSERT INTO licenses (id, tenant_id, account_id, product_id, profile_id, code, role, reference, order_reference, \
     acquired, hold_count, active_count, returned_count, last_activated_at, created_at, modified_at, version, ",
    terms_columns!(),
    ") VALUES "
);
const LICENSE_TAIL: &str = " ON CONFLICT (product_id, code) DO NOTHING RETURNING id";
const LICENSES_TEXT: Text<16_384> = many(LICENSE_HEAD, LICENSE, ROWS, 3, LICENSE_TAIL);
const LICENSE_TEXT: Text<1_024> = many(LICENSE_HEAD, LICENSE, 1, 3, LICENSE_TAIL);

const SEGMENT: &str = "(?, $1, ?, ?, $2, ?, ?, ?, FALSE, $3, NULL)";
const SEGMENT_HEAD: &str = "INSERT INTO segments \
    (id, tenant_id, license_id, account_id, product_id, term_kind, ends_at, quantity, held, from_at, to_at) VALUES ";
const SEGMENTS_TEXT: Text<4_096> = many(SEGMENT_HEAD, SEGMENT, ROWS, 3, "");
const SEGMENT_TEXT: Text<256> = many(SEGMENT_HEAD, SEGMENT, 1, 3, "");

const GRANT_HEAD: &str = "INSERT INTO grants (owner_id, feature_id, enabled, unit_limit, used) VALUES ";
const GRANTS_TEXT: Text<2_048> = many(GRANT_HEAD, "(?, ?, ?, ?, 0)", ROWS, 0, "");
const GRANT_TEXT: Text<128> = many(GRANT_HEAD, "(?, ?, ?, ?, 0)", 1, 0, "");

const VALUE_HEAD: &str = "INSERT INTO value_settings (owner_id, named_value_id, value) VALUES ";
const VALUES_TEXT: Text<2_048> = many(VALUE_HEAD, "(?, ?, ?)", ROWS, 0, "");
const VALUE_TEXT: Text<128> = many(VALUE_HEAD, "(?, ?, ?)", 1, 0, "");

const FUNCTION_HEAD: &str = "INSERT INTO function_settings (owner_id, function_id, enabled, parameter) VALUES ";
const FUNCTIONS_TEXT: Text<2_048> = many(FUNCTION_HEAD, "(?, ?, ?, ?)", ROWS, 0, "");
const FUNCTION_TEXT: Text<128> = many(FUNCTION_HEAD, "(?, ?, ?, ?)", 1, 0, "");

statements! {
    LICENSES = LICENSES_TEXT.as_str();
    LICENSE_ALONE = LICENSE_TEXT.as_str();
    SEGMENTS = SEGMENTS_TEXT.as_str();
    SEGMENT_ALONE = SEGMENT_TEXT.as_str();
    GRANTS = GRANTS_TEXT.as_str();
    GRANT_ALONE = GRANT_TEXT.as_str();
    VALUES = VALUES_TEXT.as_str();
    VALUE_ALONE = VALUE_TEXT.as_str();
    FUNCTIONS = FUNCTIONS_TEXT.as_str();
    FUNCTION_ALONE = FUNCTION_TEXT.as_str();
}

/// Writes new licenses of one product; gives those whose code was free.
pub(super) fn insert(tx: &mut dyn Tx, licenses: &[&License]) -> Result<HashSet<LicenseId>, StoreError> {
    let mut written = HashSet::with_capacity(licenses.len());
    let Some(first) = licenses.first() else { return Ok(written) };
    let shared = [first.tenant.into(), first.product.into(), first.created_at.into()];
    let params = |license: &&License, bound: &mut Vec<Value>| {
        bound.extend([
            license.id.into(),
            license.account.into(),
            license.profile.into(),
            license.code.as_str().into(),
            license.role.word().into(),
            license.reference.as_str().into(),
            license.order.as_str().into(),
            license.acquired.into(),
        ]);
        bound.extend(license.terms.params());
    };
    Insert { many: LICENSES, one: LICENSE_ALONE }.each(&shared, licenses, params, |statement, bound| {
        tx.query(statement, bound, &mut |row| {
            written.insert(row.get(0)?);
            Ok(true)
        })
    })?;
    Ok(written)
}

/// Opens the first segment of each license: `(segment, license)`.
pub(super) fn insert_segments(
    tx: &mut dyn Tx,
    segments: &[(Uuid, &License)],
    from: Timestamp,
) -> Result<(), StoreError> {
    let Some((_, first)) = segments.first() else { return Ok(()) };
    let shared = [first.tenant.into(), first.product.into(), from.into()];
    let params = |(id, license): &(Uuid, &License), bound: &mut Vec<Value>| {
        bound.extend([
            (*id).into(),
            license.id.into(),
            license.account.into(),
            license.terms.term.kind.word().into(),
            license.terms.term.end.into(),
            license.terms.activation_limit.into(),
        ]);
    };
    Insert { many: SEGMENTS, one: SEGMENT_ALONE }.write(tx, &shared, segments, params)
}

/// Gives each license what it starts with.
pub(super) fn insert_settings(tx: &mut dyn Tx, owners: &[(LicenseId, &Start)]) -> Result<(), StoreError> {
    let grants: Vec<(LicenseId, &(FeatureId, bool, i64))> =
        owners.iter().flat_map(|(owner, start)| start.grants.iter().map(|grant| (*owner, grant))).collect();
    let values: Vec<(LicenseId, &(NamedValueId, String))> =
        owners.iter().flat_map(|(owner, start)| start.values.iter().map(|value| (*owner, value))).collect();
    let functions: Vec<_> =
        owners.iter().flat_map(|(owner, start)| start.functions.iter().map(|function| (*owner, function))).collect();
    Insert { many: GRANTS, one: GRANT_ALONE }.write(
        tx,
        &[],
        &grants,
        |(owner, (feature, enabled, limit)), bound| {
            bound.extend([(*owner).into(), (*feature).into(), (*enabled).into(), (*limit).into()]);
        },
    )?;
    Insert { many: VALUES, one: VALUE_ALONE }.write(tx, &[], &values, |(owner, (value, text)), bound| {
        bound.extend([(*owner).into(), (*value).into(), text.as_str().into()]);
    })?;
    let params = |(owner, (function, enabled, parameter)): &(LicenseId, &(ServerFunctionId, bool, Option<i64>)),
                  bound: &mut Vec<Value>| {
        bound.extend([(*owner).into(), (*function).into(), (*enabled).into(), (*parameter).into()]);
    };
    Insert { many: FUNCTIONS, one: FUNCTION_ALONE }.write(tx, &[], &functions, params)
}
