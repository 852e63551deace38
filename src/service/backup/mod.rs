//! Backups: made while the server runs, verified before they get their name; restored into an empty place only,
//! verified before they are used.

mod make;
mod restore;
mod run;
mod standing;

use std::fs::File;
use std::io;
use std::path::Path;

use crate::db::{Backend, DbError};
use crate::domain::backup::BackupOf;
use crate::exchange::backup::BackupError;

pub use make::{Made, make};
pub use restore::{Restored, restore};
pub use run::run;
pub use standing::{
    BackupRunView, BackupView, age_seconds, is_overdue, is_scheduled, standing, tell_overdue,
};

/// Why there is no backup, or nothing was restored. Nothing is ever left half-done.
#[derive(Debug, thiserror::Error)]
pub enum BackupFailure {
    /// The place or the file is not what it must be; in the operator's words.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    File(#[from] BackupError),
    #[error("{0}")]
    Database(#[from] DbError),
}

impl From<io::Error> for BackupFailure {
    fn from(error: io::Error) -> Self {
        Self::File(error.into())
    }
}

fn refused<T>(why: impl Into<String>) -> Result<T, BackupFailure> {
    Err(BackupFailure::Refused(why.into()))
}

fn kind_of(backend: Backend) -> BackupOf {
    match backend {
        Backend::Sqlite => BackupOf::Sqlite,
        Backend::Postgresql => BackupOf::Postgresql,
    }
}

/// The folder of a file that is to be made.
fn folder_of(file: &Path) -> Result<&Path, BackupFailure> {
    let folder = match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return refused(format!("{}: ファイルの名前ではありません。", file.display())),
    };
    if !folder.is_dir() {
        return refused(format!("{}: フォルダがありません。", folder.display()));
    }
    Ok(folder)
}

/// A file without a name of its own yet, for its owner's eyes only, beside where it will stand.
fn unnamed(folder: &Path) -> Result<tempfile::NamedTempFile, BackupFailure> {
    Ok(tempfile::Builder::new().prefix(".itaku-").suffix(".partial").tempfile_in(folder)?)
}

/// Gives a file its name, where nothing stands there yet; it is on the disk when this is done.
fn named(file: tempfile::NamedTempFile, name: &Path) -> Result<(), BackupFailure> {
    file.as_file().sync_all()?;
    let folder = folder_of(name)?.to_owned();
    file.persist_noclobber(name).map_err(|error| already_there(name, error.error))?;
    Ok(File::open(folder)?.sync_all()?)
}

fn already_there(name: &Path, error: io::Error) -> BackupFailure {
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            BackupFailure::Refused(format!("{}: すでにあります。上書きはしません。", name.display()))
        }
        _ => error.into(),
    }
}
