//! The offices themselves: departments, closed days, people who come, stand in and take over, and what becomes of
//! contracts on the way.

use serde_json::{Value, json};

use super::body;
use super::cast::{Firm, House, Who};
use super::contracts::{ENDED_EARLY, Office};
use super::script::Script;
use super::stage::Stage;
use crate::domain::access::Permission;
use crate::domain::alert::{AlertKind, AlertState};
use crate::domain::calendar::add_days;
use crate::service::{Failure, IfMatch, Page, alert, contract, setting, user};

pub fn plan(script: &mut Script) {
    let days = script.days;
    script.on(days.first, |stage| {
        stage.department(Office::Tax, "zeimu")?;
        stage.department(Office::Welfare, "fukushi")
    });
    let closed = [add_days(days.month(-6), 14), add_days(days.month(1), 14), add_days(days.month(3), 4)];
    script.on(add_days(days.first, 1), move |stage| stage.settings(&json!({ "closed_days": closed })));

    let from = days.month(-5);
    script.on(add_days(from, -6), move |stage| {
        let input = body(&json!({"officer_id": stage.user(Who::WelfareOfficer)?, "from": from}))?;
        let by = stage.call(Who::AgencyAdmin, Permission::HandOver)?;
        contract::hand_over(stage.app, by, stage.contract("DEMO-013")?, &input).map(drop)
    });
    let from = days.month(-3);
    script.on(add_days(from, -8), move |stage| {
        let input = body(&json!({
            "effective_on": from, "amount_yen": 24_600_000, "ends_on": stage.days.month_end(11),
            "reason": "交付端末の増設に伴い、契約金額と期間を改めた（デモ）",
        }))?;
        let by = stage.call(Office::Tax.officer(), Permission::ChangeContract)?;
        contract::amend(stage.app, by, stage.contract("DEMO-010")?, &input).map(drop)
    });
    let from = days.month(ENDED_EARLY.1 + 1);
    script.on(add_days(from, -10), move |stage| {
        let input = body(&json!({"effective_on": from, "reason": "調査の中止による合意解除（デモ）"}))?;
        let by = stage.call(Office::Welfare.approver(), Permission::TerminateContract)?;
        contract::terminate(stage.app, by, stage.contract(ENDED_EARLY.0)?, &input).map(drop)
    });

    let (from, to) = (days.day(-3), days.day(11));
    script.ago(5, move |stage| {
        let deputy = stage.user(Who::DeputyApprover)?;
        let input = body(&json!({"deputy_id": deputy, "starts_on": from, "ends_on": to}))?;
        let by = stage.call(Who::AgencyAdmin, Permission::ManageDeputies)?;
        user::appoint_deputy(stage.app, by, stage.user(Who::Approver)?, &input).map(drop)
    });
    script.ago(2, |stage| {
        stage.invite(Who::AgencyAdmin, House::City, ("officer", "架空 新任", "new-officer"))?;
        stage.invite(Who::At(Firm::Otsu), House::Firm(Firm::Otsu), ("vendor_user", "架空 乙谷", "otsu-user"))
    });
    script.ago(1, |stage| stage.take_up(Who::Officer, AlertKind::ContractExpiring));
}

impl Stage<'_> {
    fn department(&self, office: Office, account: &str) -> Result<(), Failure> {
        let input = body(&json!({"name": office.department(), "email": format!("{account}@demo.example")}))?;
        let by = self.call(Who::AgencyAdmin, Permission::ChangeSettings)?;
        setting::set_department(self.app, by, &input).map(drop)
    }

    fn settings(&self, change: &Value) -> Result<(), Failure> {
        let by = self.call(Who::AgencyAdmin, Permission::ChangeSettings)?;
        setting::change(self.app, by, &IfMatch::Any, &body(change)?).map(drop)
    }

    /// Someone who has not come in yet.
    fn invite(
        &self,
        by: Who,
        house: House,
        (role, name, account): (&str, &str, &str),
    ) -> Result<(), Failure> {
        let input = body(&json!({
            "email": format!("{account}@demo.example"), "name": name, "roles": [role],
            "organization_id": self.organization(house)?,
        }))?;
        user::create(self.app, self.call(by, Permission::ManageUsers)?, &input).map(drop)
    }

    /// Every open alert of a kind is taken up at once.
    fn take_up(&self, who: Who, kind: AlertKind) -> Result<(), Failure> {
        let by = self.call(who, Permission::HandleAlerts)?;
        let filter = alert::AlertFilter {
            state: Some(AlertState::Open),
            kind: Some(kind),
            ..alert::AlertFilter::default()
        };
        let open = alert::list(self.app, by, &filter, &Page::default())?.items;
        let ids: Vec<_> = open.iter().map(|alert| alert.id).collect();
        alert::acknowledge_all(self.app, by, &body(&json!({ "ids": ids }))?).map(drop)
    }
}
