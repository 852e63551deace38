//! What people do, one act a function: each through its use case, by whoever may.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::cast::{Firm, Who};
use super::stage::{Place, Stage};
use super::{body, untold};
use crate::domain::access::Permission;
use crate::domain::alert::AlertKind;
use crate::domain::id::{AlertId, DeclarationId, ObservationId};
use crate::domain::settings::Settings;
use crate::service::{Failure, Page, alert, application, consent, declaration, observation};

/// What is applied for.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    pub place: Place,
    /// Who engages the company, and applies.
    pub under: Firm,
    pub scope: &'static str,
    pub yen: i64,
    pub starts_on: NaiveDate,
    pub ends_on: NaiveDate,
    /// 変更承認申請
    pub supersedes: bool,
}

/// What is in use, and since when.
#[derive(Debug, Clone, Copy)]
pub struct Use {
    pub firm: Firm,
    pub under: Firm,
    pub started_on: NaiveDate,
    pub ended_on: Option<NaiveDate>,
}

/// What of an application is given anew after 補正依頼.
fn content(ask: &Ask, persons: i64) -> Value {
    let data = if persons > 0 { json!([{"category": "personal", "persons": persons}]) } else { json!([]) };
    json!({
        "scope": ask.scope, "reason": "繁忙期の処理量を分担し、納期を守るため（デモ）",
        "selection_reason": "同種の業務の実績があり、体制を確認できたため（デモ）", "amount_yen": ask.yen,
        "starts_on": ask.starts_on, "ends_on": ask.ends_on, "country": "JP", "data": data,
        "work_places": ["架空県架空市架空町1-1 架空ビル（デモ）"],
        "safeguards": {"アクセス制御": "担当者ごとに権限を分ける（デモ）", "教育": "着手前と年1回（デモ）", "作業場所": "施錠した区画（デモ）"},
    })
}

impl Stage<'_> {
    /// 再委託承認申請, by the company above.
    pub fn file(&mut self, ask: &Ask) -> Result<(), Failure> {
        let (number, firm) = ask.place;
        let mut asked = content(ask, self.row(number)?.persons / 5);
        if let Value::Object(asked) = &mut asked {
            asked.insert("parent_engagement_id".to_owned(), json!(self.place((number, ask.under))?));
            asked.insert("vendor_id".to_owned(), json!(self.firm(firm)?));
            asked.insert("supersedes".to_owned(), json!(ask.supersedes));
        }
        let by = self.call(Who::At(ask.under), Permission::FileApplication)?;
        let made = application::file(self.app, by, self.contract(number)?, &body(&asked)?)?;
        self.keep_place(ask.place, made.engagement_id);
        self.keep_application(ask.place, made.id);
        Ok(())
    }

    /// 審査, by the department's officer.
    pub fn review(&mut self, place: Place) -> Result<(), Failure> {
        let clauses = Settings::default().clauses;
        let clauses: Vec<Value> = clauses
            .iter()
            .map(|clause| json!({"number": clause.number, "text": clause.text, "answer": "○"}))
            .collect();
        let review = json!({
            "facilities": "ok", "technique": "ok", "training": "ok", "management": "ok",
            "note": "提出された資料と契約書の写しで確認した（デモ）", "clauses": clauses,
        });
        let by = self.call(self.office(place.0)?.officer(), Permission::ReviewApplication)?;
        application::review(self.app, by, self.application(place)?, &body(&review)?)?;
        Ok(())
    }

    /// 決裁: consent.
    pub fn consent(&mut self, place: Place) -> Result<(), Failure> {
        self.decide(place, &json!({"decision": "consent", "reason": "必要性と体制を確認した（デモ）"}))?;
        self.reports(place);
        Ok(())
    }

    /// 決裁: refusal.
    pub fn refuse(&mut self, place: Place, reason: &str) -> Result<(), Failure> {
        self.decide(place, &json!({"decision": "refuse", "reason": reason}))
    }

    fn decide(&self, place: Place, decision: &Value) -> Result<(), Failure> {
        let by = self.call(self.office(place.0)?.approver(), Permission::DecideApplication)?;
        application::decide(self.app, by, self.application(place)?, &body(decision)?).map(drop)
    }

    /// 補正依頼.
    pub fn send_back(&mut self, place: Place, points: &str, reply_by: NaiveDate) -> Result<(), Failure> {
        let input = body(&json!({"points": points, "reply_by": reply_by}))?;
        let by = self.call(self.office(place.0)?.officer(), Permission::ReviewApplication)?;
        application::ask_correction(self.app, by, self.application(place)?, &input).map(drop)
    }

    /// 補正, by who filed.
    pub fn correct(&mut self, ask: &Ask) -> Result<(), Failure> {
        let corrected = content(ask, self.row(ask.place.0)?.persons / 6);
        let by = self.call(Who::At(ask.under), Permission::FileApplication)?;
        application::resubmit(self.app, by, self.application(ask.place)?, &body(&corrected)?).map(drop)
    }

    /// 取下げ, by who filed.
    pub fn withdraw(&mut self, place: Place, by: Firm, reason: &str) -> Result<(), Failure> {
        let input = body(&json!({ "reason": reason }))?;
        application::withdraw(
            self.app,
            self.call(Who::At(by), Permission::FileApplication)?,
            self.application(place)?,
            &input,
        )
        .map(drop)
    }

    /// 承認取消し.
    pub fn revoke(&mut self, place: Place, effective_on: NaiveDate, reason: &str) -> Result<(), Failure> {
        let input = body(&json!({"reason": reason, "effective_on": effective_on}))?;
        let by = self.call(self.office(place.0)?.approver(), Permission::RevokeConsent)?;
        consent::revoke(self.app, by, self.place(place)?, &input).map(drop)
    }

    /// 再委託状況報告 of what began or ended.
    pub fn declare(&mut self, number: &'static str, by: Firm, used: Use) -> Result<DeclarationId, Failure> {
        let input = body(&json!({
            "period": {"from": used.started_on.min(self.today()), "to": self.today()}, "none": false,
            "engagements": [{
                "parent_engagement_id": self.place((number, used.under))?, "vendor_id": self.firm(used.firm)?,
                "started_on": used.started_on, "ended_on": used.ended_on,
            }],
        }))?;
        let by = self.call(Who::At(by), Permission::Declare)?;
        let made = declaration::declare(self.app, by, self.contract(number)?, &input)?;
        // One that nobody applied for stands on the chain from now on.
        if let Some(unapproved) = made.unapproved.first() {
            self.keep_place((number, used.firm), unapproved.engagement_id);
        }
        Ok(made.id)
    }

    /// Takes a declaration back.
    pub fn retract(&mut self, by: Firm, id: DeclarationId, reason: &str) -> Result<(), Failure> {
        let input = body(&json!({ "reason": reason }))?;
        declaration::retract(self.app, self.call(Who::At(by), Permission::Declare)?, id, &input).map(drop)
    }

    /// 確認事項.
    pub fn observe(
        &mut self,
        (number, who): (&'static str, Who),
        seen: Use,
        source: &str,
        note: &str,
    ) -> Result<ObservationId, Failure> {
        let input = body(&json!({
            "parent_engagement_id": self.place((number, seen.under))?, "vendor_id": self.firm(seen.firm)?,
            "started_on": seen.started_on, "ended_on": seen.ended_on, "source": source, "note": note,
        }))?;
        let made = observation::observe(
            self.app,
            self.call(who, Permission::Observe)?,
            self.contract(number)?,
            &input,
        )?;
        self.keep_place((number, seen.firm), made.engagement_id);
        Ok(made.id)
    }

    /// Takes back what was observed last.
    pub fn take_back_observation(&mut self, who: Who, reason: &str) -> Result<(), Failure> {
        let id = self.observation.take().ok_or_else(|| untold("no observation"))?;
        let input = body(&json!({ "reason": reason }))?;
        observation::retract(self.app, self.call(who, Permission::Observe)?, id, &input).map(drop)
    }

    /// The latest alert of a kind on a contract.
    pub fn alert(&self, number: &str, kind: AlertKind) -> Result<AlertId, Failure> {
        let (kind, contract_id) = (Some(kind), Some(self.contract(number)?));
        let filter = alert::AlertFilter { kind, contract_id, ..alert::AlertFilter::default() };
        let by = self.call(self.office(number)?.officer(), Permission::ReadAlerts)?;
        let alerts = alert::list(self.app, by, &filter, &Page::default())?.items;
        Ok(alerts.first().ok_or_else(|| untold(format_args!("no {kind:?} on {number}")))?.id)
    }

    /// What someone makes of an alert.
    pub fn assess(&mut self, who: Who, alert: AlertId, verdict: &str, reason: &str) -> Result<(), Failure> {
        let input = body(&json!({"assessment": verdict, "reason": reason}))?;
        alert::assess(self.app, self.call(who, Permission::HandleAlerts)?, alert, &input).map(drop)
    }

    /// What was done about an alert.
    pub fn measure(&mut self, who: Who, alert: AlertId, reason: &str) -> Result<(), Failure> {
        let input = body(&json!({ "reason": reason }))?;
        alert::resolve(self.app, self.call(who, Permission::HandleAlerts)?, alert, &input).map(drop)
    }
}
