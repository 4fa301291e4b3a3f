//! The dialect over fresh storage of both engines: requests in, answers out.

mod access;
mod bad_inputs;
mod companies;
mod consumers;
mod documents;
mod groups;
mod groups_refused;
mod hostile;
mod licenses;
mod lists;
mod notes;
mod parts;
mod products;
mod replay;
mod shapes;
mod stream;
mod transcript;
mod unattended;
mod usage;
mod world;
