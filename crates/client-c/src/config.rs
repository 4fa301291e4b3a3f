//! The configuration as C has it.

use std::ffi::c_char;
use std::mem::{size_of, zeroed};
use std::time::Duration;

use lessor_client::{Config, PublicKey};

use crate::error::Failure;
use crate::text::{may, need};

/// How to reach the server, for which product, and where to keep state. Set everything to zero, then `size`, then what
/// matters; what stays zero has its usual value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct LessorConfig {
    /// `sizeof(LessorConfig)`, so that the library knows which version of it the program was built with.
    pub size: usize,
    /// Address of the server, such as `https://licenses.example`.
    pub server: *const c_char,
    /// The product's native id, or an alias `dialect:product:number`.
    pub product: *const c_char,
    /// Folder for the state; made if missing. One folder is one device identity for one product.
    pub folder: *const c_char,
    /// The device's id; null lets the library make one.
    pub device: *const c_char,
    /// A stable id of the container or instance that the program runs in, in place of the device's; may be null.
    pub instance: *const c_char,
    /// What people call the device; may be null.
    pub device_name: *const c_char,
    /// The user's name; may be null.
    pub user: *const c_char,
    /// The virtual platform that the device runs on, if it does; may be null.
    pub virtual_platform: *const c_char,
    /// The product's public keys, each 64 hexadecimal digits. Without any, keys are fetched at first and then kept.
    pub keys: *const *const c_char,
    /// How many keys there are.
    pub key_count: usize,
    /// How often a call is tried in all when the server cannot be reached or is busy.
    pub attempts: u32,
    /// How long one attempt may take, in milliseconds.
    pub timeout_milliseconds: u32,
}

/// The most keys that a program pins.
const MOST_KEYS: usize = 1024;

/// Reads a configuration.
///
/// # Safety
/// The pointer is null or to as many readable bytes as its `size` says, and each pointer in it is null or as its comment
/// says.
pub unsafe fn read(config: *const LessorConfig) -> Result<Config, Failure> {
    if config.is_null() {
        return Err(Failure::Argument("the configuration is a null pointer"));
    }
    // SAFETY: not null, and by the contract at least `size` itself may be read.
    let size = unsafe { (&raw const (*config).size).read_unaligned() };
    if size < size_of::<usize>() * 4 {
        return Err(Failure::Argument("the configuration's size is not set"));
    }
    // SAFETY: null pointers and zeros are values of every member.
    let mut whole: LessorConfig = unsafe { zeroed() };
    // An older program's configuration is shorter: the rest stays zero. Of a newer one the known part is read.
    let known = size.min(size_of::<LessorConfig>());
    // SAFETY: `known` bytes are readable by the contract and fit into `whole`; the two do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(config.cast::<u8>(), (&raw mut whole).cast::<u8>(), known) };
    // SAFETY: the strings are as the contract says.
    unsafe { whole.to_config() }
}

impl LessorConfig {
    /// # Safety
    /// Each pointer is null or as its comment says.
    unsafe fn to_config(self) -> Result<Config, Failure> {
        // SAFETY: the contract, for each of the strings.
        let (server, product, folder) = unsafe { (need(self.server)?, need(self.product)?, need(self.folder)?) };
        let mut config = Config::new(server, product, folder);
        // SAFETY: likewise.
        let text = |text: *const c_char| unsafe { may(text) }.map(|text| text.map(str::to_owned));
        config.device = text(self.device)?;
        config.instance = text(self.instance)?;
        config.device_name = text(self.device_name)?.unwrap_or_default();
        config.user = text(self.user)?.unwrap_or_default();
        config.virtual_platform = text(self.virtual_platform)?;
        if self.key_count > MOST_KEYS || (self.keys.is_null() && self.key_count > 0) {
            return Err(Failure::Argument("there are no keys, or too many"));
        }
        for place in 0..self.key_count {
            // SAFETY: by the contract `keys` has `key_count` entries, each a string.
            let key = unsafe { need(self.keys.add(place).read())? };
            let key = PublicKey::parse(key).map_err(|_| Failure::Argument("a key is not 64 hexadecimal digits"))?;
            config.trusted_keys.insert(key);
        }
        if self.attempts > 0 {
            config.attempts = self.attempts;
        }
        if self.timeout_milliseconds > 0 {
            config.timeout = Duration::from_millis(self.timeout_milliseconds.into());
        }
        Ok(config)
    }
}
