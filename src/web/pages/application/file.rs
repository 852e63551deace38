//! A new application, one topic a page: who, what, which data, with what care; then looked at as a whole and filed.

use serde_json::{Value, json};

use super::super::chain::draw::nodes;
use super::super::organization::vendor_choices;
use super::super::own::ours;
use super::super::route::{Outcome, Page, PageRoute, checked, form, joined, page};
use super::super::visit::Visit;
use super::super::words;
use super::choose::{choose, parents};
use super::content::{self, LABELS};
use super::{at_its_field, overseas, safeguards, set};
use crate::domain::access::Permission;
use crate::domain::id::{ContractId, EngagementId};
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
    Step { code: "who", title: "再委託先", fields: &["vendor_id", "vendor", "distinct"] },
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

impl Step {
    fn has(&self, field: &str) -> bool {
        field.split('/').next().is_some_and(|first| self.fields.contains(&first))
    }

    /// Whether what is wrong was asked for here.
    fn asks(&self, visit: &Visit, error: &FieldError) -> bool {
        self.has(&visit.form.field_of(&error.pointer))
    }
}

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
            let engaged = nodes(view).into_iter().find(|node| node.engagement_id == id);
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

    /// The step shown: where something is wrong, the first that asks for it; else the one asked for, at first the first.
    fn step(&self, visit: &Visit, wrong: Option<&Failure>) -> Option<&'static Step> {
        let named = |mark: &str| self.steps().find(|step| visit.form.mark(mark) == Some(step.code));
        match wrong {
            None if !visit.is_sent => self.steps().next(),
            None => named("_again").or(self.steps().last()),
            Some(failure) => {
                let asked = |step: &&Step| match failure {
                    Failure::Invalid(errors) => errors.iter().any(|error| step.asks(visit, error)),
                    _ => false,
                };
                self.steps().find(asked).or(named("_from")).or(self.steps().last())
            }
        }
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
    shown(app, call, visit, left_wrong(app, call, visit)?)
}

/// The form at the step that is asked for, or at the one where something is wrong.
fn shown(app: &App, call: &Call, visit: &Visit, wrong: Option<Failure>) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let view = chain::get(app, call, contract.id, None, None)?;
    let parents = parents(app, call, &contract, &view);
    let Some(place) = Place::find(visit, &view, &parents)? else {
        return Ok(choose(&contract, &parents));
    };
    let step = place.step(visit, wrong.as_ref());
    let page = ask(app, call, visit, &contract, &place, step)?;
    let Some(mut wrong) = wrong else { return Ok(page) };
    if let Failure::Invalid(errors) = &mut wrong {
        // What another step asks for is told there, when one gets to it.
        let elsewhere = |error: &FieldError| {
            step.is_none_or(|step| !step.asks(visit, error)) && STEPS.iter().any(|it| it.asks(visit, error))
        };
        errors.retain(|error| !elsewhere(error));
    }
    match page.with(wrong, visit, LABELS)? {
        Outcome::Shown(page) => Ok(page),
        _ => Err(Failure::Internal("a page with errors is shown".to_owned())),
    }
}

fn ask(
    app: &App,
    call: &Call,
    visit: &Visit,
    contract: &ContractView,
    place: &Place<'_>,
    step: Option<&'static Step>,
) -> Result<Page, Failure> {
    let known = place.begin(app, call, contract.id)?;
    let mut shown =
        page("application/new.html", "再委託の承認を申請する", Value::Null).under_contract(contract);
    shown = if visit.is_sent { shown.filled(visit.form.values()) } else { shown.filled(&known) };
    let asked = |name: &str| step.is_some_and(|step| step.has(name));
    let hidden: Vec<(&String, &String)> =
        shown.form.values().iter().filter(|(name, text)| !asked(name) && !text.is_empty()).collect();
    let at = place.steps().position(|it| step.is_some_and(|step| step.code == it.code));
    let beside = |offset: isize| {
        let place_of = at.and_then(|at| at.checked_add_signed(offset))?;
        place.steps().nth(place_of).map(|it| json!({ "code": it.code, "title": ours(it.title) }))
    };
    let rows = |name: &str| shown.form.rows(name) + 2;
    let bars = application::bars(app, call, contract.id, place.parent.engagement_id)?;
    shown.context = json!({
        "contract": contract,
        "action": visit.address,
        "parent": { "name": place.parent.vendor.name, "tier": words::tier(place.parent.tier) },
        "tier": words::tier(place.parent.tier + 1),
        "engaged": place.engaged.map(|node| json!({
            "name": node.vendor.name, "consents": node.consents, "state": node.state,
        })),
        "vendors": if place.engaged.is_none() { vendor_choices(app, call)? } else { json!([]) },
        "bars": bars.iter().map(|bar| ours(bar)).collect::<Vec<_>>(),
        "steps": titles(place.steps(), step),
        "step": step.map_or("", |step| step.code),
        "next": beside(1),
        "back": beside(-1),
        "hidden": hidden,
        "places": rows("work_places"),
        "items": rows("data_items"),
        "safeguards": safeguards::names(&known),
        "beyond": safeguards::told(&known),
        "overseas": overseas(contract),
        "demanded": application::demanded(app, call, contract.id)?,
    });
    Ok(shown)
}

/// The steps by their titles, for the line that shows them; none of them: the check.
fn titles(steps: impl Iterator<Item = &'static Step>, now: Option<&Step>) -> Vec<Value> {
    let titles = steps.map(
        |it| json!({ "code": it.code, "title": ours(it.title), "now": now.is_some_and(|now| now.code == it.code) }),
    );
    titles.collect()
}

/// Going on from a step, what is wrong in it is told at once; with all that the contract asks for known, what it refuses.
fn left_wrong(app: &App, call: &Call, visit: &Visit) -> Result<Option<Failure>, Failure> {
    let at = |mark: &str| STEPS.iter().position(|step| visit.form.mark(mark) == Some(step.code));
    let (Some(from), Some(to)) = (at("_from"), at("_again")) else { return Ok(None) };
    let Some(step) = STEPS.get(from).filter(|_| from < to) else { return Ok(None) };
    match visit.input::<ApplicationInput>() {
        Ok(given) => match application::ahead(app, call, visit.id("id")?, &given) {
            Ok(_) => match application::refuse_blanks(app, call, visit.id("id")?, &given.content) {
                Err(Failure::Invalid(mut errors)) => {
                    errors.retain(|error| step.asks(visit, error));
                    Ok((!errors.is_empty()).then_some(Failure::Invalid(errors)))
                }
                said => said.map(|()| None),
            },
            Err(failure @ (Failure::Invalid(_) | Failure::Conflict { .. })) => {
                Ok(Some(at_its_field(failure)))
            }
            Err(failure) => Err(failure),
        },
        Err(Failure::Invalid(mut errors)) => {
            let body = visit.form.body();
            if step.code == "who" && !body.contains_key("vendor_id") && !body.contains_key("vendor") {
                errors.push(FieldError::new(
                    "/vendor_id",
                    "required",
                    "再委託先の事業者を指定してください。",
                ));
            }
            errors.retain(|error| step.asks(visit, error));
            Ok((!errors.is_empty()).then_some(Failure::Invalid(errors)))
        }
        Err(failure) => Err(failure),
    }
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    match filed(app, call, visit) {
        Err(failure @ (Failure::Invalid(_) | Failure::Conflict { .. })) => {
            Ok(Outcome::Shown(shown(app, call, visit, Some(at_its_field(failure)))?))
        }
        done => done,
    }
}

/// Looked at as a whole, then filed.
fn filed(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let contract: ContractId = visit.id("id")?;
    let last = match visit.typed("engagement_id").parse() {
        Ok(engaged) => latest(app, call, contract, engaged)?,
        Err(_) => None,
    };
    let given: ApplicationInput = visit.completed(|body| {
        if let Some(last) = &last {
            safeguards::keep(body, &last.content);
        }
    })?;
    application::refuse_blanks(app, call, contract, &given.content)?;
    // Looked at already, it may have been filed: a second click is answered as the first.
    if visit.form.mark("_sure").is_some() {
        let filed = application::file(app, call, contract, &given)?;
        return Ok(Outcome::Moved(format!("/applications/{}?done=filed", filed.id)));
    }
    let ahead = application::ahead(app, call, contract, &given)?;
    let said = serde_json::to_value(&given.content).unwrap_or_default();
    let who = who(app, call, contract, &given)?;
    let relation = if given.supersedes { "いまの承認に代わる（変更承認申請）" } else { "" };
    let reckoned = match ahead.days_after {
        Some(days) => format!("まで（申請から{days}営業日）"),
        None if ahead.late => "まで（申請した日）".to_owned(),
        None => format!("まで（開始の{}営業日前）", ahead.days_before),
    };
    let by = format!("{}{}", words::day(ahead.decide_by), ours(&reckoned));
    let place = [("上位の受託者", who.0), ("再委託先", who.1), ("いまの承認との関係", relation.to_owned())];
    let shown = contract::get(app, call, contract)?;
    let over = contract::over_amount(shown.amount_yen, given.content.amount_yen);
    let more = contract::over_persons(shown.data.as_deref(), &given.content.volumes());
    let abroad = ahead.abroad.as_deref().map(ours);
    let asked: Vec<String> = over.into_iter().chain(more).chain(abroad).collect();
    let asked = (!asked.is_empty()).then(|| ("確かめてください", asked.join("\n"))).into_iter().collect();
    let answers = [place.to_vec(), content::answers(&said), vec![("決定の期限", by)], asked].concat();
    let checked = checked(visit, "申請の内容を確かめる", "申請する", &answers);
    let steps = STEPS.iter().skip(usize::from(given.engagement_id.is_some()));
    let more = json!({ "steps": titles(steps, None), "ahead": ahead });
    let checked = Page { context: joined(checked.context, more), ..checked };
    Ok(Outcome::Shown(checked.under_contract(&shown)))
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
        let node = all.iter().find(|node| Some(node.engagement_id) == id);
        node.map(|node| node.vendor.name.clone()).unwrap_or_default()
    };
    let engaged = all.iter().find(|node| Some(node.engagement_id) == given.engagement_id);
    let parent = engaged.and_then(|node| node.parent_engagement_id).or(given.parent_engagement_id);
    let vendor = match (&given.vendor, given.vendor_id) {
        (Some(vendor), _) => {
            let number =
                vendor.corporate_number.map(|number| format!("（法人番号 {number}）")).unwrap_or_default();
            format!("{}{number} {}", vendor.name, words::country(&vendor.country))
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
