//! Mails handed over to an SMTP server on this machine.

use lessor_core::identity::user::{self, CreateUser};
use lessor_core::identity::{self, Level, SendLink};
use lessor_core::mail::{self, Mail, State};
use lessor_server::mail::{Carrier, Settings};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A mail as it arrived: its envelope and everything behind DATA.
#[derive(Clone, Debug)]
struct Received {
    from: String,
    to: String,
    text: String,
}

/// An SMTP server that keeps what it is given, and refuses names that say so.
struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let kept = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&kept)));
            }
        });
        Self { url, received }
    }

    fn carrier(&self) -> Carrier {
        let settings = format!("smtp = {:?}\nfrom = \"Lessor <lessor@site.example>\"", self.url);
        Carrier::new(&toml::from_str::<Settings>(&settings).expect("settings")).expect("a carrier")
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }
}

/// RFC 5321, as far as it takes to receive.
async fn converse(stream: TcpStream, kept: Arc<Mutex<Vec<Received>>>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 receiver.example ESMTP\r\n").await?;
    let mut mail = Received { from: String::new(), to: String::new(), text: String::new() };
    while let Some(line) = lines.next_line().await? {
        let address =
            || line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(name, _)| name.to_owned());
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" | "HELO" => "250 receiver.example",
            "MAIL" => {
                mail.from = address().expect("a sender");
                "250 go on"
            }
            "RCPT" => {
                mail.to = address().expect("a recipient");
                if mail.to.starts_with("nobody") {
                    "550 no such mailbox"
                } else if mail.to.starts_with("later") {
                    "451 come back later"
                } else {
                    "250 go on"
                }
            }
            "DATA" => {
                write.write_all(b"354 end with a dot\r\n").await?;
                mail.text.clear();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    mail.text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.text.push('\n');
                }
                kept.lock().expect("no panic").push(mail.clone());
                "250 taken"
            }
            "RSET" | "NOOP" => "250 done",
            "QUIT" => "221 bye",
            _ => "500 what?",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
        if verb == "QUIT" {
            break;
        }
    }
    Ok(())
}

async fn invite(bench: &Bench, login: &str) -> Mail {
    let command = CreateUser {
        account: bench.root.id,
        name: "Ada \u{17d}".into(),
        login: login.into(),
        contact: json!({}),
        password_hash: None,
        level: Level::Read,
    };
    let page = "https://site.example/console/#link=".to_owned();
    let send = move |tx: &mut dyn lessor_core::Tx, cx: &lessor_core::Context<'_>| {
        let user = user::create(tx, cx, &command)?.id;
        identity::send_link(tx, cx, &SendLink { user, page: page.clone() })
    };
    bench.write(send).await.expect("a mail")
}

async fn now(bench: &Bench, mail: &Mail) -> Mail {
    let id = mail.id;
    bench.read(move |tx, cx| mail::get(tx, cx, id)).await.expect("the mail")
}

on_both_engines! {
    a_mail_reaches_the_mailbox_with_its_link_whole(bench) {
        let receiver = Receiver::start().await;
        let mail = invite(&bench, "ada@fabrikam.example").await;
        receiver.carrier().deliver(&bench.app).await.expect("delivered");
        assert_eq!(now(&bench, &mail).await.state, State::Sent);
        let received = receiver.received();
        assert_eq!(received.len(), 1);
        assert_eq!((received[0].from.as_str(), received[0].to.as_str()), ("lessor@site.example", "ada@fabrikam.example"));
        let text = &received[0].text;
        let headers = text.split("\n\n").next().unwrap_or_default();
        for header in ["From: Lessor <lessor@site.example>", "To: ada@fabrikam.example", &format!("Message-ID: <{}@site.example>", mail.id)] {
            assert!(headers.contains(header), "{header} is not in\n{text}");
        }
        // The name takes an encoding of the text, which folds lines: unfolded, the link is as it was written.
        let link = mail.text.lines().find(|line| line.starts_with("https://")).expect("a link");
        assert!(text.replace("=\n", "").replace("=3D", "=").contains(link), "{text}");
    }

    what_the_receiver_refuses_for_good_fails_and_what_it_puts_off_comes_again(bench) {
        let receiver = Receiver::start().await;
        let carrier = receiver.carrier();
        let (never, later) = (invite(&bench, "nobody@fabrikam.example").await, invite(&bench, "later@fabrikam.example").await);
        carrier.deliver(&bench.app).await.expect("tried");
        let failed = now(&bench, &never).await;
        assert_eq!(failed.state, State::Failed);
        assert!(failed.problem.is_some_and(|problem| problem.contains("no such mailbox")));
        assert_eq!((now(&bench, &later).await.state, now(&bench, &later).await.attempts), (State::Waiting, 1));
        bench.pass_seconds(60);
        carrier.deliver(&bench.app).await.expect("tried");
        assert_eq!(now(&bench, &later).await.attempts, 2);
        assert!(receiver.received().is_empty());
    }

    a_server_that_is_down_loses_no_mail(bench) {
        let gone = Receiver { url: "smtp://127.0.0.1:1".into(), received: Arc::default() };
        let mail = invite(&bench, "ada@fabrikam.example").await;
        gone.carrier().deliver(&bench.app).await.expect("tried");
        assert_eq!(now(&bench, &mail).await.state, State::Waiting);
        bench.pass_seconds(60);
        let receiver = Receiver::start().await;
        receiver.carrier().deliver(&bench.app).await.expect("delivered");
        assert_eq!((now(&bench, &mail).await.state, receiver.received().len()), (State::Sent, 1));
    }

    without_a_server_mails_are_kept_and_count_as_sent(bench) {
        let mail = invite(&bench, "ada@fabrikam.example").await;
        Carrier::Nobody.deliver(&bench.app).await.expect("kept");
        let kept = now(&bench, &mail).await;
        assert_eq!((kept.state, &kept.text), (State::Sent, &mail.text));
    }
}
