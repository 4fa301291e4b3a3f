//! What Lessor is compared with: the least that could do the same kind of work, each a process of its own.

pub mod group_commit;
pub mod http;
pub mod list;

use clap::Subcommand;
use std::io;
use std::path::PathBuf;

/// The baselines that serve.
#[derive(Clone, Debug, Subcommand)]
pub enum Baseline {
    /// Bare axum: a GET with a fixed answer
    AxumGet,
    /// Bare axum: a POST with a JSON body that is read, and a fixed answer
    AxumPost,
    /// Bare axum before a bare group commit: each POST updates one row
    GroupCommit {
        /// Folder for its database
        folder: PathBuf,
        /// Rows in it
        rows: u32,
    },
}

impl Baseline {
    /// Serves until it is killed.
    pub fn serve(&self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        match self {
            Self::AxumGet => runtime.block_on(http::serve(http::get())),
            Self::AxumPost => runtime.block_on(http::serve(http::post())),
            Self::GroupCommit { folder, rows } => {
                let writer = group_commit::start(folder, *rows).map_err(io::Error::other)?;
                runtime.block_on(http::serve(group_commit::router(writer)))
            }
        }
    }
}
