//! Documents from outside the crate: forms, forgeries, and what a lease means at an instant.

mod documents;
mod fixtures;
mod standing;
