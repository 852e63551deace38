//! The scheduled backup: made in the folder of the settings, copied to the second place, written down; older ones let
//! go of by the rule.

use std::fs::File;
use std::io;
use std::path::Path;

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::{BackupFailure, Made, make, named, refused, unnamed};
use crate::config::Backup;
use crate::db::backup_run::{self, BackupRunRow};
use crate::domain::backup::{Keep, kept};
use crate::domain::id::OrganizationId;
use crate::exchange::backup::Hashed;
use crate::service::{App, organization};

/// What a run that was ended by force has left is removed after this.
const ABANDONED_AFTER: Duration = Duration::days(1);
const SUFFIX: &str = ".backup";

/// Makes the backup of the day. What went wrong is written down as well; an error is one of all of it.
pub fn run(app: &App) -> Result<Made, BackupFailure> {
    let operator = operator(app)?;
    let settings = &app.config.backup;
    let started = app.sources.clock.machine_now();
    let name = file_name(app, started);
    let made = make(&app.db, &app.config.database.url, started, &Path::new(&settings.directory).join(&name));
    let second = match &made {
        Ok(made) if !settings.second_directory.is_empty() => {
            Some(copy(made, &settings.second_directory, &name))
        }
        _ => None,
    };
    let errors = [made.as_ref().err(), second.as_ref().and_then(|copied| copied.as_ref().err())];
    let row = BackupRunRow {
        id: app.sources.new_id(),
        organization_id: operator,
        started_at: started.naive_utc(),
        ended_at: app.sources.clock.machine_now().naive_utc(),
        file: made.is_ok().then_some(name),
        bytes: made.as_ref().ok().and_then(|made| i64::try_from(made.bytes).ok()),
        sha256: made.as_ref().ok().map(|made| made.sha256.clone()),
        entries: made.as_ref().ok().and_then(|made| i64::try_from(made.ledger.entries).ok()),
        second: second.as_ref().is_some_and(Result::is_ok),
        removed_at: None,
        error: errors.iter().flatten().next().map(ToString::to_string),
    };
    app.db.write(|conn| backup_run::insert(conn, &row))?;
    if let Some(Err(failure)) = second {
        tracing::error!(event = "backup_failed", %failure, "the backup was not copied to the second place");
    }
    let made = made?;
    tracing::info!(
        event = "backup_made",
        bytes = made.bytes,
        entries = made.ledger.entries,
        second = row.second,
        "backup made"
    );
    if let Err(failure) = let_go(app, operator) {
        tracing::error!(%failure, "older backups could not be removed");
    }
    Ok(made)
}

/// The operator's organization, to which the runs belong; there is none before the first account.
pub(super) fn operator(app: &App) -> Result<OrganizationId, BackupFailure> {
    let id = organization::system_id().map_err(|failure| BackupFailure::Refused(failure.to_string()))?;
    if app.db.read_one(|conn| crate::db::organization::has_chain(conn, id))? {
        return Ok(id);
    }
    refused("最初のシステム管理者がまだ登録されていません。")
}

/// `itaku-20261110-030000.backup`, by the local time.
fn file_name(app: &App, at: DateTime<Utc>) -> String {
    format!("itaku-{}{SUFFIX}", at.with_timezone(&app.config.timezone).format("%Y%m%d-%H%M%S"))
}

/// Whether a name is one that [`file_name`] gives: nothing else is ever removed.
fn is_ours(name: &str) -> bool {
    let middle = name.strip_prefix("itaku-").and_then(|rest| rest.strip_suffix(SUFFIX));
    middle.is_some_and(|middle| {
        middle.len() == 15
            && middle.char_indices().all(|(at, c)| if at == 8 { c == '-' } else { c.is_ascii_digit() })
    })
}

/// Copies what was made to the second place, and reads it back there.
fn copy(made: &Made, directory: &str, name: &str) -> Result<(), BackupFailure> {
    let place = Path::new(directory);
    if !place.is_dir() {
        return refused(format!("2つ目の置き場所 {directory} がありません。"));
    }
    let mut copied = unnamed(place)?;
    io::copy(&mut File::open(&made.file)?, copied.as_file_mut())?;
    copied.as_file().sync_all()?;
    let mut read = Hashed::new(copied.reopen()?);
    io::copy(&mut read, &mut io::sink())?;
    if read.done() != (made.bytes, made.sha256.clone()) {
        return refused(format!("2つ目の置き場所 {directory} に写したものが、元と一致しません。"));
    }
    named(copied, &place.join(name))
}

/// Removes what the rule keeps no more, of what was made here, in both places.
fn let_go(app: &App, operator: OrganizationId) -> Result<(), BackupFailure> {
    let settings = &app.config.backup;
    let standing = app.db.read_one(|conn| backup_run::standing(conn, operator))?;
    let local = |row: &BackupRunRow| -> NaiveDate {
        row.started_at.and_utc().with_timezone(&app.config.timezone).date_naive()
    };
    let days: Vec<NaiveDate> = standing.iter().map(local).collect();
    let now = app.sources.clock.machine_now();
    for (row, kept) in standing.iter().zip(kept(&days, rule(settings))) {
        let Some(file) = row.file.as_deref().filter(|file| !kept && is_ours(file)) else { continue };
        for directory in places(settings) {
            match std::fs::remove_file(Path::new(directory).join(file)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        app.db.write(|conn| backup_run::removed(conn, row.id, now))?;
    }
    for directory in places(settings) {
        remove_abandoned(Path::new(directory), now)?;
    }
    Ok(())
}

fn rule(settings: &Backup) -> Keep {
    Keep { days: settings.keep_days, weeks: settings.keep_weeks, months: settings.keep_months }
}

fn places(settings: &Backup) -> impl Iterator<Item = &str> {
    [settings.directory.as_str(), settings.second_directory.as_str()]
        .into_iter()
        .filter(|place| !place.is_empty())
}

/// Removes what runs that were ended by force have left half-written.
fn remove_abandoned(directory: &Path, now: DateTime<Utc>) -> Result<(), BackupFailure> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let partial =
            name.to_str().is_some_and(|name| name.starts_with(".itaku-") && name.ends_with(".partial"));
        if partial && now - DateTime::<Utc>::from(entry.metadata()?.modified()?) > ABANDONED_AFTER {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn only_names_that_it_gives_are_its_own() {
        assert!(is_ours("itaku-20261110-030000.backup"));
        for other in [
            "itaku-2026-11-10.backup",
            "itaku-20261110-030000.backup.old",
            "../itaku-20261110-030000.backup",
            "itaku-20261110/030000.backup",
            "itaku-.backup",
            "itaku-２０２６１１１０.backup",
            "other",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
