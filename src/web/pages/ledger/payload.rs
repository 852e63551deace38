//! What an entry holds, as a small list that people can read: names for ids, words for codes, days with 和暦.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Map, Value};

use super::super::own::ours;
use super::super::words;
use crate::domain::alert::AlertKind;
use crate::domain::contract::DataCategory;
use crate::domain::id::SubjectId;
use crate::domain::text_enum::TextEnum;
use crate::service::ledger::Change;

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    pub label: String,
    pub text: String,
}

/// What the fields of payloads are called.
const LABELS: &[(&str, &str)] = &[
    ("accepted_until", "容認する期限"),
    ("access_control", "アクセスの制限"),
    ("active", "利用できる"),
    ("address", "所在地"),
    ("address_hash", "所在地（照合用の値）"),
    ("after", "前回の検査"),
    ("amount_yen", "金額（円）"),
    ("application_id", "申請"),
    ("appointment_id", "代理の指定"),
    ("assessment", "判断"),
    ("audit_due_days", "検査の期限を知らせる日数"),
    ("audit_id", "検査"),
    ("auditor_hash", "検査をする人（照合用の値）"),
    ("basis", "根拠"),
    ("before", "訂正の前"),
    ("category", "区分"),
    ("cause", "原因"),
    ("change_id", "承認待ちの変更"),
    ("clauses", "契約で確認する条項"),
    ("closed_days", "機関の閉庁日"),
    ("closes", "これで解消とする"),
    ("code", "機関コード"),
    ("completion_id", "検査の結果"),
    ("conditions", "条件"),
    ("consent_expiring_days", "承認の期限を知らせる日数"),
    ("consent_id", "承認"),
    ("contact_email", "連絡先"),
    ("contact_email_hash", "連絡先（照合用の値）"),
    ("content", "内容"),
    ("contract_expiring_days", "契約の終わりを知らせる日数"),
    ("contract_id", "契約"),
    ("corporate_number", "法人番号"),
    ("country", "国"),
    ("created_at", "登録した時刻"),
    ("data", "取り扱う個人情報"),
    ("data_items", "個人情報の項目"),
    ("day", "日"),
    ("days", "期間"),
    ("decided_on", "決定した日"),
    ("decision_before_start_days", "開始の何営業日前までに決定するか"),
    ("decision_working_days", "決定までの営業日"),
    ("declaration_grace_days", "報告の猶予日数"),
    ("declaration_id", "報告"),
    ("declaration_interval", "再委託状況報告"),
    ("department", "担当部署"),
    ("decision", "決裁"),
    ("deputy_for", "代理した決裁者"),
    ("deputy_id", "代理をする人"),
    ("desk", "事業者の問合せ先の窓口"),
    ("document_number", "文書番号"),
    ("document_number_confirmed", "文書番号の12桁は個人番号ではないことを確かめた"),
    ("done_on", "実施日"),
    ("due_on", "期限"),
    ("effective_on", "効力の日"),
    ("email", "メールアドレス"),
    ("email_hash", "メールアドレス（照合用の値）"),
    ("ended_on", "終了日"),
    ("ends_on", "最後の日"),
    ("engagement_id", "再委託先"),
    ("engagements", "再委託先ごとの状況"),
    ("escalation_working_days", "管理者に知らせるまでの営業日"),
    ("every_months", "周期（か月）"),
    ("expires_at", "承認の期限"),
    ("expires_on", "有効期限"),
    ("facilities", "設備"),
    ("finding_id", "指摘の番号"),
    ("finding_ids", "指摘の番号"),
    ("findings", "指摘"),
    ("fiscal_year", "年度"),
    ("from", "始め"),
    ("from_vendor_id", "統合した事業者"),
    ("further_subcontracting", "さらに再委託する予定"),
    ("given", "決裁の入力"),
    ("id", "番号"),
    ("into_engagement_id", "統合先の再委託先"),
    ("invited", "招待した"),
    ("import_id", "取込み"),
    ("joined", "1つになった再委託先"),
    ("joint_agencies", "資料上の機関名"),
    ("joint_vendors", "ほかの契約相手の数"),
    ("joint_vendors_hash", "ほかの契約相手（照合用の値）"),
    ("key", "公開鍵"),
    ("key_id", "鍵の番号"),
    ("kind", "種類"),
    ("left", "残りの数"),
    ("likeness", "知られている名称との関係"),
    ("management", "管理体制"),
    ("max_ratio_percent", "金額の割合の上限（％）"),
    ("max_tier", "階層の上限"),
    ("merged_into", "統合先の事業者"),
    ("message", "内容"),
    ("message_hash", "文面（照合用の値）"),
    ("minor_limit_yen", "軽微な業務の上限（円）"),
    ("moved", "上位の替わった再委託先"),
    ("name", "名称"),
    ("named_in", "記載のあったもの"),
    ("name_hash", "氏名・名称（照合用の値）"),
    ("new", "新しい再委託先"),
    ("none", "再委託なし"),
    ("note", "備考"),
    ("notice_id", "通知"),
    ("number", "番号"),
    ("number_confirmed", "番号の12桁は個人番号ではないことを確かめた"),
    ("observation_id", "確認事項"),
    ("observed", "確認した状況"),
    ("officer_id", "担当者"),
    ("on", "業務日"),
    ("organization_id", "組織"),
    ("origin", "登録の方法"),
    ("overseas", "国外での取扱い"),
    ("overseas_handling", "国外での取扱い"),
    ("parent_engagement_id", "再委託する事業者"),
    ("period", "報告の対象期間"),
    ("period_assumed", "期間を年度末までとみなした"),
    ("persons", "人数"),
    ("policy", "再委託の条件"),
    ("prime", "契約の相手"),
    ("public_key", "公開鍵"),
    ("ratio_exceeded", "金額の割合の超過"),
    ("reason", "理由"),
    ("reason_hash", "理由（照合用の値）"),
    ("reassigned", "統合先のものになった再委託先"),
    ("result", "結果"),
    ("return_due_days", "返却・廃棄の期限（日）"),
    ("review", "審査"),
    ("roles", "役割"),
    ("rows", "件数"),
    ("rule_version", "判定規則の版"),
    ("safeguards", "安全管理の措置"),
    ("salt_hash", "照合用の値の元（照合用の値）"),
    ("scope", "業務の範囲"),
    ("secure_area", "区域の管理"),
    ("selection_reason", "選んだ理由"),
    ("severities", "重大度"),
    ("severity", "重大度"),
    ("sha256", "内容の照合用の値"),
    ("signed_on", "契約日"),
    ("source", "情報の出どころ"),
    ("special_reason", "特別な理由"),
    ("started_on", "開始日"),
    ("starts_on", "最初の日"),
    ("statement_id", "状況の番号"),
    ("step", "段階"),
    ("subcontracting", "再委託の定め"),
    ("subcontracting_prohibited", "再委託の禁止"),
    ("subject", "対象"),
    ("supersedes", "いまの承認に代わる"),
    ("takes_effect_at", "効力が生じる時刻"),
    ("technique", "技術"),
    ("telephone", "電話番号"),
    ("unannounced", "予告なし"),
    ("terms", "契約の条件"),
    ("text", "内容"),
    ("tier", "階層"),
    ("tier_exceeded", "階層の超過"),
    ("title", "件名"),
    ("to", "終わり"),
    ("training", "教育・研修"),
    ("unit_price", "単価"),
    ("user_id", "利用者"),
    ("valid_from", "承認の初日"),
    ("valid_until", "承認の最終日"),
    ("vendor", "事業者"),
    ("vendor_id", "事業者"),
    ("version", "版"),
    ("volume_exceeded", "人数の超過"),
    ("wanted", "求めた変更"),
    ("whole_scope", "業務の全部"),
    ("words", "機関の用語"),
    ("work_places", "作業場所"),
];

/// Fields whose codes have words.
const SETS: &[(&str, &str)] = &[
    ("assessment", "assessment"),
    ("category", "data"),
    ("cause", "cause"),
    ("declaration_interval", "interval"),
    ("facilities", "check"),
    ("likeness", "likeness"),
    ("management", "check"),
    ("named_in", "named_in"),
    ("origin", "origin"),
    ("overseas", "overseas"),
    ("overseas_handling", "severity"),
    ("policy", "policy"),
    ("ratio_exceeded", "severity"),
    ("result", "result"),
    ("roles", "role"),
    ("severity", "severity"),
    ("source", "observation"),
    ("subcontracting_prohibited", "severity"),
    ("technique", "check"),
    ("tier_exceeded", "severity"),
    ("training", "check"),
    ("volume_exceeded", "severity"),
];

/// What serves checking rather than reading, or changes with every entry.
const FOR_CHECKING: &[&str] = &["rule_version", "version"];

/// The payload's fields in order, those that people read and those that serve checking: hashes, and ids that have no name.
/// What is null says nothing; of a state said anew what changed.
pub fn rows(
    payload: Option<&Value>,
    change: Option<&Change>,
    names: &HashMap<SubjectId, String>,
) -> (Vec<Row>, Vec<Row>) {
    let Some(Value::Object(fields)) = payload else { return (Vec::new(), Vec::new()) };
    let is_state = |name: &str| change.is_some_and(|change| change.field.is_empty() || change.field == name);
    let told = fields.iter().filter(|(name, value)| !is_nothing(value) && !is_state(name));
    let (checked, read): (Vec<_>, Vec<_>) =
        told.partition(|(name, value)| is_for_checking(name, value, names));
    let row = |(name, value): (&String, &Value)| Row {
        label: ours(&label(name)),
        text: match value {
            Value::Object(fields) => lines(fields, names).join("\n"),
            value => text(name, value, names),
        },
    };
    let mut read: Vec<Row> = read.into_iter().map(row).collect();
    if let Some(change) = change {
        let mut changed = Vec::new();
        compare("", &change.before, &change.after, names, &mut changed);
        let nothing = || vec![ours("読む人に関わる内容は変わっていません")];
        let changed = if changed.is_empty() { nothing() } else { changed };
        read.push(Row { label: ours("変わったところ"), text: changed.join("\n") });
    }
    (read, checked.into_iter().map(row).collect())
}

fn is_for_checking(name: &str, value: &Value, names: &HashMap<SubjectId, String>) -> bool {
    let unnamed =
        value.as_str().and_then(|text| text.parse().ok()).is_some_and(|id| !names.contains_key(&id));
    name.ends_with("_hash") || name == "sha256" || FOR_CHECKING.contains(&name) || unnamed
}

/// A line for each field in which the two states differ: what it was, what it is.
fn compare(
    within: &str,
    before: &Value,
    after: &Value,
    names: &HashMap<SubjectId, String>,
    into: &mut Vec<String>,
) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else { return };
    let fields: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in fields {
        let (was, is) = (old.get(name).unwrap_or(&Value::Null), new.get(name).unwrap_or(&Value::Null));
        let told = was != is && !(is_nothing(was) && is_nothing(is)) && name != "on";
        if !told || is_for_checking(name, if is.is_null() { was } else { is }, names) {
            continue;
        }
        let label = format!("{within}{}", ours(&label(name)));
        if was.is_object() && is.is_object() {
            compare(&format!("{label}の"), was, is, names, into);
        } else if name == "data" {
            compare_volumes(&label, was, is, into);
        } else {
            into.push(format!("{label}: {} → {}", side(name, was, names), side(name, is, names)));
        }
    }
}

/// A line for each category of which the persons differ.
fn compare_volumes(label: &str, before: &Value, after: &Value, into: &mut Vec<String>) {
    let persons = |all: &Value, category: &str| {
        let rows = all.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_it = |row: &&Value| row.get("category").and_then(Value::as_str) == Some(category);
        let persons = rows.iter().find(is_it).and_then(|row| row.get("persons")?.as_i64());
        persons.map_or_else(|| ours("なし"), |persons| format!("{}人", words::thousands(persons)))
    };
    for category in DataCategory::ALL.iter().map(|category| category.as_str()) {
        let (was, is) = (persons(before, category), persons(after, category));
        if was != is {
            into.push(format!("{label}（{}）: {was} → {is}", words::told("data", category)));
        }
    }
}

/// One side of a change, on one line.
fn side(name: &str, value: &Value, names: &HashMap<SubjectId, String>) -> String {
    if is_nothing(value) {
        return ours("なし");
    }
    text(name, value, names)
        .split('\n')
        .map(|line| line.trim_start_matches('・'))
        .collect::<Vec<_>>()
        .join("；")
}

fn lines(fields: &Map<String, Value>, names: &HashMap<SubjectId, String>) -> Vec<String> {
    let told = fields.iter().filter(|(_, value)| !is_nothing(value));
    told.map(|(name, value)| format!("{}: {}", ours(&label(name)), text(name, value, names))).collect()
}

/// Whom an entry is about, and what kind of thing it is where kinds differ: what stands behind the action's words.
pub fn about(payload: &Value, names: &HashMap<SubjectId, String>) -> Option<String> {
    let called = |field: &str| names.get(&payload.get(field)?.as_str()?.parse().ok()?);
    let whom = ["engagement_id", "vendor_id", "organization_id", "officer_id"].into_iter().find_map(called);
    let what = payload.get("kind").and_then(Value::as_str).and_then(kind);
    match (what, whom) {
        (Some(what), Some(whom)) => Some(format!("{}（{whom}）", ours(what))),
        (what, whom) => what.map(ours).or_else(|| whom.cloned()),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
        _ => false,
    }
}

fn label(name: &str) -> String {
    LABELS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or_else(|| name.to_owned(), |(_, label)| (*label).to_owned())
}

/// A value below the field `name`: a group on lines of its own, a list with one on each.
fn text(name: &str, value: &Value, names: &HashMap<SubjectId, String>) -> String {
    match value {
        Value::Null => "なし".to_owned(),
        Value::Bool(yes) => (if *yes { "はい" } else { "いいえ" }).to_owned(),
        Value::Number(number) => match number.as_i64() {
            Some(year) if name == "fiscal_year" => format!("{year}年度"),
            Some(whole) => words::thousands(whole),
            None => number.to_string(),
        },
        Value::String(code) => named(name, code, names),
        Value::Array(values) => {
            let is_group = values.iter().any(Value::is_object);
            let each: Vec<String> = values.iter().map(|value| text(name, value, names)).collect();
            if is_group {
                each.iter().map(|one| format!("・{one}")).collect::<Vec<_>>().join("\n")
            } else {
                each.join("、")
            }
        }
        Value::Object(fields) => lines(fields, names).join("、"),
    }
}

fn named(name: &str, code: &str, names: &HashMap<SubjectId, String>) -> String {
    // What a rule looks at: ids and years between colons.
    if name == "subject" && code.contains(':') {
        return code.split(':').map(|part| named("", part, names)).collect::<Vec<_>>().join(" ");
    }
    if let Ok(id) = code.parse::<SubjectId>() {
        // The whole of an id is in the API; a person tells two of them apart by their ends.
        let short = code.rsplit('-').next().unwrap_or(code);
        return names.get(&id).cloned().unwrap_or_else(|| format!("番号 …{short}"));
    }
    if let Ok(day) = code.parse::<NaiveDate>() {
        return words::day(day);
    }
    let set = SETS.iter().find(|(known, _)| *known == name).map(|(_, set)| *set);
    let word = set.and_then(|set| words::word(set, code)).map(|(word, _)| word);
    let word = word.or_else(|| if name == "kind" { kind(code) } else { None });
    word.map_or_else(|| code.to_owned(), ours)
}

/// `kind` is an alert's, an audit's, an organization's, a second factor's or a waiting change's: no code is of two of them.
fn kind(code: &str) -> Option<&'static str> {
    let alert = code.parse::<AlertKind>().ok().and_then(AlertKind::rule).map(|rule| rule.name);
    let factor =
        [("totp", "認証アプリ"), ("passkey", "パスキー")].into_iter().find(|(known, _)| *known == code);
    let other = ["audit", "organization", "change_kind"].iter().find_map(|set| words::word(set, code));
    alert.or_else(|| other.map(|(word, _)| word)).or_else(|| factor.map(|(_, word)| word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::web::pages::own;

    /// As a page shows it where the agency has no words of its own.
    fn plain(text: String) -> String {
        own::finished(text, None)
    }

    fn plain_rows(rows: Vec<Row>) -> Vec<(String, String)> {
        rows.into_iter().map(|row| (plain(row.label), plain(row.text))).collect()
    }

    #[test]
    fn ids_codes_and_days_are_told_in_words() {
        let known = "01990000-0000-7000-8000-000000000001";
        let unknown = "01990000-0000-7000-8000-0000000000ff";
        let names = HashMap::from([(known.parse().unwrap(), "架空乙入力株式会社".to_owned())]);
        let payload = json!({
            "amount_yen": 1_200_000, "cause": "no_application", "engagement_id": known, "application_id": unknown,
            "kind": "unapproved_subcontractor", "note": null, "none": false, "roles": ["officer", "approver"],
            "starts_on": "2026-04-01", "unheard_of": "x", "findings": [],
            "content": {"data": [{"category": "personal", "persons": 1000}, {"category": "my_number", "persons": 5}]},
        });
        let told = plain_rows(rows(Some(&payload), None, &names).0);
        let said = |label: &str| told.iter().find(|(known, _)| known == label).map(|(_, text)| text.as_str());
        assert_eq!(said("金額（円）"), Some("1,200,000"));
        assert_eq!(said("原因"), Some("承認申請がない"));
        assert_eq!(said("再委託先"), Some("架空乙入力株式会社"));
        assert_eq!(said("申請"), None, "it has no name: it stands with what serves checking");
        assert_eq!(rows(Some(&payload), None, &names).1[0].text, "番号 …0000000000ff");
        assert_eq!(said("種類"), Some("承認未確認の再委託"));
        assert_eq!(said("再委託なし"), Some("いいえ"));
        assert_eq!(said("役割"), Some("担当者、決裁者"));
        assert_eq!(said("最初の日"), Some("2026-04-01（令和8年4月1日）"));
        assert_eq!(said("unheard_of"), Some("x"));
        let data = "取り扱う個人情報: ・区分: 個人情報、人数: 1,000\n・区分: うちマイナンバー、人数: 5";
        assert_eq!(said("内容"), Some(data));
        assert_eq!(told.len(), 9, "{told:?}");
        assert_eq!(rows(None, None, &names), (vec![], vec![]));
        let subject = json!({ "subject": format!("{known}:2026") });
        assert_eq!(rows(Some(&subject), None, &names).0[0].text, "架空乙入力株式会社 2026");
    }

    #[test]
    fn of_a_state_said_anew_what_changed_is_told() {
        let terms = |yen: i64, until: &str, tier: Option<i32>, persons: i64| {
            json!({"amount_yen": yen, "ends_on": until, "title": "架空業務", "scope": null,
                   "subcontracting": {"max_tier": tier, "overseas": "prohibited"},
                   "data": [{"category": "personal", "persons": persons}]})
        };
        let (before, after) = (terms(1000, "2027-03-31", None, 5), terms(2000, "2027-03-31", Some(3), 6));
        let payload = json!({"reason": "増額", "effective_on": "2026-09-01", "terms": after, "version": 2});
        let change = Change { field: "terms", before: before.clone(), after };
        let (read, checked) = rows(Some(&payload), Some(&change), &HashMap::new());
        let told = plain_rows(read);
        assert_eq!(
            told.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>(),
            ["効力の日", "理由", "変わったところ"]
        );
        let lines = "金額（円）: 1,000 → 2,000\n取り扱う個人情報（個人情報）: 5人 → 6人\n\
                     再委託の定めの階層の上限: なし → 3";
        assert_eq!(told[2].1, lines);
        assert_eq!(checked.len(), 1, "the version");
        let same = Change { field: "terms", before: before.clone(), after: before };
        let told = plain_rows(rows(Some(&payload), Some(&same), &HashMap::new()).0);
        assert!(told[2].1.contains("変わっていません"));
    }
}
