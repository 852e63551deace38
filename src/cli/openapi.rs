//! `itaku openapi`.

use clap::Args;

use super::{CliError, print_line};
use crate::web::openapi;

#[derive(Debug, Args)]
pub struct Openapi {
    #[arg(long, help = "Include the paths that exist only under itaku demo")]
    demo: bool,
}

impl Openapi {
    pub fn run(&self) -> Result<(), CliError> {
        let document = openapi::document(self.demo);
        print_line(&serde_json::to_string_pretty(&document).map_err(CliError::failed)?)
    }
}
