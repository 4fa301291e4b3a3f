//! Paint: a program under license, small enough to read, to be run against a demo server.
//!
//! ```text
//! cargo run --release -p lessor-client --example paint -- --product ID activate CODE
//! cargo run --release -p lessor-client --example paint -- --product ID run
//! ```
//!
//! It exits with 0 if all went well, 1 if the license is why it did not (one line says the reason), 2 if it was called
//! wrongly or something else is in the way, such as the connection.
//!
//! `LESSOR_CLOCK_OFFSET_SECONDS` is added to the computer's clock. When the demo's clock has been moved forward, give
//! every later call the same offset: a device that has renewed since then holds a lease that counts, and one that has
//! not sees that its lease has lapsed. Without the variable, a renewal still tells the device the server's time, and it
//! goes by that from then on; so do not begin to set it after that.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use lessor_client::{
    Clock, Config, Error, Event, EventKind, Holding, License, PublicKey, Renewal, Status, carry_request, carry_return,
    rfc3339,
};
use serde_json::{Value, json};

const HELP: &str = "\
paint, a program under license

usage: paint [OPTIONS] COMMAND

  activate CODE            activate a license
  sign-in USER PASSWORD    activate the license that an end user has a right to
  trial                    start a trial
  run                      draw, if the license allows it; renews the lease if it is time to
  status                   tell how the license stands, without a connection
  work FEATURE TOKENS      hold a seat of one feature and spend two tokens of another
  renew                    ask for the next lease now
  heartbeat                tell the server that the program is still there
  seat FEATURE             check out a floating seat
  return-seat FEATURE      give it back
  draw FEATURE N           draw N elements from a pool (negative: put them back)
  tokens FEATURE N         check out N tokens
  return-tokens FEATURE N [USED]
                           give N tokens back; USED of the held ones are used up
  system                   report facts about this computer
  consumer NAME EMAIL      report who uses the program
  return                   give the license back
  request CODE FILE        write an offline request (CODE \"-\" asks for a trial)
  accept FILE              take the answer to it
  return-offline FILE      destroy the license here and write the proof of it
  carry FILE ANSWER        as a connected computer: hand in a request, write the answer
  carry-return FILE        as a connected computer: hand in a proof

  --server URL             default: LESSOR_SERVER or http://127.0.0.1:8080
  --product ID             default: LESSOR_PRODUCT
  --state DIR              where the license is kept; default: paint-state
  --device ID              default: an id made at first use
  --user NAME              who is at the device
  --key HEX                a public key of the product to trust (repeat for more); default: keys fetched at first use
  --no-renew               with run: make no call to the server
  --json                   answer in JSON, one line
";

/// What a command has to say: a line for people, the same for machines, and whether the license said no.
struct Outcome {
    text: String,
    json: Value,
    refused: bool,
}

enum Failure {
    Usage(String),
    License(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::License(error)
    }
}

struct Options {
    server: String,
    product: String,
    state: PathBuf,
    device: Option<String>,
    user: String,
    keys: Vec<String>,
    renew: bool,
    words: VecDeque<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() || arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{HELP}");
        return ExitCode::from(if arguments.is_empty() { 2 } else { 0 });
    }
    let json = arguments.iter().any(|argument| argument == "--json");
    match Options::parse(arguments).and_then(command) {
        Ok(outcome) => {
            if json {
                println!("{}", outcome.json);
            } else {
                println!("{}", outcome.text);
            }
            ExitCode::from(u8::from(outcome.refused))
        }
        Err(failure) => report(&failure, json),
    }
}

fn report(failure: &Failure, json: bool) -> ExitCode {
    let (code, reason, exit) = match failure {
        Failure::Usage(reason) => ("usage", format!("{reason}; see paint --help"), 2),
        Failure::License(error) => (error.code(), error.to_string(), if error.is_about_the_license() { 1 } else { 2 }),
    };
    if json {
        println!("{}", json!({"error": code, "detail": reason}));
    } else {
        eprintln!("paint: {reason}");
    }
    ExitCode::from(exit)
}

impl Options {
    fn parse(arguments: Vec<String>) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut options = Self {
            server: variable("LESSOR_SERVER").unwrap_or_else(|| "http://127.0.0.1:8080".to_owned()),
            product: variable("LESSOR_PRODUCT").unwrap_or_default(),
            state: PathBuf::from("paint-state"),
            device: None,
            user: String::new(),
            keys: Vec::new(),
            renew: true,
            words: VecDeque::new(),
        };
        let mut rest = VecDeque::from(arguments);
        while let Some(argument) = rest.pop_front() {
            let name = argument.clone();
            let mut value = || rest.pop_front().ok_or_else(|| Failure::Usage(format!("{name} needs a value")));
            match argument.as_str() {
                "--server" => options.server = value()?,
                "--product" => options.product = value()?,
                "--state" => options.state = value()?.into(),
                "--device" => options.device = Some(value()?),
                "--user" => options.user = value()?,
                "--key" => options.keys.push(value()?),
                "--no-renew" => options.renew = false,
                "--json" => {} // main has seen it.
                option if option.starts_with("--") => return Err(Failure::Usage(format!("unknown option {option}"))),
                _ => options.words.push_back(argument),
            }
        }
        Ok(options)
    }

    fn open(&self) -> Result<License, Failure> {
        if self.product.is_empty() {
            return Err(Failure::Usage("which product? give --product or LESSOR_PRODUCT".to_owned()));
        }
        let mut config = Config::new(&self.server, &self.product, &self.state);
        config.device = self.device.clone();
        config.device_name = "paint's easel".to_owned();
        config.user = self.user.clone();
        config.clock = clock()?;
        for key in &self.keys {
            let key = PublicKey::parse(key).map_err(|_| Failure::Usage("--key is no public key".to_owned()))?;
            config.trusted_keys.insert(key);
        }
        Ok(License::open(config)?)
    }

    fn word(&mut self, what: &str) -> Result<String, Failure> {
        self.words.pop_front().ok_or_else(|| Failure::Usage(format!("{what} is missing")))
    }

    fn number<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, Failure> {
        self.word(what)?.parse().map_err(|_| Failure::Usage(format!("{what} is not a number in range")))
    }

    fn done(&self) -> Result<(), Failure> {
        match self.words.front() {
            Some(word) => Err(Failure::Usage(format!("{word} is one word too many"))),
            None => Ok(()),
        }
    }
}

fn clock() -> Result<Clock, Failure> {
    let Ok(offset) = std::env::var("LESSOR_CLOCK_OFFSET_SECONDS") else { return Ok(Clock::system()) };
    let offset: i64 = offset
        .trim()
        .parse()
        .map_err(|_| Failure::Usage("LESSOR_CLOCK_OFFSET_SECONDS is not a whole number".to_owned()))?;
    let system = Clock::system();
    Ok(Clock::from_fn(move || system.now().saturating_add(offset)))
}

fn command(mut options: Options) -> Result<Outcome, Failure> {
    let command = options.word("the command")?;
    match command.as_str() {
        "activate" => with(&mut options, ["CODE"], |license, [code]| {
            license.activate(&code)?;
            standing(license)
        }),
        "sign-in" => with(&mut options, ["USER", "PASSWORD"], |license, [user, password]| {
            license.sign_in(&user, &password)?;
            standing(license)
        }),
        "work" => {
            with(&mut options, ["FEATURE", "TOKENS"], |license, [feature, tokens]| work(license, &feature, &tokens))
        }
        "heartbeat" => with(&mut options, [], |license, []| {
            license.heartbeat()?;
            Ok(said("the server knows", json!({"alive": true})))
        }),
        "trial" => with(&mut options, [], |license, []| {
            license.start_trial()?;
            standing(license)
        }),
        "run" => {
            let renew = options.renew;
            with(&mut options, [], |license, []| run(license, renew))
        }
        "status" => with(&mut options, [], |license, []| standing(license)),
        "renew" => with(&mut options, [], |license, []| {
            license.renew()?;
            standing(license)
        }),
        "return" => with(&mut options, [], |license, []| {
            license.return_license()?;
            Ok(said("the license was returned", json!({"status": "not_activated"})))
        }),
        "seat" => with(&mut options, ["FEATURE"], |license, [feature]| Ok(held(&license.check_out_seat(&feature, 1)?))),
        "return-seat" => {
            with(&mut options, ["FEATURE"], |license, [feature]| Ok(held(&license.return_seat(&feature)?)))
        }
        "draw" | "tokens" | "return-tokens" => measured(&command, options),
        "system" => with(&mut options, [], |license, []| {
            license.report_system(&facts())?;
            Ok(said("reported", facts()))
        }),
        "consumer" => with(&mut options, ["NAME", "EMAIL"], |license, [name, email]| {
            let consumer = json!({"name": name, "email": email});
            license.report_consumer(&consumer)?;
            Ok(said("reported", consumer))
        }),
        "request" | "accept" | "return-offline" => offline(&command, options),
        "carry" | "carry-return" => carry(&command, options),
        _ => Err(Failure::Usage(format!("unknown command {command}"))),
    }
}

/// Takes the command's words, opens the license and does the rest.
fn with<const N: usize>(
    options: &mut Options,
    words: [&str; N],
    act: impl FnOnce(&License, [String; N]) -> Result<Outcome, Failure>,
) -> Result<Outcome, Failure> {
    let mut given = [const { String::new() }; N];
    for (place, what) in given.iter_mut().zip(words) {
        *place = options.word(what)?;
    }
    options.done()?;
    act(&options.open()?, given)
}

fn measured(command: &str, mut options: Options) -> Result<Outcome, Failure> {
    let feature = options.word("FEATURE")?;
    match command {
        "draw" => {
            let amount = options.number("N")?;
            with(&mut options, [], |license, []| Ok(held(&license.draw_elements(&feature, amount)?)))
        }
        "tokens" => {
            let amount = options.number("N")?;
            with(&mut options, [], |license, []| Ok(held(&license.check_out_tokens(&feature, amount)?)))
        }
        _ => {
            let amount = options.number("N")?;
            let used = if options.words.is_empty() { 0 } else { options.number("USED")? };
            with(&mut options, [], |license, []| Ok(held(&license.return_tokens(&feature, amount, used)?)))
        }
    }
}

fn offline(command: &str, mut options: Options) -> Result<Outcome, Failure> {
    match command {
        "request" => with(&mut options, ["CODE", "FILE"], |license, [code, file]| {
            let code = Some(code.as_str()).filter(|code| *code != "-");
            let request = license.offline_request(code, Some(facts()), None)?;
            write(&file, &request)?;
            Ok(said(&format!("wrote the request to {file}"), json!({"file": file})))
        }),
        "accept" => with(&mut options, ["FILE"], |license, [file]| {
            license.accept_answer(&read(&file)?)?;
            standing(license)
        }),
        _ => with(&mut options, ["FILE"], |license, [file]| {
            let proof = license.return_offline()?;
            write(&file, &proof)?;
            Ok(said(&format!("the license is gone from here; the proof is in {file}"), json!({"file": file})))
        }),
    }
}

/// What the computer with the connection does.
fn carry(command: &str, mut options: Options) -> Result<Outcome, Failure> {
    let document = read(&options.word("FILE")?)?;
    if command == "carry-return" {
        options.done()?;
        carry_return(&options.server, &document)?;
        return Ok(said("the server has struck the activation off", json!({"returned": true})));
    }
    let file = options.word("ANSWER")?;
    options.done()?;
    write(&file, &carry_request(&options.server, &document)?)?;
    Ok(said(&format!("wrote the answer to {file}"), json!({"file": file})))
}

fn run(license: &License, renew: bool) -> Result<Outcome, Failure> {
    // Whatever comes of the renewal, the lease that is held decides.
    let trouble = match if renew { license.renew_if_due() } else { Ok(Renewal::NotDue) } {
        Ok(Renewal::NotDue | Renewal::Renewed) | Err(Error::NotActivated) => None,
        Ok(Renewal::Postponed(error)) | Err(error) => Some(error),
    };
    let mut outcome = standing(license)?;
    if let Some(error) = trouble {
        outcome.text.push_str(&format!("; no new lease: {error}"));
        outcome.json["renewal"] = json!({"error": error.code(), "detail": error.to_string()});
    }
    if !outcome.refused {
        outcome.text = format!("{PICTURE}\n{}", outcome.text);
        if let Some(lease) = license.lease()? {
            for feature in lease.features {
                let kind = json!(feature.kind);
                let limit = feature.limit.map_or(String::new(), |limit| format!(", {limit} in all"));
                outcome.text.push_str(&format!("\n  {} ({}{limit})", feature.code, kind.as_str().unwrap_or_default()));
            }
        }
    }
    Ok(outcome)
}

/// A seat and tokens for as long as they are needed, and word of it.
fn work(license: &License, floating: &str, metered: &str) -> Result<Outcome, Failure> {
    license.record(&Event::of_feature(EventKind::FeatureStarted, floating))?;
    let seat = license.hold_seats(floating, 1)?;
    let mut tokens = license.hold_tokens(metered, 3)?;
    tokens.spend(2)?;
    let left = tokens.left();
    tokens.return_now()?; // Tells how it went.
    drop(seat); // Goes back, now or later, without a word.
    license.record(&Event::of_feature(EventKind::FeatureStopped, floating))?;
    license.tidy()?;
    Ok(said(&format!("spent two tokens, {left} left"), json!({"left": left})))
}

const PICTURE: &str = r"
        \  |  /
      -- (   ) --        /\
        /  |  \         /  \    /\
                       / /\ \  /  \
  ~~~~~~~~~~~~~~~~~~~~/ /  \ \/    \~~~~
";

fn standing(license: &License) -> Result<Outcome, Failure> {
    let status = license.status()?;
    let lease = license.lease()?;
    let text = match status {
        Status::Valid { until: Some(until) } => format!("licensed until {}", rfc3339(until)),
        Status::Valid { until: None } => "licensed without an end".to_owned(),
        Status::Grace { until: Some(until) } => format!("the lease has ended; please renew before {}", rfc3339(until)),
        Status::Grace { until: None } => "the lease has ended; please renew".to_owned(),
        Status::NotActivated => "not licensed: nothing is activated".to_owned(),
        Status::NotYet { from } => format!("not licensed: the lease begins at {}", rfc3339(from)),
        Status::Expired { at } => format!("not licensed: the lease ended at {}", rfc3339(at)),
        Status::ClockSetBack { by } => format!("not licensed: the clock was set back by {by} seconds or more"),
    };
    let mut json = json!({"status": status.code(), "may_run": status.may_run(), "device": license.device_id()?});
    if let Some(lease) = lease {
        json["activation"] = lease.activation.into();
        json["product"] = lease.product.into();
        json["license"] = lease.license.into();
        json["number"] = lease.number.into();
        json["kind"] = json!(lease.kind);
        json["mode"] = json!(lease.mode);
        json["issued_at"] = rfc3339(lease.issued_at).into();
        json["renew_after"] = lease.renew_after.map(rfc3339).into();
        json["expires_at"] = lease.expires_at.map(rfc3339).into();
        json["grace_until"] = lease.grace_until.map(rfc3339).into();
        json["features"] = json!(lease.features);
        json["values"] = json!(lease.values);
    }
    if !status.may_run() {
        json["error"] = status.code().into();
        json["detail"] = text.as_str().into();
    }
    Ok(Outcome { text, json, refused: !status.may_run() })
}

fn held(holding: &Holding) -> Outcome {
    let limit = holding.limit.map_or("no limit".to_owned(), |limit| format!("a limit of {limit}"));
    let used = holding.used.map_or(String::new(), |used| format!(", {used} in use everywhere"));
    let text = format!("{}: {} held here{used}, {limit}", holding.feature, holding.held);
    said(
        &text,
        json!({
            "feature": holding.feature, "held": holding.held, "used": holding.used, "limit": holding.limit,
            "consumed": holding.consumed,
        }),
    )
}

fn said(text: &str, json: Value) -> Outcome {
    Outcome { text: text.to_owned(), json, refused: false }
}

fn facts() -> Value {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    json!({"os": std::env::consts::OS, "architecture": std::env::consts::ARCH, "processors": processors})
}

fn read(file: &str) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::Usage(format!("cannot read {file}: {error}")))
}

fn write(file: &str, text: &str) -> Result<(), Failure> {
    fs::write(file, format!("{text}\n")).map_err(|error| Failure::Usage(format!("cannot write {file}: {error}")))
}
