//! 再委託状況報告: filed, listed, retracted; 受付票.

mod file;
mod list;
mod receipt;
mod retract;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::route::PageRoute;
use super::words;
use crate::domain::id::DeclarationId;
use crate::service::App;

pub fn routes() -> Vec<PageRoute> {
    [list::routes(), file::routes(), receipt::routes(), retract::routes()].concat()
}

/// The address of a 受付票.
fn address(id: DeclarationId) -> String {
    format!("/declarations/{id}")
}

/// A view with the instant at which it was recorded in words, as `at`.
fn timed(app: &App, view: impl Serialize, at: DateTime<Utc>) -> Value {
    let mut timed = json!(view);
    if let Value::Object(fields) = &mut timed {
        fields.insert("at".to_owned(), json!(words::instant(app, at)));
    }
    timed
}
