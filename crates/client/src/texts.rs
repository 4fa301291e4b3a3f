//! Texts that the program keeps on the server, one for each feature of the kind `store`.

use ureq::http::Method;

use crate::error::Error;
use crate::http::{Answered, With, segment};
use crate::license::License;
use crate::wire;

/// A text as it was when it was read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredText {
    /// The text.
    pub text: String,
    /// What tells this state of it from every other, for [`License::write_text`].
    pub tag: Option<String>,
}

impl License {
    /// Reads the text of a feature.
    pub fn read_text(&self, feature: &str) -> Result<StoredText, Error> {
        let (path, secret) = self.authorized(&format!("/stores/{}", segment(feature)))?;
        self.server.call(Method::GET, &path, With::secret(&secret), None::<&wire::Text<'_>>).map(stored)
    }

    /// Writes the text of a feature, 4096 bytes at most. With the tag of the state that the program knows, nothing is
    /// written over that another device wrote since: the refusal then [is stale](crate::Refusal::is_stale), and reading
    /// again shows what is there.
    pub fn write_text(&self, feature: &str, text: &str, tag: Option<&str>) -> Result<StoredText, Error> {
        let (path, secret) = self.authorized(&format!("/stores/{}", segment(feature)))?;
        let with = With { if_match: tag, ..With::secret(&secret) };
        self.server.call(Method::PUT, &path, with, Some(&wire::Text { text })).map(stored)
    }
}

fn stored(answered: Answered<wire::Stored>) -> StoredText {
    StoredText { text: answered.body.text, tag: answered.etag }
}
