//! 既承認 of many contracts at once: drafted as one file, decided as one.

use serde_json::{Value, json};

use super::own::ours;
use super::route::{Labels, Outcome, Page, PageRoute, checked, form, joined, look, page, send};
use super::visit::Visit;
use super::words::{self, Tone};
use crate::domain::access::Permission;
use crate::service::consent::draft::{self, DraftState, DraftView, OpenDraft};
use crate::service::consent::import::ConsentSummary;
use crate::service::contract::import::Warning;
use crate::service::{App, Call, Failure};

const LABELS: &Labels = &[("file", "既承認のファイル"), ("numbers_confirmed", "文書番号の確認")];
/// Of problems and notices shown.
const SHOWN: usize = 100;

pub fn routes() -> Vec<PageRoute> {
    let upload = form("/consents/drafts/new", LABELS).needs(Permission::DraftConsents, show, sent);
    let mut routes: Vec<PageRoute> = upload.into_iter().map(PageRoute::with_file).collect();
    routes.push(look("/consents/drafts").needs(Permission::DraftConsents, list));
    routes.push(look("/consents/drafts/template.csv").needs(Permission::DraftConsents, |_, _, _| {
        Ok(Outcome::File {
            name: "既承認の様式.csv",
            kind: "text/csv; charset=utf-8",
            content: draft::template(),
        })
    }));
    routes.push(look("/consents/drafts/{id}").needs(Permission::DraftConsents, one));
    routes.push(send("/consents/drafts/{id}/submit").needs(Permission::DraftConsents, submit));
    routes.push(send("/consents/drafts/{id}/withdraw").needs(Permission::DraftConsents, withdraw));
    routes.push(send("/consents/drafts/{id}/record").needs(Permission::RecordConsent, record).returnable());
    routes
}

fn under(page: Page) -> Page {
    page.under("/consents", "承認の一覧")
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every page")]
fn show(_: &App, _: &Call, _: &Visit) -> Result<Page, Failure> {
    let (columns, optional) = draft::columns();
    let context = json!({ "columns": columns, "optional": optional });
    let page = under(page("consent/draft_new.html", "既承認をまとめて起案する", context));
    Ok(page.under("/consents/drafts", "既承認の起案"))
}

fn sent(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let file = visit.file.as_ref().filter(|file| file.size > 0);
    let file = file.ok_or_else(|| Failure::field("/file", "required", "ファイルを選んでください。"))?;
    let confirmed = visit.typed("numbers_confirmed") == "true";
    let id = draft::prepare(app, call, (&file.name, &file.content()?), confirmed)?;
    Ok(Outcome::Moved(format!("/consents/drafts/{id}")))
}

fn state(state: DraftState) -> Value {
    let (word, tone) = match state {
        DraftState::Prepared => ("起案前（自分だけに見えます）", Tone::Quiet),
        DraftState::Waiting => ("決裁待ち", Tone::Busy),
        DraftState::Recorded => ("登録済み", Tone::Good),
        DraftState::Withdrawn => ("取下げ", Tone::Quiet),
    };
    json!({ "word": ours(word), "tone": tone.class() })
}

fn head(app: &App, view: &DraftView) -> Value {
    json!({
        "id": view.id, "name": view.name, "state": state(view.state), "by": view.drafted_by_name,
        "when": words::instant(app, view.drafted_at), "settled_by": view.settled_by_name, "settled_on": view.settled_on,
    })
}

fn list(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let state: Option<DraftState> = visit.query_word("state");
    let rows: Vec<Value> = draft::list(app, call, state)?.iter().map(|view| head(app, view)).collect();
    Ok(under(page(
        "consent/drafts.html",
        "既承認の起案",
        json!({ "rows": rows, "waiting": state == Some(DraftState::Waiting) }),
    )))
}

fn one(app: &App, call: &Call, visit: &Visit) -> Result<Page, Failure> {
    let open = draft::open(app, call, visit.id("id")?)?;
    let view = &open.draft;
    let records = call.actor.may(Permission::RecordConsent);
    let summary = open.summary.as_ref();
    let is_good = summary.is_some_and(|summary| summary.bad == 0 && summary.taken > 0);
    let waits = view.state == DraftState::Waiting;
    let context = json!({
        "draft": head(app, view), "rows": open.rows, "settled": summary.is_none(),
        "summary": summary.map(|it| json!({ "rows": it.rows, "taken": it.taken, "duplicates": it.duplicates, "bad": it.bad })),
        "problems": summary.map(|it| it.problems.iter().take(SHOWN).collect::<Vec<_>>()),
        "warnings": summary.map(|it| it.warnings.iter().take(SHOWN).collect::<Vec<_>>()),
        "waits": waits,
        "can_submit": is_good && view.state == DraftState::Prepared && !records,
        "can_record": is_good && records,
        "can_withdraw": summary.is_some() && (view.own || records),
    });
    let shown = under(page("consent/draft.html", "既承認の起案の内容", context));
    Ok(shown.under("/consents/drafts", "既承認の起案"))
}

/// The page of the draft again, with what stood against the act.
fn or_again(
    app: &App,
    call: &Call,
    visit: &Visit,
    done: Result<&'static str, Failure>,
) -> Result<Outcome, Failure> {
    match done {
        Ok(done) => Ok(Outcome::Moved(format!("/consents/drafts/{}?done={done}", visit.id::<()>("id")?))),
        Err(failure) => one(app, call, visit)?.with(failure, visit, LABELS),
    }
}

fn submit(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let done = draft::submit(app, call, visit.id("id")?).map(|()| "draft_submitted");
    or_again(app, call, visit, done)
}

fn withdraw(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let done = draft::withdraw(app, call, visit.id("id")?).map(|()| "draft_withdrawn");
    or_again(app, call, visit, done)
}

/// What recording a draft would bring, to be looked at before it is done: how many, of which contracts and vendors, and
/// what a person should look at.
fn asked(visit: &Visit, open: &OpenDraft, summary: &ConsentSummary) -> Page {
    let (mut contracts, mut vendors) = (Tally::default(), Tally::default());
    for row in &open.rows {
        let title = row.contract_title.as_deref().unwrap_or_default();
        contracts.count(format!("{} {title}", row.contract_number));
        vendors.count(row.vendor.clone());
    }
    let draft = &open.draft;
    let there = if summary.duplicates == 0 {
        String::new()
    } else {
        ours(&format!("{}件（登録しません）", words::count(summary.duplicates)))
    };
    let answers = [
        ("ファイル", draft.name.clone()),
        ("起案した人", draft.drafted_by_name.clone().unwrap_or_default()),
        ("登録する既承認", ours(&format!("{}件", words::count(summary.taken)))),
        ("すでに登録されているもの", there),
        ("契約", contracts.told()),
        ("再委託先", vendors.told()),
    ];
    let caution = |it: &Warning| ours(&format!("{}行目（{}）：{}", it.line, it.column, it.message));
    let mut cautions: Vec<String> = summary.warnings.iter().take(SHOWN).map(caution).collect();
    let more = summary.warnings.len().saturating_sub(SHOWN);
    if more > 0 {
        cautions.push(ours(&format!("ほかに注意が{}件あります。", words::count(more))));
    }
    let page = checked(visit, "既承認として登録してよいか確かめる", "すべて既承認として登録する", &answers);
    let context = joined(page.context, json!({ "cautions": cautions }));
    let address = format!("/consents/drafts/{}", draft.id);
    let page = under(Page { context, ..page }).under("/consents/drafts", "既承認の起案");
    page.under(address, "既承認の起案の内容")
}

/// How often each text comes, in the order in which they first came.
#[derive(Default)]
struct Tally(Vec<(String, usize)>);

impl Tally {
    fn count(&mut self, text: String) {
        match self.0.iter_mut().find(|(known, _)| *known == text) {
            Some((_, times)) => *times += 1,
            None => self.0.push((text, 1)),
        }
    }

    /// How many texts, then each on its line.
    fn told(&self) -> String {
        let line = |(text, times): &(String, usize)| {
            let times =
                if *times > 1 { ours(&format!("（{}件）", words::count(*times))) } else { String::new() };
            format!("{text}{times}")
        };
        let lines: Vec<String> = self.0.iter().map(line).collect();
        format!("{}\n{}", ours(&format!("{}件", words::count(lines.len()))), lines.join("\n"))
    }
}

fn record(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    if visit.form.mark("_again").is_some() {
        return Ok(one(app, call, visit)?.into());
    }
    if visit.form.mark("_sure").is_none() {
        let open = draft::open(app, call, visit.id("id")?)?;
        // What can't be recorded is told by the act itself.
        if let Some(summary) = open.summary.as_ref().filter(|it| it.bad == 0 && it.taken > 0) {
            return Ok(asked(visit, &open, summary).into());
        }
    }
    let done = draft::record(app, call, visit.id("id")?).map(|_| "draft_recorded");
    or_again(app, call, visit, done)
}
