//! A new application, one topic a page: who, what, which data, with what care; then looked at as a whole and filed.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::super::chain::draw::nodes;
use super::super::organization::vendor_choices;
use super::super::route::{Outcome, Page, PageRoute, Visit, check, form, page};
use super::super::words;
use super::choose::{choose, parents};
use super::content::{self, LABELS};
use super::{safeguards, set};
use crate::domain::access::Permission;
use crate::domain::id::{ContractId, EngagementId, Id};
use crate::domain::input::FieldError;
use crate::service::application::briefing::latest;
use crate::service::application::{self, ApplicationInput};
use crate::service::chain::{self, ChainView, Node};
use crate::service::contract::{self, ContractView};
use crate::service::{App, Call, Failure};

/// A topic, its title, and the fields that it asks for.
struct Step {
    code: &'static str,
    title: &'static str,
    fields: &'static [&'static str],
}

const STEPS: [Step; 4] = [
    Step { code: "who", title: "再委託先", fields: &["vendor_id", "vendor"] },
    Step {
        code: "what",
        title: "業務・理由・金額",
        fields: &["supersedes", "scope", "reason", "selection_reason", "amount_yen", "special_reason"],
    },
    Step {
        code: "data",
        title: "期間・場所・個人情報",
        fields: &["starts_on", "ends_on", "country", "work_places", "persons", "data_items"],
    },
    Step { code: "care", title: "安全管理措置", fields: &["safeguards", "further_subcontracting"] },
];

pub fn routes() -> Vec<PageRoute> {
    form("/contracts/{id}/applications/new", LABELS).needs(Permission::FileApplication, show, act)
}

/// Where the application is to stand.
struct Place<'a> {
    parent: &'a Node,
    /// One that stands there already.
    engaged: Option<&'a Node>,
}

impl<'a> Place<'a> {
    /// As the address or the form names it; None: not, or not any more, one's own.
    fn find(visit: &Visit, view: &'a ChainView, parents: &[&'a Node]) -> Result<Option<Self>, Failure> {
        let named = |field: &str, query: &str| -> Option<EngagementId> {
            Some(visit.typed(field)).filter(|text| !text.is_empty()).or(visit.query(query))?.parse().ok()
        };
        let parent = |id: EngagementId| parents.iter().copied().find(|node| node.engagement_id == id);
        if let Some(id) = named("engagement_id", "engagement") {
            let engaged = nodes(view).into_iter().map(|(node, _)| node).find(|node| node.engagement_id == id);
            let engaged = engaged.ok_or(Failure::NotFound)?;
            let parent = engaged.parent_engagement_id.and_then(parent).ok_or(Failure::NotFound)?;
            return Ok(Some(Self { parent, engaged: Some(engaged) }));
        }
        match named("parent_engagement_id", "parent") {
            Some(id) => Ok(Some(Self { parent: parent(id).ok_or(Failure::NotFound)?, engaged: None })),
            None => Ok(match parents {
                [only] => Some(Self { parent: only, engaged: None }),
                _ => None,
            }),
        }
    }

    fn steps(&self) -> impl Iterator<Item = &'static Step> {
        STEPS.iter().skip(usize::from(self.engaged.is_some()))
    }

    /// The step shown: the one asked for, at first the first; None: all of them, where something is wrong.
    fn step(&self, visit: &Visit) -> Option<&'static Step> {
        if !visit.is_sent {
            return self.steps().next();
        }
        self.steps().find(|step| visit.form.mark("_again") == Some(step.code))
    }

    /// What the form begins with: of one that stands there, what was last applied for.
    fn begin(&self, app: &App, call: &Call, contract: ContractId) -> Result<Value, Failure> {
        let Some(engaged) = self.engaged else {
            return Ok(json!({ "parent_engagement_id": self.parent.engagement_id }));
        };
        let last = latest(app, call, contract, engaged.engagement_id)?;
        let mut known = last.map_or_else(|| json!({}), |last| last.content);
        set(&mut known, "engagement_id", json!(engaged.engagement_id));
        set(&mut known, "supersedes", json!(!engaged.consents.is_empty()));
        Ok(known)
    }
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let view = chain::get(app, call, contract.id, None, None)?;
    let parents = parents(app, call, &contract, &view);
    match Place::find(visit, &view, &parents)? {
        Some(place) => ask(app, call, visit, &contract, &place),
        None => Ok(choose(&contract, &parents)),
    }
}

fn ask(
    app: &App,
    call: &Call,
    visit: &Visit,
    contract: &ContractView,
    place: &Place<'_>,
) -> Result<Page, Failure> {
    let known = place.begin(app, call, contract.id)?;
    let mut shown =
        page("application/new.html", "再委託の承認を申請する", Value::Null).under_contract(contract);
    shown = if visit.is_sent { shown.filled(visit.form.values()) } else { shown.filled(&known) };
    let mut step = place.step(visit);
    if let Some(wrong) = left_wrong(visit, place) {
        step = Some(wrong.0);
        shown.errors = wrong.1;
        shown.status = StatusCode::UNPROCESSABLE_ENTITY;
    }
    let asked = |name: &str| {
        let first = name.split('/').next().unwrap_or_default();
        place
            .steps()
            .filter(|it| step.is_none_or(|step| step.code == it.code))
            .any(|it| it.fields.contains(&first))
    };
    let hidden: Vec<(&String, &String)> =
        shown.form.values().iter().filter(|(name, text)| !asked(name) && !text.is_empty()).collect();
    let titles: Vec<Value> = place
        .steps()
        .map(|it| json!({ "code": it.code, "title": it.title, "now": step.is_some_and(|step| step.code == it.code) }))
        .collect();
    let at = place.steps().position(|it| step.is_some_and(|step| step.code == it.code));
    let beside = |offset: isize| {
        let place_of = at.and_then(|at| at.checked_add_signed(offset))?;
        place.steps().nth(place_of).map(|it| json!({ "code": it.code, "title": it.title }))
    };
    let rows = |name: &str| shown.form.rows(name) + 2;
    shown.context = json!({
        "contract": contract,
        "action": visit.address,
        "parent": { "name": place.parent.vendor.name, "tier": words::tier(place.parent.tier) },
        "tier": words::tier(place.parent.tier + 1),
        "engaged": place.engaged.map(|node| json!({
            "name": node.vendor.name, "consents": node.consents, "state": node.state,
        })),
        "vendors": if place.engaged.is_none() { vendor_choices(app, call)? } else { json!([]) },
        "steps": titles,
        "step": step.map_or("", |step| step.code),
        "again": step.map_or("1", |step| step.code),
        "next": beside(1),
        "back": beside(-1),
        "hidden": hidden,
        "places": rows("work_places"),
        "items": rows("data_items"),
        "safeguards": safeguards::names(&known),
        "beyond": safeguards::told(&known),
    });
    Ok(shown)
}

/// Going on from a step, what is wrong in it is told at once: the step, and its errors.
fn left_wrong(visit: &Visit, place: &Place<'_>) -> Option<(&'static Step, Vec<super::super::route::Wrong>)> {
    let at = |code: Option<&str>| place.steps().position(|step| code == Some(step.code));
    let (from, to) = (at(visit.form.mark("_from"))?, at(visit.form.mark("_again"))?);
    let step = place.steps().nth(from).filter(|_| from < to)?;
    let Failure::Invalid(mut errors) = visit.input::<ApplicationInput>().err()? else { return None };
    let body = visit.form.body();
    if step.code == "who" && !body.contains_key("vendor_id") && !body.contains_key("vendor") {
        errors.push(FieldError::new("/vendor_id", "required", "再委託先の事業者を指定してください。"));
    }
    errors.retain(|error| {
        let field = visit.form.field_of(&error.pointer);
        field.split('/').next().is_some_and(|first| step.fields.contains(&first))
    });
    if errors.is_empty() {
        return None;
    }
    let blank = page("application/new.html", "", Value::Null);
    match blank.with(Failure::Invalid(errors), visit, LABELS) {
        Ok(Outcome::Shown(shown)) => Some((step, shown.errors)),
        _ => None,
    }
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let contract: Id<_> = visit.id("id")?;
    let last = match visit.typed("engagement_id").parse() {
        Ok(engaged) => latest(app, call, contract, engaged)?,
        Err(_) => None,
    };
    let given: ApplicationInput = visit.completed(|body| {
        if let Some(last) = &last {
            safeguards::keep(body, &last.content);
        }
    })?;
    let said = serde_json::to_value(&given.content).unwrap_or_default();
    let who = who(app, call, contract, &given)?;
    let relation = if given.supersedes { "いまの承認に代わる（変更承認申請）" } else { "" };
    let place = [("上位の受託者", who.0), ("再委託先", who.1), ("いまの承認との関係", relation.to_owned())];
    let answers = [place.to_vec(), content::answers(&said)].concat();
    if let Some(asked) = check(visit, "申請の内容を確かめる", "申請する", &answers) {
        return Ok(asked.in_words_of(contract::get(app, call, contract)?.agency_id));
    }
    let filed = application::file(app, call, contract, &given)?;
    Ok(Outcome::Moved(format!("/applications/{}?done=filed", filed.id)))
}

/// Under whom, and whom it is about, for the check.
fn who(
    app: &App,
    call: &Call,
    contract: ContractId,
    given: &ApplicationInput,
) -> Result<(String, String), Failure> {
    let view = chain::get(app, call, contract, None, None)?;
    let all = nodes(&view);
    let name = |id: Option<EngagementId>| {
        let node = all.iter().map(|(node, _)| node).find(|node| Some(node.engagement_id) == id);
        node.map(|node| node.vendor.name.clone()).unwrap_or_default()
    };
    let engaged =
        all.iter().map(|(node, _)| node).find(|node| Some(node.engagement_id) == given.engagement_id);
    let parent = engaged.and_then(|node| node.parent_engagement_id).or(given.parent_engagement_id);
    let vendor = match (&given.vendor, given.vendor_id) {
        (Some(vendor), _) => {
            let number =
                vendor.corporate_number.map(|number| format!("（法人番号 {number}）")).unwrap_or_default();
            format!("{}{number} {}", vendor.name, content::country(&vendor.country))
        }
        (None, Some(id)) => {
            let choices = vendor_choices(app, call)?;
            let found =
                choices.as_array().and_then(|all| all.iter().find(|it| it.get("value") == Some(&json!(id))));
            found.and_then(|it| it.get("label")?.as_str()).unwrap_or_default().to_owned()
        }
        (None, None) => name(given.engagement_id),
    };
    Ok((name(parent), vendor))
}
