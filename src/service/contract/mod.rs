//! 契約: registered, shown to each side in its own view, amended, terminated, handed over, imported.

mod amend;
mod correct;
mod handover;
mod handover_back;
pub mod import;
mod narrow;
mod register;
mod sort;
mod terminate;
mod terms;
pub mod upload;
mod void;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::page::Total;
use super::{App, Call, Failure, Page, Paged, alert};
use crate::db::contract::{ContractFilter, ContractHead, ContractLine, WholeContract};
use crate::db::types::from_json;
use crate::db::{self, ChainKey, Conn, DbError, Tx};
use crate::domain::access::Scope;
use crate::domain::contract::{ContractOrigin, ContractStatus, DeclarationInterval};
use crate::domain::id::{ContractId, ImportId, OrganizationId, UserId};
use crate::notice::letter::Contact;

pub use amend::{AmendmentView, amend, amendments, patch, questions_of};
pub use correct::{CorrectionAsked, correct_terms, correction_asked, withdraw_amendment};
pub use handover::{
    Assignment, BulkHandover, Handover, HandoverView, HandoverWithdrawal, HeldContract, Holder, Moved,
    Planned, hand_over, hand_over_all, handover_preview, handovers, held, holders, unassigned,
    usual_department, withdraw_handover,
};
pub use handover_back::{ComingView, ManyWithdrawals, coming_handovers, withdraw_handovers};
pub use narrow::{NarrowQuery, Offered, Whose, offered};
pub use register::{Registration, register, register_in};
pub use sort::ContractSort;
pub use terminate::{Terminate, terminate};
pub use terms::{
    Amendment, ContractPatch, DataItem, DataVolumeView, NewContract, RETURN_DUE_DAYS, SubcontractingInput,
    SubcontractingView, TermsCorrection, TermsView, TermsWithdrawal, over_amount, over_persons, questions,
    volumes,
};
pub use void::{ImportView, Undone, Void, import_run, imports, refuse_voided, undo_import, void};

/// A contract as one side sees it. What is not a side's business is left out: a vendor below the prime learns
/// neither amount nor volumes nor who else stands there; the prime, nothing of the agency's own handling. A list
/// leaves out what only the terms say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ContractView {
    pub id: ContractId,
    pub number: String,
    pub title: String,
    pub agency_id: OrganizationId,
    pub agency_name: String,
    pub starts_on: NaiveDate,
    /// The last day by all that is known: the end agreed, or the day before a termination takes effect.
    pub last_day: NaiveDate,
    pub status: ContractStatus,
    /// The prime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_id: Option<OrganizationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_corporate_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fiscal_year: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_yen: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// 単価契約: the unit prices, in words; the amount is the expected total then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_on: Option<NaiveDate>,
    /// Last day as agreed, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_on: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Vec<DataVolumeView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subcontracting: Option<SubcontractingView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declaration_interval: Option<DeclarationInterval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_due_days: Option<i32>,
    /// The responsible officer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub officer_id: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub officer_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_alerts: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<ContractOrigin>,
    /// The period is not in the file it was imported from: from the one day known to the end of the 年度.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_assumed: Option<bool>,
    /// Other parties on the vendor's side, by name, as imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joint_vendors: Option<Vec<String>>,
    /// The agencies as the imported file names them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joint_agencies: Option<Vec<String>>,
    /// The file taken in that it came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import_id: Option<ImportId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<DateTime<Utc>>,
    /// The day of its 登録の取消し: it was registered by mistake, and only its own page shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voided_on: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub void_reason: Option<String>,
    /// Who took it back; left out where the operator's command did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voided_by_name: Option<String>,
    pub version: i64,
}

/// How much of a contract a scope sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Agency,
    Prime,
    /// A vendor further down.
    Below,
}

impl Sight {
    fn of(scope: &Scope, prime: OrganizationId) -> Self {
        match *scope {
            Scope::Vendor(id) if id == prime => Self::Prime,
            Scope::Vendor(_) => Self::Below,
            Scope::Agency(_) | Scope::Overseer | Scope::Nothing | Scope::Program => Self::Agency,
        }
    }
}

/// The contract as the scope sees it in a list: without what only its terms and its registration say.
fn listed(line: ContractLine, scope: &Scope, today: NaiveDate) -> ContractView {
    let ContractLine { contract: head, agency_name, vendor_name, vendor_corporate_number, officer_name } =
        line;
    let sight = Sight::of(scope, head.vendor_id);
    let (prime, agency) = (sight != Sight::Below, sight == Sight::Agency);
    ContractView {
        status: head.status(today),
        id: head.id,
        number: head.number,
        title: head.title,
        agency_id: head.agency_id,
        agency_name,
        starts_on: head.starts_on,
        last_day: head.last_day,
        vendor_id: prime.then_some(head.vendor_id),
        vendor_name: prime.then_some(vendor_name),
        vendor_corporate_number: vendor_corporate_number.filter(|_| prime),
        fiscal_year: prime.then_some(head.fiscal_year),
        amount_yen: prime.then_some(head.amount_yen),
        department: head.department.filter(|_| prime),
        officer_id: head.officer_id.filter(|_| agency),
        officer_name: officer_name.filter(|_| agency),
        open_alerts: agency.then_some(head.open_alerts),
        version: head.version,
        voided_on: head.voided_on,
        import_id: None,
        void_reason: None,
        voided_by_name: None,
        unit_price: None,
        signed_on: None,
        ends_on: None,
        scope: None,
        data: None,
        subcontracting: None,
        declaration_interval: None,
        return_due_days: None,
        origin: None,
        period_assumed: None,
        joint_vendors: None,
        joint_agencies: None,
        registered_at: None,
    }
}

/// The contract with its terms of today, read inside a transaction or by itself.
fn show(conn: &mut Conn, scope: &Scope, id: ContractId, today: NaiveDate) -> Result<ContractView, DbError> {
    let whole = db::contract::find_whole(conn, scope, id)?;
    let terms = whole.terms_in_force(today)?;
    let WholeContract { line, birth, .. } = whole;
    let sight = Sight::of(scope, line.contract.vendor_id);
    let mut view = listed(line, scope, today);
    let mut subcontracting = SubcontractingView::from(&terms.subcontracting);
    view.declaration_interval = Some(terms.declaration_interval);
    view.return_due_days = Some(terms.return_due_days);
    if sight == Sight::Below {
        subcontracting.max_ratio_percent = None;
        subcontracting.minor_limit_yen = None;
    } else {
        view.unit_price = terms.unit_price;
        view.signed_on = Some(terms.signed_on);
        view.ends_on = Some(terms.ends_on);
        view.scope = Some(terms.scope);
        view.data = Some(terms.data.iter().map(Into::into).collect());
    }
    view.subcontracting = Some(subcontracting);
    if sight == Sight::Agency {
        view.origin = Some(birth.origin);
        view.period_assumed = Some(birth.period_assumed);
        view.joint_vendors = Some(from_json(&birth.joint_vendors)?);
        view.joint_agencies = Some(from_json(&birth.joint_agencies)?);
        view.registered_at = Some(birth.created_at.and_utc());
        view.import_id = birth.import_id;
        if view.voided_on.is_some()
            && let Some(void) = db::contract::void_of(conn, id)?
        {
            view.void_reason = Some(void.reason);
            view.voided_by_name = void.by_name;
        }
    }
    Ok(view)
}

/// One contract.
pub fn get(app: &App, call: &Call, id: ContractId) -> Result<ContractView, Failure> {
    Ok(app.db.read_one(|conn| show(conn, &call.scope(), id, app.today()))?)
}

/// What the list of contracts is narrowed to, as asked.
#[derive(Debug, Clone, Default)]
pub struct ContractQuery {
    pub narrow: NarrowQuery,
    pub status: Option<ContractStatus>,
    pub vendor_id: Option<OrganizationId>,
    /// Only those with an unresolved alert.
    pub alerting: bool,
    /// Only those whose last day is this one or before.
    pub ends_by: Option<NaiveDate>,
    /// Only those that have not ended, begun or not.
    pub unended: bool,
    /// Only those that run in this 年度, entrust personal data, and have no on-site audit planned or done in it; the
    /// agency's side only.
    pub without_on_site: Option<i32>,
    pub sort: ContractSort,
}

impl ContractQuery {
    fn filter(&self, call: &Call) -> ContractFilter {
        ContractFilter {
            narrow: self.narrow.of(call),
            status: self.status,
            vendor_id: self.vendor_id,
            alerting: self.alerting,
            ends_by: self.ends_by,
            unended: self.unended,
            without_on_site: self.without_on_site.filter(|_| !matches!(call.scope(), Scope::Vendor(_))),
        }
    }
}

/// The contracts that the caller may know of, newest first or as asked.
pub fn list(
    app: &App,
    call: &Call,
    query: &ContractQuery,
    page: &Page,
) -> Result<Paged<ContractView>, Failure> {
    let filter = query.filter(call);
    let (scope, today) = (call.scope(), app.today());
    let order = query.sort.order(&scope, page)?;
    let lines =
        app.db.read_one(|conn| db::contract::list(conn, &scope, &filter, &order, today, page.rows()))?;
    Ok(Paged::cut(page, lines, |line| query.sort.key(&line.contract), |line| listed(line, &scope, today)))
}

/// Whom the prime asks about its contract, the same that its mails name. The agency's own people are told nobody, nor is
/// a vendor below the prime: the contract's department is not for it to read.
pub fn contact(app: &App, call: &Call, contract: &ContractView) -> Result<Option<Contact>, Failure> {
    // Who reads the amount reads the contract whole.
    if !matches!(call.scope(), Scope::Vendor(_)) || contract.amount_yen.is_none() {
        return Ok(None);
    }
    Ok(app.db.read(|conn| db::letter::contact(conn, contract.id))?)
}

/// How many contracts that is in all.
pub fn count(app: &App, call: &Call, query: &ContractQuery) -> Result<Total, Failure> {
    let (scope, today, filter) = (call.scope(), app.today(), query.filter(call));
    let count = |conn: &mut Conn| db::contract::count_matching(conn, &scope, &filter, today, Total::BOUND);
    Ok(Total::of(app.db.read_one::<_, DbError>(count)?))
}

/// Changes a contract: `work` adds facts and says whether it did; then projection and alerts follow.
fn change(
    app: &App,
    call: &Call,
    id: ContractId,
    work: impl Fn(&mut Tx<'_>, &ContractHead) -> Result<bool, Failure>,
) -> Result<ContractView, Failure> {
    let scope = call.scope();
    app.act(call, ChainKey::Existing(id.cast()), |tx| {
        let row = db::contract::find(tx.conn, &scope, id)?;
        refuse_voided(row.voided_on)?;
        if work(tx, &row)? {
            db::contract::reproject(tx.conn, id, tx.today, true)?;
            alert::reevaluate(tx, id)?;
        }
        Ok(show(tx.conn, &scope, id, tx.today)?)
    })
}

/// A page of what hangs on one contract, few enough to be read at once; ordered by their place in the ledger.
fn page_by_seq<R, T>(
    page: &Page,
    mut rows: Vec<R>,
    seq: impl Fn(&R) -> i64,
    show: impl FnMut(R) -> T,
) -> Result<Paged<T>, Failure> {
    if let Some(after) = &page.after {
        let after: i64 = after.parse().map_err(|_| super::page::unknown_cursor())?;
        rows.retain(|row| seq(row) > after);
    }
    Ok(Paged::cut(page, rows, |row| seq(row).to_string(), show))
}
