//! 送信履歴: who will be told, what was sent, what failed.

use serde_json::{Value, json};

use super::route::{Outcome, Page, PageRoute, look, page, send};
use super::visit::Visit;
use super::words;
use crate::domain::access::Permission;
use crate::service::notice::{self, NoticeFilter, NoticeState, NoticeView};
use crate::service::{App, Call, Failure, contract};

/// What one asks for: the word in the address, how it is called, and the states it means.
const GROUPS: &[(&str, &str, &[NoticeState])] = &[
    ("", "すべて", &[]),
    ("waiting", "これから送る", &[NoticeState::Queued, NoticeState::Held, NoticeState::Digest]),
    ("sent", "送信済み", &[NoticeState::Sent, NoticeState::Digested]),
    ("failed", "不達", &[NoticeState::Failed]),
    ("unaddressed", "宛先なし", &[NoticeState::Unaddressed]),
];

pub fn routes() -> Vec<PageRoute> {
    vec![
        look("/notices").needs(Permission::ReadNotices, list),
        look("/notices/{id}").needs(Permission::ReadNotices, show),
        send("/notices/{id}/resend").needs(Permission::ResendNotice, resend),
    ]
}

/// A notice with its instants as the pages say them.
fn timed(app: &App, notice: &NoticeView) -> Value {
    json!({
        "notice": notice,
        "sent": notice.sent_at.map(|at| words::instant(app, at)),
        "next": notice.next_attempt_at.map(|at| words::instant(app, at)),
    })
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let contract_id = visit.query_id("contract_id")?;
    let about = contract_id.map(|id| contract::get(app, call, id)).transpose()?;
    let asked = visit.query("state").unwrap_or_default();
    let group = GROUPS.iter().find(|(word, ..)| *word == asked);
    let states = group.map(|(_, _, states)| states.to_vec()).unwrap_or_default();
    let notices = notice::list(app, call, &NoticeFilter { states, contract_id }, &visit.page()?)?;
    let of_contract = contract_id.map(|id| format!("contract_id={id}"));
    let groups = GROUPS.iter().map(|(word, title, _)| {
        let of_state = (!word.is_empty()).then(|| format!("state={word}"));
        let query: Vec<String> = [of_state, of_contract.clone()].into_iter().flatten().collect();
        let sign = if query.is_empty() { "" } else { "?" };
        let here = *word == group.map_or("", |(word, ..)| word);
        json!({ "title": title, "path": format!("/notices{sign}{}", query.join("&")), "here": here })
    });
    let context = json!({
        "groups": groups.collect::<Vec<_>>(),
        "group": group.map_or("", |(word, ..)| word),
        "rows": notices.items.iter().map(|notice| timed(app, notice)).collect::<Vec<_>>(),
        "pager": visit.pager(&notices),
        "about": about,
    });
    Ok(page("notice/list.html", "送信履歴", context))
}

fn show(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let words = notice::read(app, call, visit.id("id")?)?;
    let title = words.subject.clone();
    let context = json!({ "timed": timed(app, &words.notice), "words": words });
    Ok(page("notice/show.html", title, context).under("/notices", "送信履歴"))
}

fn resend(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let id = visit.id("id")?;
    match notice::resend(app, call, id) {
        Ok(_) => Ok(Outcome::Moved(format!("/notices/{id}?done=resent"))),
        Err(failure) => show(app, call, visit)?.with(failure, visit, &[]),
    }
}
