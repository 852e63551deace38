//! An application as its decider needs it on one page: who and where, what stood before, what to be careful about.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::blanks::Handling;
use super::decide::may_decide;
use super::file::{Content, planned};
use super::warnings::{self, NamedContract, Warning};
use super::{ApplicationState, ApplicationView, Filed, find_row};
use crate::db::chain::{ApplicationRow, StepRow};
use crate::db::types::from_json;
use crate::db::{self, Conn};
use crate::domain::alert;
use crate::domain::calendar::Calendar;
use crate::domain::chain::{ApplicationStep, Engagement, FiledApplication, HeldConsent, Known};
use crate::domain::id::{ApplicationId, ContractId, EngagementId, OrganizationId, UserId};
use crate::domain::settings::Settings;
use crate::service::case::Case;
use crate::service::chain::VendorView;
use crate::service::organization::similar_to;
use crate::service::{App, Call, Failure};

/// An application with what its page says beside it.
#[derive(Debug, Clone, Serialize)]
pub struct Briefing {
    pub application: ApplicationView,
    pub agency_id: OrganizationId,
    pub agency_name: String,
    pub vendor: VendorView,
    pub tier: i32,
    pub parent_id: Option<EngagementId>,
    pub parent_name: Option<String>,
    /// To those who know of the applicant.
    pub applicant_name: Option<String>,
    /// The applicant's person who filed it: to the agency's side, and to the applicant's own.
    pub applicant_person: Option<String>,
    /// The caller's organization filed it.
    pub own: bool,
    /// What was asked before the last 補正, and what is consented to now; newest first.
    pub earlier: Vec<Earlier>,
    /// Of those who acted on the agency's side, and only to it.
    pub names: HashMap<UserId, String>,
    /// For the agency's side, while it is undecided.
    pub warnings: Vec<Warning>,
    /// While it is undecided; to its vendor too.
    pub decide_by: Option<DecideBy>,
    /// Why the caller can't decide it now. None: can, as far as the application goes.
    pub bar: Option<String>,
}

/// By when the agency should decide.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct DecideBy {
    pub on: NaiveDate,
    /// Until then; 0 on the day and after it.
    pub working_days_left: i64,
    pub over: bool,
}

/// What stood before what is asked now.
#[derive(Debug, Clone, Serialize)]
pub struct Earlier {
    pub kind: EarlierKind,
    pub on: NaiveDate,
    /// The fields that are known of it, named as an application's.
    pub content: Value,
}

/// Where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlierKind {
    /// The same application before its last 補正.
    Corrected,
    /// The consent that holds or held before.
    Consented,
}

/// What a page or a form says of an application that the caller may know of.
pub fn briefing(app: &App, call: &Call, id: ApplicationId) -> Result<Briefing, Failure> {
    app.db.read(|conn| {
        let contract = db::chain::contract_of_application(conn, id)?;
        let case = Case::open(conn, call.scope(), contract)?;
        let (row, steps) = find_row(conn, &case, id)?;
        let said = versions(&row, &steps)?;
        let filed = Filed::new(row, steps);
        Brief { conn, case: &case, call, today: app.today() }.show(filed, said)
    })
}

/// The last application for an engagement in sight, for a form that begins with what it said.
pub fn latest(
    app: &App,
    call: &Call,
    contract: ContractId,
    engagement: EngagementId,
) -> Result<Option<ApplicationView>, Failure> {
    app.db.read(|conn| {
        let case = Case::open(conn, call.scope(), contract)?;
        case.engagement(&case.facts.chain.now(), engagement)?;
        let all = db::chain::applications_of(conn, contract, Some(&[engagement]), None, i64::MAX)?;
        let last = all.into_iter().next_back();
        last.map(|(row, steps)| Filed::new(row, steps).show(case.is_agency_side())).transpose()
    })
}

/// What it said when it was filed and after each 補正, with the day.
fn versions(row: &ApplicationRow, steps: &[StepRow]) -> Result<Vec<(NaiveDate, Value)>, Failure> {
    let corrected = steps.iter().filter(|step| step.step == ApplicationStep::Resubmitted);
    let corrected = corrected.map(|step| (step.on_day, &step.body));
    let all = std::iter::once((row.filed_on, &row.body)).chain(corrected);
    all.map(|(on, body)| Ok((on, from_json(body)?))).collect()
}

struct Brief<'a> {
    conn: &'a mut Conn,
    case: &'a Case,
    call: &'a Call,
    today: NaiveDate,
}

impl Brief<'_> {
    fn show(mut self, filed: Filed, said: Vec<(NaiveDate, Value)>) -> Result<Briefing, Failure> {
        let case = self.case;
        let known = case.facts.chain.now();
        let engagement = known.engagement(filed.row.engagement_id).ok_or(Failure::NotFound)?;
        let parent = engagement.parent_id.and_then(|id| known.engagement(id));
        let (settings, _) = db::setting::find(self.conn, case.facts.agency_id)?;
        let pending = matches!(filed.state()?, ApplicationState::Applied | ApplicationState::Returned);
        let (mut warned, mut due) = (Vec::new(), None);
        if pending {
            due = self.decide_by(&known, &filed, &settings)?;
        }
        if case.is_agency_side() && pending {
            warned = self.warnings(&known, engagement, &filed, &settings, due)?;
        }
        Ok(Briefing {
            agency_id: case.facts.agency_id,
            agency_name: case.facts.agency_name.clone(),
            vendor: (&engagement.vendor).into(),
            tier: engagement.tier,
            parent_id: engagement.parent_id.filter(|id| self.sees(&known, *id)),
            parent_name: parent.map(|parent| parent.vendor.name.clone()),
            applicant_name: self.applicant(&known, parent, &filed),
            applicant_person: self.person(&filed)?,
            own: filed.row.applicant_id == self.call.actor.organization.id,
            earlier: self.earlier(&known, &filed, said)?,
            names: self.names(&filed)?,
            warnings: warned,
            decide_by: due,
            bar: may_decide(&filed, self.call.actor.user_id).err().map(|failure| failure.to_string()),
            application: ApplicationView {
                contract_number: Some(case.facts.number.clone()),
                contract_title: Some(case.facts.title.clone()),
                ..filed.show(case.is_agency_side())?
            },
        })
    }

    fn sees(&self, known: &Known<'_>, id: EngagementId) -> bool {
        self.case.is_agency_side() || self.case.sight(known).contains(&id)
    }

    /// A vendor knows itself, what hangs below it, and who stands right above.
    fn applicant(&self, known: &Known<'_>, parent: Option<&Engagement>, filed: &Filed) -> Option<String> {
        let place = known.engagements().find(|e| e.vendor.id == filed.row.applicant_id)?;
        let may_know = self.sees(known, place.id) || parent.is_some_and(|it| it.vendor.id == place.vendor.id);
        may_know.then(|| place.vendor.name.clone())
    }

    fn person(&mut self, filed: &Filed) -> Result<Option<String>, Failure> {
        let is_own = filed.row.applicant_id == self.call.actor.organization.id;
        if !is_own && !self.case.is_agency_side() {
            return Ok(None);
        }
        let by = filed.row.applied_by;
        Ok(db::user::names(self.conn, &[by])?.remove(&by))
    }

    fn names(&mut self, filed: &Filed) -> Result<HashMap<UserId, String>, Failure> {
        if !self.case.is_agency_side() {
            return Ok(HashMap::new());
        }
        let mine =
            |step: &&StepRow| !matches!(step.step, ApplicationStep::Resubmitted | ApplicationStep::Withdrawn);
        let mut people: Vec<UserId> = filed.steps.iter().filter(mine).map(|step| step.by_user).collect();
        for step in &filed.steps {
            people.extend(super::step_view(step.clone(), true)?.deputy_for);
        }
        Ok(db::user::names(self.conn, &people)?)
    }

    fn earlier(
        &mut self,
        known: &Known<'_>,
        filed: &Filed,
        mut said: Vec<(NaiveDate, Value)>,
    ) -> Result<Vec<Earlier>, Failure> {
        let mut earlier = Vec::new();
        said.pop();
        let corrected = said.pop();
        earlier.extend(corrected.map(|(on, content)| Earlier { kind: EarlierKind::Corrected, on, content }));
        let before = known.consents(filed.row.engagement_id).iter().rev();
        // A vendor knows what was applied for; a decision on paper is the agency's.
        let mut before = before.filter(|held| {
            held.consent.stamp.seq < filed.row.seq
                && (self.case.is_agency_side() || held.consent.application_id.is_some())
        });
        if let Some(held) = before.next() {
            earlier.push(Earlier {
                kind: EarlierKind::Consented,
                on: held.consent.decided_on,
                content: self.consented(held)?,
            });
        }
        Ok(earlier)
    }

    /// What was consented to, in the fields of an application: of a consent on paper fewer are known.
    fn consented(&mut self, held: &HeldConsent<'_>) -> Result<Value, Failure> {
        let given = held.consent;
        let mut content = Map::new();
        if let Some(id) = given.application_id {
            let (row, steps) = db::chain::find_application(self.conn, id)?;
            content = from_json(&Filed::new(row, steps).row.body)?;
        } else if let Some(body) = db::chain::consent_bodies(self.conn, self.case.id())?.get(&given.id) {
            content.insert("scope".to_owned(), json!(body.scope));
        }
        let facts = [
            ("amount_yen", json!(given.amount_yen)),
            ("country", json!(given.country)),
            ("data", json!(given.data)),
            ("starts_on", json!(given.valid_from)),
            ("ends_on", json!(held.ends_on)),
        ];
        content.extend(facts.map(|(name, value)| (name.to_owned(), value)));
        Ok(Value::Object(content))
    }

    fn decide_by(
        &mut self,
        known: &Known<'_>,
        filed: &Filed,
        settings: &Settings,
    ) -> Result<Option<DecideBy>, Failure> {
        let calendar = db::calendar::calendar(self.conn, &settings.closed_days)?;
        let of_place: &[FiledApplication<'_>] = known.applications(filed.row.engagement_id);
        let found = of_place.iter().find(|it| it.application.id == filed.row.id);
        let by = found.and_then(|it| alert::decide_by(it, &calendar, settings));
        Ok(by.map(|on| self.left(on, &calendar)))
    }

    fn left(&self, on: NaiveDate, calendar: &Calendar) -> DecideBy {
        let left = calendar.working_days_between(self.today, on).max(0);
        DecideBy { on, working_days_left: left, over: self.today > on }
    }

    fn warnings(
        &mut self,
        known: &Known<'_>,
        engagement: &Engagement,
        filed: &Filed,
        settings: &Settings,
        due: Option<DecideBy>,
    ) -> Result<Vec<Warning>, Failure> {
        let body: Value = from_json(&filed.row.body)?;
        let content: Content = from_json(&filed.row.body)?;
        let supersedes = filed.row.supersedes;
        let planned = planned(self.conn, self.case.id(), engagement.id, supersedes, content.amount_yen)?;
        let number = engagement.vendor.corporate_number.as_deref();
        let registered = match number {
            Some(number) => db::register::record(self.conn, number)?,
            None => None,
        };
        let names = match number {
            Some(number) => db::register::names_of(self.conn, &[number])?.remove(number).unwrap_or_default(),
            None => Vec::new(),
        };
        let facts = &self.case.facts;
        let elsewhere =
            db::alert::grave_elsewhere(self.conn, facts.agency_id, engagement.vendor.id, self.case.id())?;
        let elsewhere: Vec<NamedContract> =
            elsewhere.into_iter().map(|(id, number)| NamedContract { id, number }).collect();
        let mut other_names = db::engagement_name::of_contract(self.conn, self.case.id())?;
        other_names.retain(|name| name.engagement_id == engagement.id);
        let similar = similar_to(self.conn, engagement.vendor.id, &engagement.vendor.name)?;
        let look = warnings::Look {
            known,
            engagement,
            content: &content,
            handling: Handling {
                data: &content.data,
                has_place: body.get("work_places").and_then(Value::as_array).is_some_and(|places| {
                    places.iter().any(|place| place.as_str().is_some_and(|it| !it.trim().is_empty()))
                }),
                safeguards: body.get("safeguards").unwrap_or(&Value::Null),
            },
            has_special_reason: body
                .get("special_reason")
                .and_then(Value::as_str)
                .is_some_and(|text| !text.is_empty()),
            is_returned: filed.state()? == ApplicationState::Returned,
            planned: &planned,
            registered: registered.as_ref(),
            names: &names,
            similar: &similar,
            other_names: &other_names,
            elsewhere: &elsewhere,
            due,
            today: self.today,
            settings,
        };
        Ok(look.all())
    }
}
