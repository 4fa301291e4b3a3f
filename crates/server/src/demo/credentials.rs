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

impl Credentials {
    pub(super) fn new(api_key: String, console_user: String, console_password: String) -> Self {
        let native = Native { api_key, console_url: String::new(), console_user, console_password };
        Self { base_url: String::new(), native, zentitle: None, zentitle_other: None }
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
