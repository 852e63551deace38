//! How grave a breach of a contract's limits is.

use serde_json::{Map, Value, json};

use super::super::route::{Labels, Outcome, Page, PageRoute, form};
use super::super::visit::Visit;
use super::super::words;
use super::{keep, labelled, of_settings};
use crate::domain::access::Permission;
use crate::domain::alert::Severity;
use crate::domain::input::FieldError;
use crate::service::{App, Call, Failure};

/// What the agency decides the gravity of.
pub(super) const BREACHES: &Labels = &[
    ("subcontracting_prohibited", "再委託を禁止した契約での再委託"),
    ("overseas_handling", "国外での取扱い"),
    ("tier_exceeded", "認めた階層を超える再委託"),
    ("ratio_exceeded", "認めた金額の割合を超える再委託"),
    ("volume_exceeded", "承認した人数を超える取扱い"),
];

#[expect(clippy::indexing_slicing, reason = "in a constant: the compiler evaluates it")]
const LABELS: &Labels = &[
    ("severities/subcontracting_prohibited", BREACHES[0].1),
    ("severities/overseas_handling", BREACHES[1].1),
    ("severities/tier_exceeded", BREACHES[2].1),
    ("severities/ratio_exceeded", BREACHES[3].1),
    ("severities/volume_exceeded", BREACHES[4].1),
];

pub fn routes() -> Vec<PageRoute> {
    form("/settings/severities", LABELS).needs(Permission::ChangeSettings, show, act)
}

fn show(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    of_settings(app, call, "setting/severities.html", "アラートの重大度", |settings| {
        let grave = [Severity::Critical, Severity::Warning];
        let choices: Vec<Value> = grave.iter().map(|s| json!({ "value": s, "label": s.label() })).collect();
        let known = json!({ "severities": settings.severities });
        (known, json!({ "severities": super::severities(settings), "choices": choices }))
    })
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let (mut given, mut errors) = (Map::new(), Vec::new());
    for (name, label) in LABELS {
        let typed = visit.typed(name);
        if words::word("severity", typed).is_some() {
            given.insert(name.trim_start_matches("severities/").to_owned(), json!(typed));
        } else {
            let message = format!("{label}の重大度を選んでください。");
            errors.push(FieldError::new(format!("/{name}"), "choice", message));
        }
    }
    Failure::unless_empty(errors)?;
    keep(app, call, visit, &json!({ "severities": given }), |error| {
        let label = labelled(LABELS, error.pointer.trim_start_matches('/'));
        FieldError {
            message: format!("{label}には「重大」か「注意」を選んでください。"), ..error
        }
    })
}
