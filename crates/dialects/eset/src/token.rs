//! Signing in: a pair of tokens for a password, the next pair for a refresh token, and whether a token is still good.

use crate::auth;
use crate::input::{Input, Kind};
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::table::{Access, Answer, Asked, Call};
use http::StatusCode;
use lessor_core::identity::session::{self, Renewable};
use lessor_core::{App, Error, Refusal};
use serde::Serialize;

/// The longest of what is taken as a token, in characters.
const MAX_TOKEN: usize = 4_096;

static GET: [Input; 2] = [Input::must("username", Kind::Text(200)), Input::must("password", Kind::Text(200))];
static RENEW: [Input; 1] = [Input::must("refreshToken", Kind::Text(MAX_TOKEN))];
static CHECK: [Input; 1] = [Input::must("accessToken", Kind::Text(MAX_TOKEN))];

const TOKENS: Answer =
    Answer::Json(r#"{"accessToken":"lss_6bQ2wYp0Xn","refreshToken":"lsf_0mC9sKd2Lr","expiresIn":3600}"#);

pub(crate) static CALLS: [Call; 3] = [
    Call::post("Token Get", "Token/Get", Area::Token, |asked| Box::pin(get(asked)))
        .by(Access::Open)
        .takes(&GET)
        .shows(r#"{"username":"api@example.test","password":"correct-horse-battery"}"#)
        .gives(TOKENS),
    Call::post("Token Renew", "Token/Renew", Area::Token, |asked| Box::pin(renew(asked)))
        .by(Access::Open)
        .takes(&RENEW)
        .shows(r#"{"refreshToken":"lsf_0mC9sKd2Lr"}"#)
        .gives(TOKENS),
    Call::post("Token Check", "Token/Check", Area::Token, |asked| Box::pin(check(asked)))
        .takes(&CHECK)
        .shows(r#"{"accessToken":"lss_6bQ2wYp0Xn"}"#)
        .gives(Answer::Json("true")),
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tokens<'a> {
    access_token: &'a str,
    refresh_token: &'a str,
    /// Seconds until the access token is over.
    expires_in: i64,
}

async fn get(asked: Asked) -> Result<Reply, Problem> {
    let (app, lifetimes) = (&asked.app, asked.settings.lifetimes);
    let (login, password) = (asked.fields.need_text("username")?, asked.fields.need_text("password")?);
    let tokens = session::sign_in_renewably(app, login, password, lifetimes).await?;
    let access = tokens.access.reveal();
    let (actor, user) = auth::of_token(app, access).await?;
    if !auth::is_open_to(app, &actor, user).await? {
        let access = access.to_owned();
        app.write(&app.system(), move |tx, cx| session::end(tx, cx, &access)).await?;
        return Err(Problem::forbidden());
    }
    Ok(answer(app, &tokens))
}

async fn renew(asked: Asked) -> Result<Reply, Problem> {
    let app = &asked.app;
    let presented = asked.fields.need_text("refreshToken")?;
    let next = session::renew(app, presented, asked.settings.lifetimes.access_seconds).await;
    let tokens = next.map_err(|error| match error {
        Error::Refused(Refusal::BadCredentials) => {
            Problem::rule(Area::Token, 1003, "InvalidRefreshToken").with_status(StatusCode::UNAUTHORIZED)
        }
        other => other.into(),
    })?;
    let (actor, user) = auth::of_token(app, tokens.access.reveal()).await?;
    if auth::is_open_to(app, &actor, user).await? { Ok(answer(app, &tokens)) } else { Err(Problem::forbidden()) }
}

fn answer(app: &App, tokens: &Renewable) -> Reply {
    Reply::json(&Tokens {
        access_token: tokens.access.reveal(),
        refresh_token: tokens.refresh.reveal(),
        expires_in: (tokens.access_until.seconds() - app.now().seconds()).max(0),
    })
}

async fn check(asked: Asked) -> Result<Reply, Problem> {
    let presented = asked.fields.need_text("accessToken")?;
    match auth::of_token(&asked.app, presented).await {
        Ok(_) => Ok(Reply::json(&true)),
        Err(problem) if problem.status == StatusCode::UNAUTHORIZED => Ok(Reply::json(&false)),
        Err(problem) => Err(problem),
    }
}
