//! Two agencies alike, each with its people and one contract whose chain branches, so that everything that a route
//! can name exists twice; and what of it each person knows.

use itaku::db::pending::{self, PendingRow, Wanted};
use itaku::domain::access::Role::{self, *};
use itaku::domain::id::OrganizationId;
use itaku::domain::text_enum::TextEnum;
use serde_json::{Value, json};

use crate::expected::may;
use crate::support::{Person, TestApp};

/// The day on which the world stands, some weeks after its facts began.
pub const TODAY: &str = "2026-04-20";
/// An identifier that nothing has.
pub const NOTHING: &str = "01890000-0000-7000-8000-00000000ffff";

/// What a path's identifier names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Contract,
    Application,
    Engagement,
    Declaration,
    Observation,
    Audit,
    Alert,
    Notice,
    User,
    Change,
    Deputy,
    Organization,
    Session,
    Passkey,
    Entry,
}

/// What the identifier in a path names; None: the path has none.
pub fn kind_of(path: &str) -> Option<Kind> {
    let (before, _) = path.split_once("/{")?;
    Some(match before {
        "/contracts" => Kind::Contract,
        "/applications" => Kind::Application,
        "/engagements" => Kind::Engagement,
        "/declarations" => Kind::Declaration,
        "/observations" => Kind::Observation,
        "/audits" => Kind::Audit,
        "/alerts" => Kind::Alert,
        "/notices" => Kind::Notice,
        "/users" => Kind::User,
        "/pending-changes" => Kind::Change,
        "/deputies" => Kind::Deputy,
        "/organizations" | "/vendors" => Kind::Organization,
        "/me/sessions" => Kind::Session,
        "/me/passkeys" => Kind::Passkey,
        "/ledger" => Kind::Entry,
        other => panic!("what does {other}/{{…}} name?"),
    })
}

/// `path` with its identifier.
pub fn filled(path: &str, id: &str) -> String {
    match (path.find('{'), path.find('}')) {
        (Some(from), Some(to)) => format!("{}{id}{}", &path[..from], &path[to + 1..]),
        _ => path.to_owned(),
    }
}

/// A vendor's place on a contract, and what hangs on it.
#[derive(Debug, Clone)]
pub struct Place {
    pub organization: OrganizationId,
    pub name: String,
    pub user: Person,
    pub engagement: String,
    /// By which it came onto the chain; the prime has none.
    pub application: Option<String>,
    /// The entry of that application.
    pub entry: Option<String>,
    /// About it.
    pub alert: Option<String>,
    pub audit: Option<String>,
    /// Which it made.
    pub declaration: Option<String>,
}

/// An agency, its contract and the vendors on it: prime → sub → deep, prime → sibling.
pub struct House {
    pub agency: OrganizationId,
    pub officer: Person,
    pub approver: Person,
    pub auditor: Person,
    pub admin: Person,
    pub vendor_admin: Person,
    pub contract: String,
    pub prime: Place,
    pub sub: Place,
    pub sibling: Place,
    pub deep: Place,
    /// About the sibling.
    pub observation: String,
    pub notice: String,
    /// Of the officer's account, asked for by the administrator.
    pub change: String,
    /// Who will stand in for the approver, later in the year.
    pub deputy: String,
    /// What only the agency may read.
    pub secrets: Vec<String>,
}

pub struct World {
    pub a: House,
    pub b: House,
    pub overseer: Person,
    pub system_admin: Person,
    /// Of someone who calls nothing.
    pub strange_session: String,
}

/// What an application asks for, beside its place.
fn content(starts_on: &str, ends_on: &str) -> Value {
    json!({
        "scope": "入力", "reason": "専門の設備があるため", "amount_yen": 1_000_000, "starts_on": starts_on,
        "ends_on": ends_on, "country": "JP", "data": [{"category": "personal", "persons": 100}],
    })
}

/// The body with more fields.
pub fn with(mut body: Value, more: Value) -> Value {
    let (Value::Object(all), Value::Object(more)) = (&mut body, more) else { panic!("objects") };
    all.extend(more);
    body
}

/// Text of an answer's field.
pub fn word(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("{name} in {body:#}")).to_owned()
}

struct Builder<'a> {
    app: &'a TestApp,
    code: &'a str,
    officer: Person,
    approver: Person,
    contract: String,
}

impl Builder<'_> {
    /// A consent under `parent`, asked for by `applicant`; engagement and application.
    fn consented(
        &self,
        applicant: &Person,
        parent: &str,
        vendor: OrganizationId,
        from: &str,
        to: &str,
    ) -> (String, String) {
        let place = json!({"parent_engagement_id": parent, "vendor_id": vendor});
        let path = format!("/contracts/{}/applications", self.contract);
        let filed = self.app.post(applicant, &path, with(content(from, to), place)).must(201);
        let id = word(&filed, "id");
        let review = json!({
            "facilities": "ok", "technique": "ok", "training": "ok", "management": "concern",
            "note": format!("内部所見{}", self.code), "clauses": [{"number": "1", "remark": format!("条項所見{}", self.code)}],
        });
        self.app.post(&self.officer, &format!("/applications/{id}/review"), review).must(200);
        let decision = json!({"decision": "consent", "reason": "適当と認める"});
        self.app.post(&self.approver, &format!("/applications/{id}/decision"), decision).must(200);
        (word(&filed, "engagement_id"), id)
    }

    fn entry_naming(&self, subject: &str) -> String {
        let entries = self.app.get(&self.officer, &format!("/ledger?subject={subject}")).must(200);
        word(&entries["items"][0], "entry")
    }
}

impl House {
    /// Registers and consents on the first day; what was declared, seen and audited comes with [`House::live`].
    fn found(app: &TestApp, code: &str) -> Self {
        let agency = app.agency(code);
        let person = |role| app.person(agency, &[role]);
        let (officer, approver) = (person(Officer), person(Approver));
        let vendor = |name: &str| {
            let name = format!("{name}{code}株式会社");
            let organization = app.vendor(&name);
            Place {
                organization,
                user: app.person(organization, &[VendorUser]),
                name,
                engagement: String::new(),
                application: None,
                entry: None,
                alert: None,
                audit: None,
                declaration: None,
            }
        };
        let (mut prime, mut sub, mut sibling, mut deep) =
            (vendor("架空元請"), vendor("架空下請甲"), vendor("架空下請乙"), vendor("架空孫請"));
        let body = json!({
            "number": format!("契約{code}"), "title": format!("架空業務{code}"), "fiscal_year": 2026,
            "vendor_id": prime.organization, "amount_yen": 98_765_432, "signed_on": "2026-04-01",
            "starts_on": "2026-04-01", "ends_on": "2027-03-31", "scope": "入力",
            "data": [{"category": "personal", "persons": 800}],
            "subcontracting": {"policy": "consent_required", "max_tier": 4},
            "declaration_interval": "monthly", "department": format!("内部部署{code}"),
        });
        let contract = word(&app.post(&officer, "/contracts", body).must(201), "id");
        let chain = app.get(&officer, &format!("/contracts/{contract}/chain")).must(200);
        prime.engagement = word(&chain["root"], "engagement_id");
        let builder = Builder { app, code, officer, approver, contract };
        for (place, from, to) in
            [(&mut sub, "2026-04-01", "2026-04-15"), (&mut sibling, "2026-04-10", "2027-03-31")]
        {
            let (engagement, application) =
                builder.consented(&prime.user, &prime.engagement, place.organization, from, to);
            place.entry = Some(builder.entry_naming(&application));
            (place.engagement, place.application) = (engagement, Some(application));
        }
        let (engagement, application) =
            builder.consented(&sub.user, &sub.engagement, deep.organization, "2026-04-01", "2026-04-15");
        deep.entry = Some(builder.entry_naming(&application));
        (deep.engagement, deep.application) = (engagement, Some(application));
        let Builder { officer, approver, contract, .. } = builder;
        Self {
            agency,
            auditor: person(Auditor),
            admin: person(AgencyAdmin),
            vendor_admin: app.person(prime.organization, &[VendorAdmin]),
            officer,
            approver,
            contract,
            prime,
            sub,
            sibling,
            deep,
            observation: String::new(),
            notice: String::new(),
            change: String::new(),
            deputy: String::new(),
            secrets: Vec::new(),
        }
    }

    /// Logs everyone in on the world's day, and lets things happen.
    fn live(&mut self, app: &TestApp, code: &str) {
        let people = [
            &mut self.officer,
            &mut self.approver,
            &mut self.auditor,
            &mut self.admin,
            &mut self.vendor_admin,
            &mut self.prime.user,
            &mut self.sub.user,
            &mut self.sibling.user,
            &mut self.deep.user,
        ];
        for person in people {
            *person = app.log_in(person);
        }
        let on = |what: &str| format!("/contracts/{}/{what}", self.contract);
        let declare = |who: &Person, uses: Value| {
            let body = json!({
                "period": {"from": "2026-04-01", "to": "2026-04-19"}, "none": uses.as_array().unwrap().is_empty(),
                "engagements": uses,
            });
            Some(word(&app.post(who, &on("declarations"), body).must(201), "id"))
        };
        // One statement about both branches: it is neither's.
        let both = json!([
            {"engagement_id": self.sub.engagement, "started_on": "2026-04-01"},
            {"engagement_id": self.sibling.engagement, "started_on": "2026-04-05"},
        ]);
        self.prime.declaration = declare(&self.prime.user, both);
        let below = json!([{"engagement_id": self.deep.engagement, "started_on": "2026-04-01"}]);
        self.sub.declaration = declare(&self.sub.user, below);
        self.sibling.declaration = declare(&self.sibling.user, json!([]));
        self.deep.declaration = declare(&self.deep.user, json!([]));

        let seen = json!({
            "engagement_id": self.sibling.engagement, "started_on": "2026-04-04", "source": "audit",
            "note": format!("内部記録{code}"),
        });
        self.observation = word(&app.post(&self.auditor, &on("observations"), seen).must(201), "id");
        for place in [&mut self.prime, &mut self.sub, &mut self.sibling, &mut self.deep] {
            let plan = json!({
                "kind": "on_site", "engagement_id": place.engagement, "due_on": "2026-12-01",
                "auditor": format!("内部検査員{code}"),
            });
            let path = format!("/contracts/{}/audits", self.contract);
            place.audit = Some(word(&app.post(&self.auditor, &path, plan).must(201), "id"));
        }
        let done = json!({
            "done_on": TODAY, "result": "findings", "note": format!("内部講評{code}"),
            "findings": [{"text": format!("乙の不備{code}"), "severity": "軽微", "due_on": "2026-06-30"}],
        });
        let audit = self.sibling.audit.clone().unwrap();
        app.post(&self.auditor, &format!("/audits/{audit}/complete"), done).must(200);
        let alerts = app.get(&self.officer, "/alerts?kind=unapproved_subcontractor&limit=200").must(200);
        for place in [&mut self.sub, &mut self.sibling, &mut self.deep] {
            let of = |alert: &&Value| alert["engagement_id"] == json!(place.engagement);
            let alert = alerts["items"].as_array().unwrap().iter().find(of);
            let alert = word(alert.unwrap_or_else(|| panic!("no alert about {}", place.name)), "id");
            let judged = json!({"assessment": "suspected", "reason": format!("内部判断{code}")});
            app.post(&self.officer, &format!("/alerts/{alert}/assess"), judged).must(200);
            let measured = json!({"reason": format!("内部措置{code}")});
            app.post(&self.officer, &format!("/alerts/{alert}/resolve"), measured).must(200);
            place.alert = Some(alert);
        }
        self.change = waiting_change(app, self);
        let later = json!({"deputy_id": self.officer.id, "starts_on": "2026-12-01", "ends_on": "2026-12-10"});
        let path = format!("/users/{}/deputies", self.approver.id);
        self.deputy = word(&app.post(&self.admin, &path, later).must(201), "id");
        self.notice = word(&app.get(&self.admin, "/notices").must(200)["items"][0], "id");
        let inside = ["内部所見", "条項所見", "内部記録", "内部検査員", "内部講評", "内部判断", "内部措置"];
        self.secrets = inside.map(|word| format!("{word}{code}")).to_vec();
    }
}

/// A later last day of the officer's account, as it waits where guards are on.
fn waiting_change(app: &TestApp, house: &House) -> String {
    let now = app.app.now();
    let wanted = Wanted::ExpiresOn { expires_on: None };
    let of = (house.agency, house.officer.id);
    let id = app.app.sources.new_id();
    let until = now + chrono::Duration::days(14);
    let row = PendingRow::asked((id, app.app.sources.token()), of, &wanted, house.admin.id, now, None, until)
        .unwrap();
    app.app.db.write(|conn| pending::insert(conn, &row)).unwrap();
    id.to_string()
}

/// Who calls, and from where.
#[derive(Clone, Copy)]
pub enum Seat<'a> {
    Agency(&'a House),
    Vendor(&'a House, &'a Place),
    Operator,
}

/// Someone who calls every route.
#[derive(Clone)]
pub struct Caller<'a> {
    pub name: String,
    pub role: Role,
    pub person: &'a Person,
    pub seat: Seat<'a>,
}

impl World {
    pub fn new(app: &TestApp) -> Self {
        let (mut a, mut b) = (House::found(app, "いろは"), House::found(app, "にほへ"));
        let operator = app.admin().organization;
        let overseer = app.person(operator, &[Overseer]);
        app.move_to(TODAY);
        a.live(app, "いろは");
        b.live(app, "にほへ");
        let stranger = app.person(operator, &[Overseer]);
        let sessions = app.get(&stranger, "/me/sessions").must(200);
        Self {
            overseer: app.log_in(&overseer),
            system_admin: app.log_in(&app.admin()),
            strange_session: word(&sessions["items"][0], "id"),
            a,
            b,
        }
    }

    pub fn callers(&self) -> Vec<Caller<'_>> {
        let mut all = Vec::new();
        for (house, name) in [(&self.a, "A"), (&self.b, "B")] {
            let mut add = |who: &str, role, person, seat| {
                all.push(Caller { name: format!("{name}'s {who}"), role, person, seat });
            };
            let agency = Seat::Agency(house);
            add("officer", Officer, &house.officer, agency);
            add("approver", Approver, &house.approver, agency);
            add("auditor", Auditor, &house.auditor, agency);
            add("agency_admin", AgencyAdmin, &house.admin, agency);
            add("prime's admin", VendorAdmin, &house.vendor_admin, Seat::Vendor(house, &house.prime));
            let places = [
                ("prime", &house.prime),
                ("sub", &house.sub),
                ("sibling", &house.sibling),
                ("deep", &house.deep),
            ];
            for (who, place) in places {
                add(who, VendorUser, &place.user, Seat::Vendor(house, place));
            }
        }
        let operator =
            |name: &str, role, person| Caller { name: name.to_owned(), role, person, seat: Seat::Operator };
        all.push(operator("overseer", Overseer, &self.overseer));
        all.push(operator("system_admin", SystemAdmin, &self.system_admin));
        all
    }

    /// The first of the callers who may use the route.
    pub fn caller_for(&self, method: &str, path: &str) -> Caller<'_> {
        let may = may(method, path).unwrap_or(Role::ALL);
        let found = self.callers().into_iter().find(|caller| may.contains(&caller.role));
        found.unwrap_or_else(|| panic!("nobody may {method} {path}"))
    }
}

impl Place {
    fn id(&self, house: &House, kind: Kind) -> Option<String> {
        match kind {
            Kind::Contract => Some(house.contract.clone()),
            Kind::Application => self.application.clone(),
            Kind::Engagement => Some(self.engagement.clone()),
            Kind::Declaration => self.declaration.clone(),
            Kind::Audit => self.audit.clone(),
            Kind::Alert => self.alert.clone(),
            Kind::Organization => Some(self.organization.to_string()),
            Kind::User => Some(self.user.id.to_string()),
            Kind::Entry => self.entry.clone(),
            Kind::Observation
            | Kind::Notice
            | Kind::Session
            | Kind::Passkey
            | Kind::Change
            | Kind::Deputy => None,
        }
    }
}

impl Caller<'_> {
    /// Something of this kind that the caller may know of.
    pub fn own(&self, world: &World, kind: Kind) -> Option<String> {
        match (self.seat, kind) {
            (Seat::Agency(house), Kind::Change) if matches!(self.role, AgencyAdmin | Officer) => {
                Some(house.change.clone())
            }
            (Seat::Operator, Kind::Change) if self.role == SystemAdmin => Some(world.a.change.clone()),
            (_, Kind::Session | Kind::Passkey | Kind::Change) => None,
            (_, Kind::User) if !matches!(self.role, AgencyAdmin | SystemAdmin) => {
                Some(self.person.id.to_string())
            }
            (Seat::Agency(house), Kind::Notice) => Some(house.notice.clone()),
            (Seat::Agency(house), Kind::Deputy) => Some(house.deputy.clone()),
            (Seat::Agency(house), Kind::Observation) => Some(house.observation.clone()),
            (Seat::Agency(house), Kind::User) => Some(house.officer.id.to_string()),
            (Seat::Agency(house), _) => house.sub.id(house, kind),
            // An alert is told to the vendor that it is about.
            (Seat::Vendor(house, place), Kind::Alert) => place.id(house, kind),
            (Seat::Vendor(house, place), _) => place.id(house, kind).or_else(|| {
                let is_prime = place.organization == house.prime.organization;
                house.sub.id(house, kind).filter(|_| is_prime)
            }),
            (Seat::Operator, _) => world.a.sub.id(&world.a, kind),
        }
    }

    /// Words that must not meet a vendor: what they would tell it, and the word. No one else is kept from any.
    pub fn forbidden(&self, world: &World) -> Vec<(String, String)> {
        let Seat::Vendor(house, place) = self.seat else { return Vec::new() };
        let other = if house.agency == world.a.agency { &world.b } else { &world.a };
        let mut forbidden: Vec<(String, String)> = Vec::new();
        let everything = |place: &Place| {
            let ids = [&place.application, &place.entry, &place.alert, &place.audit, &place.declaration];
            let mut all: Vec<String> = ids.into_iter().filter_map(Clone::clone).collect();
            all.extend([place.engagement.clone(), place.organization.to_string(), place.name.clone()]);
            all
        };
        let mut forbid = |why: &str, words: Vec<String>| {
            forbidden.extend(words.into_iter().map(|word| (why.to_owned(), word)));
        };
        forbid("the agency's own", house.secrets.clone());
        for place in [&other.prime, &other.sub, &other.sibling, &other.deep] {
            forbid("another agency's vendor", everything(place));
        }
        forbid("another agency's contract", vec![other.contract.clone()]);
        let is = |of: &Place| of.organization == place.organization;
        if is(&house.sub) || is(&house.deep) {
            forbid("a sibling", everything(&house.sibling));
            forbid("what was found at a sibling", vec!["乙の不備".to_owned()]);
        }
        if is(&house.sibling) {
            forbid("a sibling", everything(&house.sub));
            forbid("below a sibling", everything(&house.deep));
        }
        if is(&house.deep) {
            forbid("above its parent", vec![house.prime.name.clone(), house.prime.organization.to_string()]);
            let parent = [&house.sub.application, &house.sub.alert, &house.sub.audit];
            forbid("its parent's", parent.into_iter().filter_map(Clone::clone).collect());
        }
        if !is(&house.prime) {
            forbid("the contract's amount", vec!["98765432".to_owned(), "98,765,432".to_owned()]);
            forbid("the contract's department", vec!["内部部署".to_owned()]);
        }
        forbidden
    }

    /// What the caller may not know of.
    pub fn foreign(&self, world: &World, kind: Kind) -> Vec<String> {
        if kind == Kind::Session {
            return vec![world.strange_session.clone()];
        }
        // What somebody else's would be: `tests/api/factors.rs` has one.
        if kind == Kind::Passkey {
            return Vec::new();
        }
        let (own, other) = match self.seat {
            Seat::Operator if kind == Kind::Change && self.role == Overseer => {
                return vec![world.a.change.clone(), world.b.change.clone()];
            }
            Seat::Operator => return Vec::new(),
            Seat::Agency(house) | Seat::Vendor(house, _) if house.agency == world.a.agency => {
                (house, &world.b)
            }
            Seat::Agency(house) | Seat::Vendor(house, _) => (house, &world.a),
        };
        let mut foreign: Vec<String> = match (self.seat, kind) {
            (_, Kind::Notice) => vec![other.notice.clone()],
            (_, Kind::Deputy) => vec![other.deputy.clone()],
            (_, Kind::Observation) => vec![other.observation.clone()],
            (Seat::Agency(_), Kind::Change) if matches!(self.role, AgencyAdmin | Officer) => {
                vec![other.change.clone()]
            }
            (_, Kind::Change) => vec![own.change.clone(), other.change.clone()],
            // An agency knows the whole register.
            (Seat::Agency(_), Kind::Organization) => Vec::new(),
            _ => [&other.prime, &other.sub, &other.deep]
                .iter()
                .filter_map(|place| place.id(other, kind))
                .collect(),
        };
        if kind == Kind::User {
            foreign.push(other.admin.id.to_string());
            foreign.push(world.overseer.id.to_string());
        }
        let Seat::Vendor(_, place) = self.seat else { return foreign };
        if kind == Kind::User {
            foreign.push(own.officer.id.to_string());
        }
        if kind == Kind::Declaration && self.role == VendorUser {
            // One's own only can be taken back, also by those above.
            let others = [&own.prime, &own.sub, &own.sibling, &own.deep];
            let others = others.into_iter().filter(|p| p.organization != place.organization);
            foreign.extend(others.filter_map(|p| p.id(own, kind)));
        }
        let hidden: &[&Place] = if place.organization == own.prime.organization {
            &[]
        } else if place.organization == own.sub.organization {
            &[&own.sibling]
        } else if place.organization == own.sibling.organization {
            &[&own.sub, &own.deep]
        } else {
            &[&own.sub, &own.sibling]
        };
        if kind != Kind::Contract {
            // The name of who stands above is known; nothing else is.
            let above = |p: &Place| {
                kind == Kind::Organization
                    && place.organization == own.deep.organization
                    && p.organization == own.sub.organization
            };
            foreign.extend(hidden.iter().filter(|p| !above(p)).filter_map(|p| p.id(own, kind)));
        }
        foreign
    }
}
