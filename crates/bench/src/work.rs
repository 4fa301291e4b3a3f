//! The paths that are measured: what each connection asks, and what it remembers of the answer.

use crate::load::Work;
use crate::request;
use crate::world::{Held, World};
use lessor_testkit::random::Random;

/// A way through the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// Is this code good here?
    Validate,
    /// The next signed lease.
    Renew,
    /// A license on a new device.
    Activate,
    /// A place kept, without a signed document.
    Heartbeat,
    /// Tokens checked out, then used up.
    Tokens,
    /// A floating seat checked out, then returned.
    Seats,
    /// `GET LicenseCode`.
    ZentitleGet,
    /// `GET LicenseCodes`, a page of 1000.
    ZentitleList,
    /// `GET LicenseCodes`, a page of 10 000: the longest there is, sent while it is read.
    ZentitlePage,
}

impl Path {
    /// All of them, in the order of the table.
    pub const ALL: [Path; 9] = [
        Path::Validate,
        Path::Renew,
        Path::Activate,
        Path::Heartbeat,
        Path::Tokens,
        Path::Seats,
        Path::ZentitleGet,
        Path::ZentitleList,
        Path::ZentitlePage,
    ];

    /// Its name, here and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Path::Validate => "validate",
            Path::Renew => "renew",
            Path::Activate => "activate",
            Path::Heartbeat => "heartbeat",
            Path::Tokens => "tokens",
            Path::Seats => "seats",
            Path::ZentitleGet => "zentitle-get",
            Path::ZentitleList => "zentitle-list",
            Path::ZentitlePage => "zentitle-page",
        }
    }

    /// How many records an answer has, where it is a page of a list.
    pub fn page(self) -> Option<u64> {
        match self {
            Path::ZentitleList => Some(1_000),
            Path::ZentitlePage => Some(10_000),
            _ => None,
        }
    }

    /// The work of this path in a world.
    pub fn work<'a>(self, world: &'a mut World, connections: usize, chance: Random) -> Walk<'a> {
        Walk { path: self, world, chance, busy: vec![0; connections] }
    }
}

/// One path, walked on all connections.
pub struct Walk<'a> {
    path: Path,
    world: &'a mut World,
    chance: Random,
    /// What each connection has in hand: the place of an activation.
    busy: Vec<usize>,
}

impl Walk<'_> {
    /// An activation that no other connection uses.
    fn pick(&mut self, connection: usize) -> &mut Held {
        let each = self.world.held.len() / self.busy.len();
        let place = usize::try_from(self.chance.below(each.max(1) as u64)).unwrap_or(0) * self.busy.len() + connection;
        self.busy[connection] = place;
        &mut self.world.held[place]
    }
}

impl Work for Walk<'_> {
    fn ask(&mut self, connection: usize, request: &mut Vec<u8>) -> bool {
        match self.path {
            Path::Validate => {
                let code = self.world.any_code(&mut self.chance);
                let product = &self.world.facts.product;
                let body = format_args!(r#"{{"product":"{product}","code":"{code}","feature":"FLAG"}}"#);
                request::post(request, format_args!("/device/v1/validations"), None, body);
            }
            Path::Activate => {
                let code = self.world.any_code(&mut self.chance);
                let device = self.world.new_device();
                request::activate(request, &self.world.facts.product, &code, &device);
            }
            Path::ZentitleGet => {
                let code = self.world.any_code(&mut self.chance);
                let facts = &self.world.facts;
                let number = &facts.number;
                let target = format_args!("/api/v2/LicenseCode?productId={number}&licenseCode={code}");
                request::get(request, target, Some(&facts.bearer));
            }
            Path::ZentitleList | Path::ZentitlePage => {
                let size = self.path.page().unwrap_or(1);
                let page = 1 + self.chance.below((self.world.licenses / size).max(1));
                let target = format_args!("/api/v2/LicenseCodes?pageNumber={page}&pageSize={size}");
                request::get(request, target, Some(&self.world.facts.bearer));
            }
            Path::Renew | Path::Heartbeat | Path::Tokens | Path::Seats => {
                let path = self.path;
                path.ask_as(self.pick(connection), request);
            }
        }
        true
    }

    fn take(&mut self, connection: usize, body: &[u8]) {
        let held = self.busy[connection];
        match self.path {
            Path::Renew | Path::Heartbeat => {
                if let Some(number) = request::number(body, "number") {
                    self.world.held[held].number = number;
                }
            }
            Path::Tokens => self.world.held[held].charged ^= true,
            Path::Seats => self.world.held[held].seated ^= true,
            Path::Validate | Path::Activate | Path::ZentitleGet | Path::ZentitleList | Path::ZentitlePage => {}
        }
    }
}

impl Path {
    fn ask_as(self, held: &Held, request: &mut Vec<u8>) {
        let Held { activation, secret, number, seated, charged } = held;
        let (call, body) = match self {
            Path::Renew => ("renew", format!(r#"{{"number":{number}}}"#)),
            Path::Heartbeat => ("heartbeat", "{}".to_owned()),
            Path::Seats => ("seats", format!(r#"{{"feature":"FLOAT","seats":{}}}"#, i32::from(!seated))),
            _ => {
                let what = if *charged { "consumed" } else { "check_out" };
                ("tokens", format!(r#"{{"feature":"TOKEN","{what}":1}}"#))
            }
        };
        let path = format_args!("/device/v1/activations/{activation}/{call}");
        request::post(request, path, Some(secret), format_args!("{body}"));
    }
}
