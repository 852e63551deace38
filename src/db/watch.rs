//! Whether the database under this process is still the one it has been writing: an entry of the ledger that was there
//! once is there for ever, so one that is gone means that an older state was put in its place.

use std::collections::VecDeque;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::prelude::*;

use super::schema::ledger_entries;
use super::{Db, DbError, pool};
use crate::domain::id::EntryId;
use crate::text_enum;

/// So many entries are remembered between two looks: the first of them and the last.
const MOST: usize = 64;

text_enum! {
    /// How the ledger stands against what this process has seen of it.
    pub enum Standing {
        /// Everything seen is there.
        Ok = "ok",
        /// An entry that was there is gone: an older state was restored under the running server.
        WentBack = "went_back",
        /// The embedded database's file is another one than the one opened.
        Replaced = "replaced",
    }
}

/// An entry and its hash.
type Head = (EntryId, String);

/// What this process has seen.
#[derive(Default)]
pub(super) struct Watch {
    /// Entries that are committed, the oldest first.
    seen: Mutex<VecDeque<Head>>,
    /// Once it is not right it stays so until the process is started anew.
    standing: AtomicU8,
    /// The embedded database's file as it was opened: device and inode.
    file: Option<(PathBuf, (u64, u64))>,
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

impl Watch {
    pub(super) fn of(url: &str) -> Self {
        let file = pool::file_of(url).map(PathBuf::from);
        let file = file.and_then(|path| identity(&path).map(|identity| (path, identity)));
        Self { file, ..Self::default() }
    }

    fn seen(&self) -> MutexGuard<'_, VecDeque<Head>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An entry was committed.
    pub(super) fn saw(&self, id: EntryId, hash: String) {
        let mut seen = self.seen();
        if seen.len() >= MOST {
            seen.pop_back();
        }
        seen.push_back((id, hash));
    }

    pub(super) fn standing(&self) -> Standing {
        match self.standing.load(Ordering::Relaxed) {
            0 => Standing::Ok,
            1 => Standing::WentBack,
            _ => Standing::Replaced,
        }
    }

    /// Nothing is written any more onto what is not what was written before.
    pub(super) fn may_write(&self) -> Result<(), DbError> {
        match self.standing() {
            Standing::Ok => Ok(()),
            standing => {
                Err(DbError::Unavailable(format!("the ledger under this server {standing}: restart it")))
            }
        }
    }

    fn found(&self, standing: Standing) -> Standing {
        let code = if standing == Standing::WentBack { 1 } else { 2 };
        self.standing.store(code, Ordering::Relaxed);
        tracing::error!(event = "ledger_went_back", %standing, "the database under this server is not the one it has written to; nothing is written until it is restarted");
        standing
    }
}

impl Db {
    /// Looks whether everything seen is still there. What has turned out wrong once stays so.
    pub fn look(&self) -> Result<Standing, DbError> {
        let watch = self.watch();
        if watch.standing() != Standing::Ok {
            return Ok(watch.standing());
        }
        if let Some((path, opened)) = &watch.file
            && identity(path) != Some(*opened)
        {
            return Ok(watch.found(Standing::Replaced));
        }
        let known: Vec<Head> = watch.seen().iter().cloned().collect();
        let ids: Vec<EntryId> = known.iter().map(|(id, _)| *id).collect();
        let columns = (ledger_entries::id, ledger_entries::hash);
        let (there, newest): (Vec<Head>, Option<Head>) = self.read::<_, DbError>(|conn| {
            let there =
                ledger_entries::table.filter(ledger_entries::id.eq_any(ids)).select(columns).load(conn)?;
            let newest = ledger_entries::table.order(ledger_entries::id.desc()).select(columns).first(conn);
            Ok((there, newest.optional()?))
        })?;
        if known.iter().any(|entry| !there.contains(entry)) {
            return Ok(watch.found(Standing::WentBack));
        }
        let mut seen = watch.seen();
        seen.retain(|entry| !known.contains(entry));
        // What others have written counts as well, and what was looked at last is not forgotten.
        if let Some(newest) = newest.or_else(|| known.last().cloned())
            && !seen.contains(&newest)
        {
            seen.push_front(newest);
        }
        Ok(Standing::Ok)
    }
}
