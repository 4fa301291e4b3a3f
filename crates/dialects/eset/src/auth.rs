//! Who calls: `Authorization: Bearer <access token>`.

use crate::ids;
use crate::problem::Problem;
use http::{HeaderMap, header};
use lessor_core::{Actor, App, Caller, Error, RequestId, UserId, Who, alias, identity};
use serde_json::Value;
use std::sync::Arc;

/// Who a caller is: the actor that the core knows, and the user.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) caller: Caller,
    pub(crate) user: UserId,
}

/// Checks the token of a request.
///
/// # Errors
/// 401 for none, one that is unknown or over, and one of no user; 403 for a user to whom the API is closed.
pub(crate) async fn authenticate(app: &App, headers: &HeaderMap, request: RequestId) -> Result<Known, Problem> {
    let token = token(headers).ok_or_else(Problem::unauthorized)?;
    let (actor, user) = of_token(app, token).await?;
    if !is_open_to(app, &actor, user).await? {
        return Err(Problem::forbidden());
    }
    Ok(Known { caller: Caller { actor, request }, user })
}

/// The user of a token.
///
/// # Errors
/// 401 for one that is unknown or over, and for whatever else may be presented to other APIs.
pub(crate) async fn of_token(app: &App, token: &str) -> Result<(Arc<Actor>, UserId), Problem> {
    let actor = identity::authenticate(app, token).await?;
    match actor.who {
        Who::User(user) => Ok((actor, user)),
        Who::System | Who::ApiKey(_) | Who::Device(_) => Err(Problem::unauthorized()),
    }
}

/// Is the API open to this user? It is until the vendor closes it: attribute `closed_to` of its tenant, a list of users' ids.
/// That stands with the vendor, where nobody can open it for themselves.
pub(crate) async fn is_open_to(app: &App, actor: &Actor, user: UserId) -> Result<bool, Error> {
    let tenant = actor.tenant;
    let kept = app.read(&app.system(), move |tx, _| alias::attributes(tx, tenant.0, ids::ATTRIBUTES)).await?;
    let closed_to = kept.as_ref().and_then(|kept| kept["closed_to"].as_array());
    let id = user.0.to_string();
    let is_this = |listed: &Value| {
        listed.as_str().is_some_and(|text| text.eq_ignore_ascii_case(&id) || UserId::parse(text) == Some(user))
    };
    Ok(!closed_to.is_some_and(|users| users.iter().any(is_this)))
}

/// The token out of the header: bare, or behind the word `Bearer` once or twice.
fn token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let mut value = values.next()?.to_str().ok()?.trim();
    if values.next().is_some() {
        return None;
    }
    for _ in 0..2 {
        let Some((scheme, rest)) = value.split_once(' ') else { break };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        value = rest.trim();
    }
    (!value.is_empty() && !value.contains(' ') && !value.eq_ignore_ascii_case("bearer")).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).expect("a header value"));
        token(&headers).map(str::to_owned)
    }

    #[test]
    fn a_token_is_taken_bare_or_behind_the_word_bearer_once_or_twice() {
        for value in ["abc", "Bearer abc", "bearer  abc", "Bearer Bearer abc", " BEARER abc "] {
            assert_eq!(read(value).as_deref(), Some("abc"), "{value}");
        }
    }

    #[test]
    fn anything_else_is_no_token() {
        for value in ["", "Bearer", "Bearer ", "Basic abc", "Bearer Bearer Bearer abc", "abc def"] {
            assert_eq!(read(value), None, "{value}");
        }
        assert_eq!(token(&HeaderMap::new()), None);
    }
}
