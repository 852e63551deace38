//! 変更契約: new terms from a day on. Nothing recorded is edited; the terms before stay what they were.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::correct::{agreed, is_carried, is_withdrawn, read};
use super::terms::{Amendment, ContractPatch, TermsView, contradictions, questions};
use super::{ContractView, Sight, change, page_by_seq};
use crate::db::contract::{ContractHead, NewTerms, TermsRow};
use crate::db::facts::ContractFacts;
use crate::db::{self, DbError, Tx};
use crate::domain::contract::{Terms, TermsKind};
use crate::domain::id::ContractId;
use crate::domain::input::FieldError;
use crate::service::{App, Call, Failure, IfMatch, Page, Paged};

/// What the ledger keeps of new terms.
#[derive(Serialize)]
struct Amended<'a> {
    effective_on: NaiveDate,
    reason: Option<&'a str>,
    terms: &'a Terms,
    /// That the contract has after the act, which may write several.
    version: i64,
}

/// The terms that hold on a day: those of the latest day of effect up to it.
pub(super) fn in_force(terms: &[TermsRow], on: NaiveDate) -> Option<&TermsRow> {
    terms
        .iter()
        .filter(|row| row.fact.effective_on <= on)
        .max_by_key(|row| (row.fact.effective_on, row.fact.stamp))
        .or_else(|| terms.first())
}

pub(super) fn without_terms(id: ContractId) -> Failure {
    DbError::BrokenRow(format!("contract {id} without terms")).into()
}

fn keep(
    tx: &mut Tx<'_>,
    row: &ContractHead,
    action: &str,
    effective_on: NaiveDate,
    reason: Option<&str>,
    terms: &Terms,
) -> Result<(), Failure> {
    let version = row.version + 1;
    let recorded = tx.record(action, row.id, &Amended { effective_on, reason, terms, version })?;
    let kind = if reason.is_some() { TermsKind::Amended } else { TermsKind::DepartmentChanged };
    let new = NewTerms { effective_on, kind, reason, answers: None, terms };
    Ok(db::contract::add_terms(tx, row.id, &new, &recorded)?)
}

/// `POST /contracts/{id}/amendments`. The day of effect is not before that of the terms last agreed, so that a change
/// is never applied underneath a later one; a change of department since is no such change, and takes it over.
pub fn amend(app: &App, call: &Call, id: ContractId, given: &Amendment) -> Result<ContractView, Failure> {
    change(app, call, id, |tx, row| {
        let all = db::contract::terms(tx.conn, id)?;
        let base = &in_force(&all, given.effective_on).ok_or_else(|| without_terms(id))?.fact;
        let terms = given.clone().apply(&base.terms);
        let last = agreed(&all).map(|row| row.fact.effective_on).max();
        if let Some(agreed) = last.filter(|day| given.effective_on < *day) {
            let message = format!(
                "{agreed}から効力のある契約条件がすでに登録されています。その日以後の日を指定してください。"
            );
            return Err(Failure::field("/effective_on", "before_latest", message));
        }
        if terms == base.terms {
            return Err(Failure::field("", "nothing_changed", "変更する項目を1つ以上指定してください。"));
        }
        let mut errors = contradictions(&terms, tx.today);
        errors.extend(ends_wrongly(given, &base.terms, &terms, tx.today));
        Failure::unless_empty(errors)?;
        keep(tx, row, "contract.amended", given.effective_on, Some(&given.reason), &terms)?;
        for (day, later) in later_terms(&all, given.effective_on) {
            keep(tx, row, "contract.department_changed", day, None, &given.clone().apply(&later))?;
        }
        Ok(true)
    })
}

/// An end that a change of the contract can't set: before the change takes effect, or in the past. What ended is entered
/// as it ended; that a running contract is over since some day is a slip of the pen, as it is of a termination.
fn ends_wrongly(given: &Amendment, before: &Terms, after: &Terms, today: NaiveDate) -> Option<FieldError> {
    if given.effective_on > after.ends_on {
        let message = format!(
            "契約期間の終了日（{}）より後の日です。効力が生じる日か終了日を確かめてください。",
            after.ends_on
        );
        return Some(FieldError::new("/effective_on", "after_end", message));
    }
    (after.ends_on < today && today <= before.ends_on).then(|| {
        let message =
            format!("本日（{today}）より前の日です。履行中の契約の終了日は、本日以後の日に改めてください。");
        FieldError::new("/ends_on", "past", message)
    })
}

/// What of a change can be meant, and often is a slip: asked before it is registered. With the terms of its day as they
/// are and as they will be.
pub fn questions_of(
    app: &App,
    call: &Call,
    id: ContractId,
    given: &Amendment,
) -> Result<(TermsView, TermsView, Vec<String>), Failure> {
    let (all, facts) = app.db.read::<_, Failure>(|conn| read(conn, call, id))?;
    let base = &in_force(&all, given.effective_on).ok_or_else(|| without_terms(id))?.fact.terms;
    let terms = given.clone().apply(base);
    // What was so before was asked then.
    let before = questions(base, app.today());
    let mut asked = questions(&terms, app.today());
    asked.retain(|one| !before.contains(one));
    if terms.ends_on < base.ends_on {
        asked.push(format!("終了日が{}から{}に早まります。", base.ends_on, terms.ends_on));
    }
    asked.extend(outlived(&facts, base.ends_on, terms.ends_on));
    if base.amount_yen > 0 && terms.amount_yen / 10 >= base.amount_yen {
        asked.push("契約金額が10倍以上になります。桁を確かめてください。".to_owned());
    }
    if terms.amount_yen < base.amount_yen / 10 {
        asked.push("契約金額が10分の1以下になります。桁を確かめてください。".to_owned());
    }
    Ok((base.into(), (&terms).into(), asked))
}

/// What is said of consents that were given for days after the end as it will be.
pub(super) fn outlived(facts: &ContractFacts, before: NaiveDate, after: NaiveDate) -> Option<String> {
    if after >= before {
        return None;
    }
    let known = facts.chain.now();
    let over: Vec<String> = known
        .engagements()
        .filter(|place| place.parent_id.is_some())
        .filter_map(|place| {
            let last = known.coverage(place.id)?.consented.last()?;
            (last > after).then(|| format!("{}（{last}まで承認）", place.vendor.name))
        })
        .collect();
    (!over.is_empty()).then(|| {
        format!(
            "承認の期間が新しい終了日（{after}）より後まで残る再委託があります：{}。契約が終わると、承認の効力もなくなります。再委託先の作業が終了日までに終わることを確かめてください。",
            over.join("、")
        )
    })
}

/// The terms that begin after a day, each with its first day.
pub(super) fn later_terms(all: &[TermsRow], after: NaiveDate) -> Vec<(NaiveDate, Terms)> {
    let days: BTreeSet<NaiveDate> =
        all.iter().map(|row| row.fact.effective_on).filter(|day| *day > after).collect();
    days.into_iter().filter_map(|day| Some((day, in_force(all, day)?.fact.terms.clone()))).collect()
}

/// `PATCH /contracts/{id}`: the department in charge, which is the agency's own affair and no change of the contract.
/// It holds from today (before the contract begins, from its first day), also in terms that begin later, unless those
/// were agreed with a department of their own.
pub fn patch(
    app: &App,
    call: &Call,
    id: ContractId,
    version: &IfMatch,
    given: &ContractPatch,
) -> Result<ContractView, Failure> {
    change(app, call, id, |tx, row| {
        version.covers(row.version)?;
        let all = db::contract::terms(tx.conn, id)?;
        // As the projection has it: after the contract's end, its last day.
        let day = tx.today.min(row.last_day).max(row.starts_on);
        let now = in_force(&all, day).ok_or_else(|| without_terms(id))?.fact.terms.clone();
        let Some(department) = given.department.clone().filter(|name| now.department.as_ref() != Some(name))
        else {
            return Ok(false);
        };
        let before = now.department.clone();
        let later = later_terms(&all, day).into_iter().filter(|(_, terms)| terms.department == before);
        for (day, terms) in std::iter::once((day, now)).chain(later) {
            let terms = Terms { department: Some(department.clone()), ..terms };
            keep(tx, row, "contract.department_changed", day, None, &terms)?;
        }
        Ok(true)
    })
}

/// Terms as recorded: the registration, then each change, withdrawal and correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AmendmentView {
    /// Its place in the contract's ledger: what a withdrawal or a correction names.
    pub seq: i64,
    pub kind: TermsKind,
    /// Of a withdrawal or a correction: the place of what it answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answers: Option<i64>,
    pub effective_on: NaiveDate,
    /// Why it was changed; null: the registration, or a change of department.
    pub reason: Option<String>,
    pub recorded_at: DateTime<Utc>,
    /// Its day of effect is to come, and it was not taken back.
    pub coming: bool,
    /// It was taken back before it was in force.
    pub withdrawn: bool,
    /// A correction of earlier terms carried into a day whose change was taken back: no act of its own.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub carried: bool,
    pub terms: TermsView,
    /// The terms of that day before; null: of the registration.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<TermsView>,
}

/// `GET /contracts/{id}/amendments`: for the agency and the prime.
pub fn amendments(
    app: &App,
    call: &Call,
    id: ContractId,
    page: &Page,
) -> Result<Paged<AmendmentView>, Failure> {
    let (scope, today) = (call.scope(), app.today());
    let rows = app.db.read(|conn| {
        let contract = db::contract::find(conn, &scope, id)?;
        match Sight::of(&scope, contract.vendor_id) {
            Sight::Below => Err(DbError::NotFound),
            Sight::Agency | Sight::Prime => db::contract::terms(conn, id),
        }
    })?;
    let all = rows.clone();
    page_by_seq(page, rows, |row| row.fact.stamp.seq, |row| view(&all, row, today))
}

/// A change of the contract is to come until it is taken back; of other terms, those that their day will have.
fn is_to_come(all: &[TermsRow], row: &TermsRow) -> bool {
    let holds = in_force(all, row.fact.effective_on).is_some_and(|it| it.fact.stamp == row.fact.stamp);
    row.kind == TermsKind::Amended || (row.kind != TermsKind::Withdrawn && holds)
}

fn view(all: &[TermsRow], row: TermsRow, today: NaiveDate) -> AmendmentView {
    let seq = row.fact.stamp.seq;
    let earlier: Vec<TermsRow> = all.iter().filter(|other| other.fact.stamp.seq < seq).cloned().collect();
    let before = in_force(&earlier, row.fact.effective_on);
    let (withdrawn, carried) = (is_withdrawn(all, &row), is_carried(all, &row));
    AmendmentView {
        seq,
        kind: row.kind,
        answers: row.answers,
        effective_on: row.fact.effective_on,
        recorded_at: row.fact.stamp.at,
        coming: row.fact.effective_on > today && !withdrawn && !carried && is_to_come(all, &row),
        withdrawn,
        carried,
        terms: (&row.fact.terms).into(),
        before: before.map(|before| (&before.fact.terms).into()),
        reason: row.reason,
    }
}
