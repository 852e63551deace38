//! Whom mail to vendors names: a desk and a telephone.

use serde_json::{Value, json};

use super::super::route::{Labels, Outcome, Page, PageRoute, form};
use super::super::visit::Visit;
use super::{keep, of_settings};
use crate::domain::access::Permission;
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[("desk", "窓口"), ("telephone", "電話番号")];

pub fn routes() -> Vec<PageRoute> {
    form("/settings/desk", LABELS).needs(Permission::ChangeSettings, show, act)
}

fn show(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    of_settings(app, call, "setting/desk.html", "事業者の問合せ先", |settings| {
        (json!({ "desk": settings.desk, "telephone": settings.telephone }), json!({}))
    })
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    // Left blank, it is set no more.
    let typed = |name| Some(visit.typed(name).trim()).filter(|text| !text.is_empty());
    let change: Value = json!({ "desk": typed("desk"), "telephone": typed("telephone") });
    keep(app, call, visit, &change, |error| error)
}
