//! 決裁: consent or refusal, by an approver who neither filed nor reviewed the application; and withdrawal.

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::json;

use super::file::Content;
use super::{ApplicationState, ApplicationView, Filed, act, mail_reference};
use crate::db::chain::ConsentBody;
use crate::db::types::from_json;
use crate::db::{self, Tx};
use crate::domain::chain::{ApplicationStep, Consent, Known};
use crate::domain::contract::{Policy, Stamp};
use crate::domain::days::DayRange;
use crate::domain::id::{ApplicationId, ConsentId, UserId};
use crate::domain::limits::MAX_VERSION;
use crate::input;
use crate::notice::Mail;
use crate::notice::context::{Day, DecidedMail, Outcome};
use crate::service::case::{Case, check_within};
use crate::service::telling::{self, Addressees};
use crate::service::{App, Call, Failure, user};
use crate::text_enum;

text_enum! {
    /// 承認 or 不承認.
    pub enum Decision { Consent = "consent", Refuse = "refuse" }
}

input! {
    /// 決裁.
    pub struct DecisionInput {
        decision: Decision => word::<Decision>(),
        valid_from: Option<NaiveDate> => optional(day()),
        valid_until: Option<NaiveDate> => optional(day()),
        conditions: Option<String> => optional(prose(0, 10_000)),
        reason: String => prose(1, 10_000),
        /// The version that was looked at; where it is given, another one is refused.
        #[serde(skip_serializing)]
        seen_version: Option<i64> => optional(integer(1, MAX_VERSION)),
    }
}

input! {
    /// 取下げ.
    pub struct WithdrawInput {
        reason: Option<String> => optional(prose(0, 10_000)),
    }
}

impl DecisionInput {
    /// What it decides: a refusal has no days and no conditions, though a form may have filled them in.
    fn decided(&self) -> Self {
        match self.decision {
            Decision::Consent => self.clone(),
            Decision::Refuse => {
                Self { valid_from: None, valid_until: None, conditions: None, ..self.clone() }
            }
        }
    }
}

/// Decides an application. Consent never reaches back before the day it is given.
pub fn decide(
    app: &App,
    call: &Call,
    id: ApplicationId,
    given: &DecisionInput,
) -> Result<ApplicationView, Failure> {
    let given = &given.decided();
    act(app, call, id, |tx, case, filed| {
        may_decide(filed, call.actor.user_id)?;
        filed.must_be_as_seen(given.seen_version)?;
        let known = case.facts.chain.now();
        let deputy_for = user::decides_for(tx, call)?;
        let is_deputy = !deputy_for.is_empty();
        let said = Said { given, deputy_for };
        let (outcome, step) = match given.decision {
            Decision::Consent => {
                let consent = consent(tx, &known, filed, given)?;
                let outcome = Outcome::Consent {
                    valid_from: Day::of(consent.valid_from),
                    valid_until: Day::of(consent.valid_until),
                    conditions: given.conditions.clone(),
                };
                record_consent(tx, case, call, filed, &said, consent)?;
                (outcome, "consented")
            }
            Decision::Refuse => {
                let payload = json!({
                    "application_id": id, "engagement_id": filed.row.engagement_id, "reason": given.reason, "given": said,
                });
                let recorded = tx.record("application.refused", id, &payload)?;
                filed.step(tx, ApplicationStep::Refused, &said, &recorded)?;
                (Outcome::Refuse, "refused")
            }
        };
        let engagement = known.engagement(filed.row.engagement_id).ok_or(Failure::NotFound)?;
        let application =
            mail_reference(app, tx, case, &known, &filed.row, &engagement.vendor.name, engagement.tier)?;
        let mail = Mail::ApplicationDecided(DecidedMail {
            application,
            outcome,
            reason: given.reason.clone(),
            deputy: is_deputy,
        });
        let to = Addressees::vendors([filed.row.applicant_id]);
        telling::tell(tx, case, &to, "application", id.as_str(), step, &mail)
    })
}

/// A decision as it is kept: what was given, and in whose place it was decided, where it was in someone's.
#[derive(Serialize)]
struct Said<'a> {
    #[serde(flatten)]
    given: &'a DecisionInput,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deputy_for: Vec<UserId>,
}

/// Whether the person may decide it as it stands: nobody decides what he filed or reviewed, nor what nobody reviewed.
pub(super) fn may_decide(filed: &Filed, user: UserId) -> Result<(), Failure> {
    filed.must_be_open()?;
    if filed.is_handled_by(user) {
        let message = "審査や申請をした人は、その申請を決裁できません。ほかの決裁者に依頼してください。";
        return Err(Failure::Forbidden(message.to_owned()));
    }
    if filed.reviewers().is_empty() {
        let last = filed
            .steps
            .iter()
            .rfind(|step| matches!(step.step, ApplicationStep::SentBack | ApplicationStep::Resubmitted));
        let message = match last.map(|step| step.step) {
            Some(ApplicationStep::SentBack) => {
                "差し戻されたため、審査をもう一度記録してください。決裁はその後です。"
            }
            Some(_) if filed.times(ApplicationStep::Reviewed) > 0 => {
                "補正されたため、審査をもう一度記録してください。決裁はその後です。"
            }
            _ => "審査がまだ記録されていません。担当者の審査の後で決裁してください。",
        };
        return Err(Failure::conflict("not_reviewed", message));
    }
    Ok(())
}

/// The days for which the decision consents.
fn days(
    known: &Known<'_>,
    content: &Content,
    given: &DecisionInput,
    today: NaiveDate,
) -> Result<DayRange, Failure> {
    let Some(period) = known.period().filter(|period| today <= period.to) else {
        return Err(Failure::conflict("contract_ended", "この契約は終了しています。"));
    };
    // The contract's first day may have been put off since the application was filed.
    let valid_from = given.valid_from.unwrap_or(content.starts_on.max(today).max(period.from));
    let valid_until = given.valid_until.unwrap_or(content.ends_on.min(period.to));
    if valid_from < today {
        let message =
            format!("承認は決裁した日より前にさかのぼれません。今日（{today}）以降の日を入力してください。");
        return Err(Failure::field("/valid_from", "before_decision", message));
    }
    let mut errors = Vec::new();
    check_within(period, ("/valid_from", valid_from), ("/valid_until", valid_until), &mut errors);
    Failure::unless_empty(errors)?;
    if valid_until < valid_from {
        let message = format!("承認の終了日は開始日（{valid_from}）以降の日を入力してください。");
        return Err(Failure::field("/valid_until", "before_start", message));
    }
    let days = DayRange { from: valid_from, to: valid_until };
    let mut terms = known.terms_within(days);
    if let Some((from, _)) = terms.find(|(_, terms)| terms.subcontracting.policy == Policy::Prohibited) {
        let message = if from == valid_from {
            "この契約では再委託が禁止されています。".to_owned()
        } else {
            format!(
                "この契約では{from}から再委託が禁止されています。承認の終了日をその前日までにしてください。"
            )
        };
        return Err(Failure::conflict("prohibited", message));
    }
    Ok(days)
}

/// The consent that the decision gives; its stamp is filled in when it is recorded.
fn consent(tx: &Tx<'_>, known: &Known<'_>, filed: &Filed, given: &DecisionInput) -> Result<Consent, Failure> {
    let content: Content = from_json(&filed.row.body)?;
    let days = days(known, &content, given, tx.today)?;
    Ok(Consent {
        id: tx.new_id::<crate::domain::id::of::Consent>(),
        engagement_id: filed.row.engagement_id,
        application_id: Some(filed.row.id),
        decided_on: tx.today,
        valid_from: days.from,
        valid_until: days.to,
        supersedes: filed.row.supersedes,
        amount_yen: content.amount_yen,
        country: content.country,
        data: content.data,
        stamp: Stamp { seq: 0, at: tx.last_at() },
    })
}

fn record_consent(
    tx: &mut Tx<'_>,
    case: &Case,
    call: &Call,
    filed: &Filed,
    said: &Said<'_>,
    consent: Consent,
) -> Result<(), Failure> {
    let given = said.given;
    let id: ConsentId = consent.id;
    let payload = json!({
        "application_id": filed.row.id, "consent_id": id, "engagement_id": consent.engagement_id,
        "valid_from": consent.valid_from, "valid_until": consent.valid_until, "supersedes": consent.supersedes,
        "amount_yen": consent.amount_yen, "country": consent.country, "data": consent.data,
        "conditions": given.conditions, "reason": given.reason, "given": said,
    });
    let recorded = tx.record("application.consented", filed.row.id, &payload)?;
    let stamp = recorded.stamp;
    filed.step(tx, ApplicationStep::Consented, said, &recorded)?;
    let applied: Content = from_json(&filed.row.body)?;
    let body = ConsentBody {
        scope: applied.scope,
        reason: Some(given.reason.clone()),
        conditions: given.conditions.clone(),
        document_number: None,
        note: None,
    };
    Ok(db::chain::add_consent(tx, case.id(), &Consent { stamp, ..consent }, call.actor.user_id, &body)?)
}

/// 取下げ, by the applicant, before it is decided.
pub fn withdraw(
    app: &App,
    call: &Call,
    id: ApplicationId,
    given: &WithdrawInput,
) -> Result<ApplicationView, Failure> {
    act(app, call, id, |tx, _, filed| {
        if filed.row.applicant_id != call.actor.organization.id {
            return Err(Failure::Forbidden("申請した事業者だけが取り下げられます。".to_owned()));
        }
        if filed.state()? != ApplicationState::Returned {
            filed.must_be_open()?;
        }
        let payload =
            json!({"application_id": id, "engagement_id": filed.row.engagement_id, "reason": given.reason});
        let recorded = tx.record("application.withdrawn", id, &payload)?;
        filed.step(tx, ApplicationStep::Withdrawn, given, &recorded)
    })
}
