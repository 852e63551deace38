//! The outbox as an agency sees it: who will be told, what was sent, what failed; and sending again.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::TokenPurpose;
use super::alert::notice_title;
use super::{App, Call, Failure, Page, Paged, user};
use crate::db::notice::NoticeRow;
pub use crate::db::notice::{NoticeFilter, NoticeState};
use crate::db::{self, Conn, DbError, Tx};
use crate::domain::access::{Actor, Role};
use crate::domain::id::{ContractId, NoticeId, OrganizationId, UserId};
pub use crate::notice::NoticeKind;
use crate::notice::render::render;

/// Whom a notice goes to.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NoticeRecipient {
    /// Null: a department.
    pub user_id: Option<UserId>,
    pub name: String,
    /// For administrators only.
    pub address: Option<String>,
}

/// A notice.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NoticeView {
    pub id: NoticeId,
    pub kind: NoticeKind,
    pub title: String,
    pub state: NoticeState,
    pub contract_id: Option<ContractId>,
    pub contract_number: Option<String>,
    pub contract_title: Option<String>,
    /// What it is about, such as an alert's id.
    pub subject: String,
    /// Which step of telling, such as `opened` or `30`.
    pub step: String,
    pub recipient: NoticeRecipient,
    pub created_on: NaiveDate,
    pub created_at: DateTime<Utc>,
    pub attempts: i32,
    pub next_attempt_at: Option<DateTime<Utc>>,
    pub sent_at: Option<DateTime<Utc>>,
    /// For administrators only.
    pub last_error: Option<String>,
}

/// The caller's organization's notices, the latest first.
pub fn list(
    app: &App,
    call: &Call,
    filter: &NoticeFilter,
    page: &Page,
) -> Result<Paged<NoticeView>, Failure> {
    let before = page.after_id()?;
    app.db.read(|conn| {
        let organization = call.actor.organization.id;
        let rows = db::notice::list(conn, organization, filter, before, page.rows())?;
        let names = Names::of(conn, organization, &rows)?;
        let show = |row| show(row, &names, &call.actor);
        Ok(Paged::cut(page, rows, |row| row.id.to_string(), show))
    })
}

/// What a notice says.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NoticeWords {
    pub notice: NoticeView,
    /// As its recipient reads it.
    pub subject: String,
    /// The plain text; null where only its recipient may read it.
    pub text: Option<String>,
    /// Why it is not shown.
    pub withheld: Option<String>,
}

/// A notice of the caller's organization with its words, as it was or will be mailed. A mail that carries a token is
/// for its recipient alone: of an invitation or a new password neither link nor text is shown, sent or not.
pub fn read(app: &App, call: &Call, id: NoticeId) -> Result<NoticeWords, Failure> {
    app.db.read(|conn| {
        let organization = call.actor.organization.id;
        let row = db::notice::find_of(conn, organization, id)?;
        let names = Names::of(conn, organization, std::slice::from_ref(&row))?;
        let (subject, text, withheld) = if TokenPurpose::of_mail(row.kind).is_some() {
            let why = "本人だけが使えるリンクが入っているため、この通知の本文は表示しません。";
            (notice_title(row.kind).to_owned(), None, Some(why.to_owned()))
        } else {
            let words = render(row.kind, &row.context()?).map_err(|e| Failure::Internal(e.to_string()))?;
            (words.subject, Some(words.text), None)
        };
        Ok(NoticeWords { notice: show(row, &names, &call.actor), subject, text, withheld })
    })
}

/// Puts a notice that was given up back into the queue, to the address that its recipient has now. The token of an
/// invitation is gone by then, so it is invited anew; a new password is asked for by the person alone.
pub fn resend(app: &App, call: &Call, id: NoticeId) -> Result<NoticeView, Failure> {
    let organization = call.actor.organization.id;
    app.act_on_organization(call, organization, |tx| {
        let not_failed = || Failure::conflict("not_failed", "再送できるのは、不達になった通知だけです。");
        let row = db::notice::find_of(tx.conn, organization, id)?;
        if row.state != NoticeState::Failed {
            return Err(not_failed());
        }
        let address = address_now(tx.conn, &row, tx.today)?;
        let context = renewed(app, tx, &row)?;
        let now = tx.sources.clock.machine_now();
        if !db::notice::requeue(tx.conn, &row, &address, context, (tx.today, now))? {
            return Err(not_failed());
        }
        tx.record("notice.resent", id, &serde_json::json!({}))?;
        let row = db::notice::find_of(tx.conn, organization, id)?;
        let names = Names::of(tx.conn, organization, std::slice::from_ref(&row))?;
        Ok(show(row, &names, &call.actor))
    })
}

/// The context of a mail whose token is gone, with a new one; None: what was stored can be sent as it is.
fn renewed(app: &App, tx: &mut Tx<'_>, row: &NoticeRow) -> Result<Option<Value>, Failure> {
    match (TokenPurpose::of_mail(row.kind), row.user_id()) {
        (None, _) => Ok(None),
        (Some(TokenPurpose::Invitation), Some(id)) => {
            let user = db::user::find(tx.conn, id)?;
            let token = tx.sources.token();
            let mail = user::invitation(app, tx, &user, &token)?;
            Ok(Some(mail.to_value().map_err(|e| Failure::Internal(e.to_string()))?))
        }
        (Some(TokenPurpose::Invitation | TokenPurpose::PasswordReset), _) => {
            let message = "パスワードの再設定の案内は再送できません。本人が、ログイン画面からもう一度申し込んでください。";
            Err(Failure::conflict("password_reset", message))
        }
    }
}

/// A person's address as it is now; a department's as it was. Nobody without an active account is written to.
fn address_now(conn: &mut Conn, row: &NoticeRow, today: NaiveDate) -> Result<String, Failure> {
    let Some(user_id) = row.user_id() else { return Ok(row.address.clone()) };
    let user = db::user::find(conn, user_id)?;
    if !user.is_usable(today) {
        let message = "宛先の利用者は無効になっているため、再送できません。";
        return Err(Failure::conflict("recipient_inactive", message));
    }
    Ok(user.email)
}

/// What the rows name: recipients, and contracts by number and title.
struct Names {
    recipients: HashMap<String, String>,
    contracts: HashMap<ContractId, (String, String)>,
}

impl Names {
    fn of(conn: &mut Conn, organization: OrganizationId, rows: &[NoticeRow]) -> Result<Self, DbError> {
        let contracts: HashSet<ContractId> = rows.iter().filter_map(|row| row.contract_id).collect();
        let contracts: Vec<ContractId> = contracts.into_iter().collect();
        Ok(Self {
            recipients: db::notice::recipient_names(conn, organization, rows)?,
            contracts: db::contract::labels(conn, &contracts)?,
        })
    }
}

fn show(row: NoticeRow, names: &Names, actor: &Actor) -> NoticeView {
    let admin = actor.is(Role::AgencyAdmin);
    let user_id = row.user_id();
    let name = names.recipients.get(&row.recipient).or_else(|| names.recipients.get(&row.address)).cloned();
    let contract = row.contract_id.and_then(|id| names.contracts.get(&id));
    NoticeView {
        id: row.id,
        kind: row.kind,
        title: notice_title(row.kind).to_owned(),
        state: row.state,
        contract_id: row.contract_id,
        contract_number: contract.map(|(number, _)| number.clone()),
        contract_title: contract.map(|(_, title)| title.clone()),
        subject: row.subject,
        step: row.step,
        recipient: NoticeRecipient {
            user_id,
            name: name.unwrap_or_else(|| "担当部署".to_owned()),
            address: admin.then_some(row.address),
        },
        created_on: row.created_on,
        created_at: row.created_at.and_utc(),
        attempts: row.attempts,
        next_attempt_at: row.next_attempt_at.map(|at| at.and_utc()),
        sent_at: row.sent_at.map(|at| at.and_utc()),
        last_error: row.last_error.filter(|_| admin),
    }
}
