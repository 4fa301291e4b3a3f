//! Documents from outside the crate: forms, forgeries, and what a lease means at an instant.

mod documents;
mod endorsements;
mod fixtures;
mod forgeries;
mod standing;
