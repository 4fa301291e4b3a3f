//! The command line: commands, options and their `LESSOR_*` variables.

use crate::failure::Failure;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Everything that was said on the command line or in variables.
#[derive(Debug, Parser)]
#[command(
    name = "lessor",
    version,
    about = "Grants software to people: accounts, licenses, devices, usage and bills behind one server.",
    disable_help_subcommand = true,
    arg_required_else_help = false,
    after_help = "Example:\n  lessor demo\n\nEvery option can also be given as a variable (--log-level as LESSOR_LOG_LEVEL) and most\n\
                  in a file (--config). A flag wins over a variable, a variable over the file."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until told to stop
    #[command(after_help = "Example:\n  lessor serve --listen 127.0.0.1:8080 --data /var/lib/lessor\n\n\
                      The first start on empty storage creates the root account and prints one sign-in link.")]
    Serve(Serve),
    /// Make the demo world in empty storage and serve it
    #[command(after_help = "Example:\n  lessor demo --credentials demo.json --clock 2026-01-01T00:00:00Z")]
    Demo(Demo),
    /// Hand out seats on a local network, out of what a server delegated
    #[command(
        after_help = "Example:\n  lessor daemon --server https://licenses.example --product prd_… --license 128437590236718452 \\\n    \
                      --listen 192.168.1.5:8080 --tls-cert lan.pem --tls-key lan.key --data /var/lib/lessor-daemon\n\n\
                      Without a connection: --request writes what the server has to answer to a file, and --answer takes the\n\
                      answer in when the daemon starts. A copy of its folder is found out and refused: do not run one."
    )]
    Daemon(Daemon),
    /// Bring the storage to this version's schema
    #[command(after_help = "Example:\n  lessor migrate --data /var/lib/lessor")]
    Migrate(Maintain),
    /// Write everything in the storage to one file, also while a server runs
    #[command(after_help = "Example:\n  lessor backup --data /var/lib/lessor lessor.backup")]
    Backup(MaintainFile),
    /// Fill empty storage from a file that `backup` wrote
    #[command(after_help = "Example:\n  lessor restore --data /var/lib/lessor-new lessor.backup")]
    Restore(MaintainFile),
    /// Check that the storage is whole
    #[command(after_help = "Example:\n  lessor verify --data /var/lib/lessor")]
    Verify(Maintain),
    /// Bring licenses in from a file, many at a time
    #[command(after_help = "Example:\n  lessor import licenses codes.csv --product prd_… --data /var/lib/lessor\n\n\
                      The file has a JSON object a line, or comma-separated values under a header: code, account, profile,\n\
                      reference, order, and terms such as term, term_days and activation_limit. Codes that are there already\n\
                      stay as they are, so that an import that was cut off can be run again. No server may serve from the folder\n\
                      meanwhile; beside one, use its API.")]
    Import(Import),
    /// Print the description of one API
    #[command(after_help = "Example:\n  lessor openapi device > device.json")]
    Openapi(Openapi),
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where and how to listen.
    #[command(flatten)]
    pub listen: Listen,
    /// Where the records are.
    #[command(flatten)]
    pub storage: StorageArgs,
    /// Configuration file and logs.
    #[command(flatten)]
    pub common: Common,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Where and how to listen.
    #[command(flatten)]
    pub listen: Listen,
    /// Where the records are; without any, a temporary folder.
    #[command(flatten)]
    pub storage: StorageArgs,
    /// Configuration file and logs.
    #[command(flatten)]
    pub common: Common,
    /// Start the movable clock at this instant (RFC 3339) [default: now]
    #[arg(long, value_name = "RFC3339", env = "LESSOR_CLOCK", hide_env_values = true)]
    pub clock: Option<String>,
    /// Limit request rates as `serve` does
    #[arg(
        long,
        value_name = "on|off",
        env = "LESSOR_RATE_LIMITS",
        hide_env_values = true,
        default_value = "on",
        hide_possible_values = true
    )]
    pub rate_limits: Switch,
    /// Write the demo's keys and passwords to this file
    #[arg(long, value_name = "FILE", env = "LESSOR_CREDENTIALS", hide_env_values = true)]
    pub credentials: Option<PathBuf>,
}

/// Options of `daemon`.
#[derive(Debug, Args)]
pub struct Daemon {
    /// Where and how to listen.
    #[command(flatten)]
    pub listen: Listen,
    /// Folder of the daemon's own store [default: ./lessor-daemon]
    #[arg(long, value_name = "DIR", env = "LESSOR_DATA", hide_env_values = true)]
    pub data: Option<PathBuf>,
    /// Configuration file and logs.
    #[command(flatten)]
    pub common: Common,
    /// Address of the server; without one, everything goes by files
    #[arg(long, value_name = "URL", env = "LESSOR_SERVER", hide_env_values = true)]
    pub server: Option<String>,
    /// The product: its id, or a name as dialect:product:number
    #[arg(long, value_name = "PRODUCT", env = "LESSOR_PRODUCT", hide_env_values = true)]
    pub product: String,
    /// Code of the network master license
    #[arg(long, value_name = "CODE", env = "LESSOR_LICENSE", hide_env_values = true)]
    pub license: String,
    /// Trust this public key of the product, and those it vouches for [default: what the first answer names]
    #[arg(long, value_name = "HEX", env = "LESSOR_KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// Write a request to this file for people to carry to the server, and end
    #[arg(long, value_name = "FILE", env = "LESSOR_REQUEST", hide_env_values = true)]
    pub request: Option<PathBuf>,
    /// Take in the answer that people carried back
    #[arg(long, value_name = "FILE", env = "LESSOR_ANSWER", hide_env_values = true)]
    pub answer: Option<PathBuf>,
    /// Give back what the server delegated, and end
    #[arg(
        long,
        value_name = "BOOL",
        env = "LESSOR_GIVE_BACK",
        hide_env_values = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    pub give_back: Option<bool>,
    /// Seconds between two calls to the server [default: 300]
    #[arg(long, value_name = "SECONDS", env = "LESSOR_SYNC_SECONDS", hide_env_values = true)]
    pub sync_seconds: Option<u64>,
    /// For trials alone: start a movable clock at this instant (RFC 3339), which /v1/test-clock moves
    #[arg(long, value_name = "RFC3339", env = "LESSOR_CLOCK", hide_env_values = true)]
    pub clock: Option<String>,
}

/// Options of the commands that only need the storage.
#[derive(Debug, Args)]
pub struct Maintain {
    /// Where the records are.
    #[command(flatten)]
    pub storage: StorageArgs,
    /// Configuration file and logs.
    #[command(flatten)]
    pub common: Common,
}

/// Options of the commands that need the storage and a file.
#[derive(Debug, Args)]
pub struct MaintainFile {
    /// The file
    pub file: PathBuf,
    /// Where the records are.
    #[command(flatten)]
    pub storage: StorageArgs,
    /// Configuration file and logs.
    #[command(flatten)]
    pub common: Common,
}

/// Options of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// What to bring in: licenses
    #[arg(hide_possible_values = true)]
    pub what: Imported,
    /// The file, or - for standard input
    pub file: PathBuf,
    /// To which product: its id, or a name as dialect:kind:name
    #[arg(long, value_name = "PRODUCT", env = "LESSOR_PRODUCT", hide_env_values = true)]
    pub product: String,
    /// Where the records are.
    #[command(flatten)]
    pub storage: StorageArgs,
    /// Configuration file and logs.
    #[command(flatten)]
    pub common: Common,
}

/// What can be brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Imported {
    /// Licenses of one product.
    Licenses,
}

/// Options of `openapi`.
#[derive(Debug, Args)]
pub struct Openapi {
    /// Which API
    #[arg(default_value = "native")]
    pub name: String,
}

/// Where and how to listen.
#[derive(Debug, Default, Args)]
pub struct Listen {
    /// Address and port; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR", env = "LESSOR_LISTEN", hide_env_values = true)]
    pub listen: Option<String>,
    /// Certificate chain for TLS (PEM)
    #[arg(long, value_name = "FILE", env = "LESSOR_TLS_CERT", hide_env_values = true)]
    pub tls_cert: Option<PathBuf>,
    /// Private key for TLS (PEM)
    #[arg(long, value_name = "FILE", env = "LESSOR_TLS_KEY", hide_env_values = true)]
    pub tls_key: Option<PathBuf>,
    /// Allow plain HTTP on an address that other machines reach, as behind a proxy that speaks TLS
    #[arg(
        long,
        value_name = "BOOL",
        env = "LESSOR_INSECURE_HTTP",
        hide_env_values = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    pub insecure_http: Option<bool>,
    /// Most connections at a time [default: 10000, or what the system's limit on open files allows]
    #[arg(long, value_name = "COUNT", env = "LESSOR_MAX_CONNECTIONS", hide_env_values = true)]
    pub max_connections: Option<usize>,
}

/// Where the records are.
#[derive(Debug, Default, Args)]
pub struct StorageArgs {
    /// Folder of the embedded database [default: ./lessor-data; demo: a temporary folder]
    #[arg(long, value_name = "DIR", env = "LESSOR_DATA", hide_env_values = true)]
    pub data: Option<PathBuf>,
    /// PostgreSQL instead: postgres://user:password@host/name
    #[arg(long, value_name = "URL", env = "LESSOR_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// Certificate authority that the PostgreSQL server's certificate must come from (PEM)
    #[arg(long, value_name = "FILE", env = "LESSOR_DATABASE_CA", hide_env_values = true)]
    pub database_ca: Option<PathBuf>,
}

/// Configuration file and logs.
#[derive(Debug, Default, Args)]
pub struct Common {
    /// Read more options from this file (TOML)
    #[arg(long, value_name = "FILE", env = "LESSOR_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// How logs are written to standard error [default: text]
    #[arg(
        long,
        value_name = "text|json",
        env = "LESSOR_LOG_FORMAT",
        hide_env_values = true,
        hide_possible_values = true
    )]
    pub log_format: Option<LogFormat>,
    /// What is logged: error, warn, info, debug or trace, also per module [default: info]
    #[arg(long, value_name = "LEVEL", env = "LESSOR_LOG_LEVEL", hide_env_values = true)]
    pub log_level: Option<String>,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// Whether an option came as a flag; otherwise it came from a variable, or not at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags {
    /// `--data` was given as a flag.
    pub data: bool,
    /// `--database` was given as a flag.
    pub database: bool,
}

/// What the command line led to.
#[derive(Debug)]
pub enum Parsed {
    /// Run this.
    Run(Box<Cli>, Flags),
    /// Print this on standard output and be done: help or version.
    Print(String),
}

/// Reads the command line and the variables. Bad options are one line.
pub fn parse(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Parsed, Failure> {
    let matches = match Cli::command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(Parsed::Print(error.to_string()));
        }
        Err(error) => return Err(complaint(&error)),
    };
    let cli = Cli::from_arg_matches(&matches).map_err(|error| complaint(&error))?;
    let given = |name: &str| {
        matches.subcommand().is_some_and(|(_, sub)| {
            sub.try_contains_id(name).is_ok() && sub.value_source(name) == Some(ValueSource::CommandLine)
        })
    };
    let flags = Flags { data: given("data"), database: given("database") };
    Ok(Parsed::Run(Box::new(cli), flags))
}

/// The first paragraph of what clap says; its hints and usage follow after a blank line.
fn complaint(error: &clap::Error) -> Failure {
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or(&text);
    let first = first.strip_prefix("error: ").unwrap_or(first);
    Failure::setup(format!("{first} (see lessor --help)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Parsed, Failure> {
        parse(line.split(' ').map(Into::into))
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        for command in ["serve", "demo", "daemon", "migrate", "backup", "restore", "verify", "import", "openapi"] {
            let Ok(Parsed::Print(help)) = parsed(&format!("lessor {command} --help")) else {
                panic!("{command} has no help")
            };
            assert!(help.contains(&format!("Example:\n  lessor {command}")), "{command}: {help}");
        }
    }

    #[test]
    fn bad_options_are_one_line_that_names_them() {
        for (line, named) in [
            ("lessor serve --lisen x", "--lisen"),
            ("lessor serve --log-format xml", "--log-format"),
            ("lessor backup", "<FILE>"),
            ("lessor", "subcommand"),
            ("lessor serve --max-connections many", "--max-connections"),
        ] {
            let failure = parsed(line).expect_err("refused");
            assert!(failure.to_string().contains(named), "{line}: {failure}");
            assert_eq!(failure.code(), 2);
        }
    }

    #[test]
    fn every_option_has_a_variable_of_its_name() {
        for command in Cli::command().get_subcommands() {
            for option in command.get_opts() {
                let long = option.get_long().expect("a long name");
                let variable = format!("LESSOR_{}", long.replace('-', "_").to_uppercase());
                assert_eq!(option.get_env().and_then(|name| name.to_str()), Some(&*variable));
            }
        }
    }
}
