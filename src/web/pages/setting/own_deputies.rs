//! What a person may do about who stands in for them.

use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, form};
use super::super::visit::Visit;
use super::{keep, of_settings};
use crate::domain::access::Permission;
use crate::domain::settings::OwnDeputies;
use crate::domain::text_enum::TextEnum;
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[("own_deputies", "本人による代理の指定")];

/// The setting in words.
pub(super) fn in_words(way: OwnDeputies) -> &'static str {
    match way {
        OwnDeputies::None => "できない（管理者だけが指定する）",
        OwnDeputies::Ask => "本人が申し出て、管理者が承認する",
        OwnDeputies::Appoint => "本人が指定する（決裁などの役割の代理は、管理者の承認を待つことがあります）",
    }
}

pub fn routes() -> Vec<PageRoute> {
    form("/settings/own-deputies", LABELS).needs(Permission::ChangeSettings, show, act)
}

fn show(app: &App, call: &Call, _: &Visit) -> Result<Page, Failure> {
    of_settings(app, call, "setting/own_deputies.html", "本人による代理の指定", |settings| {
        let choice = |way: &OwnDeputies| json!({ "value": way, "label": ours(in_words(*way)) });
        let choices: Vec<Value> = OwnDeputies::ALL.iter().map(choice).collect();
        (json!({ "own_deputies": settings.own_deputies }), json!({ "choices": choices }))
    })
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let way: OwnDeputies = visit
        .typed("own_deputies")
        .parse()
        .map_err(|_| Failure::field("/own_deputies", "choice", "選んでください。"))?;
    keep(app, call, visit, &json!({ "own_deputies": way }), |error| error)
}
