//! The SQL of the catalog.

use super::{Feature, GrantView, PriceCategory, Product, Profile, ProfileFilter, ServerFunction, Settings};
use crate::id::{AccountId, FeatureId, NamedValueId, PriceCategoryId, ProductId, ProfileId, ServerFunctionId};
use crate::license::{Terms, terms_columns};
use crate::page::Start;
use lessor_db::{FromRow, Row, StoreError, Tx, Value, statements};
use uuid::Uuid;

/// How many owners one statement of [`grants_of`] and its like reads.
pub(crate) const CHUNK: usize = 50;

/// `$1` to `$50`.
macro_rules! fifty {
    () => {
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, \
         $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, \
         $47, $48, $49, $50"
    };
}
pub(crate) use fifty;

macro_rules! product_columns {
    () => {
        concat!(
            "SELECT id, tenant_id, name, active, trial_offered, trial_days, ",
            $crate::license::terms_columns!(),
            ", created_at, modified_at, version FROM products "
        )
    };
}

pub(crate) use product_columns;

macro_rules! profile_columns {
    () => {
        concat!(
            "SELECT id, tenant_id, product_id, name, reseller_id, enabled, acquired, ",
            terms_columns!(),
            ", created_at, modified_at, version FROM profiles "
        )
    };
}

macro_rules! profile_filter {
    () => {
        "WHERE tenant_id = $1 AND (CAST($2 AS BIGINT) = 0 OR product_id = $3)"
    };
}

statements! {
    INSERT_PRODUCT = concat!(
        "INSERT INTO products (id, tenant_id, name, active, trial_offered, trial_days, ", terms_columns!(),
        ", created_at, modified_at, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, 1)");
    UPDATE_PRODUCT = "UPDATE products SET name = $2, active = $3, trial_offered = $4, trial_days = $5, \
        online_lease_hours = $6, virtual_lease_hours = $7, offline_lease_hours = $8, term_kind = $9, term_days = $10, \
        term_end = $11, maintenance_end = $12, activation_limit = $13, process_limit = $14, concurrency = $15, \
        network_seats = $16, heartbeat_minutes = $17, modified_at = $18, version = version + 1 WHERE id = $1";
    PRODUCT = concat!(product_columns!(), "WHERE id = $1");
    /// Not `FOR UPDATE`, which would stop every activation of the product: those refer to its row.
    LOCK_PRODUCT = concat!(product_columns!(), "WHERE id = $1 FOR NO KEY UPDATE");
    PRODUCTS = concat!(product_columns!(), "WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3");
    PRODUCT_NAMED = concat!(product_columns!(), "WHERE tenant_id = $1 AND name = $2");

    /// Whatever is kept of a product is kept for one version of it.
    RAISE_VERSION = "UPDATE products SET version = version + 1 WHERE id = $1";
    RAISE_VERSION_OF_FEATURE = "UPDATE products SET version = version + 1 \
                                WHERE id = (SELECT product_id FROM features WHERE id = $1)";
    RAISE_VERSIONS = "UPDATE products SET version = version + 1 WHERE tenant_id = $1";

    INSERT_FEATURE = "INSERT INTO features (id, product_id, code, name, notes, kind, group_id, in_trials, enabled, unit_limit) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    UPDATE_FEATURE = "UPDATE features SET code = $2, name = $3, notes = $4, group_id = $5, in_trials = $6 WHERE id = $1";
    SET_FEATURE_DEFAULT = "UPDATE features SET enabled = $2, unit_limit = $3 WHERE id = $1";
    DELETE_FEATURE_GRANTS = "DELETE FROM grants WHERE feature_id = $1";
    DELETE_FEATURE_CHECKOUTS = "DELETE FROM checkouts WHERE feature_id = $1";
    DELETE_FEATURE_TEXTS = "DELETE FROM stored_texts WHERE feature_id = $1";
    DELETE_FEATURE = "DELETE FROM features WHERE id = $1";
    FEATURES = "SELECT f.id, f.code, f.name, f.notes, f.kind, f.group_id, g.name, f.in_trials, f.enabled, f.unit_limit \
                FROM features f LEFT JOIN feature_groups g ON g.id = f.group_id WHERE f.product_id = $1 ORDER BY f.id";

    INSERT_FUNCTION = "INSERT INTO server_functions (id, tenant_id, name, enabled, takes_parameter) \
                       VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, name) DO NOTHING";
    FUNCTIONS = "SELECT id, name, enabled, takes_parameter FROM server_functions WHERE tenant_id = $1 ORDER BY id";

    INSERT_PRICE_CATEGORY = "INSERT INTO price_categories (id, tenant_id, name) VALUES ($1, $2, $3)";
    PRICE_CATEGORIES = "SELECT id, name FROM price_categories WHERE tenant_id = $1 ORDER BY id";
    PRICE_CATEGORIES_OF = "SELECT c.id, c.name FROM product_price_categories p \
                           JOIN price_categories c ON c.id = p.category_id WHERE p.product_id = $1 ORDER BY c.id";
    CLEAR_PRICE_CATEGORIES = "DELETE FROM product_price_categories WHERE product_id = $1";
    ADD_PRICE_CATEGORY = "INSERT INTO product_price_categories (product_id, category_id) VALUES ($1, $2) \
                          ON CONFLICT (product_id, category_id) DO NOTHING";

    INSERT_PROFILE = concat!(
        "INSERT INTO profiles (id, tenant_id, product_id, name, reseller_id, enabled, acquired, ", terms_columns!(),
        ", created_at, modified_at, version) VALUES \
         ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, 1)");
    UPDATE_PROFILE = "UPDATE profiles SET name = $2, reseller_id = $3, enabled = $4, acquired = $5, \
        online_lease_hours = $6, virtual_lease_hours = $7, offline_lease_hours = $8, term_kind = $9, term_days = $10, \
        term_end = $11, maintenance_end = $12, activation_limit = $13, process_limit = $14, concurrency = $15, \
        network_seats = $16, heartbeat_minutes = $17, modified_at = $18, version = version + 1 WHERE id = $1";
    PROFILE = concat!(profile_columns!(), "WHERE id = $1");
    LOCK_PROFILE = concat!(profile_columns!(), "WHERE id = $1 FOR UPDATE");
    PROFILE_NAMED = concat!(profile_columns!(), "WHERE product_id = $1 AND name = $2");
    PROFILES = concat!(profile_columns!(), profile_filter!(), " AND id > $4 ORDER BY id LIMIT $5 OFFSET $6");
    COUNT_PROFILES = concat!("SELECT count(*) FROM profiles ", profile_filter!());

    SETTINGS_OF = "SELECT 0, feature_id, enabled, unit_limit, used, NULL FROM grants WHERE owner_id = $1 \
                   UNION ALL SELECT 1, named_value_id, FALSE, NULL, NULL, value FROM value_settings WHERE owner_id = $1 \
                   UNION ALL SELECT 2, function_id, enabled, parameter, NULL, NULL FROM function_settings WHERE owner_id = $1";
    GRANTS_OF = concat!("SELECT owner_id, feature_id, enabled, unit_limit, used FROM grants WHERE owner_id IN (", fifty!(), ")");
    VALUES_OF = concat!("SELECT owner_id, named_value_id, value FROM value_settings WHERE owner_id IN (", fifty!(), ")");
    FUNCTIONS_OF = concat!("SELECT owner_id, function_id, enabled, parameter FROM function_settings WHERE owner_id IN (", fifty!(), ")");
    PUT_GRANT = "INSERT INTO grants (owner_id, feature_id, enabled, unit_limit, used) VALUES ($1, $2, $3, $4, 0) \
                 ON CONFLICT (owner_id, feature_id) DO UPDATE SET enabled = excluded.enabled, unit_limit = excluded.unit_limit";
    PUT_VALUE = "INSERT INTO value_settings (owner_id, named_value_id, value) VALUES ($1, $2, $3) \
                 ON CONFLICT (owner_id, named_value_id) DO UPDATE SET value = excluded.value";
    PUT_FUNCTION = "INSERT INTO function_settings (owner_id, function_id, enabled, parameter) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (owner_id, function_id) DO UPDATE SET enabled = excluded.enabled, parameter = excluded.parameter";
    /// The limit of tokens is set for each license, never by a profile or a default once the license is made.
    COPY_GRANTS = "INSERT INTO grants (owner_id, feature_id, enabled, unit_limit, used) \
                   SELECT $1, feature_id, enabled, unit_limit, 0 FROM grants WHERE owner_id = $2 \
                   ON CONFLICT (owner_id, feature_id) DO UPDATE SET enabled = excluded.enabled, \
                   unit_limit = CASE WHEN grants.feature_id IN (SELECT id FROM features WHERE kind = 'tokens') \
                   THEN grants.unit_limit ELSE excluded.unit_limit END";
    COPY_VALUES = "INSERT INTO value_settings (owner_id, named_value_id, value) \
                   SELECT $1, named_value_id, value FROM value_settings WHERE owner_id = $2 \
                   ON CONFLICT (owner_id, named_value_id) DO UPDATE SET value = excluded.value";
    COPY_FUNCTIONS = "INSERT INTO function_settings (owner_id, function_id, enabled, parameter) \
                      SELECT $1, function_id, enabled, parameter FROM function_settings WHERE owner_id = $2 \
                      ON CONFLICT (owner_id, function_id) DO UPDATE SET enabled = excluded.enabled, parameter = excluded.parameter";
    GRANT_DEFAULTS = "INSERT INTO grants (owner_id, feature_id, enabled, unit_limit, used) \
                      SELECT $1, id, enabled, unit_limit, 0 FROM features \
                      WHERE product_id = $2 AND (enabled = TRUE OR unit_limit > 0) \
                      ON CONFLICT (owner_id, feature_id) DO UPDATE SET enabled = excluded.enabled, \
                      unit_limit = CASE WHEN grants.feature_id IN (SELECT id FROM features WHERE kind = 'tokens') \
                      THEN grants.unit_limit ELSE excluded.unit_limit END";
    SWITCH_GRANTS_OFF = "UPDATE grants SET enabled = FALSE, unit_limit = \
                         CASE WHEN feature_id IN (SELECT id FROM features WHERE kind = 'tokens') THEN unit_limit ELSE 0 END \
                         WHERE owner_id = $1";
    LOCK_FEATURE = "SELECT id FROM features WHERE id = $1 FOR UPDATE";
    DELETE_GRANTS = "DELETE FROM grants WHERE owner_id = $1";
    DELETE_VALUES = "DELETE FROM value_settings WHERE owner_id = $1";
    DELETE_FUNCTIONS = "DELETE FROM function_settings WHERE owner_id = $1";
    SUMS_OF_PROFILE = "SELECT g.feature_id, CAST(sum(g.used) AS BIGINT) FROM licenses l \
                       JOIN grants g ON g.owner_id = l.id WHERE l.profile_id = $1 AND g.used > 0 GROUP BY g.feature_id";
}

impl FromRow for Product {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            name: row.get(2)?,
            active: row.get(3)?,
            trial_offered: row.get(4)?,
            trial_days: row.get(5)?,
            terms: Terms::from_columns(row, 6)?,
            created_at: row.get(18)?,
            modified_at: row.get(19)?,
            version: row.get(20)?,
        })
    }
}

impl FromRow for Profile {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            tenant: row.get(1)?,
            product: row.get(2)?,
            name: row.get(3)?,
            reseller: row.get(4)?,
            enabled: row.get(5)?,
            acquired: row.get(6)?,
            terms: Terms::from_columns(row, 7)?,
            created_at: row.get(19)?,
            modified_at: row.get(20)?,
            version: row.get(21)?,
        })
    }
}

impl FromRow for Feature {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            code: row.get(1)?,
            name: row.get(2)?,
            notes: row.get(3)?,
            kind: row.get(4)?,
            group: row.get(5)?,
            group_name: row.get(6)?,
            in_trials: row.get(7)?,
            enabled: row.get(8)?,
            limit: row.get(9)?,
        })
    }
}

impl FromRow for ServerFunction {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, enabled: row.get(2)?, takes_parameter: row.get(3)? })
    }
}

pub(super) fn insert_product(tx: &mut dyn Tx, product: &Product) -> Result<(), StoreError> {
    let mut params: Vec<Value> = vec![
        product.id.into(),
        product.tenant.into(),
        product.name.as_str().into(),
        product.active.into(),
        product.trial_offered.into(),
        product.trial_days.into(),
    ];
    params.extend(product.terms.params());
    params.extend([product.created_at.into(), product.modified_at.into()]);
    tx.execute(INSERT_PRODUCT, &params)?;
    Ok(())
}

pub(super) fn update_product(tx: &mut dyn Tx, product: &Product) -> Result<(), StoreError> {
    let mut params: Vec<Value> = vec![
        product.id.into(),
        product.name.as_str().into(),
        product.active.into(),
        product.trial_offered.into(),
        product.trial_days.into(),
    ];
    params.extend(product.terms.params());
    params.push(product.modified_at.into());
    tx.execute(UPDATE_PRODUCT, &params)?;
    Ok(())
}

pub(crate) fn product(tx: &mut dyn Tx, id: ProductId) -> Result<Option<Product>, StoreError> {
    tx.opt(PRODUCT, &[id.into()])
}

pub(super) fn lock_product(tx: &mut dyn Tx, id: ProductId) -> Result<Option<Product>, StoreError> {
    tx.opt(LOCK_PRODUCT, &[id.into()])
}

pub(crate) fn products(
    tx: &mut dyn Tx,
    tenant: AccountId,
    after: Option<ProductId>,
    limit: u32,
) -> Result<Vec<Product>, StoreError> {
    tx.all(PRODUCTS, &[tenant.into(), after.unwrap_or(ProductId(Uuid::nil())).into(), limit.into()])
}

pub(super) fn product_named(tx: &mut dyn Tx, tenant: AccountId, name: &str) -> Result<Option<Product>, StoreError> {
    tx.opt(PRODUCT_NAMED, &[tenant.into(), name.into()])
}

/// Says that something of a product changed that is kept with it.
pub(super) fn raise_version(tx: &mut dyn Tx, product: ProductId) -> Result<(), StoreError> {
    tx.execute(RAISE_VERSION, &[product.into()])?;
    Ok(())
}

pub(super) fn insert_feature(tx: &mut dyn Tx, product: ProductId, feature: &Feature) -> Result<(), StoreError> {
    let params = [
        feature.id.into(),
        product.into(),
        feature.code.as_str().into(),
        feature.name.as_str().into(),
        feature.notes.as_str().into(),
        feature.kind.word().into(),
        feature.group.into(),
        feature.in_trials.into(),
        feature.enabled.into(),
        feature.limit.into(),
    ];
    tx.execute(INSERT_FEATURE, &params)?;
    raise_version(tx, product)
}

pub(super) fn update_feature(tx: &mut dyn Tx, feature: &Feature) -> Result<(), StoreError> {
    let params = [
        feature.id.into(),
        feature.code.as_str().into(),
        feature.name.as_str().into(),
        feature.notes.as_str().into(),
        feature.group.into(),
        feature.in_trials.into(),
    ];
    tx.execute(UPDATE_FEATURE, &params)?;
    tx.execute(RAISE_VERSION_OF_FEATURE, &[feature.id.into()])?;
    Ok(())
}

pub(super) fn set_feature_default(
    tx: &mut dyn Tx,
    feature: FeatureId,
    enabled: bool,
    limit: i64,
) -> Result<(), StoreError> {
    tx.execute(SET_FEATURE_DEFAULT, &[feature.into(), enabled.into(), limit.into()])?;
    tx.execute(RAISE_VERSION_OF_FEATURE, &[feature.into()])?;
    Ok(())
}

/// Removes a feature with every grant and use of it.
pub(super) fn delete_feature(tx: &mut dyn Tx, feature: FeatureId) -> Result<(), StoreError> {
    // Whoever is about to use it has to be waited for, or its use would come after the deletion of all uses.
    tx.opt::<(FeatureId,)>(LOCK_FEATURE, &[feature.into()])?;
    tx.execute(RAISE_VERSION_OF_FEATURE, &[feature.into()])?;
    for statement in [DELETE_FEATURE_CHECKOUTS, DELETE_FEATURE_TEXTS, DELETE_FEATURE_GRANTS, DELETE_FEATURE] {
        tx.execute(statement, &[feature.into()])?;
    }
    Ok(())
}

pub(crate) fn features(tx: &mut dyn Tx, product: ProductId) -> Result<Vec<Feature>, StoreError> {
    tx.all(FEATURES, &[product.into()])
}

pub(super) fn insert_function(
    tx: &mut dyn Tx,
    id: ServerFunctionId,
    tenant: AccountId,
    name: &str,
    enabled: bool,
    takes_parameter: bool,
) -> Result<(), StoreError> {
    let params = [id.into(), tenant.into(), name.into(), enabled.into(), takes_parameter.into()];
    tx.execute(INSERT_FUNCTION, &params)?;
    tx.execute(RAISE_VERSIONS, &[tenant.into()])?;
    Ok(())
}

pub(super) fn functions(tx: &mut dyn Tx, tenant: AccountId) -> Result<Vec<ServerFunction>, StoreError> {
    tx.all(FUNCTIONS, &[tenant.into()])
}

impl FromRow for PriceCategory {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get(0)?, name: row.get(1)? })
    }
}

pub(super) fn insert_price_category(
    tx: &mut dyn Tx,
    category: &PriceCategory,
    tenant: AccountId,
) -> Result<(), StoreError> {
    tx.execute(INSERT_PRICE_CATEGORY, &[category.id.into(), tenant.into(), category.name.as_str().into()])?;
    Ok(())
}

pub(super) fn price_categories(tx: &mut dyn Tx, tenant: AccountId) -> Result<Vec<PriceCategory>, StoreError> {
    tx.all(PRICE_CATEGORIES, &[tenant.into()])
}

pub(super) fn price_categories_of(tx: &mut dyn Tx, product: ProductId) -> Result<Vec<PriceCategory>, StoreError> {
    tx.all(PRICE_CATEGORIES_OF, &[product.into()])
}

pub(super) fn clear_price_categories(tx: &mut dyn Tx, product: ProductId) -> Result<(), StoreError> {
    tx.execute(CLEAR_PRICE_CATEGORIES, &[product.into()])?;
    Ok(())
}

pub(super) fn add_price_category(
    tx: &mut dyn Tx,
    product: ProductId,
    category: PriceCategoryId,
) -> Result<(), StoreError> {
    tx.execute(ADD_PRICE_CATEGORY, &[product.into(), category.into()])?;
    Ok(())
}

pub(super) fn insert_profile(tx: &mut dyn Tx, profile: &Profile) -> Result<(), StoreError> {
    let mut params: Vec<Value> = vec![
        profile.id.into(),
        profile.tenant.into(),
        profile.product.into(),
        profile.name.as_str().into(),
        profile.reseller.into(),
        profile.enabled.into(),
        profile.acquired.into(),
    ];
    params.extend(profile.terms.params());
    params.extend([profile.created_at.into(), profile.modified_at.into()]);
    tx.execute(INSERT_PROFILE, &params)?;
    Ok(())
}

pub(super) fn update_profile(tx: &mut dyn Tx, profile: &Profile) -> Result<(), StoreError> {
    let mut params: Vec<Value> = vec![
        profile.id.into(),
        profile.name.as_str().into(),
        profile.reseller.into(),
        profile.enabled.into(),
        profile.acquired.into(),
    ];
    params.extend(profile.terms.params());
    params.push(profile.modified_at.into());
    tx.execute(UPDATE_PROFILE, &params)?;
    Ok(())
}

pub(crate) fn profile(tx: &mut dyn Tx, id: ProfileId) -> Result<Option<Profile>, StoreError> {
    tx.opt(PROFILE, &[id.into()])
}

pub(super) fn lock_profile(tx: &mut dyn Tx, id: ProfileId) -> Result<Option<Profile>, StoreError> {
    tx.opt(LOCK_PROFILE, &[id.into()])
}

pub(super) fn profile_named(tx: &mut dyn Tx, product: ProductId, name: &str) -> Result<Option<Profile>, StoreError> {
    tx.opt(PROFILE_NAMED, &[product.into(), name.into()])
}

fn profile_filter(filter: &ProfileFilter) -> Vec<Value> {
    let on = i64::from(filter.product.is_some());
    vec![filter.tenant.into(), on.into(), filter.product.unwrap_or(ProductId(Uuid::nil())).into()]
}

pub(super) fn profiles(
    tx: &mut dyn Tx,
    filter: &ProfileFilter,
    start: Start,
    limit: u32,
) -> Result<Vec<Profile>, StoreError> {
    let params = [profile_filter(filter), start.params(limit).to_vec()].concat();
    tx.all(PROFILES, &params)
}

pub(super) fn count_profiles(tx: &mut dyn Tx, filter: &ProfileFilter) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one(COUNT_PROFILES, &profile_filter(filter))?;
    Ok(count)
}

/// At most fifty ids as fifty parameters, the first one repeated.
pub(crate) fn padded(owners: &[Uuid]) -> Vec<Value> {
    let first = owners.first().copied().unwrap_or_default();
    (0..CHUNK).map(|at| owners.get(at).copied().unwrap_or(first).into()).collect()
}

/// All that one owner has set.
pub(super) fn settings_of(tx: &mut dyn Tx, owner: Uuid) -> Result<Settings, StoreError> {
    let mut settings = Settings::default();
    tx.query(SETTINGS_OF, &[owner.into()], &mut |row| {
        match row.get::<i64>(0)? {
            0 => {
                let grant = GrantView { enabled: row.get(2)?, limit: row.get(3)?, used: row.get(4)? };
                settings.grants.insert(row.get(1)?, grant);
            }
            1 => drop(settings.values.insert(row.get(1)?, row.get(5)?)),
            _ => drop(settings.functions.insert(row.get(1)?, (row.get(2)?, row.get(3)?))),
        }
        Ok(true)
    })?;
    Ok(settings)
}

pub(super) fn grants_of(
    tx: &mut dyn Tx,
    owners: &[Uuid],
    each: &mut dyn FnMut(Uuid, FeatureId, GrantView),
) -> Result<(), StoreError> {
    tx.query(GRANTS_OF, &padded(owners), &mut |row| {
        let grant = GrantView { enabled: row.get(2)?, limit: row.get(3)?, used: row.get(4)? };
        each(row.get(0)?, row.get(1)?, grant);
        Ok(true)
    })
}

pub(super) fn values_of(
    tx: &mut dyn Tx,
    owners: &[Uuid],
    each: &mut dyn FnMut(Uuid, NamedValueId, String),
) -> Result<(), StoreError> {
    tx.query(VALUES_OF, &padded(owners), &mut |row| {
        each(row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(true)
    })
}

pub(super) fn functions_of(
    tx: &mut dyn Tx,
    owners: &[Uuid],
    each: &mut dyn FnMut(Uuid, ServerFunctionId, bool, Option<i64>),
) -> Result<(), StoreError> {
    tx.query(FUNCTIONS_OF, &padded(owners), &mut |row| {
        each(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(true)
    })
}

pub(super) fn put_grant(
    tx: &mut dyn Tx,
    owner: Uuid,
    feature: FeatureId,
    enabled: bool,
    limit: i64,
) -> Result<(), StoreError> {
    tx.execute(PUT_GRANT, &[owner.into(), feature.into(), enabled.into(), limit.into()])?;
    Ok(())
}

pub(super) fn put_value(tx: &mut dyn Tx, owner: Uuid, value: NamedValueId, text: &str) -> Result<(), StoreError> {
    tx.execute(PUT_VALUE, &[owner.into(), value.into(), text.into()])?;
    Ok(())
}

pub(super) fn put_function(
    tx: &mut dyn Tx,
    owner: Uuid,
    function: ServerFunctionId,
    enabled: bool,
    parameter: Option<i64>,
) -> Result<(), StoreError> {
    tx.execute(PUT_FUNCTION, &[owner.into(), function.into(), enabled.into(), parameter.into()])?;
    Ok(())
}

/// Takes from a license what it has set: features are off, values and functions those of the product. What is in use
/// stays so.
pub(crate) fn clear_settings(tx: &mut dyn Tx, owner: Uuid) -> Result<(), StoreError> {
    for statement in [SWITCH_GRANTS_OFF, DELETE_VALUES, DELETE_FUNCTIONS] {
        tx.execute(statement, &[owner.into()])?;
    }
    Ok(())
}

/// Gives a license what a profile has set.
pub(crate) fn copy_settings(tx: &mut dyn Tx, from: Uuid, to: Uuid) -> Result<(), StoreError> {
    for statement in [COPY_GRANTS, COPY_VALUES, COPY_FUNCTIONS] {
        tx.execute(statement, &[to.into(), from.into()])?;
    }
    Ok(())
}

/// Gives a license the product's own defaults.
pub(crate) fn grant_defaults(tx: &mut dyn Tx, product: ProductId, to: Uuid) -> Result<(), StoreError> {
    tx.execute(GRANT_DEFAULTS, &[to.into(), product.into()])?;
    Ok(())
}

/// Forgets everything an owner has set.
pub(crate) fn delete_settings(tx: &mut dyn Tx, owner: Uuid) -> Result<(), StoreError> {
    for statement in [DELETE_GRANTS, DELETE_VALUES, DELETE_FUNCTIONS] {
        tx.execute(statement, &[owner.into()])?;
    }
    Ok(())
}

/// What the licenses of a profile use, by feature.
pub(super) fn sums_of_profile(tx: &mut dyn Tx, profile: ProfileId) -> Result<Vec<(FeatureId, i64)>, StoreError> {
    tx.all(SUMS_OF_PROFILE, &[profile.into()])
}
