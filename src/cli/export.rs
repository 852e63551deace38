//! `itaku export`.

use std::io::{BufWriter, ErrorKind};

use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use super::{CliError, Settings, house, say};
use crate::domain::access::Scope;
use crate::exchange::export::{Encoding, TableWriter, unmappable};
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
    /// Encoding of the CSV.
    #[arg(long, default_value = "utf-8")]
    encoding: Charset,
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
        if self.format == Format::Csv && self.encoding == Charset::Cp932 {
            check(&app, register, scope, as_of)?;
        }
        match self.write(&app, register, scope, as_of) {
            Ok(()) => Ok(()),
            // The reader has seen enough.
            Err(Halt::Io(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(Halt::Io(error)) => Err(error.into()),
            Err(Halt::Failure(failure)) => Err(failure.into()),
        }
    }

    fn write(&self, app: &App, register: Register, scope: Scope, as_of: NaiveDate) -> Result<(), Halt> {
        let out = BufWriter::new(std::io::stdout().lock());
        let columns = register.columns();
        let mut table = match (self.format, self.encoding) {
            (Format::Json, _) => TableWriter::json(out, columns),
            (_, Charset::Utf8) => TableWriter::csv(out, Encoding::Utf8, columns).map_err(Halt::Io)?,
            (_, Charset::Cp932) => TableWriter::csv(out, Encoding::Cp932, columns).map_err(Halt::Io)?,
        };
        export(app, register, scope, as_of, &mut |row| table.row(row).map_err(Halt::Io))?;
        table.end().map_err(Halt::Io)
    }
}

/// Goes through all rows once before a byte is written: half a file would be taken for a whole one.
fn check(app: &App, register: Register, scope: Scope, as_of: NaiveDate) -> Result<(), CliError> {
    let (mut line, mut lacking) = (1, 0_u64);
    export::<Failure>(app, register, scope, as_of, &mut |row| {
        line += 1;
        for problem in unmappable(register.columns(), row, line) {
            lacking += 1;
            if lacking <= TOLD {
                say(&problem.to_string());
            }
        }
        Ok(())
    })?;
    if lacking == 0 {
        return Ok(());
    }
    Err(CliError::Failed(format!(
        "CP932 で表せない文字が{lacking}か所あるため、出力しませんでした。--encoding utf-8 を使ってください。"
    )))
}
