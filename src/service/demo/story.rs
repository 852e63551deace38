//! What has happened in the demonstration before one looks in: a year of two invented agencies and four invented
//! companies, told through the same use cases that everyone uses, on the days on which it happens.

use chrono::{Datelike, Days, NaiveDate};
use serde_json::{Value, json};

use super::{MoveClock, move_clock};
use crate::db;
use crate::domain::access::{Actor, ActorOrganization, OrganizationKind, Role};
use crate::domain::calendar::fiscal_year;
use crate::domain::id::{ContractId, EngagementId, OrganizationId};
use crate::domain::input::{Input, Mode, parse};
use crate::service::{
    App, Call, Failure, application, audit, chain, contract, declaration, organization, user,
};

/// How long before its first day the demonstration's story begins.
const BEFORE: Days = Days::new(300);

/// The day on which the story begins: the first of a month.
pub fn first_day(today: NaiveDate) -> NaiveDate {
    today.checked_sub_days(BEFORE).and_then(|day| day.with_day(1)).unwrap_or(today)
}

/// Someone of the story, with a login.
#[derive(Debug, Clone)]
pub struct Person {
    pub role: Role,
    pub email: String,
    pub organization: String,
    call: Call,
}

struct Teller<'a> {
    app: &'a App,
    password: &'a str,
    admin: Call,
    /// The first day.
    start: NaiveDate,
    /// The last.
    today: NaiveDate,
}

/// Reads a body as the API would.
fn body<T: Input>(value: &Value) -> Result<T, Failure> {
    parse(value, Mode::Strict).map_err(Failure::Invalid)
}

/// Tells the story, from the clock's day to `today`. Answers one person per role, the system's administrator aside.
pub fn tell(app: &App, admin: &Actor, password: &str, today: NaiveDate) -> Result<Vec<Person>, Failure> {
    let teller = Teller { app, password, admin: Call::of(admin.clone()), start: app.today(), today };
    let city = teller.organization("agency", "架空市役所（デモ）", Some("DEMO-1"))?;
    let prefecture = teller.organization("agency", "架空県庁（デモ）", Some("DEMO-2"))?;
    let [first, second, third, fourth] = [
        teller.organization("vendor", "架空甲データ株式会社（デモ）", None)?,
        teller.organization("vendor", "架空乙入力株式会社（デモ）", None)?,
        teller.organization("vendor", "架空丙企画合同会社（デモ）", None)?,
        teller.organization("vendor", "架空丁計算株式会社（デモ）", None)?,
    ];
    let officer = teller.person(&city, Role::Officer, "架空 担当")?;
    let approver = teller.person(&city, Role::Approver, "架空 決裁")?;
    let auditor = teller.person(&city, Role::Auditor, "架空 検査")?;
    let city_admin = teller.person(&city, Role::AgencyAdmin, "架空 管理")?;
    let prime = teller.person(&first, Role::VendorUser, "架空 甲野")?;
    let sub = teller.person(&second, Role::VendorAdmin, "架空 乙川")?;
    let overseer = teller.overseer("架空 監督")?;
    let neighbour = teller.enrolled(&prefecture, Role::Officer, "架空 県担当", "pref-officer")?;

    let tax = teller.contract(&officer, "DEMO-001", "架空の税申告書データ入力業務", first.id, 65)?;
    teller.contract(&officer, "DEMO-002", "架空の施設予約システム運用業務", fourth.id, 45)?;
    teller.contract(&neighbour, "DEMO-101", "架空の統計調査票集計業務", first.id, 120)?;
    teller.year(
        tax,
        &Cast { officer: &officer, approver: &approver, auditor: &auditor, prime: &prime, sub: &sub },
        &second,
        &third,
    )?;
    Ok(vec![officer, approver, auditor, city_admin, prime, sub, overseer])
}

/// Who acts on the contract that the story is about.
struct Cast<'a> {
    officer: &'a Person,
    approver: &'a Person,
    auditor: &'a Person,
    prime: &'a Person,
    sub: &'a Person,
}

impl Teller<'_> {
    fn day(&self, n: u64) -> NaiveDate {
        self.start.checked_add_days(Days::new(n)).unwrap_or(self.start)
    }

    /// Lets the days pass up to the n-th, with its sweep and its mail.
    fn wait(&self, n: u64) -> Result<(), Failure> {
        move_clock(self.app, &self.admin, &MoveClock { today: self.day(n).min(self.today) }).map(drop)
    }

    fn organization(&self, kind: &str, name: &str, code: Option<&str>) -> Result<ActorOrganization, Failure> {
        let input = body(&json!({"kind": kind, "name": name, "code": code, "country": "JP"}))?;
        let (made, _) = organization::register(self.app, &self.admin, &input)?;
        Ok(ActorOrganization { id: made.id, kind: made.kind, name: made.name })
    }

    fn person(&self, of: &ActorOrganization, role: Role, name: &str) -> Result<Person, Failure> {
        self.enrolled(of, role, name, &role.as_str().replace('_', "-"))
    }

    fn overseer(&self, name: &str) -> Result<Person, Failure> {
        let system = self.admin.actor.organization.clone();
        self.enrolled(&system, Role::Overseer, name, "overseer")
    }

    fn enrolled(
        &self,
        of: &ActorOrganization,
        role: Role,
        name: &str,
        account: &str,
    ) -> Result<Person, Failure> {
        let email = format!("{account}@demo.example");
        let input = json!({"email": email, "name": name, "organization_id": of.id, "roles": [role.as_str()], "password": self.password});
        let (made, _) = user::create(self.app, &self.admin, &body(&input)?)?;
        let actor = Actor {
            user_id: made.id,
            session_id: self.app.sources.new_id(),
            name: made.name,
            email: email.clone(),
            organization: of.clone(),
            roles: vec![role],
        };
        Ok(Person { role, email, organization: of.name.clone(), call: Call::of(actor) })
    }

    /// A contract from the first day to `days_left` days after the last one.
    fn contract(
        &self,
        officer: &Person,
        number: &str,
        title: &str,
        vendor: OrganizationId,
        days_left: u64,
    ) -> Result<ContractId, Failure> {
        let ends_on = self.today.checked_add_days(Days::new(days_left)).unwrap_or(self.today);
        let input = body(&json!({
            "number": number, "title": title, "fiscal_year": fiscal_year(self.start), "vendor_id": vendor,
            "amount_yen": 48_000_000, "signed_on": self.start, "starts_on": self.start, "ends_on": ends_on,
            "scope": "デモ用の架空の業務です。",
            "data": [{"category": "personal", "persons": 60_000}, {"category": "my_number", "persons": 20_000}],
            "subcontracting": {"policy": "consent_required", "max_tier": 3, "max_ratio_percent": 50, "overseas": "prohibited"},
            "declaration_interval": "yearly", "return_due_days": 14,
        }))?;
        Ok(contract::register(self.app, &officer.call, &input)?.id)
    }

    /// The chain to tier 3, with a use that began before its consent, a declaration, and an audit to come.
    fn year(
        &self,
        contract: ContractId,
        cast: &Cast<'_>,
        second: &ActorOrganization,
        third: &ActorOrganization,
    ) -> Result<(), Failure> {
        let root = chain::get(self.app, &cast.officer.call, contract, None, None)?.root.engagement_id;
        let due_on = self.today.checked_add_days(Days::new(21)).unwrap_or(self.today);
        let plan = body(&json!({"kind": "on_site", "due_on": due_on, "every_months": 12}))?;
        audit::plan(self.app, &cast.auditor.call, contract, &plan)?;

        self.wait(7)?;
        let second_place = self.consented(contract, cast, cast.prime, (root, second.id), 14)?;
        self.wait(95)?;
        self.declare(contract, cast.prime, second_place, 14)?;
        // The third company begins before anyone has applied for it, and its client says so itself.
        self.wait(130)?;
        let third_place = self.consented(contract, cast, cast.sub, (second_place, third.id), 137)?;
        self.wait(160)?;
        self.declare(contract, cast.sub, third_place, 120)?;
        move_clock(self.app, &self.admin, &MoveClock { today: self.today }).map(drop)
    }

    /// Filed today, reviewed three days later, decided four days after that; from the n-th day.
    fn consented(
        &self,
        contract: ContractId,
        cast: &Cast<'_>,
        applicant: &Person,
        (parent, vendor): (EngagementId, OrganizationId),
        from: u64,
    ) -> Result<EngagementId, Failure> {
        let ends_on = self.today.checked_add_days(Days::new(65)).unwrap_or(self.today);
        let filed = self.app.today();
        let input = body(&json!({
            "parent_engagement_id": parent, "vendor_id": vendor, "scope": "データ入力の一部（デモ）",
            "reason": "繁忙期の処理量を分担するため（デモ）", "amount_yen": 9_600_000, "starts_on": self.day(from).max(filed),
            "ends_on": ends_on, "country": "JP", "data": [{"category": "personal", "persons": 12_000}],
            "safeguards": {"access_control": true, "training": true, "secure_area": true},
        }))?;
        let made = application::file(self.app, &applicant.call, contract, &input)?;
        let since = u64::try_from((filed - self.start).num_days()).unwrap_or(0);
        self.wait(since + 3)?;
        let review = json!({"facilities": "ok", "technique": "ok", "training": "ok", "management": "ok", "note": "資料で確認（デモ）", "clauses": []});
        application::review(self.app, &cast.officer.call, made.id, &body(&review)?)?;
        self.wait(since + 7)?;
        let decision = body(&json!({"decision": "consent", "reason": "必要性と体制を確認した（デモ）"}))?;
        application::decide(self.app, &cast.approver.call, made.id, &decision)?;
        Ok(made.engagement_id)
    }

    fn declare(
        &self,
        contract: ContractId,
        by: &Person,
        place: EngagementId,
        started: u64,
    ) -> Result<(), Failure> {
        let input = body(&json!({
            "period": {"from": self.start, "to": self.app.today()}, "none": false,
            "engagements": [{"engagement_id": place, "started_on": self.day(started)}],
        }))?;
        declaration::declare(self.app, &by.call, contract, &input).map(drop)
    }
}

impl Person {
    /// The role and the organization on screen.
    pub fn title(&self) -> String {
        format!("{}（{}）", self.role.title(), self.organization)
    }
}

/// The administrator as an actor of the story.
pub fn administrator(app: &App, made: &user::UserView) -> Result<Actor, Failure> {
    let organization = app.db.read_one(|conn| db::organization::find(conn, made.organization_id))?.name;
    Ok(Actor {
        user_id: made.id,
        session_id: app.sources.new_id(),
        name: made.name.clone(),
        email: made.email.clone(),
        organization: ActorOrganization {
            id: made.organization_id,
            kind: OrganizationKind::System,
            name: organization,
        },
        roles: made.roles.clone(),
    })
}
