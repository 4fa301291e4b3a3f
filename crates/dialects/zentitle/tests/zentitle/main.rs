//! The dialect over fresh storage of both engines: requests in, answers out.

mod access;
mod companies;
mod hostile;
mod licenses;
mod products;
mod replay;
mod shapes;
mod transcript;
mod usage;
mod world;
