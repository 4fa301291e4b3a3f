//! The catalog: products, what can be switched or limited in them, and the profiles that give licenses their terms.

mod feature;
pub(crate) mod feature_group;
pub(crate) mod known;
pub(crate) mod named_value;
mod price_category;
mod product;
mod profile;
pub(crate) mod related;
pub(crate) mod rows;
mod settings;
pub(crate) mod signing;

pub use feature::{ChangeFeature, NewFeature, SetDefault, add_features, change_features, remove_feature, set_default};
pub use feature_group::{
    ChangeGroup, FeatureGroup, NewGroup, add_feature_groups, change_feature_groups, feature_groups,
    remove_feature_group,
};
pub use known::{Known, known_now};
pub use named_value::{ChangeValue, add_values, change_values, remove_value};
pub use price_category::{create_price_category, price_categories, price_categories_of, set_price_categories};
pub use product::{ChangeProduct, CreateProduct, change_product, create_product, product, products, resolve_product};
pub(crate) use product::{may_see, terms_view};
pub use profile::{
    ChangeProfile, CreateProfile, ProfileFilter, change_profile, count_profiles, create_profile, profile_by_id,
    profile_by_name, profiles,
};
pub(crate) use related::rows::{exchange as exchange_of, exchanges as exchanges_of};
pub use related::{Direction, Exchange, bundled, exchanges, set_bundled, set_exchanges};
pub use settings::{
    Catalog, FeatureSetting, FunctionSetting, GrantView, Settings, SettingsChange, ValueSetting, catalog, functions,
    register_function,
};
pub(crate) use settings::{settings_of, settings_of_many};
pub(crate) use signing::signer;
pub use signing::{KeyState, MOST_KEYS, SigningKey, endorsements, public_keys, retire_key, rotate_key, signing_keys};

use crate::clock::Timestamp;
use crate::id::{
    AccountId, FeatureGroupId, FeatureId, NamedValueId, PriceCategoryId, ProductId, ProfileId, ServerFunctionId,
};
use crate::license::{Terms, from_word};
use lessor_db::{FromColumn, ValueRef};

/// What is sold.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// May devices use it?
    pub active: bool,
    /// May a device try it?
    pub trial_offered: bool,
    /// Days of a trial.
    pub trial_days: i64,
    /// What a license without a profile starts with.
    pub terms: Terms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// Grows with each change.
    pub version: i64,
}

/// How a feature is measured out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureKind {
    /// On or off.
    Flag,
    /// Seats that are checked out and returned.
    Floating,
    /// Elements that are drawn and returned.
    Pool,
    /// Tokens that are checked out and used up.
    Tokens,
    /// A text that the program keeps on the server.
    Store,
}

impl FeatureKind {
    /// All kinds.
    pub const ALL: [FeatureKind; 5] =
        [FeatureKind::Flag, FeatureKind::Floating, FeatureKind::Pool, FeatureKind::Tokens, FeatureKind::Store];

    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            FeatureKind::Flag => "flag",
            FeatureKind::Floating => "floating",
            FeatureKind::Pool => "pool",
            FeatureKind::Tokens => "tokens",
            FeatureKind::Store => "store",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Does it count anything?
    pub fn is_counted(self) -> bool {
        matches!(self, FeatureKind::Floating | FeatureKind::Pool | FeatureKind::Tokens)
    }
}

from_word!(FeatureKind);

/// What can be switched or limited in a product.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// Its id.
    pub id: FeatureId,
    /// Its code, unique in the product.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Remarks.
    pub notes: String,
    /// How it is measured out; fixed at birth.
    pub kind: FeatureKind,
    /// Its group; `None` is the default group.
    pub group: Option<FeatureGroupId>,
    /// The name of that group.
    pub group_name: Option<String>,
    /// Is it on in trials? Flags alone can be.
    pub in_trials: bool,
    /// Is it on in a license made without a profile?
    pub enabled: bool,
    /// The limit in such a license.
    pub limit: i64,
}

/// A value that programs read from their license.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedValue {
    /// Its id.
    pub id: NamedValueId,
    /// Its name, unique in the product.
    pub name: String,
    /// The value where nothing else is set.
    pub value: String,
}

/// A function of the server that a license switches on or off. Registered by tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerFunction {
    /// Its id.
    pub id: ServerFunctionId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// On where nothing else is set?
    pub enabled: bool,
    /// Does it take a number?
    pub takes_parameter: bool,
}

/// A name under which a vendor's prices are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceCategory {
    /// Its id.
    pub id: PriceCategoryId,
    /// Its name, unique with the vendor.
    pub name: String,
}

/// A named set of license terms. It gives a license its terms when the license is made or told to inherit.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its id.
    pub id: ProfileId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// Its product.
    pub product: ProductId,
    /// Its name, unique in the product.
    pub name: String,
    /// The partner it belongs to.
    pub reseller: Option<AccountId>,
    /// Do its licenses start usable?
    pub enabled: bool,
    /// Do its licenses start as handed out?
    pub acquired: bool,
    /// What its licenses start with.
    pub terms: Terms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// Grows with each change.
    pub version: i64,
}
