//! The dialect over fresh storage of both engines: requests in, answers out.

mod access;
mod companies;
mod company_life;
mod documents;
mod history;
mod license_states;
mod licenses;
mod replay;
mod reports;
mod rights;
mod search;
mod stage;
mod terms;
mod token;
mod transcript;
mod users;
mod world;
