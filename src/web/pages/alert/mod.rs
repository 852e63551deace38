//! アラート: the list, one alert with its rule, and what is done about it.

mod act;
mod list;
mod show;
mod way;

use super::route::{Page, PageRoute};
use crate::domain::access::Scope;
use crate::domain::alert::AlertKind;
use crate::domain::text_enum::TextEnum;
use crate::service::alert::AlertView;
use crate::service::{App, Call, Failure, setting};

pub fn routes() -> Vec<PageRoute> {
    [list::routes(), show::routes(), act::routes()].concat()
}

/// The address of an alert's page; it stands in mails.
fn address(alert: &AlertView) -> String {
    format!("/alerts/{}", alert.id)
}

/// What an alert is called where several of its kind stand.
fn title(alert: &AlertView) -> String {
    match &alert.contract_number {
        Some(number) => format!("{}（{number}）", alert.title),
        None => alert.title.clone(),
    }
}

impl Page {
    /// The page under an alert's.
    #[must_use]
    fn under_alert(self, alert: &AlertView) -> Self {
        self.under("/alerts", "アラート").under(address(alert), title(alert))
    }
}

/// The program's words as the caller's own agency says them.
fn own_words(app: &App, call: &Call, text: &str) -> Result<String, Failure> {
    match call.scope() {
        Scope::Agency(id) => setting::own_word(app, id, text),
        _ => Ok(text.to_owned()),
    }
}

/// The kinds that rules raise, with their names: `(code, name)`.
fn kinds(app: &App, call: &Call) -> Result<Vec<(&'static str, String)>, Failure> {
    let ruled = AlertKind::ALL.iter().filter_map(|kind| Some((kind.as_str(), kind.rule()?.name)));
    let (codes, names): (Vec<&str>, Vec<&str>) = ruled.unzip();
    let own = own_words(app, call, &names.join("\n"))?;
    Ok(codes.into_iter().zip(own.lines().map(str::to_owned)).collect())
}
