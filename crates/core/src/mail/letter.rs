//! What mails say. Plain text, so that every reader shows it and nothing in a name can become markup.

use crate::clock::Timestamp;

/// A letter, with what it is filled in with.
#[derive(Clone, Debug)]
pub enum Letter<'a> {
    /// To somebody who became a user: the link with which they set a password.
    Welcome {
        /// Their name.
        name: &'a str,
        /// Of which account they are.
        account: &'a str,
        /// What they sign in with.
        login: &'a str,
        /// Where they set a password.
        link: &'a str,
        /// Until when that works.
        until: Timestamp,
    },
    /// To a user who is to set another password.
    NewPassword {
        /// Their name.
        name: &'a str,
        /// Where they set it.
        link: &'a str,
        /// Until when that works.
        until: Timestamp,
    },
}

impl Letter<'_> {
    /// The word stored and shown.
    pub fn kind(&self) -> &'static str {
        match self {
            Letter::Welcome { .. } => "welcome",
            Letter::NewPassword { .. } => "new_password",
        }
    }

    /// Subject and text.
    pub(super) fn written(&self) -> (String, String) {
        match self {
            Letter::Welcome { name, account, login, link, until } => (
                format!("Your access to {}", line(account)),
                format!(
                    "Hello {},\n\n{} has opened an account for you. Set a password here, and you can sign in as {}:\n\n{link}\n\n\
                     The link works once, until {until}. If you did not expect this mail, ignore it.\n",
                    line(name),
                    line(account),
                    line(login),
                ),
            ),
            Letter::NewPassword { name, link, until } => (
                "Your new password".to_owned(),
                format!(
                    "Hello {},\n\nset a new password here:\n\n{link}\n\n\
                     The link works once, until {until}. If you did not ask for it, ignore this mail: your password stays as it is.\n",
                    line(name),
                ),
            ),
        }
    }
}

/// A name as part of a line, whatever is in it.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_holds_its_link_and_no_name_breaks_its_lines() {
        let until = Timestamp::from_seconds(1_772_000_000);
        let letter = Letter::Welcome {
            name: "Ada\r\nBcc: all@x.y",
            account: "Fabrikam\nMSP",
            login: "ada@fabrikam.example",
            link: "https://x/y#z",
            until,
        };
        let (subject, text) = letter.written();
        assert_eq!(subject, "Your access to Fabrikam MSP");
        assert!(text.starts_with("Hello Ada  Bcc: all@x.y,\n"), "{text}");
        assert!(text.contains("\n\nhttps://x/y#z\n\n") && text.contains(&until.to_string()), "{text}");
    }
}
