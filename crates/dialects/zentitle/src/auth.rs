//! Who calls: `Authorization: bearer <customerID>:<APIKey>`.

use crate::ids;
use crate::problem::Problem;
use http::{HeaderMap, header};
use lessor_core::{App, Caller, RequestId, identity};

/// Checks the credentials of a request.
///
/// # Errors
/// 401 for none, malformed or wrong ones, and for a good key beside the number of another customer.
pub async fn authenticate(app: &App, headers: &HeaderMap, request: RequestId) -> Result<Caller, Problem> {
    let (customer, key) = credentials(headers).ok_or_else(Problem::not_authorized)?;
    let actor = identity::authenticate_beside(app, ids::TENANT, customer, key).await?;
    Ok(Caller { actor, request })
}

/// Number and key out of the header: the scheme in any case, blanks behind it, split at the first colon.
fn credentials(headers: &HeaderMap) -> Option<(&str, &str)> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, rest) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (customer, key) = rest.trim().split_once(':')?;
    (!customer.is_empty() && !key.is_empty()).then_some((customer, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(values: &[&str]) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).expect("a header value"));
        }
        credentials(&headers).map(|(customer, key)| (customer.to_owned(), key.to_owned()))
    }

    #[test]
    fn the_scheme_is_taken_in_any_case_and_the_first_colon_splits() {
        let expected = Some(("1234".to_owned(), "abcd12wV4D1Hxjf".to_owned()));
        for value in ["bearer 1234:abcd12wV4D1Hxjf", "Bearer   1234:abcd12wV4D1Hxjf", "BEARER 1234:abcd12wV4D1Hxjf "] {
            assert_eq!(read(&[value]), expected, "{value}");
        }
        assert_eq!(read(&["bearer 1234:a:b"]), Some(("1234".to_owned(), "a:b".to_owned())));
    }

    #[test]
    fn anything_else_is_no_credential() {
        for value in ["", "bearer", "bearer 1234", "bearer :key", "bearer 1234:", "basic 1234:key", "1234:key"] {
            assert_eq!(read(&[value]), None, "{value}");
        }
        assert_eq!(read(&[]), None);
        assert_eq!(read(&["bearer 1234:key", "bearer 1234:key"]), None);
    }
}
