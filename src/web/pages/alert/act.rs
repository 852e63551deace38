//! What a person does with an alert: takes it up, records what was done, says what they make of it.

use serde_json::json;

use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, check, form, page, send};
use super::super::visit::Visit;
use super::super::words;
use super::address;
use super::way::{ends, measuring};
use crate::domain::access::Permission;
use crate::domain::alert::Assessment;
use crate::service::alert::{self, Assess, Resolve};
use crate::service::{App, Call, Failure};

const MEASURE: &Labels = &[("reason", "とった措置"), ("accepted_until", "認める期限")];
const ASSESSMENT: &Labels = &[("assessment", "判断"), ("reason", "理由")];

pub fn routes() -> Vec<PageRoute> {
    let mut routes = vec![send("/alerts/{id}/acknowledge").needs(Permission::HandleAlerts, acknowledge)];
    routes.extend(form("/alerts/{id}/resolve", MEASURE).needs(Permission::HandleAlerts, measures, resolve));
    routes.extend(form("/alerts/{id}/assess", ASSESSMENT).needs(Permission::HandleAlerts, judgement, assess));
    routes
}

fn acknowledge(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let alert = alert::acknowledge(app, call, visit.id("id")?)?;
    Ok(Outcome::Moved(format!("{}?done=acknowledged", address(&alert))))
}

fn measures(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let alert = alert::find(app, call, visit.id("id")?)?;
    let known = json!({ "reason": alert.measure, "accepted_until": alert.accepted_until });
    let context = json!({
        "limit": alert.kind.is_limit(),
        "ends": ours(ends(alert.kind)),
        "alert": alert,
    });
    Ok(page("alert/resolve.html", measuring(alert.kind), context).filled(&known).under_alert(&alert))
}

fn resolve(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: Resolve = visit.input()?;
    if let Some(until) = given.accepted_until {
        let alert = alert::find(app, call, visit.id("id")?)?;
        let contract = [alert.contract_number.as_deref(), alert.contract_title.as_deref()];
        let answers = [
            ("契約", contract.map(Option::unwrap_or_default).join(" ").trim().to_owned()),
            ("認める期限", format!("{}まで", words::day(until))),
            ("理由ととった措置", given.reason.clone()),
        ];
        let asked = check(visit, "期限を定めて認めてよいか確かめる", "期限を定めて認める", &answers);
        if let Some(asked) = asked {
            return Ok(asked);
        }
    }
    let alert = alert::resolve(app, call, visit.id("id")?, &given)?;
    Ok(Outcome::Moved(format!("{}?done=resolved", address(&alert))))
}

fn judgement(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let alert = alert::find(app, call, visit.id("id")?)?;
    let known = json!({ "assessment": alert.assessment, "reason": alert.assessment_reason });
    let context = json!({ "assessments": words::choices::<Assessment>("assessment"), "alert": alert });
    Ok(page("alert/assess.html", "判断を記録する", context).filled(&known).under_alert(&alert))
}

fn assess(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: Assess = visit.input()?;
    let alert = alert::assess(app, call, visit.id("id")?, &given)?;
    Ok(Outcome::Moved(format!("{}?done=assessed", address(&alert))))
}
