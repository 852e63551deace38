//! `itaku import contracts|runs|undo|consents|vendors|holidays`: words for people on stderr, with `--json` the summary on stdout.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Settings, house, print_bytes};
use crate::domain::access::Scope;
use crate::domain::id::ImportId;
use crate::domain::input::{Mode, parse};
use crate::exchange::contracts::ContractFile;
use crate::exchange::table::{FileError, MAX_BYTES, RowError};
use crate::exchange::{
    consents as consent_files, contracts as contract_files, holidays as holiday_files,
    register as register_files,
};
use crate::service::consent::import::import as import_consents;
use crate::service::contract::import::{ImportOptions, Warning, import};
use crate::service::contract::{Void, imports, undo_import};
use crate::service::export;
use crate::service::page::MAX_LIMIT;
use crate::service::register::{Problem, import_register};
use crate::service::{App, Failure, Page, calendar};

#[derive(Debug, Args)]
pub struct Import {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Contracts of one agency: itaku's template, gBizINFO's download or the central procurement portal's; CSV in
    /// UTF-8 or CP932.
    ///
    /// 契約の一覧（CSV）を取り込みます。誤りのある行は、行・列・理由を示します。
    Contracts {
        #[command(flatten)]
        given: Given,
        /// Import the good rows even if others are bad.
        #[arg(long)]
        skip_bad: bool,
        /// Contract numbers of twelve digits that have the form of a 個人番号 are none: you have made sure.
        #[arg(long)]
        confirm_numbers: bool,
        /// Take the rows of other agencies too. Without it only those of the agency's own name, of the other names in its
        /// settings (公表資料での名称) or of its 府省コード are taken from a published file.
        #[arg(long)]
        all_agencies: bool,
    },
    /// The files of contracts that were taken in, the latest first, each with the RUN that undo takes.
    ///
    /// 契約を取り込んだ回の一覧を示します。
    Runs {
        /// Code of the agency; all without it.
        #[arg(long, value_name = "CODE")]
        agency: Option<String>,
        #[command(flatten)]
        settings: Settings,
        /// Print each as a JSON object on a line of its own.
        #[arg(long)]
        json: bool,
    },
    /// Take back every contract that one file brought: its numbers are free again, and the ledger keeps what happened.
    /// Refused where applications, declarations, observations or completed audits hang on one of them.
    ///
    /// 1回分の契約の取込みを取り消します。
    Undo {
        /// As import contracts --json and import runs show it.
        run: ImportId,
        /// Why; it stands in the ledger and on the contracts' pages.
        #[arg(long, value_name = "TEXT", default_value = "取込みの誤り")]
        reason: String,
        #[command(flatten)]
        settings: Settings,
        /// Print the summary as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// 既承認: consents given on paper before the contracts were registered here; CSV of itaku's own template. All
    /// rows or none.
    ///
    /// 紙で決裁済みの再委託承認（CSV）を取り込みます。
    Consents {
        #[command(flatten)]
        given: Given,
        /// Document numbers of twelve digits that have the form of a 個人番号 are none: you have made sure.
        #[arg(long)]
        confirm_numbers: bool,
        /// E-mail of the approver in whose name they are entered.
        #[arg(long, value_name = "EMAIL", required_unless_present = "template")]
        approver: Option<String>,
    },
    /// A daily file of the corporate-number register: new names, addresses, closures, mergers.
    ///
    /// 法人番号公表サイトの差分データ（CSV）を取り込みます。
    Vendors {
        /// The CSV file, 30 columns without a header.
        file: PathBuf,
        #[command(flatten)]
        settings: Settings,
        /// Print the summary as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// The Cabinet Office's holidays (syukujitsu.csv).
    ///
    /// 内閣府の「国民の祝日」CSVを取り込みます。いまの暦より祝日が少なくなる年があるファイルは、--force なしでは取り込みません。
    Holidays {
        /// The CSV file.
        file: PathBuf,
        /// Take the file although years of the present calendar would lose holidays.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        settings: Settings,
        /// Print the summary as one JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// What is said of a file of an agency's own that has a template.
#[derive(Debug, Args)]
struct Given {
    /// Print the template instead: CSV in UTF-8 with its header, for contracts also one invented example row.
    /// 雛形を出力します。
    #[arg(long, exclusive = true)]
    template: bool,
    /// The CSV file.
    #[arg(required_unless_present = "template")]
    file: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// Code of the agency.
    #[arg(long, value_name = "CODE", required_unless_present = "template")]
    agency: Option<String>,
    /// Read and report, write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the summary as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Given {
    /// Gives the template, or hands file and agency over. The parser asks for both where no template is asked for.
    fn run(&self, template: fn() -> Vec<u8>, take: impl FnOnce(&App, &Path, &str) -> u8) -> ExitCode {
        match (&self.file, &self.agency) {
            _ if self.template => give(&template()),
            (Some(file), Some(agency)) => with_app(&self.settings, |app| take(app, file, agency)),
            _ => ExitCode::from(MISUSED),
        }
    }
}

impl Import {
    pub fn run(&self) -> ExitCode {
        match &self.what {
            What::Contracts { given, skip_bad, confirm_numbers, all_agencies } => {
                given.run(contract_files::template, |app, file, agency| {
                    let (dry_run, skip_bad, all_agencies) = (given.dry_run, *skip_bad, *all_agencies);
                    let options = ImportOptions { dry_run, skip_bad, all_agencies };
                    contracts(app, file, agency, options, *confirm_numbers, given.json)
                })
            }
            What::Consents { given, confirm_numbers, approver } => {
                given.run(consent_files::template, |app, file, agency| {
                    let approver = approver.as_deref().unwrap_or_default();
                    consents(app, file, agency, approver, given.dry_run, *confirm_numbers, given.json)
                })
            }
            What::Runs { agency, settings, json } => {
                with_app(settings, |app| runs(app, agency.as_deref(), *json))
            }
            What::Undo { run, reason, settings, json } => {
                with_app(settings, |app| undo(app, *run, reason, *json))
            }
            What::Vendors { file, settings, json } => with_app(settings, |app| vendors(app, file, *json)),
            What::Holidays { file, force, settings, json } => {
                with_app(settings, |app| holidays(app, file, *force, *json))
            }
        }
    }
}

/// A template on stdout.
fn give(template: &[u8]) -> ExitCode {
    match print_bytes(template) {
        Ok(()) => ExitCode::from(DONE),
        Err(error) => error.tell(),
    }
}

fn with_app(settings: &Settings, work: impl FnOnce(&App) -> u8) -> ExitCode {
    match house::for_command(settings) {
        Ok(app) => ExitCode::from(work(&app)),
        Err(error) => error.tell(),
    }
}

/// Other agencies named before the rest is counted.
const NAMED: usize = 10;
/// The thing asked for was done.
const DONE: u8 = 0;
/// It was not, or not wholly.
const FAILED: u8 = 1;
/// The call was wrong.
const MISUSED: u8 = 2;

/// Imports a file of contracts for the agency with that code. Exit status.
fn contracts(
    app: &App,
    path: &Path,
    agency: &str,
    options: ImportOptions,
    confirm_numbers: bool,
    json: bool,
) -> u8 {
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(status) => return status,
    };
    let file = match contract_files::read(&bytes, app.today()) {
        Ok(file) => ContractFile { numbers_confirmed: confirm_numbers, ..file },
        Err(error) => return unreadable(path, &error),
    };
    let summary = match import(app, None, agency, &file, options) {
        Ok(summary) => summary,
        Err(failure) => return told(&failure),
    };
    tell_problems(&summary.problems);
    tell_warnings(&summary.warnings);
    for unknown in &summary.unknown_departments {
        eprintln!(
            "{}行目: 担当部署「{}」（{}件の契約）は登録されていません。登録するまで、この部署あての通知は届きません。",
            unknown.line, unknown.name, unknown.contracts
        );
    }
    if summary.numbers_in_question > 0 {
        eprintln!(
            "個人番号と同じ形の契約番号が{}件あります。個人番号ではないことを確かめたときは、--confirm-numbers を付けてください。",
            summary.numbers_in_question
        );
    }
    let outcome = match options.dry_run {
        true => "試行のため、取り込んでいません。",
        false if summary.bad == 0 || options.skip_bad => outcome_of(summary.taken, summary.bad),
        false => {
            "誤りのある行があるため、1件も取り込みませんでした。--skip-bad を付けると、誤りのない行だけを取り込みます。"
        }
    };
    if summary.elsewhere > 0 {
        let others = &summary.other_agencies;
        let mut named: Vec<String> =
            others.iter().take(NAMED).map(|other| format!("{}（{}行）", other.name, other.rows)).collect();
        if others.len() > NAMED {
            named.push(format!("ほか{}機関", others.len() - NAMED));
        }
        eprintln!(
            "ほかの機関の{}行は取り込みません: {}。この機関の別名なら、設定の「公表資料での名称」に登録してください。--all-agencies を付けると、すべて取り込みます。",
            summary.elsewhere,
            named.join("、")
        );
    }
    eprintln!(
        "{}行: 取込み{}件、重複{}件、共同契約にまとめた行{}件、ほかの機関{}件、誤り{}件、新しい事業者{}件。{outcome}",
        summary.rows,
        summary.taken,
        summary.duplicates,
        summary.joined,
        summary.elsewhere,
        summary.bad,
        summary.new_vendors
    );
    if let Some(run) = summary.run {
        eprintln!("この取込みを取り消すには: itaku import undo {run}");
    }
    print(json, &summary);
    if summary.bad == 0 || options.skip_bad { DONE } else { FAILED }
}

/// Lists the files of contracts that were taken in. Exit status.
fn runs(app: &App, agency: Option<&str>, json: bool) -> u8 {
    let scope = match export::scope(app, agency) {
        Ok(scope) => scope,
        Err(failure) => return told(&failure),
    };
    let mut page = Page { limit: MAX_LIMIT, after: None };
    loop {
        let found = match imports(app, &scope, &page) {
            Ok(found) => found,
            Err(failure) => return told(&failure),
        };
        for run in &found.items {
            let state = match (run.undone_on, run.voided) {
                (Some(day), _) => format!("{day}に取消し"),
                (None, 1..) => format!("うち{}件は登録の取消し済み", run.voided),
                _ => "有効".to_owned(),
            };
            if !json {
                let (id, on, count) = (run.id, run.imported_on, run.contracts);
                eprintln!("{id} {on} {} {count}件 {state}", run.origin);
            }
            print(json, run);
        }
        match found.next_cursor.map(|cursor| Page::read(Some("200"), Some(&cursor))) {
            None => return DONE,
            Some(Ok(next)) => page = next,
            Some(Err(failure)) => return told(&failure),
        }
    }
}

/// Takes back what one file brought. Exit status.
fn undo(app: &App, run: ImportId, reason: &str, json: bool) -> u8 {
    let given: Result<Void, _> = parse(&serde_json::json!({ "reason": reason }), Mode::Strict);
    let given = match given {
        Ok(given) => given,
        Err(errors) => return told(&Failure::Invalid(errors)),
    };
    match undo_import(app, None, &Scope::Program, run, &given.reason) {
        Ok(undone) => {
            let before = match undone.voided_before {
                0 => String::new(),
                count => format!("前に取り消した{count}件は、そのままです。"),
            };
            eprintln!("取り込んだ契約{}件の登録を取り消しました。{before}", undone.voided);
            print(json, &undone);
            DONE
        }
        Err(Failure::NotFound) => {
            eprintln!("{run}: 該当する取込みがありません。itaku import runs で確かめてください。");
            FAILED
        }
        Err(failure) => told(&failure),
    }
}

/// Imports a file of 既承認 in the name of an approver. Exit status.
fn consents(
    app: &App,
    path: &Path,
    agency: &str,
    approver: &str,
    dry_run: bool,
    confirm_numbers: bool,
    json: bool,
) -> u8 {
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(status) => return status,
    };
    let mut file = match consent_files::read(&bytes, app.today()) {
        Ok(file) => file,
        Err(error) => return unreadable(path, &error),
    };
    if confirm_numbers {
        file.confirm_numbers();
    }
    let summary = match import_consents(app, agency, approver, &file, dry_run) {
        Ok(summary) => summary,
        Err(failure) => return told(&failure),
    };
    tell_problems(&summary.problems);
    tell_warnings(&summary.warnings);
    let outcome = match dry_run {
        true => "試行のため、取り込んでいません。",
        false if summary.bad == 0 => outcome_of(summary.taken, summary.bad),
        false => "誤りのある行があるため、1件も取り込みませんでした。",
    };
    eprintln!(
        "{}行: 取込み{}件、重複{}件、誤り{}件。{outcome}",
        summary.rows, summary.taken, summary.duplicates, summary.bad
    );
    print(json, &summary);
    if summary.bad == 0 { DONE } else { FAILED }
}

/// Imports a daily file of the corporate-number register. Exit status.
fn vendors(app: &App, path: &Path, json: bool) -> u8 {
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
        "{}行: 取込み{}件（新規{}、名称変更{}、所在地変更{}、閉鎖{}、合併による消滅{}、吸収合併{}、復活{}、その他{}、過去の掲載の訂正{}）、変更なし{}件、誤り{}件。アラート{}件（解消{}件）。",
        summary.rows,
        summary.taken,
        summary.new,
        summary.renamed,
        summary.moved,
        summary.closed,
        summary.merged,
        summary.absorbing,
        summary.reopened,
        summary.other,
        summary.corrected,
        summary.unchanged,
        summary.bad,
        summary.alerts,
        summary.resolved
    );
    print(json, &summary);
    if summary.bad == 0 { DONE } else { FAILED }
}

/// Imports the Cabinet Office's file of holidays. Exit status.
fn holidays(app: &App, path: &Path, force: bool, json: bool) -> u8 {
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(status) => return status,
    };
    let file = match holiday_files::read(&bytes) {
        Ok(file) => file,
        Err(error) => return unreadable(path, &error),
    };
    tell_problems(&file.bad.iter().map(Problem::from).collect::<Vec<_>>());
    let summary = match calendar::import_holidays(app, &file, force) {
        Ok(summary) => summary,
        Err(failure) => return told(&failure),
    };
    let before = match summary.before {
        Some((first, last)) => format!("これまでは{first}年から{last}年まで"),
        None => "これまではなし".to_owned(),
    };
    eprintln!("祝日{}日を取り込みました（{}年まで。{before}）。", summary.days, summary.last_year);
    if !summary.lost_years.is_empty() {
        let lost: Vec<String> = summary.lost_years.iter().map(|year| format!("{year}年")).collect();
        eprintln!("祝日が減った年: {}", lost.join("、"));
    }
    print(json, &summary);
    DONE
}

/// What is said when nothing stood in the way.
fn outcome_of(taken: usize, bad: usize) -> &'static str {
    match (taken, bad) {
        (1.., _) => "取り込みました。",
        (0, 1..) => "取り込めた行はありません。",
        (0, 0) => "新しく取り込むものはありません。",
    }
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
        eprintln!(
            "{}",
            RowError { line: *line, column: column.clone(), code: problem.code, message: cause.clone() }
        );
    }
}

fn tell_warnings(warnings: &[Warning]) {
    for Warning { line, column, message } in warnings {
        eprintln!("{line}行目 {column}: 注意: {message}");
    }
}

#[expect(clippy::print_stdout, reason = "data goes to stdout")]
fn print(json: bool, summary: &impl Serialize) {
    if json {
        println!("{}", serde_json::to_string(summary).unwrap_or_default());
    }
}
