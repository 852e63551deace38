//! 担当者の引継ぎ: one contract; many at a 人事異動, also those for which nobody is responsible; and one taken back.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::super::own::ours;
use super::super::route::{Labels, Outcome, Page, PageRoute, checked, form, joined, page};
use super::super::visit::Visit;
use super::super::words;
use super::{address, show::coming};
use crate::domain::access::{Permission, Role};
use crate::domain::id::UserId;
use crate::service::contract::{self, BulkHandover, Handover, HandoverView, HandoverWithdrawal, Planned};
use crate::service::user::{self, UserView};
use crate::service::{self, App, Call, Failure, setting};

const LABELS: &Labels = &[
    ("officer_id", "新しい担当者"),
    ("assignments/officer_id", "新しい担当者"),
    ("assignments/contract_id", "契約"),
    ("from", "引き継ぐ日"),
];
const WITHDRAWAL: &Labels = &[("handover_id", "取りやめる引継ぎ"), ("reason", "取りやめる理由")];
/// Contracts that one page of a bulk handover shows.
const SHOWN: i64 = 200;
/// In the address: the contracts of nobody.
const NOBODY: &str = "none";

pub fn routes() -> Vec<PageRoute> {
    [
        form("/contracts/{id}/handover", LABELS).needs(Permission::HandOver, show, act),
        form("/contracts/{id}/handover/withdraw", WITHDRAWAL).needs(
            Permission::HandOver,
            show_withdrawal,
            withdraw,
        ),
        form("/contracts/handover", LABELS).needs(Permission::HandOver, show_all, act_all),
    ]
    .concat()
}

/// The officers of the agency, those who have left too.
fn officers(app: &App, call: &Call) -> Result<Vec<UserView>, Failure> {
    let mut all = Vec::new();
    let mut next = service::Page { limit: service::page::MAX_LIMIT, after: None };
    loop {
        let found = user::list(app, call, None, user::Listed::Holding(Role::Officer), &next)?;
        all.extend(found.items);
        match found.next_cursor {
            Some(cursor) => next = service::Page::read(Some("200"), Some(&cursor))?,
            None => return Ok(all),
        }
    }
}

/// Those who can take contracts over; who has not come in yet is marked.
fn options<'a>(officers: impl Iterator<Item = &'a UserView>) -> Value {
    let label = |it: &UserView| {
        let note = if it.invited { ours("、招待中") } else { String::new() };
        json!({ "value": it.id, "label": format!("{}（{}{note}）", it.name, it.email), "short": format!("{}{}", it.name, if it.invited { ours("（招待中）") } else { String::new() }) })
    };
    officers.filter(|it| it.active).map(label).collect()
}

fn find(officers: &[UserView], id: UserId) -> Option<&UserView> {
    officers.iter().find(|it| it.id == id)
}

fn name(officers: &[UserView], id: UserId) -> String {
    find(officers, id).map(|it| it.name.clone()).unwrap_or_default()
}

/// What to know of the successors before it is done.
fn cautions<'a>(successors: impl Iterator<Item = &'a UserView>) -> Vec<String> {
    let waits = successors.filter(|it| it.invited);
    waits
        .map(|it| {
            ours(&format!(
                "{}さんは、まだ招待を受け入れていません。受け入れるまでログインできず、契約の手続ができません。引き継ぐ日までに受け入れてもらうか、招待を送り直してください。",
                it.name
            ))
        })
        .collect()
}

/// The check page, with cautions; None: it was looked at.
fn check(
    visit: &Visit,
    (title, button): (&str, &str),
    answers: &[(&str, String)],
    cautions: &[String],
) -> Option<Outcome> {
    if visit.form.mark("_sure").is_some() {
        return None;
    }
    let asked = checked(visit, title, button, answers);
    let context = joined(asked.context, json!({ "cautions": cautions }));
    Some(Page { context, ..asked }.into())
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let all = service::Page { limit: service::page::MAX_LIMIT, after: None };
    let history = contract::handovers(app, call, contract.id, &all)?.items;
    let officers = options(officers(app, call)?.iter());
    let context =
        json!({ "contract": contract, "officers": officers, "history": history, "today": app.today() });
    let shown = page("contract/handover.html", "担当者の引継ぎ", context).under_contract(&contract);
    Ok(shown.filled(&json!({ "from": app.today() })))
}

fn act(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: Handover = visit.input()?;
    let contract = contract::get(app, call, visit.id("id")?)?;
    if visit.form.mark("_sure").is_none() {
        // What the last press would refuse is refused here.
        contract::refuse_voided(contract.voided_on)?;
        let body = json!({ "from": given.from, "assignments": [{ "contract_id": contract.id, "officer_id": given.officer_id }] });
        let moves = preview(app, call, &body)?;
        let officers = officers(app, call)?;
        let successor = find(&officers, given.officer_id);
        let mut cautions = cautions(successor.into_iter());
        if moves.is_empty() {
            cautions.push(ours("この日の担当者は、すでにこの人です。引き継いでも何も変わりません。"));
        }
        for one in coming(app, call, &contract)? {
            cautions.push(format!(
                "{}{}",
                ours("この契約には、予定している引継ぎがあります: "),
                described(&one)
            ));
        }
        let answers = [
            ("契約", format!("{} {}", contract.number, contract.title)),
            ("いまの担当者", contract.officer_name.unwrap_or_else(|| ours("いません"))),
            ("新しい担当者", name(&officers, given.officer_id)),
            ("引き継ぐ日", words::day(given.from)),
        ];
        if let Some(asked) = check(visit, ("引き継ぐ内容を確かめる", "引き継ぐ"), &answers, &cautions)
        {
            return Ok(asked);
        }
    }
    let changed = contract::hand_over(app, call, contract.id, &given)?;
    let done = if given.from > app.today() { "handover_planned" } else { "handed_over" };
    Ok(Outcome::Moved(format!("{}?done={done}", address(&changed))))
}

/// What a handover would move, where its errors are the one form's.
fn preview(app: &App, call: &Call, body: &Value) -> Result<Vec<Planned>, Failure> {
    let given =
        crate::domain::input::parse(body, crate::domain::input::Mode::Lenient).map_err(Failure::Invalid)?;
    contract::handover_preview(app, call, &given).map_err(|failure| match failure {
        Failure::Invalid(errors) => Failure::Invalid(
            errors
                .into_iter()
                .map(|mut error| {
                    error.pointer = error.pointer.replace("/assignments/0", "");
                    error
                })
                .collect(),
        ),
        other => other,
    })
}

fn described(one: &HandoverView) -> String {
    format!("{}から {}", words::day(one.from), one.officer_name.as_deref().unwrap_or_default())
}

fn show_withdrawal(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract = contract::get(app, call, visit.id("id")?)?;
    let coming = coming(app, call, &contract)?;
    let options: Vec<Value> =
        coming.iter().map(|one| json!({ "value": one.id, "label": described(one) })).collect();
    let chosen = visit.query("handover_id").map(str::to_owned);
    let chosen = chosen.or_else(|| coming.first().map(|one| one.id.to_string()));
    let context = json!({ "contract": contract, "coming": options });
    let shown =
        page("contract/handover_withdraw.html", "引継ぎの取りやめ", context).under_contract(&contract);
    Ok(shown.filled(&json!({ "handover_id": chosen })))
}

fn withdraw(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let given: HandoverWithdrawal = visit.input()?;
    let contract = contract::get(app, call, visit.id("id")?)?;
    if visit.form.mark("_sure").is_none() {
        let coming = coming(app, call, &contract)?;
        let Some(one) = coming.iter().find(|it| it.id == given.handover_id) else {
            let message = "この引継ぎは、すでに始まったか、取りやめられています。";
            return Err(Failure::field("/handover_id", "unknown", message));
        };
        let answers = [
            ("契約", format!("{} {}", contract.number, contract.title)),
            ("取りやめる引継ぎ", described(one)),
            ("いまの担当者", contract.officer_name.clone().unwrap_or_else(|| ours("いません"))),
            ("取りやめる理由", given.reason.clone()),
        ];
        let title = ("引継ぎを取りやめてよいか確かめる", "引継ぎを取りやめる");
        if let Some(asked) = check(visit, title, &answers, &[]) {
            return Ok(asked);
        }
    }
    let changed = contract::withdraw_handover(app, call, contract.id, &given)?;
    Ok(Outcome::Moved(format!("{}?done=handover_withdrawn", address(&changed))))
}

/// Whose contracts are handed over.
#[derive(Debug, Clone, Copy)]
enum Whose {
    Nobodys,
    Officers(UserId),
}

impl Whose {
    fn officer(self) -> Option<UserId> {
        match self {
            Self::Nobodys => None,
            Self::Officers(id) => Some(id),
        }
    }
}

/// None: not said yet.
fn whose(visit: &Visit) -> Result<Option<Whose>, Failure> {
    let said = visit.query("of").unwrap_or_else(|| visit.typed("of"));
    match said {
        "" => Ok(None),
        NOBODY => Ok(Some(Whose::Nobodys)),
        id => id.parse().map(|id| Some(Whose::Officers(id))).map_err(|_| Failure::NotFound),
    }
}

fn show_all(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let officers = officers(app, call)?;
    let Some(of) = whose(visit)? else { return choose(app, call, &officers) };
    let of = of.officer();
    let said = |name: &str| visit.query(name).unwrap_or_else(|| visit.typed(name)).to_owned();
    let (q, department) = (said("q"), said("department"));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let narrowed = (some(&q), some(&department));
    let (total, rows) = contract::held(app, call, of, (narrowed.0.as_deref(), narrowed.1.as_deref()), SHOWN)?;
    let all = service::Page { limit: service::page::MAX_LIMIT, after: None };
    let departments: Vec<String> =
        setting::departments(app, call, &all)?.items.into_iter().map(|it| it.name).collect();
    let fill = (visit.form.mark("_again") == Some("fill")).then(|| visit.typed("officer_id"));
    let successors = options(officers.iter().filter(|it| Some(it.id) != of));
    let holder = of.map_or_else(|| ours("担当者のいない契約"), |id| name(&officers, id));
    let context = json!({
        "of": of.map_or_else(|| NOBODY.to_owned(), |id| id.to_string()), "holder": holder, "total": total,
        "shown": rows.len(), "rows": rows, "officers": successors, "departments": departments, "q": q,
        "department": department, "narrowed": narrowed != (None, None), "fill": fill.unwrap_or_default(),
    });
    let shown =
        page("contract/handover_all.html", "担当者をまとめて引き継ぐ", context).under("/contracts", "契約");
    Ok(shown.filled(&json!({ "from": app.today() })))
}

/// Whose contracts they are to be.
fn choose(app: &App, call: &Call, officers: &[UserView]) -> Result<Page, Failure> {
    let counts: HashMap<Option<UserId>, i64> =
        contract::holders(app, call)?.into_iter().map(|it| (it.officer_id, it.contracts)).collect();
    let mut holders: Vec<Value> = Vec::new();
    if let Some(contracts) = counts.get(&None) {
        holders.push(json!({ "of": NOBODY, "name": ours("担当者のいない契約"), "contracts": contracts }));
    }
    let mut known: BTreeMap<(String, UserId), (i64, &'static str)> = BTreeMap::new();
    for (id, contracts) in &counts {
        let Some(id) = *id else { continue };
        let (name, note) = match find(officers, id) {
            Some(it) => (it.name.clone(), if it.active { "" } else { "停止中のアカウント" }),
            None => (user::find(app, call, id)?.0.name, "担当者の役割はありません"),
        };
        known.insert((name, id), (*contracts, note));
    }
    for ((name, id), (contracts, note)) in known {
        holders.push(json!({ "of": id, "name": name, "contracts": contracts, "note": ours(note) }));
    }
    let coming = contract::coming_handovers(app, call)?.len();
    let context = json!({ "holders": holders, "coming": coming });
    Ok(page("contract/handover_all.html", "担当者をまとめて引き継ぐ", context).under("/contracts", "契約"))
}

/// What the use case takes of the form: each row's successor, or all to one.
fn bulk(visit: &Visit, of: Option<UserId>) -> Result<BulkHandover, Failure> {
    let whole = visit.typed("whole") == "true";
    visit.completed(|body: &mut Map<String, Value>| {
        for own in ["of", "q", "department", "whole"] {
            body.remove(own);
        }
        if whole {
            body.remove("assignments");
            match of {
                Some(id) => body.insert("from_officer_id".to_owned(), json!(id)),
                None => body.insert("unassigned".to_owned(), json!(true)),
            };
        } else {
            body.remove("officer_id");
            body.entry("assignments").or_insert_with(|| json!([]));
        }
    })
}

fn act_all(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let Some(of) = whose(visit)? else { return Ok(Outcome::Moved("/contracts/handover".to_owned())) };
    let of = of.officer();
    let given = bulk(visit, of)?;
    if visit.form.mark("_sure").is_none() {
        let moves = contract::handover_preview(app, call, &given)?;
        if moves.is_empty() {
            let message = "引き継ぐ契約がありません。契約ごとに新しい担当者を選ぶか、ここで選んで「まだ選んでいない契約すべてに入れる」を押してください。";
            return Err(Failure::field("/officer_id", "nothing", message));
        }
        let officers = officers(app, call)?;
        let mut by_successor: BTreeMap<(String, UserId), Vec<String>> = BTreeMap::new();
        for it in &moves {
            let before = match it.before {
                before if before == of => String::new(),
                Some(id) => ours(&format!("（その日の担当者は{}）", name(&officers, id))),
                None => ours("（その日の担当者はいません）"),
            };
            let line = format!("{} {}{before}", it.number, it.title);
            by_successor.entry((name(&officers, it.officer_id), it.officer_id)).or_default().push(line);
        }
        let holder = of.map_or_else(|| ours("いません"), |id| name(&officers, id));
        let mut answers = vec![
            ("引き継ぐ日", words::day(given.from)),
            ("いまの担当者", holder),
            ("引き継ぐ契約", ours(&format!("あわせて{}件", words::count(moves.len())))),
        ];
        for ((name, _), lines) in &by_successor {
            let count = words::count(lines.len());
            answers.push((
                "新しい担当者",
                format!("{name}{}\n{}", ours(&format!("（{count}件）")), lines.join("\n")),
            ));
        }
        let kept = given.assignments.iter().flatten().filter(|it| it.officer_id.is_none()).count();
        if kept > 0 {
            answers.push(("引き継がない契約", ours(&format!("表示した中の{}件", words::count(kept)))));
        }
        let cautions = cautions(by_successor.keys().filter_map(|(_, id)| find(&officers, *id)));
        let title = ("引き継ぐ内容を確かめる", "引き継ぐ");
        if let Some(asked) = check(visit, title, &answers, &cautions) {
            return Ok(asked);
        }
    }
    let moved = contract::hand_over_all(app, call, &given)?.moved;
    let moved = words::count(moved);
    let (title, context) = if given.from > app.today() {
        let words = format!(
            "{moved}件の契約の引継ぎを登録しました。{}から、新しい担当者になります。それまでは、いまの担当者のままです。",
            words::day(given.from)
        );
        let link =
            json!({ "path": "/contracts/handover/coming", "label": "予定している引継ぎを見る・取りやめる" });
        ("担当者の引継ぎを登録しました", json!({ "words": words, "link": link }))
    } else {
        let words = format!("{moved}件の契約の担当者を引き継ぎました。");
        ("担当者を引き継ぎました", json!({ "words": words }))
    };
    Ok(page("contract/moved.html", title, context).under("/contracts", "契約").into())
}
