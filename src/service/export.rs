//! 出力: the registers as tables, page by page, so that memory does not grow with them.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;

use super::chain::since;
use super::{App, Failure};
use crate::db::alert::AlertFilter;
use crate::db::history::ContractHistory;
use crate::db::{self, Conn};
use crate::domain::access::Scope;
use crate::domain::alert::AlertState;
use crate::domain::chain::{Engagement, Known};
use crate::domain::contract::{ContractStatus, Terms};
use crate::domain::days::DayRange;
use crate::domain::id::{AlertId, AuditId, ContractId, EngagementId};
use crate::exchange::export::{Cell, Column};

/// Contracts read at once; their chains are held in memory together.
const BATCH: i64 = 100;

/// What is put out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Register {
    Contracts,
    /// Every engagement on every chain.
    Subcontracts,
    Alerts,
    Audits,
}

macro_rules! columns {
    ($($key:literal: $heading:literal),+ $(,)?) => { &[$(Column { key: $key, heading: $heading }),+] };
}

impl Register {
    /// Its columns.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Contracts => columns!(
                "id": "契約ID", "agency": "機関", "number": "契約番号", "title": "件名", "fiscal_year": "年度",
                "vendor": "受託者", "corporate_number": "法人番号", "amount_yen": "契約金額", "unit_price": "単価", "starts_on": "開始日",
                "last_day": "最終日", "status": "状態", "department": "担当部署", "officer": "担当者",
                "open_alerts": "未解決アラート数",
            ),
            Self::Subcontracts => columns!(
                "engagement_id": "再委託ID", "agency": "機関", "contract_number": "契約番号",
                "contract_title": "件名", "tier": "階層", "parent": "委託元の事業者", "vendor": "事業者",
                "corporate_number": "法人番号", "country": "国", "as_of": "基準日", "state": "状態",
                "covered": "承認あり", "in_use": "利用中", "uncovered_days": "承認未確認の日数",
                "uncovered": "承認未確認の期間", "causes": "原因", "consent_until": "承認期限",
                "recorded": "既承認", "recorded_on": "既承認の登録日",
            ),
            Self::Alerts => columns!(
                "id": "アラートID", "contract_number": "契約番号", "contract_title": "件名", "kind": "種類",
                "title": "名称", "severity": "重要度", "state": "状態", "cause": "原因", "message": "内容",
                "due_on": "期限", "opened_on": "発生日", "resolved_on": "解決日", "resolution": "解決の理由",
            ),
            Self::Audits => columns!(
                "id": "検査ID", "agency": "機関", "contract_number": "契約番号", "contract_title": "件名",
                "kind": "種類", "vendor": "対象の事業者", "due_on": "期限", "every_months": "周期（月）",
                "auditor": "検査担当", "unannounced": "予告なし", "done_on": "実施日", "result": "結果", "findings": "指摘数",
                "cancelled_on": "取消日", "cancellation_reason": "取消しの理由",
            ),
        }
    }
}

/// Where the rows go.
pub type Sink<'a, E> = &'a mut dyn FnMut(&[Cell]) -> Result<(), E>;

/// The scope of an agency's code; None: everything.
pub fn scope(app: &App, agency: Option<&str>) -> Result<Scope, Failure> {
    let Some(code) = agency else { return Ok(Scope::Program) };
    let found = app.db.read_one(|conn| db::organization::by_code(conn, code))?;
    let agency = found.ok_or_else(|| {
        Failure::field("/agency", "unknown", format!("機関コード「{code}」の機関は登録されていません。"))
    })?;
    Ok(Scope::Agency(agency.id))
}

/// Puts a register out as of a day: the day that is spoken of, by all that is known now. What comes in between two
/// pages is on the next or not at all, never twice.
pub fn export<E: From<Failure>>(
    app: &App,
    register: Register,
    scope: Scope,
    as_of: NaiveDate,
    sink: Sink<'_, E>,
) -> Result<(), E> {
    if register == Register::Alerts {
        return alerts(app, scope, as_of, sink);
    }
    let mut after: Option<ContractId> = None;
    loop {
        let (last, rows) = app.db.read(|conn| batch(app, conn, register, scope, as_of, after))?;
        for row in &rows {
            sink(row)?;
        }
        match last {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

type Rows = Vec<Vec<Cell>>;

/// A contract on a day.
struct Line {
    contract: ContractHistory,
    terms: Terms,
    status: ContractStatus,
    last_day: NaiveDate,
}

impl Line {
    /// None: on that day it was neither known nor signed nor running.
    fn on(contract: ContractHistory, as_of: NaiveDate) -> Result<Option<Self>, Failure> {
        let known = contract.facts.now();
        let lost = || Failure::Internal(format!("contract {} without terms", contract.id));
        let latest = known.terms().ok_or_else(lost)?;
        if as_of < contract.learned_on.min(latest.signed_on).min(latest.starts_on) {
            return Ok(None);
        }
        let last_day = known.last_day().unwrap_or(latest.ends_on);
        let day = known.period().map_or(latest.starts_on, |period| as_of.clamp(period.from, period.to));
        let terms = known.terms_on(day).unwrap_or(latest).clone();
        let status = ContractStatus::on(as_of, latest.starts_on, last_day);
        Ok(Some(Self { contract, terms, status, last_day }))
    }
}

/// The rows of one page of contracts, and where it ended.
fn batch(
    app: &App,
    conn: &mut Conn,
    register: Register,
    scope: Scope,
    as_of: NaiveDate,
    after: Option<ContractId>,
) -> Result<(Option<ContractId>, Rows), Failure> {
    let found = db::history::contracts(conn, scope, after, BATCH)?;
    let last = found.last().map(|contract| contract.id);
    let mut lines = Vec::with_capacity(found.len());
    for contract in found {
        lines.extend(Line::on(contract, as_of)?);
    }
    let rows = match register {
        Register::Contracts => lines.into_iter().map(|line| contract(line, as_of)).collect(),
        Register::Subcontracts => subcontracts(app, conn, &lines, as_of)?,
        Register::Audits => audits(app, conn, &lines, as_of)?,
        Register::Alerts => Rows::new(),
    };
    Ok((last, rows))
}

fn contract(line: Line, as_of: NaiveDate) -> Vec<Cell> {
    let Line { contract, terms, status, last_day } = line;
    // The latest that has begun; of two from the same day, the one recorded last.
    let officer =
        contract.officers.into_iter().filter(|(from, _)| *from <= as_of).max_by_key(|(from, _)| *from);
    let stood = |(opened, resolved): &&(NaiveDate, Option<NaiveDate>)| {
        *opened <= as_of && resolved.is_none_or(|day| as_of < day)
    };
    let open_alerts = contract.alerts.iter().filter(stood).count();
    vec![
        contract.id.to_string().into(),
        contract.agency_name.into(),
        contract.number.into(),
        terms.title.into(),
        terms.fiscal_year.into(),
        contract.vendor_name.into(),
        contract.vendor_corporate_number.into(),
        terms.amount_yen.into(),
        terms.unit_price.into(),
        terms.starts_on.into(),
        last_day.into(),
        status.as_str().into(),
        terms.department.into(),
        officer.map(|(_, name)| name).into(),
        i64::try_from(open_alerts).unwrap_or(i64::MAX).into(),
    ]
}

fn subcontracts(app: &App, conn: &mut Conn, lines: &[Line], as_of: NaiveDate) -> Result<Rows, Failure> {
    let mut rows = Rows::new();
    for line in lines {
        let facts = db::facts::load(conn, line.contract.id)?;
        let known = facts.chain.now();
        let there = |id: EngagementId| {
            let own = known.engagement(id).map(|it| since(app, &known, it, |_| true));
            as_of >= app.today() || own.is_some_and(|day| day <= as_of)
        };
        // Whoever stands above one that was there was there too.
        let mut shown: HashSet<EngagementId> = HashSet::new();
        for engagement in known.engagements().filter(|engagement| there(engagement.id)) {
            shown.insert(engagement.id);
            shown.extend(known.ancestors(engagement.id).map(|above| above.id));
        }
        let shown = known.engagements().filter(|engagement| shown.contains(&engagement.id));
        rows.extend(shown.map(|engagement| place(app, line, &known, engagement, as_of)));
    }
    Ok(rows)
}

fn place(app: &App, line: &Line, known: &Known<'_>, engagement: &Engagement, as_of: NaiveDate) -> Vec<Cell> {
    let coverage = known.coverage(engagement.id);
    let so_far = |range: &DayRange| DayRange::new(range.from, range.to.min(as_of));
    let uncovered: Vec<_> = coverage
        .into_iter()
        .flat_map(|coverage| &coverage.uncovered)
        .filter_map(|(range, cause)| Some((so_far(range)?, *cause)))
        .collect();
    let days: i64 = uncovered.iter().map(|(range, _)| (range.to - range.from).num_days() + 1).sum();
    let listed = |texts: Vec<String>| texts.join("; ");
    let decided = || known.consents(engagement.id).iter().filter(|held| held.consent.decided_on <= as_of);
    // 既承認: entered here after it was decided on paper.
    let recorded = decided().filter(|held| held.consent.application_id.is_none());
    let recorded_on = recorded.map(|held| app.sources.clock.day_of(held.consent.stamp.at)).max();
    let parent =
        engagement.parent_id.and_then(|id| known.engagement(id)).map(|parent| parent.vendor.name.clone());
    vec![
        engagement.id.to_string().into(),
        line.contract.agency_name.as_str().into(),
        line.contract.number.as_str().into(),
        line.terms.title.as_str().into(),
        engagement.tier.into(),
        parent.into(),
        engagement.vendor.name.as_str().into(),
        engagement.vendor.corporate_number.clone().into(),
        engagement.vendor.country.as_str().into(),
        as_of.into(),
        known.state(engagement.id, as_of).as_str().into(),
        coverage.is_some_and(|c| c.covered.contains(as_of)).into(),
        coverage.is_some_and(|c| c.in_use.contains(as_of)).into(),
        days.into(),
        listed(uncovered.iter().map(|(range, _)| format!("{}/{}", range.from, range.to)).collect()).into(),
        listed(uncovered.iter().map(|(_, cause)| cause.to_string()).collect()).into(),
        decided().filter(|held| held.valid.is_some()).map(|held| held.ends_on).max().into(),
        recorded_on.is_some().into(),
        recorded_on.into(),
    ]
}

fn audits(app: &App, conn: &mut Conn, lines: &[Line], as_of: NaiveDate) -> Result<Rows, Failure> {
    let ids: Vec<ContractId> = lines.iter().map(|line| line.contract.id).collect();
    let planned = db::audit::of_contracts(conn, &ids)?;
    let audits: Vec<AuditId> = planned.iter().map(|row| row.id).collect();
    let became = db::audit::outcomes(conn, &audits)?;
    let places: Vec<EngagementId> = planned.iter().filter_map(|row| row.engagement_id).collect();
    let vendors: HashMap<EngagementId, String> =
        db::audit::vendor_names(conn, &places)?.into_iter().collect();
    let row = |audit: &db::audit::AuditRow| {
        let line = lines.iter().find(|line| line.contract.id == audit.contract_id)?;
        let outcome = became.done.iter().find(|done| done.audit_id == audit.id && done.done_on <= as_of);
        let findings = became.findings.iter().filter(|finding| finding.audit_id == audit.id).count();
        let mut cancelled = became.cancelled.iter();
        let cancelled =
            cancelled.find(|cancelled| cancelled.audit_id == audit.id && cancelled.cancelled_on <= as_of);
        // One that was planned later was not planned on that day, unless it was due or done by then.
        let planned_on = app.sources.clock.day_of(audit.recorded_at.and_utc());
        if as_of < planned_on.min(audit.due_on) && outcome.is_none() {
            return None;
        }
        let vendor = match audit.engagement_id {
            Some(id) => vendors.get(&id).cloned(),
            None => Some(line.contract.vendor_name.clone()),
        };
        Some(vec![
            audit.id.to_string().into(),
            line.contract.agency_name.as_str().into(),
            line.contract.number.as_str().into(),
            line.terms.title.as_str().into(),
            audit.kind.as_str().into(),
            vendor.into(),
            audit.due_on.into(),
            audit.every_months.into(),
            audit.auditor.clone().into(),
            audit.unannounced.into(),
            outcome.map(|outcome| outcome.done_on).into(),
            outcome.map(|outcome| outcome.result.clone()).into(),
            outcome.map(|_| i64::try_from(findings).unwrap_or(i64::MAX)).into(),
            cancelled.map(|cancelled| cancelled.cancelled_on).into(),
            cancelled.map(|cancelled| cancelled.reason.clone()).into(),
        ])
    };
    Ok(planned.iter().filter_map(row).collect())
}

/// The state on the day; kind, severity, message and due day as they were last.
fn alerts<E: From<Failure>>(app: &App, scope: Scope, as_of: NaiveDate, sink: Sink<'_, E>) -> Result<(), E> {
    let mut before: Option<AlertId> = None;
    loop {
        let (rows, labels, taken_up) = app.db.read(|conn| {
            let rows = db::alert::list(conn, scope, &AlertFilter::default(), before, BATCH)?;
            let labels = db::alert::contract_labels(conn, &rows)?;
            let ids: Vec<AlertId> = rows.iter().map(|row| row.id).collect();
            let taken_up = db::history::taken_up(conn, &ids)?;
            Ok::<_, Failure>((rows, labels, taken_up))
        })?;
        let Some(last) = rows.last() else { return Ok(()) };
        before = Some(last.id);
        for row in rows.into_iter().filter(|row| row.opened_on <= as_of) {
            let label = row.contract_id.and_then(|id| labels.get(&id));
            let resolved_on = row.resolved_on.filter(|day| *day <= as_of);
            let taken_up =
                taken_up.get(&row.id).is_some_and(|at| app.sources.clock.day_of(at.and_utc()) <= as_of);
            let state = match (resolved_on, taken_up) {
                (Some(_), _) => AlertState::Resolved,
                (None, true) => AlertState::Acknowledged,
                (None, false) => AlertState::Open,
            };
            sink(&[
                row.id.to_string().into(),
                label.map(|label| label.number.clone()).into(),
                label.map(|label| label.title.clone()).into(),
                row.kind.as_str().into(),
                row.kind.rule().map(|rule| rule.name).into(),
                row.severity.as_str().into(),
                state.as_str().into(),
                row.cause.map(|cause| cause.to_string()).into(),
                row.message.into(),
                row.due_on.into(),
                row.opened_on.into(),
                resolved_on.into(),
                row.resolution.filter(|_| resolved_on.is_some()).into(),
            ])?;
        }
    }
}
