//! Logs on standard error, and the recorder behind `/metrics`.

use crate::cli::LogFormat;
use crate::failure::Failure;
use crate::settings::Logging;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use tracing_subscriber::EnvFilter;

/// Seconds; from a cached read to a password check behind a queue.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Starts the log and sends panics into it.
pub fn start(logging: &Logging) -> Result<(), Failure> {
    let filter = EnvFilter::builder()
        .parse(&logging.level)
        .map_err(|error| Failure::setup(format!("--log-level {:?}: {error}", logging.level)))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match logging.format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(Failure::setup)?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, reason = panic_text(panic.payload()), "panic");
    }));
    Ok(())
}

/// What a panic said.
pub fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("")
}

/// The process's metrics. The first call installs the recorder; counters made before it count nowhere.
pub fn metrics() -> Result<&'static PrometheusHandle, Failure> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    let handle = HANDLE.get_or_init(|| {
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(|error| error.to_string())
    });
    handle.as_ref().map_err(Failure::setup)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_level_is_one_line() {
        let logging = Logging { format: LogFormat::Text, level: "lessor=loud".into() };
        let failure = start(&logging).expect_err("refused");
        assert!(failure.to_string().contains("lessor=loud"), "{failure}");
    }
}
