//! The same server, but for one thing: each request has a commit of its own.

use lessor_core::App;
use lessor_core::clock::{Clock, SystemClock};
use lessor_db::{Limits, Location, Store};
use lessor_server::cli::Listen;
use lessor_server::health::Readiness;
use lessor_server::listener::Listener;
use lessor_server::mail::Carrier;
use lessor_server::refusal::problem;
use lessor_server::settings::File;
use lessor_server::shell::Shell;
use lessor_server::site::{Family, Site};
use lessor_server::{health, jobs, print, signal, storage, telemetry};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

/// Serves the device API from a store that was loaded before.
pub fn serve(dir: PathBuf) -> Result<(), Box<dyn Error>> {
    let file = File::default();
    telemetry::start(&file.logging(&lessor_server::cli::Common::default()))?;
    let listening = file.listening(&Listen { listen: Some("127.0.0.1:0".into()), ..Listen::default() })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let limits = Limits { batch_max: 1, ..Limits::default() };
    let store = Store::open(&Location::Sqlite { dir }, limits)?;
    let secret = storage::secret(&store)?;
    let app = App::new(store, Arc::new(SystemClock::start()) as Arc<dyn Clock>, secret);
    let metrics = telemetry::metrics()?;
    let stopped: Result<(), Box<dyn Error>> = runtime.block_on(async {
        tokio::spawn(jobs::run_for_ever(app.clone(), Arc::new(Carrier::Nobody)));
        let listener = Listener::bind(&listening).await?;
        let readiness = Readiness::default();
        let device = Family::new("device", &["/device/v1"], lessor_api::device(app.clone()), problem);
        let site = Site::new(vec![device, health::family(readiness.clone(), metrics)], health::rest());
        let ids = app.clone();
        let ids = Arc::new(move || ids.new_request().0);
        let shell = Shell::new(site, listening.limits.clone(), readiness, ids, |extensions, id| {
            extensions.insert(lessor_core::RequestId(id));
        });
        let stop = signal::stop()?;
        print(&format!("listening on {}\n", listener.url()));
        listener.serve(Arc::new(shell), stop).await;
        Ok(())
    });
    runtime.shutdown_background();
    app.store().close();
    stopped
}
