//! What an application says, in words: its fields by name, and field by field against what stood before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Value, json};

use super::super::own::ours;
use super::super::route::Labels;
use super::super::words;

/// Every field by its name, in the order in which it is read.
pub const FIELDS: &Labels = &[
    ("scope", "再委託する業務"),
    ("reason", "再委託が必要な理由"),
    ("selection_reason", "この事業者を選んだ理由"),
    ("amount_yen", "金額"),
    ("special_reason", "やむを得ない理由"),
    ("starts_on", "開始日"),
    ("ends_on", "終了日"),
    ("country", "作業を行う国"),
    ("work_places", "作業場所"),
    ("data", "取り扱う個人情報"),
    ("data_items", "取り扱う項目"),
    ("safeguards", "安全管理措置"),
    ("further_subcontracting", "さらに下の再委託の予定"),
    ("whole_scope", "一括再委託"),
];

/// Names of the four kinds of 安全管理措置 that a form asks for.
pub const SAFEGUARDS: [&str; 4] =
    ["組織的安全管理措置", "人的安全管理措置", "物理的安全管理措置", "技術的安全管理措置"];

/// A field's label, as an error summary names it too.
pub const LABELS: &Labels = &[
    ("vendor_id", "再委託先の事業者"),
    ("vendor", "再委託先の事業者"),
    ("vendor/name", "名称（商号）"),
    ("vendor/corporate_number", "法人番号"),
    ("vendor/country", "所在する国"),
    ("vendor/address", "所在地"),
    ("distinct", "別の事業者"),
    ("parent_engagement_id", "上位の受託者"),
    ("supersedes", "いまの承認との関係"),
    ("scope", "再委託する業務"),
    ("reason", "再委託が必要な理由"),
    ("selection_reason", "この事業者を選んだ理由"),
    ("amount_yen", "金額"),
    ("special_reason", "やむを得ない理由"),
    ("starts_on", "開始日"),
    ("ends_on", "終了日"),
    ("country", "作業を行う国"),
    ("work_places", "作業場所"),
    ("persons", "取り扱う個人情報"),
    ("persons/personal", "個人情報（全体）"),
    ("persons/my_number", "うちマイナンバー"),
    ("persons/sensitive", "うち要配慮個人情報"),
    ("data_items", "取り扱う項目"),
    ("safeguards", "安全管理措置"),
    ("safeguards/組織的安全管理措置", "組織的安全管理措置"),
    ("safeguards/人的安全管理措置", "人的安全管理措置"),
    ("safeguards/物理的安全管理措置", "物理的安全管理措置"),
    ("safeguards/技術的安全管理措置", "技術的安全管理措置"),
    ("further_subcontracting", "さらに下の再委託の予定"),
];

/// The fields by their labels: `{label, text}`. That nothing was said of one is what its reader must see.
pub fn rows(content: &Value) -> Vec<Value> {
    let row = |(label, text): (&str, String)| json!({ "label": ours(label), "text": text });
    answers(content).into_iter().map(row).collect()
}

/// The same as answers of a check page.
pub fn answers(content: &Value) -> Vec<(&'static str, String)> {
    let told = FIELDS.iter().map(|(field, label)| {
        let text = said(content, field);
        // No form asks for it.
        let is_blank = text.is_empty() && *field != "whole_scope";
        (*label, if is_blank { words::not_said() } else { text })
    });
    told.filter(|(_, text)| !text.is_empty()).collect()
}

/// What is said of one field alone.
pub fn row(content: &Value, field: &str) -> Vec<Value> {
    let label = FIELDS.iter().find(|(name, _)| *name == field).map_or("", |(_, label)| label);
    vec![json!({ "label": ours(label), "text": said(content, field) })]
}

/// The fields that differ: `{label, before, now}`; of a field with parts (persons, 安全管理措置) the parts that do. What is
/// not known of before is not compared.
pub fn differences(before: &Value, now: &Value) -> Vec<Value> {
    let row = |label: &str, before: String, now: String| {
        (before != now).then(|| json!({ "label": ours(label), "before": before, "now": now }))
    };
    let mut differing = Vec::new();
    for (field, label) in FIELDS.iter().filter(|(field, _)| before.get(field).is_some()) {
        match *field {
            "data" | "safeguards" => {
                let (before, now) = (parts(before, field), parts(now, field));
                let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
                let text = |all: &BTreeMap<String, String>, name| all.get(name).cloned().unwrap_or_default();
                differing.extend(names.into_iter().filter_map(|name| {
                    row(&format!("{label}（{name}）"), text(&before, name), text(&now, name))
                }));
            }
            _ => differing.extend(row(label, said(before, field), said(now, field))),
        }
    }
    differing
}

/// A field's parts by their names.
fn parts(content: &Value, field: &str) -> BTreeMap<String, String> {
    match content.get(field) {
        Some(Value::Array(rows)) => rows.iter().map(|row| (category(row), persons(row))).collect(),
        Some(Value::Object(map)) => map
            .iter()
            .map(|(name, value)| {
                let mut text = String::new();
                safeguards(value, "", &mut text);
                (name.clone(), text.trim_end().to_owned())
            })
            .collect(),
        _ => BTreeMap::new(),
    }
}

fn said(content: &Value, field: &str) -> String {
    let Some(value) = content.get(field) else { return String::new() };
    match (field, value) {
        ("amount_yen", Value::Number(yen)) => format!("{}円", words::thousands(yen.as_i64().unwrap_or(0))),
        ("starts_on" | "ends_on", Value::String(text)) => {
            text.parse().map_or_else(|_| text.clone(), words::day)
        }
        ("country", Value::String(code)) => words::country(code),
        ("whole_scope", Value::Bool(true)) => "業務の全部を一括して再委託する".to_owned(),
        ("data", Value::Array(rows)) => rows.iter().map(volume).collect::<Vec<_>>().join("\n"),
        ("safeguards", Value::Object(_)) => {
            let mut out = String::new();
            safeguards(value, "", &mut out);
            out.trim_end().to_owned()
        }
        (_, Value::String(text)) => text.clone(),
        (_, Value::Array(rows)) => rows.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

fn volume(row: &Value) -> String {
    format!("{} {}", category(row), persons(row))
}

fn category(row: &Value) -> String {
    words::told("data", row.get("category").and_then(Value::as_str).unwrap_or_default())
}

fn persons(row: &Value) -> String {
    format!("{}人", words::thousands(row.get("persons").and_then(Value::as_i64).unwrap_or(0)))
}

/// Kept as given, it may nest: the names on the way stand before the text.
fn safeguards(value: &Value, name: &str, out: &mut String) {
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name} {part}") };
    let head = if name.is_empty() { String::new() } else { format!("{name}: ") };
    match value {
        Value::Object(map) => map.iter().for_each(|(part, value)| safeguards(value, &below(part), out)),
        Value::Array(rows) => rows.iter().for_each(|row| safeguards(row, name, out)),
        Value::Null => {}
        // Writing into a text does not fail.
        Value::String(text) => drop(writeln!(out, "{head}{text}")),
        Value::Bool(done) => drop(writeln!(out, "{head}{}", if *done { "あり" } else { "なし" })),
        Value::Number(_) => drop(writeln!(out, "{head}{value}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told_and_what_is_not_known_is_not_compared() {
        let before = json!({
            "amount_yen": 500_000, "starts_on": "2026-05-01", "scope": "入力", "special_reason": null,
            "data": [{"category": "personal", "persons": 1200}],
            "safeguards": {"人的安全管理措置": "研修", "端末": {"台数": 3, "持出し": false}},
        });
        let now = json!({
            "amount_yen": 1_500_000, "starts_on": "2026-05-01", "scope": "入力", "special_reason": "期限が近い",
            "data": [{"category": "personal", "persons": 1200}, {"category": "my_number", "persons": 3}],
            "safeguards": {"人的安全管理措置": "研修", "端末": {"台数": 4, "持出し": false}},
            "country": "PH",
        });
        let expected = [
            json!({"label": ours("金額"), "before": "500,000円", "now": "1,500,000円"}),
            json!({"label": ours("やむを得ない理由"), "before": "", "now": "期限が近い"}),
            json!({"label": ours(&format!("取り扱う個人情報（{}）", ours("うちマイナンバー"))), "before": "", "now": "3人"}),
            json!({"label": ours("安全管理措置（端末）"), "before": "台数: 3\n持出し: なし", "now": "台数: 4\n持出し: なし"}),
        ];
        assert_eq!(differences(&before, &now), expected);
        assert!(differences(&now, &now).is_empty());
    }

    #[test]
    fn safeguards_are_read_however_they_were_given() {
        let given =
            json!({"入退室": "記録", "端末": {"台数": 3, "持出し": false}, "区域": ["甲", "乙"], "無": null});
        let text = said(&json!({ "safeguards": given }), "safeguards");
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["入退室: 記録", "区域: 乙", "区域: 甲", "端末 台数: 3", "端末 持出し: なし"]);
    }
}
