//! The joints: which APIs there are, what they stand on, and what the commands do with them.

use crate::cli::{Demo, Flags, Maintain, MaintainFile, Serve};
use crate::docs::{self, Document};
use crate::failure::Failure;
use crate::health::{self, Readiness};
use crate::listener::Listener;
use crate::settings::{File, Listening};
use crate::shell::{RequestIds, Shell};
use crate::site::{Family, Site};
use crate::{print, signal, telemetry};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// How often samples of histograms are folded together, so that they do not pile up between two scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// The documents that there are, the native one first.
pub fn documents() -> Vec<Document> {
    vec![Document {
        name: "native",
        title: "Lessor",
        make: || serde_json::json!({"openapi": "3.1.0", "info": {"title": "Lessor", "version": "0"}, "paths": {}}),
    }]
}

/// `lessor serve`.
pub fn serve(options: &Serve, flags: Flags) -> Result<(), Failure> {
    let file = File::load(&options.common)?;
    telemetry::start(&file.logging(&options.common))?;
    let listening = file.listening(&options.listen)?;
    let storage = file.storage(&options.storage, flags)?;
    tracing::info!(?storage, "starting");
    runtime()?.block_on(async {
        let listener = Listener::bind(&listening).await?;
        listen(listener, &listening, Vec::new(), Readiness::default(), Arc::new(Uuid::nil)).await
    })
}

/// `lessor demo`.
pub fn demo(_options: &Demo, _flags: Flags) -> Result<(), Failure> {
    Err(Failure::running("demo is not there yet"))
}

/// `lessor migrate`.
pub fn migrate(_options: &Maintain, _flags: Flags) -> Result<(), Failure> {
    Err(Failure::running("migrate is not there yet"))
}

/// `lessor backup FILE`.
pub fn backup(_options: &MaintainFile, _flags: Flags) -> Result<(), Failure> {
    Err(Failure::running("backup is not there yet"))
}

/// `lessor restore FILE`.
pub fn restore(_options: &MaintainFile, _flags: Flags) -> Result<(), Failure> {
    Err(Failure::running("restore is not there yet"))
}

/// `lessor verify`.
pub fn verify(_options: &Maintain, _flags: Flags) -> Result<(), Failure> {
    Err(Failure::running("verify is not there yet"))
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::setup)
}

/// Serves the families until the process is told to stop.
async fn listen(
    listener: Listener,
    listening: &Listening,
    mut families: Vec<Family>,
    readiness: Readiness,
    request_ids: RequestIds,
) -> Result<(), Failure> {
    let metrics = telemetry::metrics()?;
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.run_upkeep();
        }
    });
    families.push(health::family(readiness.clone(), metrics));
    families.push(docs::family(&documents()));
    let site = Site::new(families, health::rest());
    let shell = Shell::new(site, listening.limits.clone(), readiness, request_ids, |_, _| {});
    let stop = signal::stop()?;
    print(&format!("listening on {}\n", listener.url()));
    listener.serve(Arc::new(shell), stop).await;
    Ok(())
}
