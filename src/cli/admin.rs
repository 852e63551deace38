//! `itaku admin`: what the operator does with accounts where no session is behind it.

use std::io::Read as _;

use clap::{Args, Subcommand};

use super::{CliError, Settings, house, print_json, say};
use crate::domain::access::{OrganizationKind, Role};
use crate::domain::text_enum::TextEnum as _;
use crate::service::{factor, user};

/// No password is longer; nothing more is read.
const LONGEST: u64 = 4096;

#[derive(Debug, Args)]
pub struct Admin {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Create an account of the operator; the password is read from stdin.
    ///
    /// 運用者（システム管理者・監督）のアカウントを登録します。パスワードは標準入力から読みます。
    CreateUser(CreateUser),
    /// Take someone's second factors away; they register anew at the next login.
    ///
    /// 認証アプリもパスキーも回復コードも使えなくなった人の二要素認証を解除します。本人であることを確かめてから行ってください。
    ResetSecondFactor(ResetSecondFactor),
}

#[derive(Debug, Args)]
struct CreateUser {
    #[command(flatten)]
    settings: Settings,
    /// E-mail address to log in with.
    #[arg(long)]
    email: String,
    /// Name of the person.
    #[arg(long)]
    name: String,
    #[arg(long, required = true, value_parser = role, help = "system_admin or overseer; may be given twice")]
    role: Vec<Role>,
    /// Print the account as one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ResetSecondFactor {
    #[command(flatten)]
    settings: Settings,
    /// E-mail address of the account.
    #[arg(long)]
    email: String,
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).filter(|role| role.belongs_to() == OrganizationKind::System).ok_or_else(|| {
        "system_admin or overseer; other accounts are created by their administrators".to_owned()
    })
}

impl Admin {
    pub fn run(&self) -> Result<(), CliError> {
        match &self.act {
            Act::CreateUser(create) => create.run(),
            Act::ResetSecondFactor(reset) => reset.run(),
        }
    }
}

impl CreateUser {
    fn run(&self) -> Result<(), CliError> {
        let app = house::for_command(&self.settings)?;
        let mut password = String::new();
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut password)?;
        // The line's end belongs to the terminal, not to the password.
        let password = password.strip_suffix('\n').unwrap_or(&password);
        let password = password.strip_suffix('\r').unwrap_or(password);
        if password.is_empty() {
            return Err(CliError::Usage("give the password on stdin, as one line".to_owned()));
        }
        let input = serde_json::json!({"email": self.email, "name": self.name});
        let person =
            crate::domain::input::parse::<user::PersonInput>(&input, crate::domain::input::Mode::Strict)
                .map_err(|errors| CliError::from(crate::service::Failure::Invalid(errors)))?;
        let made = user::create_first(&app, &person.email, &person.name, &self.role, password)?;
        if self.json {
            print_json(&made)
        } else {
            say(&format!("created {}", made.id));
            Ok(())
        }
    }
}

impl ResetSecondFactor {
    fn run(&self) -> Result<(), CliError> {
        let app = house::for_command(&self.settings)?;
        let id = factor::reset_by_operator(&app, &self.email)?;
        say(&format!("reset {id}"));
        Ok(())
    }
}
