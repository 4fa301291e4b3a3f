//! The keys to the demo world, as a file that its owner alone can read.

use crate::failure::Failure;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// The keys to the demo world. A dialect's part is there when its world is.
#[derive(Serialize)]
pub struct Credentials {
    base_url: String,
    native: Native,
    /// The first tenant of the Zentitle dialect.
    pub zentitle: Option<Zentitle>,
    /// A second tenant, unrelated to the first.
    pub zentitle_other: Option<OtherZentitle>,
    /// The people of the ESET dialect.
    pub eset: Option<Eset>,
}

#[derive(Serialize)]
struct Native {
    api_key: String,
    console_url: String,
    console_user: String,
    console_password: String,
}

/// A tenant's number and its keys of the five types.
#[derive(Serialize)]
pub struct Zentitle {
    /// The tenant's number.
    pub customer_id: String,
    /// Reads.
    pub read_only: String,
    /// Reads and writes.
    pub read_write: String,
    /// Answers certificates.
    pub offline: String,
    /// The stream.
    pub ds: String,
    /// Server-side callers.
    pub saas: String,
}

/// Another tenant's number and its one key.
#[derive(Serialize)]
pub struct OtherZentitle {
    /// The tenant's number.
    pub customer_id: String,
    /// Reads and writes.
    pub read_write: String,
}

/// What somebody signs in with.
#[derive(Clone, Serialize)]
pub struct SignIn {
    /// The login.
    pub username: String,
    /// The password.
    pub password: String,
}

/// People of companies that sell, and old names of records that Fabrikam's can read.
#[derive(Serialize)]
pub struct Eset {
    /// Of the distributor.
    pub distributor: SignIn,
    /// Of a partner that manages partners.
    pub msp_manager: SignIn,
    /// Of a partner.
    pub msp: SignIn,
    /// Of a managed partner that orders by itself.
    pub managed_msp: SignIn,
    /// Of a managed partner that orders by request.
    pub untrusted_msp: SignIn,
    /// Of another distributor.
    pub other_distributor: SignIn,
    /// Of the partner, and may look alone.
    pub read_only: SignIn,
    /// Names from the first generation of the service.
    pub ema1: OldNames,
}

/// What records were called in the first generation of the service.
#[derive(Clone, Copy, Serialize)]
pub struct OldNames {
    /// The partner.
    pub company_id: &'static str,
    /// One of its customers.
    pub site_id: &'static str,
    /// The same customer by its key.
    pub legacy_key: &'static str,
    /// A license of that customer.
    pub license_id: &'static str,
    /// The partner's user.
    pub user_id: &'static str,
}

impl Credentials {
    pub(super) fn new(api_key: String, console_user: String, console_password: String) -> Self {
        let native = Native { api_key, console_url: String::new(), console_user, console_password };
        Self { base_url: String::new(), native, zentitle: None, zentitle_other: None, eset: None }
    }

    /// The credentials of the world at its address.
    pub fn at(mut self, url: &str) -> Self {
        self.base_url = url.to_owned();
        self.native.console_url = format!("{url}/console/");
        self
    }

    /// What a new user needs first, as lines for people.
    pub fn summary(&self) -> String {
        let mut lines = format!(
            "console   {}  user {}  password {}\nnative    Authorization: Bearer {}\n",
            self.native.console_url, self.native.console_user, self.native.console_password, self.native.api_key
        );
        if let Some(tenant) = &self.zentitle {
            lines += &format!("zentitle  Authorization: bearer {}:{}\n", tenant.customer_id, tenant.read_write);
        }
        if let Some(people) = &self.eset {
            lines += &format!("eset      user {}  password {}\n", people.msp.username, people.msp.password);
        }
        lines
    }
}

/// Writes the file: complete or not at all, and readable by its owner alone from its first byte.
pub fn write(credentials: &Credentials, file: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::setup(format!("{}: {error}", file.display()));
    let part = file.with_extension("part");
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let text = serde_json::to_string_pretty(credentials).map_err(Failure::setup)?;
    options.open(&part).and_then(|mut out| out.write_all(text.as_bytes())).map_err(failed)?;
    std::fs::rename(&part, file).map_err(failed)
}
