//! File calls of the server that fail or lie: a library preloaded into it.

use crate::ground::Ground;
use crate::server::Launch;
use std::path::{Path, PathBuf};

/// Which calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileCall {
    /// `write`, `pwrite`, `writev`.
    Write,
    /// `fsync`, `fdatasync`.
    Sync,
    /// `ftruncate`.
    Truncate,
}

impl FileCall {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Truncate => "truncate",
        }
    }
}

/// What such a call does instead of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// It fails: the device does not work.
    Broken,
    /// It fails: no space is left.
    Full,
    /// It says that all went well.
    Lie,
}

impl Instead {
    /// The error number, 0 for none.
    fn number(self) -> u64 {
        match self {
            Self::Broken => 5,
            Self::Full => 28,
            Self::Lie => 0,
        }
    }
}

/// Which calls of a server are struck, and how.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Which calls.
    pub call: FileCall,
    /// Number of the first one struck, from 1.
    pub first: u64,
    /// Number of the last one.
    pub last: u64,
    /// How.
    pub instead: Instead,
}

/// The library, built.
#[derive(Clone, Debug)]
pub struct Library(PathBuf);

/// What the library saw: calls, and calls struck.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Calls of the kind.
    pub calls: u64,
    /// Those of them that were struck.
    pub struck: u64,
}

impl Library {
    /// Builds it.
    pub fn build(ground: &mut Ground) -> anyhow::Result<Self> {
        ground.compile("faults", include_str!("c/faults.c"), true).map(Self)
    }

    /// A launch whose server suffers the fault on files below `folder`. What happens is counted in `note`.
    pub fn onto(&self, launch: &Launch, fault: Fault, folder: &Path, note: &Path) -> Launch {
        let text = |path: &Path| path.display().to_string();
        let mut launch = launch.clone();
        launch.variables.extend([
            ("LD_PRELOAD".to_owned(), text(&self.0)),
            ("TORTURE_FOLDER".to_owned(), text(folder)),
            ("TORTURE_CALL".to_owned(), fault.call.name().to_owned()),
            ("TORTURE_FIRST".to_owned(), fault.first.to_string()),
            ("TORTURE_LAST".to_owned(), fault.last.to_string()),
            ("TORTURE_ERROR".to_owned(), fault.instead.number().to_string()),
            ("TORTURE_NOTE".to_owned(), text(note)),
        ]);
        launch
    }
}

impl Seen {
    /// Reads the note; nothing was seen if there is none.
    pub fn read(note: &Path) -> Self {
        let bytes = std::fs::read(note).unwrap_or_default();
        let number = |at: usize| {
            let part = bytes.get(at..at + 8).and_then(|part| part.try_into().ok());
            part.map_or(0, u64::from_ne_bytes)
        };
        Self { calls: number(0), struck: number(8) }
    }
}
