//! The joints: which APIs there are, what they stand on, and how `serve` and `demo` put them together.

use crate::cli::{Demo, Flags, Serve};
use crate::docs::{self, Document};
use crate::failure::Failure;
use crate::health::{self, Probe, Readiness};
use crate::listener::Listener;
use crate::mail::Carrier;
use crate::refusal::{json_string, numbered, problem};
use crate::settings::{File, Listening, Storage};
use crate::shell::Shell;
use crate::site::{Family, Site};
use crate::{console, demo, first_start, jobs, print, signal, storage, telemetry};
use futures_util::future::BoxFuture;
use lessor_api::TestClock;
use lessor_core::clock::{Clock, MovableClock, SystemClock};
use lessor_core::{App, RequestId, Timestamp, stream};
use lessor_db::Health;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// How often samples of histograms are folded together, so that they do not pile up between two scrapes.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long a server that stops waits for the last records of calls to be written.
const LAST_RECORDS: Duration = Duration::from_secs(5);

const ESET: Document = Document { name: "eset", title: "ESET MSP Administrator 2 API", make: lessor_eset::openapi };

/// The documents that there are, the native one first.
pub fn documents() -> Vec<Document> {
    vec![
        Document { name: "native", title: "Lessor", make: || lessor_api::native_openapi(true) },
        Document { name: "device", title: "Lessor for devices", make: lessor_api::device_openapi },
        Document { name: "zentitle", title: "Zentitle web API v2", make: lessor_zentitle::openapi },
        ESET,
    ]
}

/// The APIs over one application.
fn families(server: &Server, clock: Option<TestClock>) -> Vec<Family> {
    let (app, file) = (&server.app, &server.file);
    let native = lessor_api::native(app.clone(), clock, &server.link_page);
    let native = Family::new("native", &["/v1"], native, problem);
    let mut families = vec![
        // One of its operations takes that much; the others refuse it themselves.
        Family { body_bytes: Some(lessor_api::MAX_IMPORT), ..native },
        Family::new("device", &["/device/v1"], lessor_api::device(app.clone()), problem),
    ];
    let dialect = file.dialect("zentitle");
    if dialect.enabled {
        let router = lessor_zentitle::router(app.clone());
        let family = Family::new("zentitle", &["/api/v2"], router, json_string).with_fallbacks();
        families.push(Family { host: dialect.host, ..family });
    }
    let dialect = file.dialect("eset");
    if dialect.enabled {
        let settings = lessor_eset::Settings { lifetimes: dialect.lifetimes(), link_page: server.link_page.clone() };
        // On a host name of its own it has its pages where its documents say.
        let router = docs::own_pages(ESET).fallback_service(lessor_eset::router(app.clone(), settings));
        let family = Family::new("eset", &["/api"], router, numbered);
        families.push(Family { host: dialect.host, ..family });
    }
    families.push(docs::family(&documents()));
    families.push(console::family());
    families
}

/// `lessor serve`.
pub fn serve(options: &Serve, flags: Flags) -> Result<(), Failure> {
    let file = File::load(&options.common)?;
    telemetry::start(&file.logging(&options.common))?;
    let place = file.storage(&options.storage, flags)?;
    let listening = file.listening(&options.listen)?;
    let server = Server::prepare(file, listening, &place, Arc::new(SystemClock::start()))?;
    let welcome = first_start::run(&server.app)?
        .map(|link| format!("sign in once, within a day: {}{}\n", server.link_page, link.reveal()));
    let families = families(&server, None);
    let probe = probe(&server.app);
    server.run(families, probe, &welcome.unwrap_or_default())
}

/// `lessor demo`.
pub fn demo(options: &Demo, flags: Flags) -> Result<(), Failure> {
    let file = File::load(&options.common)?;
    telemetry::start(&file.logging(&options.common))?;
    // Dropped, and with it removed, when the server has ended.
    let folder = tempfile::Builder::new().prefix("lessor-demo-").tempdir().map_err(Failure::setup)?;
    let named = file.storage_if_named(&options.storage, flags)?;
    let place = named.unwrap_or_else(|| Storage::Folder(folder.path().to_owned()));
    let now = clock_start(options.clock.as_deref())?;
    let clock = Arc::new(MovableClock::ticking(now));
    let listening = file.listening(&options.listen)?;
    let server = Server::prepare(file, listening, &place, Arc::clone(&clock) as Arc<dyn Clock>)?;
    if first_start::has_happened(&server.app)? {
        return Err(Failure::setup("the demo needs empty storage; there is something in this one"));
    }
    let made = demo::make(server.app.store().clone(), server.app.secret().clone(), now, &server.link_page);
    let credentials = server.runtime.block_on(made)?.at(&server.listener.url());
    if let Some(file) = &options.credentials {
        demo::write_credentials(&credentials, file)?;
    }
    let (app, carrier) = (server.app.clone(), Arc::clone(&server.carrier));
    let settle = Arc::new(move || -> BoxFuture<'static, _> {
        let (app, carrier) = (app.clone(), Arc::clone(&carrier));
        Box::pin(async move { jobs::run_all(&app, &carrier).await })
    });
    let families = families(&server, Some(TestClock { clock, settle }));
    let probe = probe(&server.app);
    server.run(families, probe, &credentials.summary())
}

/// Where a movable clock starts: at the instant given, or now.
pub(crate) fn clock_start(given: Option<&str>) -> Result<Timestamp, Failure> {
    match given {
        None => Ok(SystemClock::start().now()),
        Some(text) => Timestamp::parse(text)
            .ok_or_else(|| Failure::setup(format!("--clock {text:?} is no RFC 3339 instant, as 2026-01-01T00:00:00Z"))),
    }
}

/// A server that has everything it needs and does not accept yet.
pub(crate) struct Server {
    pub(crate) runtime: Runtime,
    listener: Listener,
    listening: Listening,
    file: File,
    place: Storage,
    pub(crate) app: App,
    carrier: Arc<Carrier>,
    /// The page that takes the token of a sign-in link behind its address.
    link_page: String,
}

impl Server {
    /// Takes the address before it touches storage: a server that cannot listen leaves nothing behind.
    pub(crate) fn prepare(
        file: File,
        listening: Listening,
        place: &Storage,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let carrier = Arc::new(file.carrier()?);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::setup)?;
        let listener = runtime.block_on(Listener::bind(&listening))?;
        let link_page = format!("{}/console/#link=", file.public_url(&listener.url())?);
        let store = storage::open(place)?;
        tracing::info!(storage = ?place, engine = store.version(), "storage is open");
        let secret = storage::secret(&store)?;
        let app = App::new(store, clock, secret);
        Ok(Self { runtime, listener, listening, file, place: place.clone(), app, carrier, link_page })
    }

    /// Serves until the process is told to stop or storage fails for good.
    /// `welcome` is printed behind the line that tells the address.
    pub(crate) fn run(self, families: Vec<Family>, probe: Probe, welcome: &str) -> Result<(), Failure> {
        let Self { runtime, listener, listening, place, app, carrier, .. } = self;
        let ended = runtime.block_on(async {
            tokio::spawn(jobs::run_for_ever(app.clone(), carrier));
            let ended = listen(listener, &listening, families, probe, &app, welcome).await;
            // What was answered just now may still have to be recorded.
            if !matches!(timeout(LAST_RECORDS, stream::flush(&app)).await, Ok(Ok(()))) {
                tracing::error!("the last records of calls could not be written");
            }
            ended
        });
        // Whatever still runs is past its limit.
        runtime.shutdown_background();
        ended?;
        storage::close(&place, app.store())
    }
}

async fn listen(
    listener: Listener,
    listening: &Listening,
    mut families: Vec<Family>,
    probe: Probe,
    app: &App,
    welcome: &str,
) -> Result<(), Failure> {
    let metrics = telemetry::metrics()?;
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.run_upkeep();
        }
    });

    let readiness = Readiness::probed_by(probe);
    families.push(health::family(readiness.clone(), metrics));
    let site = Site::new(families, health::rest());
    let ids = app.clone();
    let shell = Shell::new(
        site,
        listening.limits.clone(),
        readiness,
        Arc::new(move || ids.new_request().0),
        |extensions, id| {
            extensions.insert(RequestId(id));
        },
    );

    let told = signal::stop()?;
    let failed = app.store().failed();
    let mut failure = None;
    let stop = async {
        tokio::select! {
            () = told => {}
            reason = failed => failure = Some(reason),
        }
    };
    print(&format!("listening on {}\n{welcome}", listener.url()));
    listener.serve(Arc::new(shell), stop).await;
    match failure {
        None => Ok(()),
        Some(reason) => Err(Failure::running(format!("storage failed: {reason}"))),
    }
}

/// Does storage work?
pub(crate) fn probe(app: &App) -> Probe {
    let store = app.store().clone();
    Arc::new(move || {
        let health = store.health();
        Box::pin(async move {
            match health {
                Health::Ok => Ok(()),
                Health::Unavailable(reason) | Health::Failed(reason) => Err(reason),
            }
        })
    })
}
