//! 見どころ: the demonstration in six steps. The list can be read before any login; each step signs in as the role that
//! sees it, and leads to the one page to look at, where a banner says what to see, what to try, and what comes next.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::first::Login;
use super::super::route::{HOME, Outcome, PageRoute, look};
use super::super::visit::Visit;
use crate::domain::access::{Permission, Role};
use crate::domain::alert::AlertKind;
use crate::domain::contract::ContractStatus;
use crate::service::alert::{self, AlertFilter};
use crate::service::application::{self, ApplicationState, QueueQuery};
use crate::service::audit::{self, AuditQuery, AuditState, AuditYears};
use crate::service::contract::{self, ContractQuery, ContractSort};
use crate::service::{App, Call, Failure, Page};

/// Where a step's page says which step it is.
const MARK: &str = "tour";

/// One thing worth seeing.
struct Step {
    title: &'static str,
    what: &'static str,
    /// On the page it leads to: what to look at, and what to do there.
    see: &'static str,
    try_it: &'static str,
    /// Who sees it, and where.
    role: Role,
    place: fn(&App, &Call) -> Result<String, Failure>,
}

const STEPS: &[Step] = &[
    Step {
        title: "今日、手を打つことがひと目で分かる",
        what: "担当者のホームには、未解決のアラート、決定を待つ申請、期限の近い検査が件数で並びます。",
        see: "赤とオレンジの数字と、その下の「重大なアラート」。",
        try_it: "「審査を待つ申請」の数字を選び、その件数の一覧が開くことを確かめます。",
        role: Role::Officer,
        place: |_, _| Ok(HOME.to_owned()),
    },
    Step {
        title: "承認を確認できない再委託が見つかる",
        what: "事業者の報告や実地の確認を承認と突き合わせ、承認を確認できない利用があると重大なアラートになります。",
        see: "「次にすること」、「対象の日」の原因、「このアラートの規則」のよりどころと解消するとき。",
        try_it: "「再委託の体制を見る」で、どの会社の下で起きているかを図で見ます。戻って「判断を記録する」で「確認中」にします。",
        role: Role::Officer,
        place: unapproved,
    },
    Step {
        title: "再委託の承認申請を審査して決裁する",
        what: "決裁者は、申請の内容と審査の意見を、再委託の全体図の中で見て決めます。",
        see: "「起案の要旨」、「担当者の審査」の結果、点線で描かれた今回の再委託先。",
        try_it: "「決裁する」を押し、決定と理由を入力して、確かめてから決定します。結果は申請した事業者にメールで届きます。",
        role: Role::Approver,
        place: to_decide,
    },
    Step {
        title: "事業者が状況を報告し、受付票を受け取る",
        what: "委託先の担当者は、前回の報告を引き継いで報告できます。受け付けると、署名つきの受付票が出ます。",
        see: "前回の内容が入っている欄（期間、再委託先、使用の開始日）。",
        try_it: "「変更なしで報告する」か、内容を直して「内容を確かめる」を押します。受付票の下の「確かめる方法」も開いてみます。",
        role: Role::VendorUser,
        place: to_declare,
    },
    Step {
        title: "期限を過ぎた検査が残らない",
        what: "検査の計画には期限と周期があり、過ぎたものは監査担当と担当者に知らされます。",
        see: "期限と「期限超過」の札、検査を受ける事業者。",
        try_it: "「結果を記録する」で、行った日と結果を登録します。アラートが解消し、繰り返す検査なら次の期限が決まります。",
        role: Role::Auditor,
        place: lapsed,
    },
    Step {
        title: "変更履歴で確かめ、日付を進めてみる",
        what: "契約の変更履歴には、だれがいつ何を記録したかが、書き換えれば分かる形で並びます。日付を進めると、その日の点検が行われ、アラートとメールが増えます。",
        see: "これまでに記録したことと、「詳しく」の中の1つ前のハッシュ。",
        try_it: "上の帯の「日付を進める」を押します。新しいアラートと送られたメールの数が出ます。",
        role: Role::Officer,
        place: history,
    },
];

/// The first of a list, as an address; the list's own where it is empty.
fn first<T>(found: &[T], list: &str, address: impl Fn(&T) -> String) -> String {
    found.first().map_or_else(|| list.to_owned(), address)
}

const ONE: Page = Page { limit: 1, after: None };

fn unapproved(app: &App, call: &Call) -> Result<String, Failure> {
    let kind = AlertKind::UnapprovedSubcontractor;
    let filter = AlertFilter { unresolved: true, kind: Some(kind), ..AlertFilter::default() };
    let found = alert::list(app, call, &filter, &ONE)?.items;
    Ok(first(&found, &format!("/alerts?kind={kind}"), |alert| format!("/alerts/{}", alert.id)))
}

/// One that is reviewed, else any that waits.
fn to_decide(app: &App, call: &Call) -> Result<String, Failure> {
    let applied = QueueQuery { state: Some(ApplicationState::Applied), ..QueueQuery::default() };
    let reviewed = QueueQuery { reviewed: Some(true), ..applied.clone() };
    let mut found = application::queue(app, call, &reviewed, &ONE)?.items;
    if found.is_empty() {
        found = application::queue(app, call, &applied, &ONE)?.items;
    }
    Ok(first(&found, "/applications", |one| format!("/applications/{}", one.id)))
}

/// A running contract, the first by its number.
fn running(app: &App, call: &Call) -> Result<Option<String>, Failure> {
    let query = ContractQuery {
        status: Some(ContractStatus::Running),
        sort: ContractSort::Number,
        ..ContractQuery::default()
    };
    let found = contract::list(app, call, &query, &ONE)?.items;
    Ok(found.first().map(|contract| format!("/contracts/{}", contract.id)))
}

fn to_declare(app: &App, call: &Call) -> Result<String, Failure> {
    let contract = running(app, call)?;
    Ok(contract.map_or_else(|| "/declarations".to_owned(), |path| format!("{path}/declarations/new")))
}

fn lapsed(app: &App, call: &Call) -> Result<String, Failure> {
    let query =
        AuditQuery { years: AuditYears::All, state: Some(AuditState::Overdue), ..AuditQuery::default() };
    let found = audit::of_year(app, call, &query, &ONE)?.items;
    Ok(first(&found, "/audits?fiscal_year=all&state=overdue", |audit| format!("/audits/{}", audit.id)))
}

fn history(app: &App, call: &Call) -> Result<String, Failure> {
    let contract = running(app, call)?;
    Ok(contract.map_or_else(|| "/contracts".to_owned(), |path| format!("{path}/ledger")))
}

pub fn routes() -> Vec<PageRoute> {
    vec![look("/demo/tour/{id}").needs(Permission::OwnAccount, lead)]
}

/// From a step's number to its page.
fn lead(app: &App, call: &Call, visit: &Visit) -> Result<Outcome, Failure> {
    let number: Option<usize> = visit.path.get("id").and_then(|text| text.parse().ok());
    let step = number.and_then(|number| STEPS.get(number.checked_sub(1)?)).ok_or(Failure::NotFound)?;
    let path = (step.place)(app, call)?;
    let joint = if path.contains('?') { '&' } else { '?' };
    Ok(Outcome::Moved(format!("{path}{joint}{MARK}={}", number.unwrap_or_default())))
}

/// A step as pages show it.
#[derive(Debug, Clone, Serialize)]
struct Shown {
    number: usize,
    title: &'static str,
    what: &'static str,
    see: &'static str,
    try_it: &'static str,
    role: &'static str,
    path: String,
    /// None: a demonstration begun empty has few.
    login: Option<Value>,
}

/// The steps, each with the login that leads to it.
#[derive(Debug, Clone, Serialize)]
pub struct Tour {
    steps: Vec<Shown>,
}

impl Tour {
    pub fn new(logins: &[Login]) -> Self {
        let shown = |(number, step): (usize, &Step)| {
            let login = logins.iter().find(|login| login.role == step.role.as_str());
            let login = login.map(|l| json!({ "title": l.title, "email": l.email, "password": l.password }));
            Shown {
                number,
                title: step.title,
                what: step.what,
                see: step.see,
                try_it: step.try_it,
                role: step.role.title(),
                path: format!("/demo/tour/{number}"),
                login,
            }
        };
        Self { steps: (1..).zip(STEPS).map(shown).collect() }
    }

    /// The banner of the page that a step leads to; None: it is none.
    pub fn banner(&self, visit: &Visit) -> Option<Value> {
        let number: usize = visit.query(MARK)?.parse().ok()?;
        let at = number.checked_sub(1)?;
        let step = self.steps.get(at)?;
        let next = at.checked_add(1).and_then(|next| self.steps.get(next));
        let here = visit.address.split('?').next().unwrap_or_default();
        Some(json!({ "step": step, "next": next, "of": self.steps.len(), "here": here }))
    }
}
