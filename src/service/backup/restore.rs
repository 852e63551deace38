//! Restoring one.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::make::verified;
use super::{BackupFailure, folder_of, kind_of, named, refused, unnamed};
use crate::db::backup::{drop_tables, knows_schema, ledger_state, place_of_tables, schema_version};
use crate::db::{Backend, Db, pool, postgres_tools};
use crate::domain::backup::LedgerState;
use crate::domain::contract::Instant;
use crate::exchange::backup::{BackupError, HEAD, Hashed, Head, check, holds};

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// When the backup was made.
    pub made_at: Instant,
    pub ledger: LedgerState,
}

/// Restores a backup into the empty place that the URL names.
pub fn restore(url: &str, backup: &Path) -> Result<Restored, BackupFailure> {
    let mut file = File::open(backup)
        .map_err(|error| BackupFailure::Refused(format!("{}: 開けません（{error}）。", backup.display())))?;
    let head = check(&mut file)?;
    let backend = if pool::file_of(url).is_some() { Backend::Sqlite } else { Backend::Postgresql };
    if head.database != kind_of(backend) {
        return refused(format!(
            "{} のバックアップです。同じ種類のデータベースを指定してください（いまの指定は {}）。",
            head.database,
            kind_of(backend)
        ));
    }
    if !knows_schema(backend, &head.schema)? {
        return refused("新しい版の itaku のバックアップです。その版以後の itaku で復元してください。");
    }
    file.seek(SeekFrom::Start(HEAD))?;
    match pool::file_of(url) {
        Some(path) => into_file(Path::new(path), file, &head)?,
        None => into_server(url, file, &head)?,
    }
    Ok(Restored { made_at: head.made_at, ledger: head.ledger })
}

/// The files that would stand in the way.
fn in_the_way(place: &Path) -> Option<PathBuf> {
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", place.display()));
    ["", "-wal", "-shm", "-journal"].map(beside).into_iter().find(|path| path.symlink_metadata().is_ok())
}

fn into_file(place: &Path, file: File, head: &Head) -> Result<(), BackupFailure> {
    if let Some(there) = in_the_way(place) {
        return refused(format!("{}: すでにあります。復元は、何もない場所にだけ行います。", there.display()));
    }
    let mut restored = unnamed(folder_of(place)?)?;
    // Not only when it was checked: what is written now is what was sealed.
    let mut payload = Hashed::new(file);
    io::copy(&mut payload, restored.as_file_mut())?;
    holds(head, payload)?;
    let url = format!("sqlite:{}", restored.path().display());
    verify_restored(&url, Backend::Sqlite, head)?;
    named(restored, place)
}

fn into_server(url: &str, file: File, head: &Head) -> Result<(), BackupFailure> {
    let version = {
        let place = Db::open_read_only(url)?;
        if !place.is_empty()? {
            return refused("データベースが空ではありません。復元は、空のデータベースにだけ行います。");
        }
        place.read(place_of_tables)?.1
    };
    postgres_tools::check_version("pg_restore", version)?;
    let mut payload = Hashed::new(file);
    postgres_tools::restore(url, &mut payload)?;
    // The program may have had enough before the end.
    io::copy(&mut payload, &mut io::sink())?;
    let done = holds(head, payload)
        .map_err(BackupFailure::from)
        .and_then(|()| verify_restored(url, Backend::Postgresql, head));
    if done.is_err() {
        Db::open(url, 1)?.write_long(drop_tables)?;
    }
    done
}

/// What was restored is what the backup says, and holds. One of an earlier version is brought up to date first.
fn verify_restored(url: &str, backend: Backend, head: &Head) -> Result<(), BackupFailure> {
    let state = Db::open_read_only(url)?.read(ledger_state)?;
    if state != head.ledger {
        return Err(BackupError::Damaged("台帳が、バックアップの示すものと一致しません").into());
    }
    if head.schema != schema_version(backend)? {
        let older = Db::open(url, 1)?;
        older.migrate()?;
        older.checkpoint()?;
    }
    Db::open_read_only(url)?.read(|conn| verified(conn, "復元したもの")).map(drop)
}
