//! Handing the outbox over: to an SMTP server, or to nobody, where mails are kept for people to read.

use crate::failure::Failure;
use lessor_core::mail::{self, Mail, Outcome};
use lessor_core::{App, Error};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::Deserialize;
use std::time::{Duration, SystemTime};

/// How many mails a server takes at once.
const AT_ONCE: u32 = 20;
/// How long an SMTP server may take for one step.
const STEP: Duration = Duration::from_secs(30);

/// How mails go out, as the file says it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `smtp://`, or `smtps://` for TLS from the start, with user and password: `smtps://user:password@host:465`. A question
    /// mark and `tls=required` make `smtp://` change to TLS before anything is said.
    smtp: Option<String>,
    /// Whom mails are from: `Lessor <lessor@fabrikam.example>`.
    from: Option<String>,
}

/// Who takes mails over.
pub enum Carrier {
    /// Nobody: they are kept, and count as sent.
    Nobody,
    /// An SMTP server.
    Smtp(Box<Smtp>),
}

/// An SMTP server and whom mails are from.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Carrier {
    /// The carrier that the settings name.
    pub fn new(settings: &Settings) -> Result<Self, Failure> {
        let (url, from) = match (&settings.smtp, &settings.from) {
            (None, None) => return Ok(Carrier::Nobody),
            (Some(url), Some(from)) => (url, from),
            _ => return Err(Failure::setup("[mail] takes smtp and from together")),
        };
        let from = from.parse().map_err(|_| Failure::setup(format!("[mail] from {from:?} is no address")))?;
        // Not what is wrong with it: the address may hold a password.
        let bad = |_| Failure::setup("[mail] smtp must be an address as smtps://user:password@host:465");
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(bad)?.timeout(Some(STEP)).build();
        Ok(Carrier::Smtp(Box::new(Smtp { transport, from })))
    }

    /// Hands over whatever is due.
    ///
    /// # Errors
    /// Those of storage. What the carrier does not take is tried again later.
    pub async fn deliver(&self, app: &App) -> Result<(), Error> {
        loop {
            let mails = app.write(&app.system(), |tx, cx| mail::take(tx, cx, AT_ONCE)).await?;
            if mails.is_empty() {
                return Ok(());
            }
            for mail in mails {
                let outcome = match self {
                    Carrier::Nobody => Outcome::Sent,
                    Carrier::Smtp(smtp) => smtp.hand_over(&mail).await,
                };
                let (id, attempt) = (mail.id, mail.attempts);
                app.write(&app.system(), move |tx, cx| mail::settle(tx, cx, id, attempt, &outcome)).await?;
            }
        }
    }
}

impl Smtp {
    async fn hand_over(&self, mail: &Mail) -> Outcome {
        let message = match self.message(mail) {
            Ok(message) => message,
            Err(problem) => return Outcome::Refused { problem },
        };
        match self.transport.send(message).await {
            Ok(_) => Outcome::Sent,
            Err(error) if error.is_permanent() => Outcome::Refused { problem: error.to_string() },
            Err(error) => {
                tracing::warn!(mail = %mail.id, %error, "a mail was not taken; it is tried again");
                Outcome::Later { problem: error.to_string() }
            }
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, String> {
        let to: Mailbox = mail.recipient.parse().map_err(|error| format!("{error}"))?;
        let host = self.from.email.domain();
        let written = u64::try_from(mail.created_at.seconds()).unwrap_or_default();
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&mail.subject)
            // The same on every try, so that a mail that came twice can be told.
            .message_id(Some(format!("<{}@{host}>", mail.id)))
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(written))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone())
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carrier(smtp: Option<&str>, from: Option<&str>) -> Result<Carrier, Failure> {
        Carrier::new(&Settings { smtp: smtp.map(str::to_owned), from: from.map(str::to_owned) })
    }

    #[test]
    fn without_settings_nobody_carries_and_halves_of_settings_are_refused() {
        assert!(matches!(carrier(None, None), Ok(Carrier::Nobody)));
        assert!(carrier(Some("smtp://localhost"), None).is_err());
        assert!(carrier(None, Some("a@b.example")).is_err());
        assert!(carrier(Some("smtp://localhost"), Some("nobody")).is_err());
        assert!(matches!(carrier(Some("smtp://localhost:25"), Some("L <a@b.example>")), Ok(Carrier::Smtp(_))));
    }

    #[test]
    fn a_bad_address_of_the_server_is_told_without_its_password() {
        let told = carrier(Some("http://user:secret@host"), Some("a@b.example")).err().expect("refused").to_string();
        assert!(!told.contains("secret"), "{told}");
    }
}
