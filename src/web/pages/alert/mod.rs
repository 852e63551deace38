//! アラート: the list, one alert with its rule, and what is done about it.

mod act;
mod list;
mod show;
mod way;

use super::route::{Page, PageRoute};
use crate::domain::alert::AlertKind;
use crate::domain::text_enum::TextEnum;
use crate::service::alert::AlertView;

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

/// The kinds that rules raise, with their names: `(code, name)`.
fn kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
    AlertKind::ALL.iter().filter_map(|kind| Some((kind.as_str(), kind.rule()?.name)))
}
