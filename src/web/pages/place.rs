//! Where on a chain something stands, as forms ask for it: an engagement that is there, or a vendor under one.

use serde_json::{Map, Value, json};

use super::organization::vendor_choices;
use super::words;
use crate::domain::contract::DataCategory;
use crate::domain::id::{ContractId, EngagementId, OrganizationId};
use crate::service::chain::{self, ChainView, Node};
use crate::service::declaration::UseInput;
use crate::service::vendor::InlineVendor;
use crate::service::{App, Call, Failure};

/// What a form that names a place calls its fields.
pub const LABELS: &[(&str, &str)] = &[
    ("engagement_id", "再委託先"),
    ("parent_engagement_id", "どの受託者の下か"),
    ("vendor_id", "事業者"),
    ("vendor", "事業者"),
    ("vendor/name", "名称（商号）"),
    ("vendor/corporate_number", "法人番号"),
    ("vendor/country", "所在する国"),
    ("vendor/address", "所在地"),
    ("distinct", "別の事業者"),
    ("started_on", "使用の開始日"),
    ("ended_on", "使用の終了日"),
    ("scope", "業務の範囲"),
    ("country", "作業する国"),
    ("amount_yen", "金額"),
    ("persons/personal", "個人情報の人数"),
    ("persons/my_number", "マイナンバーの人数"),
    ("persons/sensitive", "要配慮個人情報の人数"),
    // Of what was found out otherwise.
    ("source", "情報源"),
    ("note", "確認の内容"),
];

/// One of them.
#[derive(Debug, Clone)]
struct Place {
    id: EngagementId,
    label: String,
    vendor_name: String,
    tier: i32,
    is_top: bool,
}

/// The places in a person's sight, in the chain's order, and the vendors that the person may choose from.
#[derive(Debug, Clone)]
pub struct Places {
    all: Vec<Place>,
    vendors: Value,
}

impl Places {
    /// Those of a contract.
    pub fn open(app: &App, call: &Call, contract: ContractId) -> Result<Self, Failure> {
        let all = Self::of(&chain::get(app, call, contract, None, None)?);
        Ok(Self { all, vendors: vendor_choices(app, call)? })
    }

    fn of(chain: &ChainView) -> Vec<Place> {
        let mut places = Vec::new();
        let tops = if chain.roots.is_empty() { std::slice::from_ref(&chain.root) } else { &chain.roots };
        for top in tops {
            // Said only where it tells apart: one's own place needs no parent, unless one has several.
            let above = top.parent.as_ref().filter(|_| tops.len() > 1).map(|parent| parent.name.as_str());
            walk(&mut places, top, above, true, tops.len() > 1);
        }
        places
    }

    /// What the place is called; of one that is not in sight nothing.
    pub fn label(&self, id: EngagementId) -> String {
        self.all.iter().find(|place| place.id == id).map(|place| place.label.clone()).unwrap_or_default()
    }

    /// The one under which a vendor stands unless the form says otherwise; None: there are several.
    fn top(&self) -> Option<&Place> {
        let mut tops = self.all.iter().filter(|place| place.is_top);
        tops.next().filter(|_| tops.next().is_none())
    }

    /// For a template: `vendors` and `places`, which are `below` and `parents` to choose from and `top`, under which a
    /// vendor stands where none of the parents is chosen.
    pub fn context(&self) -> Value {
        let option = |place: &Place| json!({ "value": place.id, "label": place.label });
        let top = self.top();
        let below: Vec<Value> = self.all.iter().filter(|place| place.tier > 1).map(option).collect();
        let parents = self.all.iter().filter(|place| top.is_none_or(|top| top.id != place.id));
        let parents: Vec<Value> = parents.map(option).collect();
        let top = top.map(|top| top.vendor_name.as_str());
        json!({
            "places": { "below": below, "parents": parents, "top": top },
            "vendors": self.vendors,
        })
    }

    /// Says in a use's body what the form left to be understood: without a parent, it is under the top.
    pub fn complete(&self, said: &mut Map<String, Value>) {
        let Some(top) = self.top() else { return };
        if !said.contains_key("engagement_id") && !said.contains_key("parent_engagement_id") {
            said.insert("parent_engagement_id".to_owned(), json!(top.id));
        }
    }

    /// A use as it is looked at once more, a line each.
    pub fn describe(&self, said: &UseInput) -> String {
        let who = if let Some(id) = said.engagement_id {
            self.label(id)
        } else {
            let parent = said.parent_engagement_id.map(|id| self.label(id)).unwrap_or_default();
            format!("{}\n上位: {parent}", self.vendor(said.vendor_id, said.vendor.as_ref()))
        };
        let until = said
            .ended_on
            .map_or("使用中（終了日なし）".to_owned(), |end| format!("{}まで", words::day(end)));
        let mut lines = vec![who, format!("{}から {until}", words::day(said.started_on))];
        lines.extend(said.scope.as_ref().map(|scope| format!("業務の範囲: {scope}")));
        let persons: Vec<(DataCategory, i64)> =
            said.data.iter().map(|item| (item.category, item.persons)).collect();
        lines.extend(Some(volumes(&persons)).filter(|text| !text.is_empty()));
        lines.extend(said.amount_yen.map(|yen| format!("金額: {}円", words::thousands(yen))));
        lines.extend(said.country.as_ref().map(|code| format!("作業する国: {}", words::country(code))));
        lines.join("\n")
    }

    /// A vendor as a form named it: chosen, or typed in.
    pub fn vendor(&self, chosen: Option<OrganizationId>, typed: Option<&InlineVendor>) -> String {
        let chosen = chosen.map(|id| option_label(&self.vendors, &id.to_string()));
        let typed = typed.map(|vendor| {
            let number =
                vendor.corporate_number.map(|number| format!("、法人番号 {number}")).unwrap_or_default();
            format!("{}（{}{number}）", vendor.name, words::country(&vendor.country))
        });
        chosen.or(typed).unwrap_or_default()
    }
}

/// Persons by category, in words.
pub fn volumes(persons: &[(DataCategory, i64)]) -> String {
    let one = |(category, persons): &(DataCategory, i64)| {
        let label = words::told("data", category.as_str());
        format!("{label} {}人", words::thousands(*persons))
    };
    persons.iter().map(one).collect::<Vec<_>>().join("、")
}

/// What a choice is called.
fn option_label(options: &Value, value: &str) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let found = options.iter().find(|option| option.get("value").and_then(Value::as_str) == Some(value));
    found.and_then(|option| option.get("label")).and_then(Value::as_str).unwrap_or(value).to_owned()
}

fn walk(places: &mut Vec<Place>, node: &Node, above: Option<&str>, is_top: bool, many: bool) {
    let name = node.vendor.name.as_str();
    let label = match above {
        None => format!("{name}（第{}層）", node.tier),
        Some(above) => format!("{name}（第{}層、{above}の下）", node.tier),
    };
    places.push(Place {
        id: node.engagement_id,
        label,
        vendor_name: name.to_owned(),
        tier: node.tier,
        is_top,
    });
    for child in &node.children {
        walk(places, child, Some(name).filter(|_| many || !is_top), false, many);
    }
}
