//! What an installation may set about the dialect.

use lessor_core::identity::session::Lifetimes;

/// What an installation may set about the dialect.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long tokens are good for.
    pub lifetimes: Lifetimes,
    /// The address of the page that takes the link of a mail, which is put behind it.
    pub link_page: String,
}

impl Settings {
    /// An hour for an access token, a day for all renewals together.
    pub const LIFETIMES: Lifetimes = Lifetimes { access_seconds: 3_600, whole_seconds: 86_400 };

    /// The usual lifetimes, with mails that lead to this page.
    pub fn new(link_page: &str) -> Self {
        Self { lifetimes: Self::LIFETIMES, link_page: link_page.to_owned() }
    }
}
