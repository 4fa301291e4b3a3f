//! The APIs that share the listener, and which of them a request is for.

use crate::refusal::{Refusal, Render};
use axum::Router;
use http::{HeaderMap, header};

/// One API: where it lives, what answers, and how it words what the listener refuses.
pub struct Family {
    /// Its name in metrics and logs.
    pub name: &'static str,
    /// The paths it answers below, without a slash at the end, told apart without regard to case.
    pub prefixes: &'static [&'static str],
    /// A host name on which it answers every path.
    pub host: Option<String>,
    /// What answers. It sees the path as it came.
    pub router: Router,
    /// Its words for the listener's refusals.
    pub render: Render,
    /// Its own limit for one body, in bytes, where the general one does not fit.
    pub body_bytes: Option<usize>,
}

impl Family {
    /// An API that answers unknown paths and verbs in its own way.
    pub fn new(name: &'static str, prefixes: &'static [&'static str], router: Router, render: Render) -> Self {
        Self { name, prefixes, host: None, router, render, body_bytes: None }
    }

    /// Unknown paths and verbs are refusals like the listener's other ones.
    pub fn with_fallbacks(mut self) -> Self {
        let render = self.render;
        let unknown = move |uri: http::Uri| async move { render(uri.path(), Refusal::NotFound) };
        let wrong_verb = move |uri: http::Uri| async move { render(uri.path(), Refusal::WrongVerb) };
        self.router = self.router.method_not_allowed_fallback(wrong_verb).fallback(unknown);
        self
    }
}

/// All APIs of one server.
pub struct Site {
    families: Vec<Family>,
    /// Longest first, each with the place of its family.
    prefixes: Vec<(&'static str, usize)>,
}

impl Site {
    /// `rest` answers what belongs to none of the families.
    pub fn new(families: Vec<Family>, rest: Family) -> Self {
        let families: Vec<Family> = families.into_iter().chain([rest]).collect();
        let mut prefixes: Vec<(&'static str, usize)> = families
            .iter()
            .enumerate()
            .flat_map(|(place, family)| family.prefixes.iter().map(move |prefix| (*prefix, place)))
            .collect();
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Self { families, prefixes }
    }

    /// All families; the last is the rest.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// The place of the family that a request is for.
    pub fn find(&self, headers: &HeaderMap, path: &str) -> usize {
        let by_host = || {
            let host = headers.get(header::HOST)?.to_str().ok()?;
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            let own = |family: &Family| family.host.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name));
            self.families.iter().position(own)
        };
        let by_path = || self.prefixes.iter().find(|(prefix, _)| below(path, prefix)).map(|(_, place)| *place);
        // The operator's own addresses answer on every host.
        by_path()
            .filter(|place| self.families[*place].name == crate::health::FAMILY)
            .or_else(by_host)
            .or_else(by_path)
            .unwrap_or(self.families.len() - 1)
    }
}

/// Whether `path` is `prefix` or lies below it. Repeated slashes count as one.
pub fn below(path: &str, prefix: &str) -> bool {
    let mut rest = path.bytes().peekable();
    for expected in prefix.bytes() {
        match rest.next() {
            Some(byte) if byte.eq_ignore_ascii_case(&expected) => {}
            _ => return false,
        }
        while expected == b'/' && rest.peek() == Some(&b'/') {
            rest.next();
        }
    }
    matches!(rest.peek(), None | Some(b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_a_slash_and_knows_no_case() {
        assert!(below("/api/v2/Product", "/api/v2"));
        assert!(below("/API/V2", "/api/v2"));
        assert!(below("//api///v2//Product", "/api/v2"));
        assert!(!below("/api/v20", "/api/v2"));
        assert!(!below("/api", "/api/v2"));
        assert!(!below("/v1x/licenses", "/v1"));
    }
}
