//! What must be told or tidied as time passes. No answer waits for it: whether a lease is live is computed when asked.

use crate::mail::Carrier;
use lessor_core::identity::session;
use lessor_core::{
    App, Context, Error, Tx, billing, daemon, device, idempotency, journal, mail, metering, operation, stream,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often the jobs run.
const PERIOD: Duration = Duration::from_secs(10);

/// One unit of work in one transaction; `true` when there may be more. Several servers may run it at once.
type Job = fn(&mut dyn Tx, &Context<'_>) -> Result<bool, Error>;

/// Each with its name for the log, in the order in which one makes work for the next.
const JOBS: &[(&str, Job)] = &[
    ("lapses", |tx, cx| device::tell_lapsed(tx, cx)),
    ("daemons", |tx, cx| daemon::tell_ended(tx, cx)),
    ("operations", |tx, cx| operation::run_some(tx, cx)),
    ("finished operations", |tx, cx| operation::expire(tx, cx)),
    ("mails", |tx, cx| mail::expire(tx, cx)),
    ("sessions", |tx, cx| session::expire(tx, cx).map(|_| false)),
    ("idempotency", |tx, cx| Ok(idempotency::expire(tx, cx).map(|_| false)?)),
    ("closings", |tx, cx| billing::close_some(tx, cx)),
    ("journal", |tx, cx| journal::seal(tx, cx)),
    ("usage", |tx, cx| metering::expire(tx, cx)),
    ("stream", |tx, cx| stream::expire(tx, cx)),
];

/// Runs all jobs until nothing is left to do at this instant.
///
/// # Errors
/// The first error of any of them; the others wait for the next time.
pub async fn run_all(app: &App, carrier: &Carrier) -> Result<(), Error> {
    for (name, job) in JOBS {
        while app.write(&app.system(), *job).await.inspect_err(|error| log(name, error))? {}
    }
    carrier.deliver(app).await.inspect_err(|error| log("outbox", error))
}

/// Runs all jobs for as long as the server runs. What fails is tried again next time.
pub async fn run_for_ever(app: App, carrier: Arc<Carrier>) {
    tokio::spawn(deliver_for_ever(app.clone(), carrier));
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for (name, job) in JOBS {
            run_one(&app, name, *job).await;
        }
    }
}

/// Beside the other jobs: an SMTP server may take its time.
async fn deliver_for_ever(app: App, carrier: Arc<Carrier>) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = carrier.deliver(&app).await {
            log("outbox", &error);
        }
    }
}

async fn run_one(app: &App, name: &'static str, job: Job) {
    loop {
        match app.write(&app.system(), job).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return log(name, &error),
        }
    }
}

fn log(job: &str, error: &Error) {
    // Of servers that run a job at once one is late, which is no news.
    tracing::debug!(job, %error, "a job did not finish; it is tried again");
    metrics::counter!("lessor_job_failures_total").increment(1);
}
