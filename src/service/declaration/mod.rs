//! 再委託状況報告: what a vendor says of the use of those below it. Never refused by a rule of the contract: it alerts.

mod cautions;
mod list;
mod view;

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::case::{Case, Place, check_volumes, named_beside, place_under};
use super::chain::Days;
use super::contract::{DataItem, volumes};
use super::telling::{self, Addressees};
use super::vendor::{InlineVendor, NamedVendor, Names, OtherName, record_name};
use super::{App, Call, Failure, application};
use crate::db::statement::NewDeclaration;
use crate::db::{self, Conn, DbError, Tx};
use crate::domain::chain::{Engagement, Known, Source, Statement, StatementOrigin};
use crate::domain::company::NamedIn;
use crate::domain::contract::{DataVolume, Stamp};
use crate::domain::country;
use crate::domain::days::{DayRange, OpenRange};
use crate::domain::declaration::{self, reporting_periods, unreported};
use crate::domain::id::{ContractId, DeclarationId, EngagementId, OrganizationId, SubjectId, of};
use crate::domain::input::FieldError;
use crate::domain::text::thousands;
use crate::input;
use crate::ledger::receipt::Receipt;
use crate::notice::Mail;
use crate::notice::context::{Day, DeclaredEngagement, ReceiptMail};

pub use list::{count, find, list, mine};
pub use view::{DeclarationView, DeclaredUse, DeclaredView, DraftView, LeftOut, ReceiptView, Unapproved};

input! {
    /// Days, both inclusive.
    pub struct PeriodInput {
        from: NaiveDate => day(),
        to: NaiveDate => day(),
    }
    check |it, errors| {
        if it.to < it.from {
            errors.push(FieldError::new("/to", "before_start", "対象期間の終わりは、始まり以降の日を入力してください。"));
        }
    }
}

input! {
    /// The use of one engagement: one that is there, or a vendor under a parent.
    pub struct UseInput {
        engagement_id: Option<EngagementId> => optional(id::<of::Engagement>()),
        parent_engagement_id: Option<EngagementId> => optional(id::<of::Engagement>()),
        vendor_id: Option<OrganizationId> => optional(id::<of::Organization>()),
        vendor: Option<InlineVendor> => optional(nested::<InlineVendor>()),
        /// Not the company of the same name that is there already.
        distinct: bool => or(flag(), false),
        started_on: NaiveDate => day(),
        ended_on: Option<NaiveDate> => optional(day()),
        scope: Option<String> => optional(prose(0, 10_000)),
        country: Option<String> => optional(country()),
        amount_yen: Option<i64> => optional(yen()),
        data: Vec<DataItem> => list(nested::<DataItem>(), 10),
    }
    check |it, errors| {
        if it.ended_on.is_some_and(|end| end < it.started_on) {
            errors.push(FieldError::new("/ended_on", "before_start", "終了日は開始日以降の日を入力してください。"));
        }
        if it.engagement_id.is_none() && it.parent_engagement_id.is_none() {
            errors.push(FieldError::new("/parent_engagement_id", "required", "どの受託者の下で使用しているかを指定してください。"));
        }
        if it.engagement_id.is_none() && it.vendor_id.is_none() && it.vendor.is_none() {
            errors.push(FieldError::new("/vendor_id", "required", "使用している事業者を指定してください。"));
        }
        check_volumes(&it.volumes(), "/data", errors);
    }
}

impl UseInput {
    /// The data that it names.
    pub fn volumes(&self) -> Vec<DataVolume> {
        volumes(&self.data)
    }

    /// The statement it makes.
    pub fn statement(
        &self,
        engagement_id: EngagementId,
        source: Source,
        origin: StatementOrigin,
        stamp: Stamp,
    ) -> Statement {
        Statement {
            engagement_id,
            source,
            origin,
            started_on: self.started_on,
            ended_on: self.ended_on,
            country: self.country.clone(),
            amount_yen: self.amount_yen,
            data: self.volumes(),
            stamp,
        }
    }
}

input! {
    /// 再委託状況報告.
    pub struct DeclarationInput {
        period: PeriodInput => nested::<PeriodInput>(),
        /// 「再委託なし」
        none: bool => or(flag(), false),
        /// 「変更なし」: what this organization last declared still holds.
        as_last_time: bool => or(flag(), false),
        engagements: Vec<UseInput> => list(nested::<UseInput>(), 500),
    }
    check |it, errors| {
        let said = !it.engagements.is_empty();
        if it.none && said {
            errors.push(FieldError::new("/engagements", "contradiction", "「再委託なし」の場合は、再委託先を入力しないでください。"));
        }
        if it.as_last_time && (said || it.none) {
            errors.push(FieldError::new("/as_last_time", "contradiction", "「変更なし」の場合は、ほかの内容を入力しないでください。"));
        }
        if !it.none && !it.as_last_time && !said {
            errors.push(FieldError::new("/engagements", "required", "再委託先を入力するか、「再委託なし」を選んでください。"));
        }
    }
}

input! {
    /// 取消し of what was said by mistake.
    pub struct RetractionInput {
        reason: String => prose(1, 10_000),
    }
}

/// Takes a declaration: for oneself or anything below, of whoever ever stood on the chain.
pub fn declare(
    app: &App,
    call: &Call,
    contract: ContractId,
    given: &DeclarationInput,
) -> Result<DeclaredView, Failure> {
    app.act_on_contract(call, contract, |tx| {
        let case = Case::open(tx.conn, call.scope(), contract)?;
        let known = case.facts.chain.now();
        let own = call.actor.organization.id;
        if given.none && !open_uses(&known, own).is_empty() {
            let message = "使用中と報告した再委託先の終了が、まだ報告されていません。終了日を報告するか、引き続き使用中として報告してください。";
            return Err(Failure::conflict("open_use", message));
        }
        let id: DeclarationId = tx.new_id();
        let uses =
            if given.as_last_time { again(tx, &case, &known, own, given.period.to)? } else { resolve_uses(tx, &case, &known, given)? };
        let uses: Vec<(Used, SubjectId)> = uses.into_iter().map(|used| (used, tx.new_id())).collect();
        let payload = json!({
            "declaration_id": id, "organization_id": own, "period": given.period, "none": given.none || uses.is_empty(),
            "engagements": uses.iter().map(|(used, id)| payload_of(&used.place, &used.said, *id)).collect::<Vec<_>>(),
        });
        let left_out =
            if given.as_last_time { Vec::new() } else { cautions::left_out(&known, own, &uses) };
        let recorded = tx.record("declaration.filed", id, &payload)?;
        let stamp = recorded.stamp;
        let receipt = app.signing_key.receipt(&recorded.entry);
        let period = DayRange::new(given.period.from, given.period.to).ok_or(Failure::NotFound)?;
        let none = given.none || uses.is_empty();
        let new = NewDeclaration { id, contract_id: contract, organization_id: own, period, none, receipt: &receipt };
        db::statement::add_declaration(tx, &new, stamp)?;
        for (Used { place, said, .. }, statement_id) in &uses {
            place.settle(tx, stamp)?;
            let statement = said.statement(place.id, Source::Declared(own), StatementOrigin::Declaration(id), stamp);
            db::statement::add_statement(tx, *statement_id, contract, &statement, said.scope.as_deref())?;
        }
        for (used, _) in &uses {
            if let Some(other) = &used.other_name {
                record_name(tx, contract, used.place.id, NamedIn::Declaration, other)?;
            }
        }
        let facts = db::facts::load(tx.conn, contract)?;
        let after = facts.chain.now();
        let unapproved = unapproved(&after, &uses, tx.today);
        let beyond = cautions::beyond(&after, &uses);
        mail_receipt(app, tx, call, &case, &after, (id, period), &uses, &receipt)?;
        let message = if unapproved.is_empty() {
            "報告を受け付けました。ご報告ありがとうございます。"
        } else {
            "報告を受け付けました。ご報告ありがとうございます。承認を確認できない期間があります。機関にはアラートで知らせています。"
        };
        Ok(DeclaredView { id, receipt, unapproved, left_out, beyond, message: message.to_owned() })
    })
}

/// That nothing has changed in a period can be said when it is over.
fn not_over(to: NaiveDate) -> Failure {
    let message = format!("対象期間は{to}に終わります。「変更なし」は、期間が終わってから報告できます。");
    Failure::field("/period/to", "not_over", message)
}

/// A use that is said, with the place that is meant.
struct Used {
    place: Place,
    said: UseInput,
    /// The name that the vendor was given, where that is not the one it is known by.
    other_name: Option<OtherName>,
}

/// A use as the ledger keeps it: a vendor by its id, never by the words that named it.
pub fn payload_of(place: &Place, said: &UseInput, statement_id: SubjectId) -> Value {
    json!({
        "statement_id": statement_id,
        "engagement_id": place.id,
        "new": place.new.map(|n| json!({"parent_engagement_id": n.parent_id, "vendor_id": n.vendor_id, "tier": n.tier})),
        "started_on": said.started_on, "ended_on": said.ended_on, "scope": said.scope, "country": said.country,
        "amount_yen": said.amount_yen, "data": said.data,
    })
}

/// Statements of this organization in force that have no end.
fn open_uses<'a>(known: &Known<'a>, own: OrganizationId) -> Vec<&'a Statement> {
    known
        .engagements()
        .flat_map(|e| known.statements(e.id).iter().copied())
        .filter(|s| s.source == Source::Declared(own) && s.ended_on.is_none())
        .collect()
}

/// The open uses as last declared, scope included, of a period up to `to`, which must be over. Where nothing was declared
/// yet, there is no last time.
fn again(
    tx: &mut Tx<'_>,
    case: &Case,
    known: &Known<'_>,
    own: OrganizationId,
    to: NaiveDate,
) -> Result<Vec<Used>, Failure> {
    if !has_declared(case, own) {
        let message = "前回の報告がないため、「変更なし」では報告できません。再委託先を入力するか、「再委託なし」を選んでください。";
        return Err(Failure::field("/as_last_time", "no_last_time", message));
    }
    if to > tx.today {
        return Err(not_over(to));
    }
    let uses = open_uses(known, own).into_iter().zip(scopes(tx.conn, case, known, own)?).map(|(s, scope)| {
        let said = UseInput {
            engagement_id: Some(s.engagement_id),
            parent_engagement_id: None,
            vendor_id: None,
            vendor: None,
            distinct: false,
            started_on: s.started_on,
            ended_on: None,
            scope,
            country: s.country.clone(),
            amount_yen: s.amount_yen,
            data: s.data.iter().map(|d| DataItem { category: d.category, persons: d.persons }).collect(),
        };
        Used { place: Place { id: s.engagement_id, new: None }, said, other_name: None }
    });
    Ok(uses.collect())
}

/// Whether the organization has a declaration in force.
fn has_declared(case: &Case, own: OrganizationId) -> bool {
    case.facts.declarations.iter().any(|d| d.organization_id == own && d.retracted.is_none())
}

/// The scope of each of the [`open_uses`], as it was declared.
fn scopes(
    conn: &mut Conn,
    case: &Case,
    known: &Known<'_>,
    own: OrganizationId,
) -> Result<Vec<Option<String>>, DbError> {
    let declared = db::statement::scopes_declared(conn, case.id(), own)?;
    let scope = |s: &Statement| match s.origin {
        StatementOrigin::Declaration(id) => declared.get(&(id, s.engagement_id)).cloned(),
        StatementOrigin::Observation(_) => None,
    };
    Ok(open_uses(known, own).into_iter().map(scope).collect())
}

fn resolve_uses(
    tx: &mut Tx<'_>,
    case: &Case,
    known: &Known<'_>,
    given: &DeclarationInput,
) -> Result<Vec<Used>, Failure> {
    let mut uses: Vec<Used> = Vec::new();
    for (index, said) in given.engagements.iter().enumerate() {
        let at = format!("/engagements/{index}");
        let (place, other_name) = place_of(tx, case, known, said, &at)?;
        let twice = uses.iter().map(|used| used.place).any(|other| {
            other.id == place.id
                || matches!((other.new, place.new), (Some(a), Some(b)) if a.parent_id == b.parent_id && a.vendor_id == b.vendor_id)
        });
        if twice {
            let message = "同じ再委託先が2回あります。1件にまとめてください。";
            return Err(Failure::field(&at, "duplicate", message));
        }
        uses.push(Used { place, said: said.clone(), other_name });
    }
    Ok(uses)
}

/// The engagement that is meant: in sight, below tier 1, and its vendor not under itself. What stands beside an
/// engagement's id may only say the same.
pub fn place_of(
    tx: &mut Tx<'_>,
    case: &Case,
    known: &Known<'_>,
    said: &UseInput,
    at: &str,
) -> Result<(Place, Option<OtherName>), Failure> {
    let named = NamedVendor {
        id: said.vendor_id,
        inline: said.vendor.as_ref(),
        distinct: said.distinct,
        names: Names::Recorded,
        at,
    };
    if let Some(id) = said.engagement_id {
        let engagement = case.engagement(known, id)?;
        if engagement.tier == 1 {
            let message = "元請けの受託者の使用は、報告する必要がありません。";
            return Err(Failure::field(&format!("{at}/engagement_id"), "prime", message));
        }
        let other_name = named_beside(tx, engagement, said.parent_engagement_id, &named)?;
        return Ok((Place { id, new: None }, other_name));
    }
    let parent: &Engagement = case.engagement(known, said.parent_engagement_id.ok_or(Failure::NotFound)?)?;
    let (place, _, other_name) = place_under(tx, known, case.id(), parent, &named)?;
    Ok((place, other_name))
}

fn unapproved(known: &Known<'_>, uses: &[(Used, SubjectId)], today: NaiveDate) -> Vec<Unapproved> {
    uses.iter()
        .filter_map(|(Used { place, .. }, _)| {
            let (uncovered, _) = known.coverage(place.id)?.split(today);
            let uncovered: Vec<Days> =
                uncovered.into_iter().map(|OpenRange { from, to }| Days { from, to }).collect();
            (!uncovered.is_empty()).then_some(Unapproved { engagement_id: place.id, uncovered })
        })
        .collect()
}

#[expect(clippy::too_many_arguments, reason = "what a receipt's mail says")]
fn mail_receipt(
    app: &App,
    tx: &mut Tx<'_>,
    call: &Call,
    case: &Case,
    known: &Known<'_>,
    (declaration, period): (DeclarationId, DayRange),
    uses: &[(Used, SubjectId)],
    receipt: &Receipt,
) -> Result<(), Failure> {
    let (settings, _) = db::setting::find(tx.conn, case.facts.agency_id)?;
    let today = tx.today;
    let engagements = uses
        .iter()
        .map(|(Used { place, said, .. }, _)| DeclaredEngagement {
            vendor: known.engagement(place.id).map(|e| e.vendor.name.clone()).unwrap_or_default(),
            started: Day::of(said.started_on),
            ended: said.ended_on.map(Day::of),
            amount: said.amount_yen.map(|yen| format!("{}円", thousands(yen))),
            country: said.country.as_deref().map(country::name),
            uncovered: known
                .coverage(place.id)
                .is_some_and(|c| c.uncovered_days().first().is_some_and(|d| d <= today)),
        })
        .collect();
    let mail = Mail::DeclarationReceipt(ReceiptMail {
        agency: case.facts.agency_name.clone(),
        contract: application::contract_reference(case),
        consent_word: settings.in_own_words("承認"),
        from: Day::of(period.from),
        to: Day::of(period.to),
        engagements,
        receipt: receipt.clone(),
        link: format!("{}/declarations/{declaration}", app.config.server.public_url),
    });
    let to = Addressees::user(call.actor.user_id);
    telling::tell(tx, case, &to, "declaration", receipt.entry.as_str(), "filed", &mail)
}

/// What the next declaration would say if nothing has changed.
pub fn draft(app: &App, call: &Call, contract: ContractId) -> Result<DraftView, Failure> {
    let own = call.actor.organization.id;
    let (case, settings, scopes) = app.db.read::<_, Failure>(|conn| {
        let case = Case::open(conn, call.scope(), contract)?;
        let (settings, _) = db::setting::find(conn, case.facts.agency_id)?;
        let scopes = scopes(conn, &case, &case.facts.chain.now(), own)?;
        Ok((case, settings, scopes))
    })?;
    let known = case.facts.chain.now();
    let (chain, grace) = (&case.facts.chain, settings.declaration_grace_days);
    let timezone = app.sources.clock.timezone();
    let mut periods = reporting_periods(chain, &known, grace);
    let due = periods.find_map(|period| {
        if period.due_on < case.facts.learned_on {
            return None;
        }
        let owed = declaration::owed(chain, &known, period.days, grace, timezone);
        let due_on = owed.iter().find(|owed| owed.vendor.id == own)?.due_on;
        let days = unreported(&case.facts.declarations, own, period.days);
        Some((days.first()?, days.last()?, due_on))
    });
    let engagements: Vec<DeclaredUse> = open_uses(&known, own)
        .into_iter()
        .zip(scopes)
        .map(|(said, scope)| {
            let place = known.engagement(said.engagement_id);
            DeclaredUse {
                engagement_id: said.engagement_id,
                vendor_name: place.map(|place| place.vendor.name.clone()).unwrap_or_default(),
                started_on: said.started_on,
                ended_on: said.ended_on,
                scope,
                country: said.country.clone(),
                amount_yen: said.amount_yen,
                data: said.data.iter().map(Into::into).collect(),
            }
        })
        .collect();
    Ok(DraftView {
        period: due.map(|(from, to, _)| Days { from, to: Some(to) }),
        due_on: due.map(|(_, _, due_on)| due_on),
        none: engagements.is_empty(),
        declared_before: has_declared(&case, own),
        engagements,
    })
}

/// Takes a declaration back; what the organization said before it counts again.
pub fn retract(
    app: &App,
    call: &Call,
    id: DeclarationId,
    given: &RetractionInput,
) -> Result<DeclarationView, Failure> {
    let row = app.db.read_one::<_, DbError>(|conn| db::statement::find_declaration(conn, id))?;
    let contract = row.contract_id;
    app.act_on_contract(call, contract, |tx| {
        let case = Case::open(tx.conn, call.scope(), contract)?;
        if row.organization_id != call.actor.organization.id {
            return Err(Failure::NotFound);
        }
        let origin = StatementOrigin::Declaration(id);
        if case.facts.chain.retractions.iter().any(|r| r.origin == origin) {
            return Err(Failure::conflict("retracted", "この報告は、すでに取り消されています。"));
        }
        let payload = json!({"declaration_id": id, "reason": given.reason});
        let recorded = tx.record("declaration.retracted", id, &payload)?;
        db::statement::add_retraction(tx, contract, origin, &given.reason, &recorded)?;
        let case = Case::open(tx.conn, call.scope(), contract)?;
        let known = case.facts.chain.now();
        list::of_contract(tx.conn, &case, &known, std::slice::from_ref(&row))?.pop().ok_or(Failure::NotFound)
    })
}
