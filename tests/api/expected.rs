//! What the contract says of every route, written down a second time on purpose: who may, and a body that it takes.

use itaku::domain::access::Role::{self, *};
use itaku::domain::text_enum::TextEnum;
use serde_json::{Value, json};

use crate::world::{TODAY, World, with};

const AGENCY: &[Role] = &[Officer, Approver, Auditor, AgencyAdmin];
const VENDOR: &[Role] = &[VendorUser, VendorAdmin];
const READERS: &[Role] = &[Officer, Approver, Auditor, AgencyAdmin, VendorUser, VendorAdmin, Overseer];
const PEOPLE: &[Role] = &[SystemAdmin, AgencyAdmin, VendorAdmin];

/// Who may use a route, by the contract's "Roles" and "Main resources"; None: anyone. Written down a second time on
/// purpose: a permission that grants another role than it should is found by it.
#[expect(clippy::match_same_arms, reason = "a line of the contract each")]
#[expect(clippy::too_many_lines, reason = "one list of routes")]
pub fn may(method: &str, path: &str) -> Option<&'static [Role]> {
    Some(match (method, path) {
        (
            "POST",
            "/auth/token"
            | "/auth/refresh"
            | "/auth/password-reset"
            | "/auth/password-reset/confirm"
            | "/auth/invitation/accept",
        ) => return None,
        ("POST", "/auth/logout" | "/auth/reauthenticate" | "/me/password" | "/me/sessions/{id}/end")
        | ("GET", "/me" | "/me/sessions" | "/me/factors" | "/overview") => Role::ALL,
        (
            "POST",
            "/me/totp"
            | "/me/totp/confirm"
            | "/me/totp/remove"
            | "/me/recovery-codes"
            | "/me/passkeys/{id}/remove",
        ) => Role::ALL,
        ("POST", "/users/{id}/factors/reset") => PEOPLE,
        ("POST", "/organizations" | "/vendors/{id}/merge") => &[SystemAdmin, Officer],
        ("GET", "/organizations" | "/organizations/{id}" | "/organizations/{id}/register") => Role::ALL,
        ("PATCH", "/organizations/{id}") => &[SystemAdmin, Officer, AgencyAdmin],
        (
            "POST",
            "/users" | "/users/{id}/invitation" | "/users/{id}/unblock" | "/users/{id}/sessions/end",
        )
        | ("GET", "/users" | "/users/{id}/sessions")
        | ("PATCH", "/users/{id}") => PEOPLE,
        ("GET", "/users/{id}") => Role::ALL,
        ("GET", "/pending-changes") | ("POST", "/pending-changes/{id}/approve") => PEOPLE,
        // The person whose account it is sees it and can say no.
        ("GET", "/pending-changes/{id}")
        | ("POST", "/pending-changes/{id}/reject" | "/pending-changes/{id}/withdraw") => Role::ALL,
        ("POST" | "GET", "/users/{id}/deputies") | ("POST", "/deputies/{id}/end") => &[AgencyAdmin],
        (
            "POST",
            "/contracts"
            | "/contracts/{id}/amendments"
            | "/contracts/{id}/amendments/withdraw"
            | "/contracts/{id}/amendments/correct",
        )
        | ("PATCH", "/contracts/{id}") => &[Officer],
        ("POST", "/contracts/{id}/terminate" | "/contracts/{id}/void") => &[Approver],
        (
            "POST",
            "/contracts/{id}/handover" | "/contracts/{id}/handover/withdraw" | "/contracts/handover",
        ) => &[AgencyAdmin],
        (
            "GET",
            "/contracts"
            | "/tasks"
            | "/contracts/{id}"
            | "/contracts/{id}/chain"
            | "/contracts/{id}/amendments"
            | "/contracts/{id}/handovers"
            | "/contracts/{id}/applications"
            | "/contracts/{id}/declarations"
            | "/contracts/{id}/observations"
            | "/contracts/{id}/audits"
            | "/audits"
            | "/audits/{id}"
            | "/declarations"
            | "/declarations/{id}"
            | "/applications"
            | "/applications/{id}",
        ) => READERS,
        (
            "POST",
            "/contracts/{id}/applications" | "/applications/{id}/resubmit" | "/applications/{id}/withdraw",
        ) => VENDOR,
        ("POST", "/applications/{id}/review") => &[Officer],
        ("POST", "/applications/{id}/return") => &[Officer, Approver],
        (
            "POST",
            "/applications/{id}/send-back"
            | "/applications/{id}/decision"
            | "/engagements/{id}/revoke"
            | "/contracts/{id}/consents",
        ) => &[Approver],
        ("POST", "/contracts/{id}/declarations" | "/declarations/{id}/retract")
        | ("GET", "/contracts/{id}/declarations/draft") => VENDOR,
        (
            "POST",
            "/contracts/{id}/observations"
            | "/observations/{id}/retract"
            | "/contracts/{id}/audits"
            | "/audits/{id}/complete"
            | "/audits/{id}/correct"
            | "/audits/{id}/confirm"
            | "/audits/{id}/cancel",
        ) => &[Officer, Auditor],
        ("GET", "/alerts" | "/alerts/{id}" | "/ledger" | "/ledger/{entry}/receipt") => READERS,
        // An agency's administrator has people and settings; cases are the other three's.
        (
            "POST",
            "/alerts/acknowledge"
            | "/alerts/{id}/acknowledge"
            | "/alerts/{id}/resolve"
            | "/alerts/{id}/assess",
        ) => &[Officer, Approver, Auditor],
        ("GET", "/consents") => &[Officer, Approver, Auditor, Overseer],
        ("GET", "/settings" | "/departments" | "/notices" | "/notices/{id}") => AGENCY,
        ("GET", "/access-log") => &[Auditor, AgencyAdmin],
        ("PATCH", "/settings") | ("POST", "/departments" | "/notices/{id}/resend") => &[AgencyAdmin],
        ("POST", "/demo/clock") | ("GET", "/backups") => &[SystemAdmin],
        _ => panic!("who may {method} {path}? Say it here, from the contract."),
    })
}

/// A body that the route's declaration takes, with every field that it has, and what it names known to the caller.
#[expect(clippy::too_many_lines, reason = "one line or two a route")]
pub fn sample(world: &World, path: &str) -> Value {
    let house = &world.a;
    let vendor = json!({"name": "架空新規株式会社", "corporate_number": "7000012050002", "country": "JP", "address": "東京都千代田区"});
    let data = json!([{"category": "personal", "persons": 10}]);
    let used = json!({
        "engagement_id": house.sub.engagement, "parent_engagement_id": house.prime.engagement,
        "vendor_id": house.sub.organization, "vendor": vendor, "started_on": "2026-04-01", "ended_on": "2026-04-18",
        "scope": "入力", "country": "JP", "amount_yen": 100, "data": data, "distinct": false,
    });
    let clause = json!({
        "policy": "minor_exempt", "max_tier": 3, "max_ratio_percent": 90, "overseas": "prohibited",
        "minor_limit_yen": 10_000,
    });
    let corrected = json!({
        "scope": "入力", "reason": "必要", "selection_reason": "実績", "amount_yen": 100, "starts_on": "2026-05-01",
        "ends_on": "2026-06-30", "country": "JP", "work_places": ["東京"], "data": data, "data_items": ["氏名"],
        "safeguards": {"a": 1}, "further_subcontracting": "なし", "special_reason": "特になし", "whole_scope": false,
    });
    match path {
        "/auth/token" => json!({
            "email": "x@example.jp", "password": "架空の合言葉です", "totp": "123456", "device_token": "x",
        }),
        "/auth/refresh" => json!({"refresh_token": "x"}),
        "/auth/password-reset" => json!({"email": "x@example.jp"}),
        "/auth/password-reset/confirm" | "/auth/invitation/accept" => {
            json!({"token": "x", "password": "架空の合言葉はこれです"})
        }
        "/auth/reauthenticate" => json!({"password": "架空の合言葉です", "totp": "123456"}),
        "/me/totp/confirm" => json!({"code": "123456"}),
        "/me/password" => json!({"current": "x", "new": "架空の合言葉はこれです"}),
        "/organizations" => json!({
            "kind": "agency", "name": "架空第三庁", "code": "C3", "corporate_number": "7000012050002", "country": "JP",
            "address": "東京都", "contact_email": "x@example.jp", "distinct": false,
        }),
        "/organizations/{id}" => {
            json!({"name": "架空改称株式会社", "corporate_number": "7000012050002", "address": "大阪府", "contact_email": "y@example.jp"})
        }
        "/vendors/{id}/merge" => json!({"into": house.sub.organization, "reason": "同じ会社"}),
        "/users" => json!({
            "email": "new@example.jp", "name": "架空太郎", "organization_id": house.agency, "roles": ["officer"],
            "password": "架空の合言葉はこれです", "expires_on": "2027-03-31",
        }),
        "/users/{id}" => {
            json!({
                "email": "new@example.jp", "name": "架空次郎", "roles": ["officer"], "active": true,
                "expires_on": "2027-03-31", "confirmed": true,
            })
        }
        "/pending-changes/{id}/reject" => json!({"reason": "本人の依頼ではないため"}),
        "/users/{id}/deputies" => {
            json!({"deputy_id": house.approver.id, "starts_on": TODAY, "ends_on": "2026-05-31"})
        }
        "/deputies/{id}/end" => json!({"ends_on": "2026-12-05", "reason": "早く戻ったため"}),
        "/contracts" => json!({
            "number": "新1", "number_confirmed": false, "title": "架空新業務", "fiscal_year": 2026, "vendor_id": house.prime.organization,
            "amount_yen": 1000, "unit_price": "1件10円", "signed_on": "2026-04-01", "starts_on": "2026-04-01", "ends_on": "2027-03-31",
            "scope": "入力", "data": data, "subcontracting": clause, "declaration_interval": "none",
            "return_due_days": 10, "department": "架空課",
        }),
        "/contracts/{id}" => json!({"department": "架空課"}),
        "/contracts/{id}/amendments" => json!({
            "effective_on": "2026-05-01", "reason": "増額", "title": "架空改業務", "fiscal_year": 2026, "amount_yen": 2000, "unit_price": "1件20円",
            "signed_on": "2026-04-20", "starts_on": "2026-04-01", "ends_on": "2027-03-31", "scope": "入力と検査",
            "data": data, "subcontracting": clause, "declaration_interval": "none", "return_due_days": 10,
            "department": "架空課",
        }),
        "/contracts/{id}/amendments/withdraw" => json!({"seq": 1, "reason": "誤り"}),
        "/contracts/{id}/amendments/correct" => json!({
            "seq": 1, "reason": "誤記", "title": "架空正業務", "fiscal_year": 2026, "amount_yen": 3000, "unit_price": "1件30円",
            "signed_on": "2026-04-01", "starts_on": "2026-04-01", "ends_on": "2027-03-31", "scope": "入力",
            "data": data, "subcontracting": clause, "declaration_interval": "none", "return_due_days": 10,
        }),
        "/contracts/{id}/terminate" => json!({"reason": "合意", "effective_on": "2026-06-01"}),
        "/contracts/{id}/void" => json!({"reason": "誤登録"}),
        "/contracts/{id}/handover" => json!({"officer_id": house.officer.id, "from": "2026-05-01"}),
        "/contracts/{id}/handover/withdraw" => {
            json!({"handover_id": house.sub.engagement, "reason": "発令の延期"})
        }
        "/contracts/handover" => json!({
            "from_officer_id": house.officer.id, "unassigned": false, "officer_id": house.officer.id, "from": "2026-05-01",
            "contract_ids": [house.contract], "assignments": [{"contract_id": house.contract, "officer_id": house.officer.id}],
        }),
        "/contracts/{id}/applications" => with(
            corrected,
            json!({
                "engagement_id": house.sub.engagement, "parent_engagement_id": house.prime.engagement,
                "vendor_id": house.sub.organization, "vendor": vendor, "distinct": false, "supersedes": true,
            }),
        ),
        "/applications/{id}/resubmit" => corrected,
        "/applications/{id}/review" => json!({
            "facilities": "ok", "technique": "ok", "training": "ok", "management": "ok", "note": "なし",
            "clauses": [{"number": "1"}], "seen_version": 1,
        }),
        "/applications/{id}/send-back" => json!({"reason": "実績を確かめてください。", "seen_version": 1}),
        "/applications/{id}/return" => json!({"points": "金額", "reply_by": "2026-05-31", "seen_version": 1}),
        "/applications/{id}/decision" => json!({
            "decision": "consent", "valid_from": TODAY, "valid_until": "2026-12-31", "conditions": "なし", "reason": "適当",
            "seen_version": 1,
        }),
        "/applications/{id}/withdraw" => json!({"reason": "不要"}),
        "/engagements/{id}/revoke" => json!({"reason": "違反", "effective_on": "2026-05-01"}),
        "/contracts/{id}/consents" => json!({
            "parent_engagement_id": house.prime.engagement, "vendor_id": house.sub.organization, "vendor": vendor,
            "distinct": false, "scope": "入力", "amount_yen": 100, "country": "JP", "data": data, "decided_on": "2026-04-01",
            "document_number": "文1", "document_number_confirmed": false, "valid_from": "2026-04-02", "valid_until": "2026-12-31", "note": "なし",
        }),
        "/contracts/{id}/declarations" => json!({
            "period": {"from": "2026-04-01", "to": "2026-04-19"}, "none": false, "as_last_time": false,
            "engagements": [used],
        }),
        "/declarations/{id}/retract" | "/observations/{id}/retract" | "/audits/{id}/cancel" => {
            json!({"reason": "誤り"})
        }
        "/contracts/{id}/observations" => with(used, json!({"source": "audit", "note": "なし"})),
        "/contracts/{id}/audits" => json!({
            "kind": "on_site", "engagement_id": house.sub.engagement, "due_on": "2026-12-01", "every_months": 12,
            "auditor": "架空検査課", "unannounced": false,
        }),
        "/audits/{id}/complete" => json!({
            "done_on": TODAY, "result": "findings", "note": "なし",
            "findings": [{"text": "施錠", "severity": "軽微", "due_on": "2026-05-31"}],
        }),
        "/audits/{id}/correct" => json!({
            "done_on": TODAY, "result": "findings", "note": "なし", "reason": "書き誤り",
            "findings": [{"text": "施錠の記録", "severity": "軽微", "due_on": "2026-05-31"}],
        }),
        "/audits/{id}/confirm" => json!({
            "finding_ids": [house.sub.alert], "confirmed_on": TODAY, "note": "写真で確認", "withdrawn": false,
        }),
        "/alerts/acknowledge" => json!({"ids": [house.sub.alert]}),
        "/alerts/{id}/resolve" => json!({"reason": "連絡した", "accepted_until": "2026-05-31"}),
        "/alerts/{id}/assess" => json!({"assessment": "suspected", "reason": "不明"}),
        "/settings" => json!({"declaration_grace_days": 20}),
        "/departments" => json!({"name": "架空課", "email": "ka@example.jp", "telephone": "03-0000-0000"}),
        "/demo/clock" => json!({"today": "2026-06-01"}),
        _ => panic!("what does {path} take? Give a whole body here."),
    }
}
