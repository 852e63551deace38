//! Making one.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{BackupFailure, already_there, folder_of, kind_of, named, refused, unnamed};
use crate::db::backup::{export_snapshot, ledger_state, place_of_tables, schema_version, tables};
use crate::db::{Backend, Conn, Db, postgres_tools};
use crate::domain::backup::LedgerState;
use crate::domain::contract::Instant;
use crate::exchange::backup::{About, BackupError, Hashed, check, write};
use crate::service::verify;

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    pub file: PathBuf,
    /// Of the whole file.
    pub bytes: u64,
    /// Of the whole file, in hexadecimal.
    pub sha256: String,
    pub made_at: Instant,
    pub ledger: LedgerState,
}

/// Makes a backup of what the database holds at this moment. Writers don't wait for it. `url` is the database's own.
pub fn make(db: &Db, url: &str, now: Instant, name: &Path) -> Result<Made, BackupFailure> {
    let folder = folder_of(name)?;
    // Said before the work rather than after it.
    if name.exists() {
        return Err(already_there(name, io::ErrorKind::AlreadyExists.into()));
    }
    if !db.is_current()? {
        return refused("データベースの構造が最新ではありません。先に itaku migrate を実行してください。");
    }
    let mut file = unnamed(folder)?;
    let head = write(file.as_file_mut(), |out| match db.backend() {
        Backend::Sqlite => embedded(db, now, folder, out),
        Backend::Postgresql => server(db, url, now, out),
    })?;
    if head.database == kind_of(Backend::Postgresql) {
        archive_holds(&mut file.reopen()?, &head.ledger)?;
    }
    // What stands in the file is what a restore will accept.
    check(file.as_file_mut())?;
    let mut whole = Hashed::new(file.reopen()?);
    io::copy(&mut whole, &mut io::sink())?;
    let (bytes, sha256) = whole.done();
    named(file, name)?;
    Ok(Made { file: name.to_owned(), bytes, sha256, made_at: now, ledger: head.ledger })
}

fn about(db: &Db, now: Instant, ledger: LedgerState) -> Result<About, BackupFailure> {
    Ok(About {
        made_at: now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        database: kind_of(db.backend()),
        schema: schema_version(db.backend())?,
        ledger,
    })
}

/// Everything of a database that can be verified on one snapshot, and the state of its ledger.
pub(super) fn verified(conn: &mut Conn, which: &str) -> Result<LedgerState, BackupFailure> {
    match verify::whole(conn)? {
        Ok(_) => Ok(ledger_state(conn)?),
        Err(why) => refused(format!("{which}が検証を通りません。{why}")),
    }
}

/// A copy of the file, verified as a file of its own.
fn embedded(db: &Db, now: Instant, folder: &Path, out: &mut dyn Write) -> Result<About, BackupFailure> {
    let copy = unnamed(folder)?;
    db.copy_into(copy.path())?;
    let ledger = {
        let copied = Db::open_read_only(&format!("sqlite:{}", copy.path().display()))?;
        copied.read(|conn| verified(conn, "データベースの写し"))?
    };
    io::copy(&mut File::open(copy.path())?, out)?;
    about(db, now, ledger)
}

/// An archive of `pg_dump` and what is verified are one snapshot.
fn server(db: &Db, url: &str, now: Instant, out: &mut dyn Write) -> Result<About, BackupFailure> {
    let tables = tables()?;
    let ledger = db.read_long(|conn| {
        let (schema, version) = place_of_tables(conn)?;
        postgres_tools::check_version("pg_dump", version)?;
        postgres_tools::check_version("pg_restore", version)?;
        let snapshot = export_snapshot(conn)?;
        let ledger = verified(conn, "データベース")?;
        postgres_tools::dump(url, &snapshot, &schema, &tables, out)?;
        Ok::<_, BackupFailure>(ledger)
    })?;
    about(db, now, ledger)
}

/// Reads the whole archive once, as a restore would: the ledger in it is the one that was verified.
fn archive_holds(file: &mut File, ledger: &LedgerState) -> Result<(), BackupFailure> {
    crate::exchange::backup::read_head(file)?;
    if postgres_tools::ledger_in(file)? == *ledger {
        return Ok(());
    }
    Err(BackupError::Damaged("台帳が、検証したものと一致しません").into())
}
