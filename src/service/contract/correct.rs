//! Terms taken back before they are in force, and 訂正 of a slip in terms as they were registered or changed. Nothing
//! recorded is edited: what is right is recorded beside it, from the same day on, and holds since it is known.

use chrono::NaiveDate;
use serde::Serialize;

use super::amend::{in_force, later_terms, outlived, without_terms};
use super::terms::{TermsCorrection, TermsView, TermsWithdrawal, contradictions, questions};
use super::{ContractView, change};
use crate::db::contract::{ContractHead, NewTerms, TermsRow};
use crate::db::{self, Conn, Tx};
use crate::domain::contract::{Terms, TermsKind};
use crate::domain::id::ContractId;
use crate::service::{App, Call, Failure};

/// What the ledger keeps of terms that answer others.
#[derive(Serialize)]
struct Answered<'a> {
    effective_on: NaiveDate,
    reason: &'a str,
    terms: &'a Terms,
    /// The place in the ledger of the terms that are taken back or corrected.
    answers: i64,
    version: i64,
}

fn keep(
    tx: &mut Tx<'_>,
    row: &ContractHead,
    (action, kind): (&str, TermsKind),
    (effective_on, terms): (NaiveDate, &Terms),
    reason: &str,
    answers: i64,
) -> Result<(), Failure> {
    let version = row.version + 1;
    let recorded = tx.record(action, row.id, &Answered { effective_on, reason, terms, answers, version })?;
    let new = NewTerms { effective_on, kind, reason: Some(reason), answers: Some(answers), terms };
    Ok(db::contract::add_terms(tx, row.id, &new, &recorded)?)
}

/// Whether these terms were taken back, or correct some that were.
pub(super) fn is_withdrawn(all: &[TermsRow], row: &TermsRow) -> bool {
    let of = if row.kind == TermsKind::Corrected { row.answers } else { Some(row.fact.stamp.seq) };
    row.kind != TermsKind::Withdrawn
        && all.iter().any(|other| other.kind == TermsKind::Withdrawn && other.answers == of)
}

/// The terms as last corrected, on their own day.
fn as_corrected<'a>(all: &'a [TermsRow], it: &'a TermsRow) -> &'a Terms {
    let of_it = |row: &&TermsRow| {
        row.kind == TermsKind::Corrected
            && row.answers == Some(it.fact.stamp.seq)
            && row.fact.effective_on == it.fact.effective_on
    };
    &all.iter().rfind(of_it).unwrap_or(it).fact.terms
}

/// The registration and the changes that stand.
pub(super) fn agreed(all: &[TermsRow]) -> impl Iterator<Item = &TermsRow> {
    let of_contract = |row: &&TermsRow| matches!(row.kind, TermsKind::Registered | TermsKind::Amended);
    all.iter().filter(of_contract).filter(|row| !is_withdrawn(all, row))
}

fn chosen(all: &[TermsRow], seq: i64) -> Result<&TermsRow, Failure> {
    let found = agreed(all).find(|row| row.fact.stamp.seq == seq);
    found.ok_or_else(|| {
        let message = "その契約条件はありません。契約のページから選び直してください。";
        Failure::field("/seq", "unknown", message)
    })
}

/// The terms with what they have of `wrong` put right; what was changed since stays.
fn put_right(terms: &Terms, wrong: &Terms, right: &Terms) -> Terms {
    macro_rules! fields {
        ($($name:ident),+) => {
            Terms { $($name: if terms.$name == wrong.$name { right.$name.clone() } else { terms.$name.clone() }),+ }
        };
    }
    fields!(
        title,
        fiscal_year,
        amount_yen,
        unit_price,
        signed_on,
        starts_on,
        ends_on,
        scope,
        data,
        subcontracting,
        declaration_interval,
        return_due_days,
        department
    )
}

/// The terms that begin after a day and have of `wrong` what is to be put right, each as it should be.
fn mended(all: &[TermsRow], after: NaiveDate, wrong: &Terms, right: &Terms) -> Vec<(NaiveDate, Terms)> {
    let later = later_terms(all, after).into_iter();
    let mended = later.map(|(day, later)| (day, put_right(&later, wrong, right), later));
    mended.filter(|(_, mended, later)| mended != later).map(|(day, mended, _)| (day, mended)).collect()
}

/// Brings the terms that begin later along.
fn carry_on(
    tx: &mut Tx<'_>,
    row: &ContractHead,
    act: (&str, TermsKind),
    (all, from): (&[TermsRow], &TermsRow),
    (wrong, right): (&Terms, &Terms),
    reason: &str,
) -> Result<(), Failure> {
    for (day, terms) in mended(all, from.fact.effective_on, wrong, right) {
        keep(tx, row, act, (day, &terms), reason, from.fact.stamp.seq)?;
    }
    Ok(())
}

/// Whether of the changes that a day began with none stands: what is recorded for it later only carries on what holds
/// before it.
fn is_void(all: &[TermsRow], day: NaiveDate) -> bool {
    let mut of_day = all.iter().filter(|row| row.fact.effective_on == day);
    of_day.clone().any(|row| row.kind == TermsKind::Amended)
        && of_day.all(|row| match row.kind {
            TermsKind::Registered => false,
            TermsKind::Amended => is_withdrawn(all, row),
            // A department named before is carried into the days to come, too.
            TermsKind::Withdrawn | TermsKind::Corrected | TermsKind::DepartmentChanged => true,
        })
}

/// Whether these terms correct earlier ones, and stand only for a day whose change was taken back: no act of its own.
pub(super) fn is_carried(all: &[TermsRow], row: &TermsRow) -> bool {
    let answered = all.iter().find(|other| Some(other.fact.stamp.seq) == row.answers);
    row.kind == TermsKind::Corrected
        && answered.is_some_and(|it| it.fact.effective_on < row.fact.effective_on)
        && is_void(all, row.fact.effective_on)
}

/// The terms that hold from the day of a change on, once it is taken back.
fn restored(all: &[TermsRow], it: &TermsRow) -> Option<Terms> {
    let (seq, day) = (it.fact.stamp.seq, it.fact.effective_on);
    let before: Vec<TermsRow> =
        all.iter().filter(|row| row.fact.effective_on < day || row.fact.stamp.seq < seq).cloned().collect();
    let base = in_force(&before, day)?.fact.terms.clone();
    let now = &in_force(all, day)?.fact.terms;
    // A department named since is not the change's.
    Some(put_right(now, as_corrected(all, it), &base))
}

/// `POST /contracts/{id}/amendments/withdraw`: a change of the contract that is not in force yet is taken back. Of
/// several to come, the last first, for each was agreed on the one before.
pub fn withdraw_amendment(
    app: &App,
    call: &Call,
    id: ContractId,
    given: &TermsWithdrawal,
) -> Result<ContractView, Failure> {
    const ACT: (&str, TermsKind) = ("contract.amendment_withdrawn", TermsKind::Withdrawn);
    change(app, call, id, |tx, row| {
        let all = db::contract::terms(tx.conn, id)?;
        let it = chosen(&all, given.seq)?;
        let day = it.fact.effective_on;
        if it.kind != TermsKind::Amended || day <= tx.today {
            let message = "すでに効力が生じているため、取り消せません。誤って登録した内容は、「訂正」で改めてください。";
            return Err(Failure::conflict("in_force", message));
        }
        let last = agreed(&all).max_by_key(|row| (row.fact.effective_on, row.fact.stamp));
        if let Some(later) = last.filter(|last| last.fact.stamp != it.fact.stamp) {
            let message = format!(
                "この後に登録された変更契約（{}から）があります。先に、その変更契約を取り消してください。",
                later.fact.effective_on
            );
            return Err(Failure::conflict("followed", message));
        }
        let terms = restored(&all, it).ok_or_else(|| without_terms(id))?;
        keep(tx, row, ACT, (day, &terms), &given.reason, it.fact.stamp.seq)?;
        carry_on(tx, row, ACT, (&all, it), (as_corrected(&all, it), &terms), &given.reason)?;
        Ok(true)
    })
}

/// What a correction answers and puts in its place: the terms as they stand from that day on, and as they should.
fn corrected<'a>(
    all: &'a [TermsRow],
    id: ContractId,
    given: &TermsCorrection,
) -> Result<(&'a TermsRow, Terms, Terms), Failure> {
    let it = chosen(all, given.seq)?;
    let day = it.fact.effective_on;
    if agreed(all).any(|other| other.fact.effective_on == day && other.fact.stamp > it.fact.stamp) {
        let message = "同じ日から効力のある、後の変更契約があります。そちらを訂正してください。";
        return Err(Failure::conflict("same_day", message));
    }
    let wrong = in_force(all, day).ok_or_else(|| without_terms(id))?.fact.terms.clone();
    let right = given.clone().apply(&wrong);
    Ok((it, wrong, right))
}

/// `POST /contracts/{id}/amendments/correct`: 訂正 of a slip. What is right holds from the day of the terms corrected, and
/// in later terms that have the slip from them.
pub fn correct_terms(
    app: &App,
    call: &Call,
    id: ContractId,
    given: &TermsCorrection,
) -> Result<ContractView, Failure> {
    const ACT: (&str, TermsKind) = ("contract.terms_corrected", TermsKind::Corrected);
    change(app, call, id, |tx, row| {
        let all = db::contract::terms(tx.conn, id)?;
        let (it, wrong, right) = corrected(&all, id, given)?;
        if right == wrong {
            return Err(Failure::field("", "nothing_changed", "訂正する項目を1つ以上、書き換えてください。"));
        }
        Failure::unless_empty(contradictions(&right, tx.today))?;
        let (day, seq) = (it.fact.effective_on, it.fact.stamp.seq);
        keep(tx, row, ACT, (day, &right), &given.reason, seq)?;
        // A contract that began earlier than was registered has its terms since then.
        if it.kind == TermsKind::Registered && right.starts_on < day {
            keep(tx, row, ACT, (right.starts_on, &right), &given.reason, seq)?;
        }
        carry_on(tx, row, ACT, (&all, it), (&wrong, &right), &given.reason)?;
        Ok(true)
    })
}

/// What a correction would do, for its check page.
pub struct CorrectionAsked {
    /// The terms as they stand.
    pub before: TermsView,
    /// The terms as they will.
    pub after: TermsView,
    /// What can be meant, and often is a slip itself.
    pub asked: Vec<String>,
    /// The first days of the later changes that are corrected with it, because they have the slip too.
    pub along: Vec<NaiveDate>,
}

/// What a correction would do, and what of it can be meant, and often is a slip itself: asked before it is recorded.
pub fn correction_asked(
    app: &App,
    call: &Call,
    id: ContractId,
    given: &TermsCorrection,
) -> Result<CorrectionAsked, Failure> {
    let (all, facts) = app.db.read::<_, Failure>(|conn| read(conn, call, id))?;
    let (it, wrong, right) = corrected(&all, id, given)?;
    let later = mended(&all, it.fact.effective_on, &wrong, &right).into_iter().map(|(day, _)| day);
    let along = later.filter(|day| !is_void(&all, *day)).collect();
    let known = questions(&wrong, app.today());
    let mut asked = questions(&right, app.today());
    asked.retain(|one| !known.contains(one));
    asked.extend(outlived(&facts, wrong.ends_on, right.ends_on));
    Ok(CorrectionAsked { before: (&wrong).into(), after: (&right).into(), asked, along })
}

pub(super) fn read(
    conn: &mut Conn,
    call: &Call,
    id: ContractId,
) -> Result<(Vec<TermsRow>, db::facts::ContractFacts), Failure> {
    db::contract::find(conn, &call.scope(), id)?;
    Ok((db::contract::terms(conn, id)?, db::facts::load(conn, id)?))
}
