//! The dialect's names for records of the core.

use lessor_core::alias::Space;

/// What attributes of this dialect are kept under.
pub const ATTRIBUTES: &str = "eset";

/// A license by its key, `XXX-XXX-XXX`.
pub const LICENSE: Space = space("license");
/// A license that was removed, by its key.
pub const REMOVED_LICENSE: Space = space("removed_license");
/// A product by its code, digits alone.
pub const PRODUCT: Space = space("product");
/// A price category by its code, digits alone.
pub const CATEGORY: Space = space("category");
/// A company by the id it had in the first generation of the service.
pub const OLD_COMPANY: Space = space("ema1_company");
/// A customer by the id of the site it was.
pub const OLD_SITE: Space = space("ema1_site");
/// A customer by the key of the site it was.
pub const OLD_SITE_KEY: Space = space("ema1_legacy_key");
/// A license by the id it had.
pub const OLD_LICENSE: Space = space("ema1_license");
/// A user by the id it had.
pub const OLD_USER: Space = space("ema1_user");

const fn space(kind: &'static str) -> Space {
    Space { dialect: "eset", kind }
}
