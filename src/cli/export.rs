//! `itaku export`.

use std::fs::File;
use std::io::{BufWriter, ErrorKind};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use super::{CliError, Settings, house, say};
use crate::domain::access::Scope;
use crate::exchange::export::{Encoding, TableWriter, Unmappable, unmappable};
use crate::service::export::{Register, export, scope};
use crate::service::{App, Failure};

#[derive(Debug, Args)]
pub struct Export {
    /// What to put out; subcontracts: every place on every chain, with its uncovered days.
    what: What,
    #[command(flatten)]
    settings: Settings,
    /// csv or json.
    #[arg(long)]
    format: Format,
    /// Encoding of the CSV; a character that cp932 lacks is written as its code point, 〔U+20BB7〕, and told.
    #[arg(long, default_value = "utf-8")]
    encoding: Charset,
    /// Where to keep the list of the characters that cp932 lacks (CSV: line, column, character, what was written);
    /// stderr unless given.
    #[arg(long, value_name = "FILE")]
    notes: Option<PathBuf>,
    /// Code of the agency; all agencies unless given.
    #[arg(long, value_name = "CODE")]
    agency: Option<String>,
    /// The day spoken of, YYYY-MM-DD; today unless given.
    #[arg(long, value_name = "DATE", value_parser = super::day)]
    as_of: Option<NaiveDate>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    Contracts,
    Subcontracts,
    Alerts,
    Audits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Json,
    #[value(hide = true)]
    Xlsx,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Charset {
    #[value(name = "utf-8")]
    Utf8,
    Cp932,
}

/// How an export ends early.
enum Halt {
    Failure(Failure),
    Io(std::io::Error),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Characters told before the rest is only counted.
const TOLD: u64 = 1_000;

impl Export {
    pub fn run(&self) -> Result<(), CliError> {
        if self.format == Format::Xlsx {
            return Err(CliError::Usage("--format xlsx is not there yet: use csv or json".to_owned()));
        }
        let app = house::for_reading(&self.settings)?;
        let register = match self.what {
            What::Contracts => Register::Contracts,
            What::Subcontracts => Register::Subcontracts,
            What::Alerts => Register::Alerts,
            What::Audits => Register::Audits,
        };
        let scope = scope(&app, self.agency.as_deref()).map_err(|failure| match failure {
            Failure::Invalid(errors) => {
                CliError::Usage(errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("\n"))
            }
            other => other.into(),
        })?;
        let as_of = self.as_of.unwrap_or_else(|| app.today());
        let mut notes = Notes::new(self.notes.as_deref())?;
        match self.write(&app, register, scope, as_of, &mut notes) {
            Ok(()) => notes.end(),
            // The reader has seen enough.
            Err(Halt::Io(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(Halt::Io(error)) => Err(error.into()),
            Err(Halt::Failure(failure)) => Err(failure.into()),
        }
    }

    fn write(
        &self,
        app: &App,
        register: Register,
        scope: Scope,
        as_of: NaiveDate,
        notes: &mut Notes,
    ) -> Result<(), Halt> {
        let out = BufWriter::new(std::io::stdout().lock());
        let columns = register.columns();
        let mut table = match (self.format, self.encoding) {
            (Format::Json, _) => TableWriter::json(out, columns),
            (_, Charset::Utf8) => TableWriter::csv(out, Encoding::Utf8, columns).map_err(Halt::Io)?,
            (_, Charset::Cp932) => TableWriter::csv(out, Encoding::Cp932, columns).map_err(Halt::Io)?,
        };
        let is_cp932 = self.format == Format::Csv && self.encoding == Charset::Cp932;
        let mut line = 1;
        export(app, register, scope, as_of, &mut |row| {
            line += 1;
            if is_cp932 {
                for lacking in unmappable(columns, row, line) {
                    notes.take(&lacking).map_err(Halt::Io)?;
                }
            }
            table.row(row).map_err(Halt::Io)
        })?;
        table.end().map_err(Halt::Io)
    }
}

/// What the encoding lacked, told beside the table.
struct Notes {
    file: Option<TableWriter<BufWriter<File>>>,
    count: u64,
}

impl Notes {
    /// A list in a file begins at once: one that can't be written is told before anything is put out.
    fn new(path: Option<&Path>) -> Result<Self, CliError> {
        let file = path
            .map(|path| {
                TableWriter::csv(BufWriter::new(File::create(path)?), Encoding::Utf8, Unmappable::COLUMNS)
            })
            .transpose()?;
        Ok(Self { file, count: 0 })
    }

    fn take(&mut self, lacking: &Unmappable) -> std::io::Result<()> {
        self.count += 1;
        match &mut self.file {
            Some(file) => file.row(&lacking.row()),
            None if self.count <= TOLD => {
                say(&lacking.to_string());
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn end(self) -> Result<(), CliError> {
        if self.count > 0 {
            let count = self.count;
            say(&format!(
                "CP932 にない文字が{count}か所ありました。文字の代わりに符号（〔U+20BB7〕など）を書いています。"
            ));
        }
        self.file.map(TableWriter::end).transpose()?;
        Ok(())
    }
}
