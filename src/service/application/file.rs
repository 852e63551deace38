//! Filing an application, and correcting it after 補正依頼.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ApplicationState, ApplicationView, Filed, act, mail_reference};
use crate::db::chain::ApplicationRow;
use crate::db::types::{from_json, to_json};
use crate::db::{self, Conn, Tx};
use crate::domain::alert;
use crate::domain::chain::{ApplicationStep, Engagement, FiledApplication, Known};
use crate::domain::company::NamedIn;
use crate::domain::contract::{DataVolume, HOME, Overseas, Policy};
use crate::domain::days::DayRange;
use crate::domain::id::{ApplicationId, ContractId, EngagementId, OrganizationId, of};
use crate::domain::input::FieldError;
use crate::domain::ratio::{self, Planned};
use crate::domain::text::thousands;
use crate::input;
use crate::notice::Mail;
use crate::notice::context::{Day, FiledMail};
use crate::service::case::{Case, Place, check_volumes, check_within, named_beside, place_under};
use crate::service::contract::{DataItem, volumes};
use crate::service::telling::{self, Addressees};
use crate::service::vendor::{InlineVendor, NamedVendor, Names, record_name};
use crate::service::{App, Call, Failure};

input! {
    /// 再委託承認申請.
    pub struct ApplicationInput {
        /// An engagement already declared; else parent and vendor.
        engagement_id: Option<EngagementId> => optional(id::<of::Engagement>()),
        parent_engagement_id: Option<EngagementId> => optional(id::<of::Engagement>()),
        vendor_id: Option<OrganizationId> => optional(id::<of::Organization>()),
        vendor: Option<InlineVendor> => optional(nested::<InlineVendor>()),
        /// Not the company of the same name that is there already.
        distinct: bool => or(flag(), false),
        /// 変更承認申請: a consent to it ends the earlier ones.
        supersedes: bool => or(flag(), false),
        content: CorrectionInput => flattened::<CorrectionInput>(),
    }
    check |it, errors| {
        if it.engagement_id.is_none() {
            if it.parent_engagement_id.is_none() {
                errors.push(FieldError::new("/parent_engagement_id", "required", "どの受託者の下に入るかを指定してください。"));
            }
            if it.vendor_id.is_none() && it.vendor.is_none() {
                errors.push(FieldError::new("/vendor_id", "required", "再委託先の事業者を指定してください。"));
            }
        }
    }
}

input! {
    /// What is applied for; after 補正依頼 it is given anew as a whole.
    pub struct CorrectionInput {
        /// 再委託の範囲
        scope: String => prose(1, 10_000),
        /// 再委託の必要性
        reason: String => prose(1, 10_000),
        /// 相手方の選定理由
        selection_reason: Option<String> => optional(prose(0, 10_000)),
        amount_yen: i64 => yen(),
        starts_on: NaiveDate => day(),
        ends_on: NaiveDate => day(),
        /// Where the work is done; left out, the vendor's own country.
        country: Option<String> => optional(country()),
        /// 作業場所
        work_places: Vec<String> => list(text(1, 500), 50),
        data: Vec<DataItem> => list(nested::<DataItem>(), 10),
        /// 取扱項目
        data_items: Vec<String> => list(text(1, 200), 100),
        /// 安全管理措置, as the agency's form asks for it
        safeguards: Value => freeform(20_000),
        /// 再々委託の予定
        further_subcontracting: Option<String> => optional(prose(0, 5_000)),
        /// やむを得ない理由, where the ratio reaches the contract's limit
        special_reason: Option<String> => optional(prose(0, 5_000)),
        /// 一括再委託
        whole_scope: bool => or(flag(), false),
    }
    check |it, errors| {
        if it.ends_on < it.starts_on {
            errors.push(FieldError::new("/ends_on", "before_start", "終了日は開始日以降の日を入力してください。"));
        }
        check_volumes(&it.volumes(), "/data", errors);
    }
}

impl ApplicationInput {
    /// The vendor as it is named.
    pub(super) fn named_vendor(&self) -> NamedVendor<'_> {
        NamedVendor {
            id: self.vendor_id,
            inline: self.vendor.as_ref(),
            distinct: self.distinct,
            names: Names::Compared,
            at: "",
        }
    }
}

impl CorrectionInput {
    /// Volumes as the domain has them.
    pub fn volumes(&self) -> Vec<DataVolume> {
        volumes(&self.data)
    }

    /// With the country said: the vendor's own where none was given.
    pub(super) fn in_country(&self, own: &str) -> Self {
        Self { country: Some(self.country.clone().unwrap_or_else(|| own.to_owned())), ..self.clone() }
    }
}

/// The code of what the contract forbids of the country.
pub const OVERSEAS: &str = "overseas";

/// The part of a stored application that decisions need.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Content {
    pub scope: String,
    pub amount_yen: i64,
    pub starts_on: NaiveDate,
    pub ends_on: NaiveDate,
    pub country: String,
    pub data: Vec<DataVolume>,
}

/// Files an application. The parent must itself hold a consent on its first day; the rules of the contract's policy hold.
pub fn file(
    app: &App,
    call: &Call,
    contract: ContractId,
    given: &ApplicationInput,
) -> Result<ApplicationView, Failure> {
    app.act_on_contract(call, contract, |tx| {
        let case = Case::open(tx.conn, call.scope(), contract)?;
        let known = case.facts.chain.now();
        let parent = parent(&case, &known, given)?;
        may_apply_under(&case, call, parent)?;
        let named = given.named_vendor();
        let engaged = given.engagement_id.and_then(|id| known.engagement(id));
        let (place, vendor, other_name) = if let Some(it) = engaged {
            let other = named_beside(tx, it, given.parent_engagement_id, &named)?;
            (Place { id: it.id, new: None }, db::organization::find(tx.conn, it.vendor.id)?, other)
        } else {
            place_under(tx, &known, contract, parent, &named)?
        };
        let content = given.content.in_country(&vendor.country);
        let planned = planned(tx.conn, contract, place.id, given.supersedes, content.amount_yen)?;
        rules(&known, parent, &content, &planned, tx.today)?;
        refuse_pending(&known, place.id)?;
        let id: ApplicationId = tx.new_id();
        let payload = json!({
            "application_id": id, "engagement_id": place.id, "parent_engagement_id": parent.id, "vendor_id": vendor.id,
            "tier": parent.tier + 1, "supersedes": given.supersedes, "content": content,
        });
        let stamp = tx.record("application.filed", id, &payload)?.stamp;
        place.settle(tx, stamp)?;
        let row = ApplicationRow {
            id,
            contract_id: contract,
            agency_id: case.facts.agency_id,
            engagement_id: place.id,
            applicant_id: call.actor.organization.id,
            applied_by: call.actor.user_id,
            supersedes: given.supersedes,
            filed_on: tx.today,
            body: to_json(&content)?,
            state: ApplicationState::Applied.as_str().to_owned(),
            version: 1,
            seq: stamp.seq,
            recorded_at: stamp.at.naive_utc(),
        };
        db::chain::add_application(tx.conn, &row)?;
        if let Some(other) = &other_name {
            record_name(tx, contract, place.id, NamedIn::Application, other)?;
        }
        let application = mail_reference(app, tx, &case, &known, &row, &vendor.name, parent.tier + 1)?;
        let decide_by = decide_by(tx, &case, id)?;
        let mail = Mail::ApplicationFiled(FiledMail { application, decide_by, again: false });
        telling::tell(tx, &case, &Addressees::officer(), "application", id.as_str(), "filed", &mail)?;
        Filed::new(row, Vec::new()).show(false)
    })
}

/// 補正: the applicant gives the application anew as a whole; it waits for review again.
pub fn resubmit(
    app: &App,
    call: &Call,
    id: ApplicationId,
    given: &CorrectionInput,
) -> Result<ApplicationView, Failure> {
    act(app, call, id, |tx, case, filed| {
        if filed.row.applicant_id != call.actor.organization.id {
            return Err(Failure::Forbidden("申請した事業者だけが補正できます。".to_owned()));
        }
        if filed.state()? != ApplicationState::Returned {
            return Err(Failure::conflict("not_returned", "補正は依頼されていません。"));
        }
        let known = case.facts.chain.now();
        let engagement = known.engagement(filed.row.engagement_id).ok_or(Failure::NotFound)?;
        let parent = engagement.parent_id.and_then(|id| known.engagement(id)).ok_or(Failure::NotFound)?;
        let given = &given.in_country(&engagement.vendor.country);
        let planned = planned(tx.conn, case.id(), engagement.id, filed.row.supersedes, given.amount_yen)?;
        rules(&known, parent, given, &planned, tx.today)?;
        let payload = json!({"application_id": id, "engagement_id": engagement.id, "content": given});
        let recorded = tx.record("application.resubmitted", id, &payload)?;
        filed.step(tx, ApplicationStep::Resubmitted, given, &recorded)?;
        let row = ApplicationRow { body: to_json(given)?, ..filed.row.clone() };
        let application =
            mail_reference(app, tx, case, &known, &row, &engagement.vendor.name, engagement.tier)?;
        let decide_by = decide_by(tx, case, id)?;
        let mail = Mail::ApplicationFiled(FiledMail { application, decide_by, again: true });
        let step = format!("resubmitted-{}", recorded.stamp.seq);
        telling::tell(tx, case, &Addressees::officer(), "application", id.as_str(), &step, &mail)
    })
}

/// By when the agency should decide what was just written.
pub(super) fn decide_by(tx: &mut Tx<'_>, case: &Case, id: ApplicationId) -> Result<Option<Day>, Failure> {
    let (settings, _) = db::setting::find(tx.conn, case.facts.agency_id)?;
    let calendar = db::calendar::calendar(tx.conn, &settings.closed_days)?;
    let facts = db::facts::load(tx.conn, case.id())?;
    let known = facts.chain.now();
    let mut filed = known.engagements().flat_map(|e| known.applications(e.id));
    let by =
        filed.find(|it| it.application.id == id).and_then(|it| alert::decide_by(it, &calendar, &settings));
    Ok(by.map(Day::of))
}

/// The engagement under which the newcomer would stand, if the applicant may know of it.
pub(super) fn parent<'a>(
    case: &Case,
    known: &Known<'a>,
    given: &ApplicationInput,
) -> Result<&'a Engagement, Failure> {
    let parent = match given.engagement_id {
        None => given.parent_engagement_id,
        Some(id) => {
            let engagement = case.engagement(known, id)?;
            if engagement.tier == 1 {
                return Err(Failure::conflict("prime", "元請けの受託者についての申請は必要ありません。"));
            }
            engagement.parent_id
        }
    };
    case.engagement(known, parent.ok_or(Failure::NotFound)?)
}

/// The vendor for the tier below itself; the prime for every tier of its chain.
pub(super) fn may_apply_under(case: &Case, call: &Call, parent: &Engagement) -> Result<(), Failure> {
    let own = call.actor.organization.id;
    if parent.vendor.id == own || case.facts.prime_id == own {
        return Ok(());
    }
    Err(Failure::Forbidden("申請できるのは、自社のすぐ下に入る再委託先についてだけです。".to_owned()))
}

/// Of one engagement one application waits at most.
pub(super) fn refuse_pending(known: &Known<'_>, engagement: EngagementId) -> Result<(), Failure> {
    if known.applications(engagement).iter().any(FiledApplication::is_pending) {
        return Err(Failure::conflict(
            "pending",
            "この再委託先についての申請を審査しています。結果をお待ちください。",
        ));
    }
    Ok(())
}

/// What is applied for and not decided, this application with it: what counts for the ratio.
pub(super) fn planned(
    conn: &mut Conn,
    contract: ContractId,
    engagement_id: EngagementId,
    supersedes: bool,
    amount_yen: i64,
) -> Result<Vec<Planned>, Failure> {
    let mut planned = vec![Planned { engagement_id, amount_yen, supersedes }];
    for (row, steps) in db::chain::applications_of(conn, contract, None, None, i64::MAX)? {
        let filed = Filed::new(row, steps);
        let waits = matches!(filed.state()?, ApplicationState::Applied | ApplicationState::Returned);
        // Of one engagement one application waits at most: this one itself.
        if waits && filed.row.engagement_id != engagement_id {
            let Content { amount_yen, .. } = from_json(&filed.row.body)?;
            let Filed { row, .. } = filed;
            planned.push(Planned {
                engagement_id: row.engagement_id,
                amount_yen,
                supersedes: row.supersedes,
            });
        }
    }
    Ok(planned)
}

/// The contract's rules, by the terms in force on the days that are applied for. All of them are the agency's to
/// set; none is repaired silently.
pub(super) fn rules(
    known: &Known<'_>,
    parent: &Engagement,
    given: &CorrectionInput,
    planned: &[Planned],
    today: NaiveDate,
) -> Result<(), Failure> {
    let Some(period) = known.period() else {
        return Err(Failure::conflict("contract_ended", "この契約は始まる前に解除されています。"));
    };
    if today > period.to {
        return Err(Failure::conflict("contract_ended", "この契約は終了しています。"));
    }
    // A consent holds from today at the earliest; days outside the contract are refused below.
    let from = given.starts_on.max(today).clamp(period.from, period.to);
    let days = DayRange { from, to: given.ends_on.clamp(from, period.to) };
    if given.whole_scope {
        return Err(Failure::conflict("whole_scope", "業務の全部を一括して再委託することはできません。"));
    }
    clauses(known, days, parent, given)?;
    parent_stands(known, parent, days.from)?;
    let mut errors = Vec::new();
    check_within(period, ("/starts_on", given.starts_on), ("/ends_on", given.ends_on), &mut errors);
    if given.ends_on < today {
        errors.push(FieldError::new(
            "/ends_on",
            "past",
            "終了日が過ぎています。承認は決裁した日より前にさかのぼれません。",
        ));
    }
    let without_reason = given.special_reason.as_deref().is_none_or(str::is_empty);
    let mut terms = known.terms_within(days).map(|(_, terms)| terms);
    let reached = terms.find_map(|terms| ratio::reached(known, terms, today, planned));
    if let Some(reached) = reached.filter(|_| parent.tier == 1 && without_reason) {
        let message = format!(
            "再委託の金額の合計（{}円）が契約金額の{}％以上になります。やむを得ない理由を入力してください。",
            thousands(i64::try_from(reached.total_yen).unwrap_or(i64::MAX)),
            reached.limit_percent
        );
        errors.push(FieldError::new("/special_reason", "required", message));
    }
    Failure::unless_empty(errors)
}

/// Whether the parent holds a consent on the first day on which a consent below it could hold. It may lie ahead: what
/// is to begin with it must be applied for before. The prime's place is the contract itself, whose days are checked
/// with those applied for.
fn parent_stands(known: &Known<'_>, parent: &Engagement, from: NaiveDate) -> Result<(), Failure> {
    if parent.tier == 1 {
        return Ok(());
    }
    let consented = known.coverage(parent.id).map(|coverage| &coverage.consented);
    if consented.is_some_and(|days| days.contains(from)) {
        return Ok(());
    }
    let name = &parent.vendor.name;
    let later = consented.and_then(|days| days.after(from).first());
    let earlier = consented.and_then(|days| days.up_to(from).last());
    let message = match (later, earlier) {
        (Some(first), _) => format!(
            "上位の受託者（{name}）の承認は{first}からです。再委託の開始日を{first}以降にしてください。"
        ),
        (None, Some(last)) => format!(
            "上位の受託者（{name}）の承認は{last}までで、再委託が始まる日（{from}）には効力がありません。先に上位の変更承認申請をしてください。"
        ),
        (None, None) => format!(
            "上位の受託者（{name}）の承認がありません。先に上位の再委託について承認を受けてください。"
        ),
    };
    Err(Failure::conflict("parent_without_consent", message))
}

/// The clause on subcontracting on each of these days.
fn clauses(
    known: &Known<'_>,
    days: DayRange,
    parent: &Engagement,
    given: &CorrectionInput,
) -> Result<(), Failure> {
    let country = given.country.as_deref().unwrap_or(HOME);
    match breaches(known, days, parent.tier + 1, country).into_iter().next() {
        Some((code, message)) => Err(Failure::conflict(code, message)),
        None => Ok(()),
    }
}

/// What the clause forbids on any of these days, with its code.
pub(in crate::service) fn breaches(
    known: &Known<'_>,
    days: DayRange,
    tier: i32,
    country: &str,
) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    // What is forbidden from an earlier day on is not said again of later terms.
    let mut say = |code: &'static str, message: String| {
        if found.iter().all(|(said, _)| *said != code) {
            found.push((code, message));
        }
    };
    for (from, terms) in known.terms_within(days) {
        let clause = &terms.subcontracting;
        let since = if from == days.from { String::new() } else { format!("{from}から") };
        if clause.policy == Policy::Prohibited {
            say("prohibited", format!("この契約では、{since}再委託が禁止されています。"));
        }
        if let Some(max) = clause.max_tier.filter(|max| tier > *max) {
            say("too_deep", format!("この契約で{since}認められる再委託は第{max}層までです。"));
        }
        if country != HOME && clause.overseas == Overseas::Prohibited {
            say(OVERSEAS, format!("この契約では、{since}国外での取扱いが禁止されています。"));
        }
    }
    found
}
