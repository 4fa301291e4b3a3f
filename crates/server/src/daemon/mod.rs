//! `lessor daemon`: the same device API over a small store of its own, out of what a server delegated.
//!
//! Everything that seats, leases and clients need is the core's, as it is for a server. Here is what makes it a daemon: that
//! it asks a server what it may hand out, tells it what came of it, and never lets its time go back.

mod remote;
mod touch;
mod trial_clock;

use crate::cli;
use crate::failure::Failure;
use crate::health::Probe;
use crate::refusal::problem;
use crate::settings::{File, Storage};
use crate::site::Family;
use crate::wiring::{self, Server};
use crate::{print, storage, telemetry};
use lessor_core::clock::{Clock, MovableClock};
use lessor_core::daemon::local::{self, Orders};
use lessor_core::secret::Secret;
use lessor_core::{App, Error, random};
use remote::Remote;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use touch::Daemon;

const DEFAULT_DATA: &str = "./lessor-daemon";
const DEFAULT_SYNC: Duration = Duration::from_secs(300);

/// `lessor daemon`.
///
/// # Errors
/// Bad options, a folder that another daemon uses or that belongs to other orders, an answer that is refused.
pub fn run(options: &cli::Daemon) -> Result<(), Failure> {
    let file = File::load(&options.common)?;
    telemetry::start(&file.logging(&options.common))?;
    let place = Storage::Folder(options.data.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DATA)));
    let orders =
        Orders { product: options.product.clone(), license: options.license.clone(), key: options.key.clone() };
    let remote = options.server.as_deref().map(Remote::new).transpose()?;
    let clock = Arc::new(MovableClock::ticking(wiring::clock_start(options.clock.as_deref())?));
    if let Some(path) = &options.request {
        return write_request(&place, &orders, &clock, path);
    }
    let listening = file.listening(&options.listen)?;
    let server = Server::prepare(file, listening, &place, Arc::clone(&clock) as Arc<dyn Clock>)?;
    let daemon = Daemon { app: server.app.clone(), clock };
    wake(&daemon, &orders)?;
    if let Some(path) = &options.answer {
        take_answer(&server, &daemon, path)?;
    }
    if options.give_back == Some(true) {
        let given = server.runtime.block_on(give_back(&daemon, remote.as_ref()));
        return given.and_then(|()| storage::close(&place, daemon.app.store()));
    }
    if let Some(remote) = remote {
        let period = options.sync_seconds.map_or(DEFAULT_SYNC, Duration::from_secs).max(Duration::from_millis(100));
        server.runtime.spawn(daemon.clone().stay_in_touch(remote, period));
    }
    server.runtime.spawn(daemon.clone().keep_time(options.clock.is_none()));
    let device = Family::new("device", &["/device/v1"], lessor_api::device(daemon.app.clone()), problem);
    let mut families = vec![device];
    if options.clock.is_some() {
        families.push(trial_clock::family(daemon.app.clone(), Arc::clone(&daemon.clock)));
    }
    server.run(families, probe(daemon), "")
}

/// Finds out who it is, and goes on behind all that its store has seen.
fn wake(daemon: &Daemon, orders: &Orders) -> Result<(), Failure> {
    let app = &daemon.app;
    let seen = app.read_blocking(&app.system(), |tx, _| local::not_before(tx)).map_err(Failure::setup)?;
    let behind = seen.filter(|seen| *seen > app.now());
    if let Some(seen) = behind {
        tracing::warn!(clock = %app.now(), seen = %seen, "the machine's clock was set back; it is taken to be as late as it was");
        daemon.clock.move_to(seen);
    }
    let orders = orders.clone();
    let me = app.write_blocking(&app.system(), move |tx, cx| local::open(tx, cx, &orders)).map_err(Failure::setup)?;
    tracing::info!(daemon = me.device(), delegation = me.number(), "awake");
    Ok(())
}

/// Ready as long as storage works and there is something to hand out.
fn probe(daemon: Daemon) -> Probe {
    let storage = wiring::probe(&daemon.app);
    Arc::new(move || {
        let (daemon, storage) = (daemon.clone(), storage());
        Box::pin(async move {
            storage.await?;
            let me = daemon.myself().await.map_err(|error| error.to_string())?;
            local::standing(&me, daemon.app.now()).map_err(|refusal| match me.ends_at() {
                None => "nothing was delegated yet".to_owned(),
                Some(end) => format!("{refusal} (it ended {end})"),
            })
        })
    })
}

/// A request for people to carry. The daemon may run meanwhile: nothing is changed.
fn write_request(place: &Storage, orders: &Orders, clock: &Arc<MovableClock>, path: &Path) -> Result<(), Failure> {
    let store = storage::open_shared(place).or_else(|_| storage::open(place))?;
    let app = App::new(store, Arc::clone(clock) as Arc<dyn Clock>, Secret::new(random()));
    if let Some(seen) = app.read_blocking(&app.system(), |tx, _| local::not_before(tx)).map_err(Failure::setup)? {
        clock.move_to(seen);
    }
    let orders = orders.clone();
    let made = |tx: &mut dyn lessor_core::Tx, cx: &lessor_core::Context<'_>, me: &local::Myself| {
        let records = local::carried(tx, me)?;
        let request = local::request(cx, me, &records)?;
        Ok::<_, Error>(serde_json::json!({ "request": request, "records": records }))
    };
    let known = app.read_blocking(&app.system(), |tx, _| local::read(tx)).map_err(Failure::setup)?;
    let request = match known {
        Some(me) => app.read_blocking(&app.system(), move |tx, cx| made(tx, cx, &me)),
        None => app.write_blocking(&app.system(), move |tx, cx| {
            let me = local::open(tx, cx, &orders)?;
            made(tx, cx, &me)
        }),
    };
    let request = request.map_err(Failure::setup)?;
    std::fs::write(path, format!("{request}\n"))
        .map_err(|error| Failure::setup(format!("cannot write {}: {error}", path.display())))?;
    app.store().close();
    print(&format!("wrote a request to {}\n", path.display()));
    Ok(())
}

fn take_answer(server: &Server, daemon: &Daemon, path: &Path) -> Result<(), Failure> {
    let unusable = |reason: String| Failure::setup(format!("cannot take in {}: {reason}", path.display()));
    let text = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let body = serde_json::from_slice(&text).map_err(|error| unusable(error.to_string()))?;
    let given = remote::given(&body).ok_or_else(|| unusable("it is no answer to a daemon".into()))?;
    let taken = server.runtime.block_on(daemon.take(given));
    taken.map(|_| ()).map_err(|error| unusable(error.to_string()))
}

/// Tells all that is left to tell, gives back what was delegated, and stops.
async fn give_back(daemon: &Daemon, remote: Option<&Remote>) -> Result<(), Failure> {
    let remote = remote.ok_or_else(|| Failure::setup("--give-back needs --server"))?;
    let me = daemon.myself().await.map_err(Failure::setup)?;
    let (id, secret) = match me.credential() {
        Some((id, secret)) => (id.to_owned(), secret.to_owned()),
        None => return Err(Failure::setup("this daemon is not enrolled")),
    };
    let out = daemon.app.read(&daemon.app.system(), local::seats_out).await.map_err(Failure::setup)?;
    let why = "it was given back";
    daemon.app.write(&daemon.app.system(), move |tx, cx| local::stop(tx, cx, why)).await.map_err(Failure::setup)?;
    while daemon.visit(remote).await.map_err(Failure::running)? {}
    let remote = remote.clone();
    let done = tokio::task::spawn_blocking(move || remote.give_back(&id, &secret)).await;
    done.map_err(Failure::running)?.map_err(Failure::running)?;
    daemon.app.write(&daemon.app.system(), move |tx, cx| local::stop(tx, cx, why)).await.map_err(Failure::running)?;
    let mut me = daemon.myself().await.map_err(Failure::running)?;
    me.forget_activation();
    let kept = daemon.app.write(&daemon.app.system(), move |tx, _| local::write(tx, &me)).await;
    kept.map_err(Failure::running)?;
    print(&format!("given back; {out} seats were out\n"));
    Ok(())
}
