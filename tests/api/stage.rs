//! An agency with its people, five vendors, and the acts of the main job through the API. Who acts logs in anew, so
//! that the day can be moved at will.

use std::sync::atomic::{AtomicU32, Ordering};

use itaku::domain::access::Role;
use itaku::domain::id::OrganizationId;
use serde_json::{Value, json};

use crate::support::{Answer, Person, TestApp};

/// A vendor with a person of its own.
pub struct Side {
    pub id: OrganizationId,
    pub user: Person,
}

/// The agency of the tests, and the vendors 甲 to 戊.
pub struct Stage<'a> {
    pub app: &'a TestApp,
    pub agency: OrganizationId,
    pub officer: Person,
    pub approver: Person,
    pub auditor: Person,
    pub a: Side,
    pub b: Side,
    pub c: Side,
    pub d: Side,
    pub e: Side,
}

/// A contract on the stage; ids as text.
pub struct Contract<'a> {
    pub stage: &'a Stage<'a>,
    pub id: String,
    /// The prime's engagement.
    pub root: String,
}

/// Whatever stands under `key`, as text.
pub fn text(body: &Value, key: &str) -> String {
    body[key].as_str().unwrap_or_else(|| panic!("{key} in {body:#}")).to_owned()
}

/// A contract number that no other has. (An id may look like a 個人番号, which is refused.)
pub fn number() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("R8-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Days as the chain shows them.
pub fn days(spans: &[(&str, Option<&str>)]) -> Value {
    spans.iter().map(|(from, to)| json!({"from": from, "to": to})).collect()
}

/// A use of an engagement that is there.
pub fn used(engagement: &str, from: &str, to: Option<&str>) -> Value {
    json!({"engagement_id": engagement, "started_on": from, "ended_on": to})
}

/// A use of a vendor under a parent.
pub fn used_under(parent: &str, vendor: &Side, from: &str, to: Option<&str>) -> Value {
    json!({"parent_engagement_id": parent, "vendor_id": vendor.id, "started_on": from, "ended_on": to})
}

/// The first value with the keys of the second put over it.
pub fn with(mut base: Value, over: &Value) -> Value {
    for (key, value) in over.as_object().unwrap() {
        base[key] = value.clone();
    }
    base
}

/// What an officer's review says.
pub fn review() -> Value {
    json!({"facilities": "ok", "technique": "ok", "training": "ok", "management": "concern", "note": "要員が少ない",
           "clauses": [{"number": "1", "answer": "○"}]})
}

/// An application's content without place and vendor.
pub fn content(from: &str, to: &str) -> Value {
    json!({"scope": "データ入力の一部", "reason": "繁忙期のため", "amount_yen": 1_000_000, "starts_on": from, "ends_on": to,
           "country": "JP", "data": [{"category": "personal", "persons": 500}, {"category": "my_number", "persons": 500}],
           "safeguards": {"入退室": "記録"}})
}

/// Every node of a chain's answer, from all its roots down.
pub fn nodes(chain: &Value) -> Vec<Value> {
    fn walk(node: &Value, into: &mut Vec<Value>) {
        into.push(node.clone());
        for child in node["children"].as_array().unwrap() {
            walk(child, into);
        }
    }
    let mut found = Vec::new();
    match chain["roots"].as_array() {
        Some(roots) => roots.iter().for_each(|root| walk(root, &mut found)),
        None => walk(&chain["root"], &mut found),
    }
    found
}

impl<'a> Stage<'a> {
    pub fn new(app: &'a TestApp) -> Self {
        let agency = app.agency("A1");
        let side = |name: &str| {
            let id = app.vendor(name);
            Side { id, user: app.person(id, &[Role::VendorUser]) }
        };
        Self {
            app,
            agency,
            officer: app.person(agency, &[Role::Officer]),
            approver: app.person(agency, &[Role::Approver]),
            auditor: app.person(agency, &[Role::Auditor]),
            a: side("架空甲データ株式会社"),
            b: side("架空乙入力株式会社"),
            c: side("架空丙企画株式会社"),
            d: side("架空丁計算株式会社"),
            e: side("架空戊印刷株式会社"),
        }
    }

    pub fn post(&self, who: &Person, path: &str, body: Value) -> Answer {
        self.app.post(&self.app.log_in(who), path, body)
    }

    pub fn get(&self, who: &Person, path: &str) -> Answer {
        self.app.get(&self.app.log_in(who), path)
    }

    #[track_caller]
    pub fn items(&self, who: &Person, path: &str) -> Vec<Value> {
        self.get(who, path).must(200)["items"].as_array().unwrap().clone()
    }

    /// A contract of the fiscal year 2026 with 甲, with `change` put over it.
    #[track_caller]
    pub fn contract_with(&'a self, change: &Value) -> Contract<'a> {
        let body = json!({
            "number": "R8-1", "title": "架空データ入力業務", "fiscal_year": 2026, "vendor_id": self.a.id,
            "amount_yen": 10_000_000, "signed_on": "2026-04-01", "starts_on": "2026-04-01", "ends_on": "2027-03-31",
            "scope": "申告書のデータ入力", "data": [{"category": "personal", "persons": 9000}, {"category": "my_number", "persons": 8000}],
            "subcontracting": {"policy": "consent_required", "max_tier": 4, "overseas": "prohibited"},
            "declaration_interval": "none", "return_due_days": 14,
        });
        let id = text(&self.post(&self.officer, "/contracts", with(body, change)).must(201), "id");
        let chain = self.get(&self.officer, &format!("/contracts/{id}/chain")).must(200);
        Contract { stage: self, root: text(&chain["root"], "engagement_id"), id }
    }

    pub fn contract(&'a self) -> Contract<'a> {
        self.contract_with(&json!({}))
    }

    /// Kind and address of the mails written since last asked, of these kinds.
    pub fn told(&self, kinds: &[&str]) -> Vec<(String, String)> {
        let new = self.app.notices().into_iter().filter(|notice| kinds.contains(&notice.kind.as_str()));
        let mut told: Vec<_> = new.map(|notice| (notice.kind, notice.address)).collect();
        told.sort();
        told
    }

    /// State of the alerts of a kind, with what they are about.
    pub fn alerts(&self, kind: &str) -> Vec<(String, String)> {
        let items = self.items(&self.officer, &format!("/alerts?kind={kind}"));
        items.iter().map(|alert| (text(alert, "state"), text(alert, "subject"))).collect()
    }
}

impl Contract<'_> {
    fn path(&self, rest: &str) -> String {
        format!("/contracts/{}/{rest}", self.id)
    }

    pub fn try_apply(&self, who: &Side, parent: &str, vendor: &Side, change: &Value) -> Answer {
        let place = json!({"parent_engagement_id": parent, "vendor_id": vendor.id});
        let body = with(with(content("2026-05-01", "2026-12-31"), &place), change);
        self.stage.post(&who.user, &self.path("applications"), body)
    }

    /// The application and its engagement.
    #[track_caller]
    pub fn apply(&self, who: &Side, parent: &str, vendor: &Side, from: &str, to: &str) -> (String, String) {
        let change = json!({"starts_on": from, "ends_on": to});
        let filed = self.try_apply(who, parent, vendor, &change).must(201);
        (text(&filed, "id"), text(&filed, "engagement_id"))
    }

    #[track_caller]
    pub fn review(&self, application: &str) -> Value {
        self.stage
            .post(&self.stage.officer, &format!("/applications/{application}/review"), review())
            .must(200)
    }

    pub fn decide(&self, application: &str, change: &Value) -> Answer {
        let body = with(json!({"decision": "consent", "reason": "必要性を確認した"}), change);
        self.stage.post(&self.stage.approver, &format!("/applications/{application}/decision"), body)
    }

    /// Applied for, reviewed and consented to today; the engagement.
    #[track_caller]
    pub fn consent(&self, who: &Side, parent: &str, vendor: &Side, from: &str, to: &str) -> String {
        let (application, engagement) = self.apply(who, parent, vendor, from, to);
        self.review(&application);
        self.decide(&application, &json!({})).must(200);
        engagement
    }

    pub fn revoke(&self, engagement: &str, effective_on: &str) -> Answer {
        let body = json!({"reason": "体制の不備", "effective_on": effective_on});
        self.stage.post(&self.stage.approver, &format!("/engagements/{engagement}/revoke"), body)
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
    pub fn try_declare(&self, who: &Side, body: Value) -> Answer {
        let body = with(json!({"period": {"from": "2026-04-01", "to": "2026-06-30"}}), &body);
        self.stage.post(&who.user, &self.path("declarations"), body)
    }

    #[track_caller]
    pub fn declare(&self, who: &Side, uses: &[Value]) -> Value {
        self.try_declare(who, json!({"none": false, "engagements": uses})).must(201)
    }

    pub fn try_observe(&self, source: &str, what: Value) -> Answer {
        self.stage.post(
            &self.stage.auditor,
            &self.path("observations"),
            with(what, &json!({"source": source})),
        )
    }

    #[track_caller]
    pub fn observe(&self, source: &str, what: Value) -> Value {
        self.try_observe(source, what).must(201)
    }

    pub fn record(&self, parent: &str, vendor: &Side, change: &Value) -> Answer {
        let body = json!({"parent_engagement_id": parent, "vendor_id": vendor.id, "scope": "入力", "amount_yen": 500_000,
            "country": "JP", "data": [], "decided_on": "2026-03-20", "document_number": "架第12号",
            "valid_from": "2026-04-01", "valid_until": "2026-12-31", "note": "紙の決裁"});
        self.stage.post(&self.stage.approver, &self.path("consents"), with(body, change))
    }

    pub fn terminate(&self, effective_on: &str) -> Answer {
        let body = json!({"reason": "都合による解除", "effective_on": effective_on});
        self.stage.post(&self.stage.approver, &self.path("terminate"), body)
    }

    #[track_caller]
    pub fn chain(&self, query: &str) -> Value {
        self.stage.get(&self.stage.officer, &self.path(&format!("chain{query}"))).must(200)
    }

    #[track_caller]
    pub fn chain_of(&self, who: &Side) -> Value {
        self.stage.get(&who.user, &self.path("chain")).must(200)
    }

    #[track_caller]
    pub fn node(&self, engagement: &str, query: &str) -> Value {
        let all = nodes(&self.chain(query));
        all.into_iter()
            .find(|node| node["engagement_id"] == engagement)
            .unwrap_or_else(|| panic!("{engagement} stands on the chain"))
    }

    #[track_caller]
    pub fn uncovered(&self, engagement: &str) -> Value {
        self.node(engagement, "")["uncovered"].clone()
    }

    #[track_caller]
    pub fn state(&self, engagement: &str) -> String {
        text(&self.node(engagement, ""), "state")
    }

    /// Each stretch of uncovered days with its cause, past and to come.
    #[track_caller]
    pub fn causes(&self, engagement: &str) -> Vec<String> {
        let node = self.node(engagement, "");
        let spans = node["uncovered_causes"].as_array().unwrap();
        spans.iter().map(|s| format!("{}..{} {}", text(s, "from"), text(s, "to"), text(s, "cause"))).collect()
    }
}
