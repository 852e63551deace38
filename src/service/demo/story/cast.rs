//! Who is in it: the agencies, the companies and their people, all evidently invented.

use std::collections::HashMap;

use serde_json::json;

use super::{body, untold};
use crate::domain::access::{Actor, ActorOrganization, Role};
use crate::domain::id::UserId;
use crate::service::{App, Call, Failure, organization, user};
use crate::text_enum;

text_enum! {
    /// A company.
    pub enum Firm {
        Kou = "甲", Otsu = "乙", Hei = "丙", Tei = "丁", Bo = "戊", Ki = "己", Kyou = "庚", Shin = "辛",
    }
}

/// An organization of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum House {
    City,
    Prefecture,
    Firm(Firm),
    /// The operator, where the overseer is.
    System,
}

/// A person of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// Of the city's tax department.
    Officer,
    WelfareOfficer,
    Approver,
    DeputyApprover,
    Auditor,
    AgencyAdmin,
    PrefectureOfficer,
    PrefectureApprover,
    PrefectureAuditor,
    /// Who acts for a company.
    At(Firm),
    Overseer,
}

const AGENCIES: [(House, &str, &str); 2] =
    [(House::City, "架空市役所（デモ）", "DEMO-1"), (House::Prefecture, "架空県庁（デモ）", "DEMO-2")];

const FIRMS: [(Firm, &str); 8] = [
    (Firm::Kou, "架空甲データ株式会社（デモ）"),
    (Firm::Otsu, "架空乙入力株式会社（デモ）"),
    (Firm::Hei, "架空丙企画合同会社（デモ）"),
    (Firm::Tei, "架空丁計算株式会社（デモ）"),
    (Firm::Bo, "架空戊印刷株式会社（デモ）"),
    (Firm::Ki, "架空己コールセンター株式会社（デモ）"),
    (Firm::Kyou, "架空庚システム株式会社（デモ）"),
    (Firm::Shin, "架空辛文書保管株式会社（デモ）"),
];

/// Name, address before the @, and where; the first of a role is its login.
const PEOPLE: [(Who, House, Role, &str, &str); 18] = [
    (Who::Officer, House::City, Role::Officer, "架空 担当", "officer"),
    (Who::Approver, House::City, Role::Approver, "架空 決裁", "approver"),
    (Who::Auditor, House::City, Role::Auditor, "架空 検査", "auditor"),
    (Who::AgencyAdmin, House::City, Role::AgencyAdmin, "架空 管理", "agency-admin"),
    (Who::At(Firm::Kou), House::Firm(Firm::Kou), Role::VendorUser, "架空 甲野", "vendor-user"),
    (Who::At(Firm::Otsu), House::Firm(Firm::Otsu), Role::VendorAdmin, "架空 乙川", "vendor-admin"),
    (Who::Overseer, House::System, Role::Overseer, "架空 監督", "overseer"),
    (Who::WelfareOfficer, House::City, Role::Officer, "架空 福祉", "welfare-officer"),
    (Who::DeputyApprover, House::City, Role::Approver, "架空 代理", "deputy-approver"),
    (Who::PrefectureOfficer, House::Prefecture, Role::Officer, "架空 県担当", "pref-officer"),
    (Who::PrefectureApprover, House::Prefecture, Role::Approver, "架空 県決裁", "pref-approver"),
    (Who::PrefectureAuditor, House::Prefecture, Role::Auditor, "架空 県検査", "pref-auditor"),
    (Who::At(Firm::Hei), House::Firm(Firm::Hei), Role::VendorUser, "架空 丙山", "hei-user"),
    (Who::At(Firm::Tei), House::Firm(Firm::Tei), Role::VendorUser, "架空 丁田", "tei-user"),
    (Who::At(Firm::Bo), House::Firm(Firm::Bo), Role::VendorUser, "架空 戊沢", "bo-user"),
    (Who::At(Firm::Ki), House::Firm(Firm::Ki), Role::VendorUser, "架空 己村", "ki-user"),
    (Who::At(Firm::Kyou), House::Firm(Firm::Kyou), Role::VendorUser, "架空 庚島", "kyou-user"),
    (Who::At(Firm::Shin), House::Firm(Firm::Shin), Role::VendorUser, "架空 辛木", "shin-user"),
];

/// Someone of the story, with a login.
#[derive(Debug, Clone)]
pub struct Person {
    pub role: Role,
    pub email: String,
    pub organization: String,
    call: Call,
}

impl Person {
    /// The role and the organization on screen.
    pub fn title(&self) -> String {
        format!("{}: {}", self.role.title(), self.organization)
    }
}

/// Everyone, enrolled.
pub struct Cast {
    houses: HashMap<House, ActorOrganization>,
    people: HashMap<Who, Person>,
}

impl Cast {
    pub fn house(&self, house: House) -> Result<&ActorOrganization, Failure> {
        self.houses.get(&house).ok_or_else(|| untold(format_args!("no {house:?}")))
    }

    /// A request of that person.
    pub fn call(&self, who: Who) -> Result<&Call, Failure> {
        Ok(&self.people.get(&who).ok_or_else(|| untold(format_args!("no {who:?}")))?.call)
    }

    pub fn user(&self, who: Who) -> Result<UserId, Failure> {
        Ok(self.call(who)?.actor.user_id)
    }

    /// One person per role, in the order of the cast.
    pub fn logins(&self) -> Vec<Person> {
        let mut logins: Vec<Person> = Vec::new();
        for person in PEOPLE.iter().filter_map(|(who, ..)| self.people.get(who)) {
            if logins.iter().all(|login| login.role != person.role) {
                logins.push(person.clone());
            }
        }
        logins
    }
}

/// The system's administrator registers the organizations and lets everyone in.
pub fn enroll(app: &App, admin: &Call, password: &str) -> Result<Cast, Failure> {
    let mut houses = HashMap::from([(House::System, admin.actor.organization.clone())]);
    for (house, name, code) in AGENCIES {
        houses.insert(house, organization(app, admin, "agency", name, Some(code))?);
    }
    for (firm, name) in FIRMS {
        houses.insert(House::Firm(firm), organization(app, admin, "vendor", name, None)?);
    }
    let mut cast = Cast { houses, people: HashMap::new() };
    for (who, house, role, name, account) in PEOPLE {
        let of = cast.house(house)?.clone();
        let person = enrolled(app, admin, password, of, (role, name, account))?;
        cast.people.insert(who, person);
    }
    Ok(cast)
}

fn organization(
    app: &App,
    admin: &Call,
    kind: &str,
    name: &str,
    code: Option<&str>,
) -> Result<ActorOrganization, Failure> {
    let input = body(&json!({"kind": kind, "name": name, "code": code, "country": "JP"}))?;
    let (made, _) = organization::register(app, admin, &input)?;
    Ok(ActorOrganization { id: made.id, kind: made.kind, name: made.name })
}

fn enrolled(
    app: &App,
    admin: &Call,
    password: &str,
    of: ActorOrganization,
    (role, name, account): (Role, &str, &str),
) -> Result<Person, Failure> {
    let email = format!("{account}@demo.example");
    let input = json!({"email": email, "name": name, "organization_id": of.id, "roles": [role.as_str()], "password": password});
    let (made, _) = user::create(app, admin, &body(&input)?)?;
    let actor = Actor {
        user_id: made.id,
        session_id: app.sources.new_id(),
        name: made.name,
        email: email.clone(),
        organization: of.clone(),
        roles: vec![role],
        must_change_password: false,
        authenticated_at: app.sources.clock.machine_now(),
        has_factor: false,
    };
    Ok(Person { role, email, organization: of.name, call: Call::of(actor) })
}
