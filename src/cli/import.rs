//! `itaku import contracts|vendors|holidays`: words for people on stderr, with `--json` the summary on stdout.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use crate::exchange::table::{FileError, MAX_BYTES, RowError};
use crate::exchange::{contracts as contract_files, holidays as holiday_files, register as register_files};
use crate::service::contract::import::{ImportOptions, import};
use crate::service::register::{Problem, import_register};
use crate::service::{App, Failure, calendar};

/// The thing asked for was done.
pub const DONE: u8 = 0;
/// It was not, or not wholly.
pub const FAILED: u8 = 1;
/// The call was wrong.
pub const MISUSED: u8 = 2;

/// Imports a file of contracts for the agency with that code. Exit status.
pub fn contracts(app: &App, path: &Path, agency: &str, dry_run: bool, skip_bad: bool, json: bool) -> u8 {
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(status) => return status,
    };
    let file = match contract_files::read(&bytes, app.today()) {
        Ok(file) => file,
        Err(error) => return unreadable(path, &error),
    };
    let summary = match import(app, None, agency, &file, ImportOptions { dry_run, skip_bad }) {
        Ok(summary) => summary,
        Err(failure) => return told(&failure),
    };
    tell_problems(&summary.problems);
    for warning in &summary.warnings {
        eprintln!("{}行目 注意: {}", warning.line, warning.message);
    }
    let outcome = match (summary.written, dry_run) {
        (true, _) => "取り込みました。",
        (false, true) => "試行のため、取り込んでいません。",
        (false, false) => "誤りのある行があるため、1件も取り込みませんでした。--skip-bad を付けると、誤りのない行だけを取り込みます。",
    };
    eprintln!(
        "{}行: 取込み{}件、重複{}件、誤り{}件、新しい事業者{}件。{outcome}",
        summary.rows, summary.taken, summary.duplicates, summary.bad, summary.new_vendors
    );
    print(json, &summary);
    if summary.bad == 0 || skip_bad { DONE } else { FAILED }
}

/// Imports a daily file of the corporate-number register. Exit status.
pub fn vendors(app: &App, path: &Path, json: bool) -> u8 {
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(status) => return status,
    };
    let file = match register_files::read(&bytes) {
        Ok(file) => file,
        Err(error) => return unreadable(path, &error),
    };
    let summary = match import_register(app, &file) {
        Ok(summary) => summary,
        Err(failure) => return told(&failure),
    };
    tell_problems(&summary.problems);
    eprintln!(
        "{}行: 取込み{}件（新規{}、名称変更{}、所在地変更{}、閉鎖{}、合併{}、その他{}）、変更なし{}件、誤り{}件。アラート{}件。",
        summary.rows,
        summary.taken,
        summary.new,
        summary.renamed,
        summary.moved,
        summary.closed,
        summary.merged,
        summary.other,
        summary.unchanged,
        summary.bad,
        summary.alerts
    );
    print(json, &summary);
    if summary.bad == 0 { DONE } else { FAILED }
}

/// Imports the Cabinet Office's file of holidays. Exit status.
pub fn holidays(app: &App, path: &Path, json: bool) -> u8 {
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(status) => return status,
    };
    let file = match holiday_files::read(&bytes) {
        Ok(file) => file,
        Err(error) => return unreadable(path, &error),
    };
    tell_problems(&file.bad.iter().map(Problem::from).collect::<Vec<_>>());
    let summary = match calendar::import_holidays(app, &file) {
        Ok(summary) => summary,
        Err(failure) => return told(&failure),
    };
    eprintln!("祝日{}日を取り込みました（{}年まで）。", summary.days, summary.last_year);
    print(json, &summary);
    DONE
}

/// The file's bytes, at most one more than any import takes.
fn read(path: &Path) -> Result<Vec<u8>, u8> {
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)) {
        Ok(_) => Ok(bytes),
        Err(error) => {
            eprintln!("{}: ファイルを開けません: {error}", path.display());
            Err(MISUSED)
        }
    }
}

fn unreadable(path: &Path, error: &FileError) -> u8 {
    eprintln!("{}: {error}", path.display());
    FAILED
}

fn told(failure: &Failure) -> u8 {
    if let Failure::Invalid(errors) = failure {
        for error in errors {
            eprintln!("{}", error.message);
        }
        return MISUSED;
    }
    eprintln!("{failure}");
    if let Failure::Internal(why) | Failure::Unavailable(why) = failure {
        eprintln!("{why}");
    }
    FAILED
}

fn tell_problems(problems: &[Problem]) {
    for problem in problems {
        let Problem { line, column, cause, .. } = problem;
        eprintln!("{}", RowError { line: *line, column: column.clone(), code: problem.code, message: cause.clone() });
    }
}

#[expect(clippy::print_stdout, reason = "data goes to stdout")]
fn print(json: bool, summary: &impl Serialize) {
    if json {
        println!("{}", serde_json::to_string(summary).unwrap_or_default());
    }
}
