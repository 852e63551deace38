//! The agency's check before the decision: the selection of the vendor and the clauses between the parties
//! (PPC guideline 4-2-(1)), 差戻し to the officer and 補正依頼 to the vendor.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::decide::may_decide;
use super::file::decide_by;
use super::{ApplicationView, act, mail_reference};
use crate::domain::chain::ApplicationStep;
use crate::domain::id::ApplicationId;
use crate::domain::limits::MAX_VERSION;
use crate::input;
use crate::notice::Mail;
use crate::notice::context::{Day, ReturnedMail, ReviewedMail, SentBackMail};
use crate::service::telling::{self, Addressees};
use crate::service::{App, Call, Failure};
use crate::text_enum;

text_enum! {
    /// What the officer found.
    pub enum Verdict {
        /// 適
        Ok = "ok",
        /// 懸念あり
        Concern = "concern",
    }
}

input! {
    /// 審査.
    pub struct ReviewInput {
        facilities: Verdict => word::<Verdict>(),
        technique: Verdict => word::<Verdict>(),
        training: Verdict => word::<Verdict>(),
        management: Verdict => word::<Verdict>(),
        note: Option<String> => optional(prose(0, 10_000)),
        /// The clause checklist: number, answer, remark.
        clauses: Vec<Value> => list(freeform(5_000), 200),
        /// The version that was looked at; where it is given, another one is refused.
        #[serde(skip_serializing)]
        seen_version: Option<i64> => optional(integer(1, MAX_VERSION)),
    }
}

input! {
    /// 補正依頼.
    pub struct ReturnInput {
        /// What is to be corrected.
        points: String => prose(1, 10_000),
        reply_by: Option<NaiveDate> => optional(day()),
        /// As [`ReviewInput`] has it.
        #[serde(skip_serializing)]
        seen_version: Option<i64> => optional(integer(1, MAX_VERSION)),
    }
}

input! {
    /// 差戻し.
    pub struct SendBackInput {
        /// What is to be reviewed anew.
        reason: String => prose(1, 10_000),
        /// As [`ReviewInput`] has it.
        #[serde(skip_serializing)]
        seen_version: Option<i64> => optional(integer(1, MAX_VERSION)),
    }
}

/// Records the officer's review; the last one before the decision counts. The first one since it was filed, corrected or
/// sent back is told to those who can decide now: it waits for them.
pub fn review(
    app: &App,
    call: &Call,
    id: ApplicationId,
    given: &ReviewInput,
) -> Result<ApplicationView, Failure> {
    act(app, call, id, |tx, case, filed| {
        filed.must_be_open()?;
        filed.must_be_as_seen(given.seen_version)?;
        let payload =
            json!({"application_id": id, "engagement_id": filed.row.engagement_id, "review": given});
        let recorded = tx.record("application.reviewed", id, &payload)?;
        filed.step(tx, ApplicationStep::Reviewed, given, &recorded)?;
        let known = case.facts.chain.now();
        let engagement = known.engagement(filed.row.engagement_id).ok_or(Failure::NotFound)?;
        let application =
            mail_reference(app, tx, case, &known, &filed.row, &engagement.vendor.name, engagement.tier)?;
        let corrections = filed.times(ApplicationStep::Resubmitted);
        let mail = Mail::ApplicationReviewed(ReviewedMail {
            application,
            decide_by: decide_by(tx, case, id)?,
            again: corrections > 0,
        });
        // Who reviewed it at any time does not decide it. The outbox tells each step once.
        let reviewers = filed.steps.iter().filter(|step| step.step == ApplicationStep::Reviewed);
        let to = reviewers.map(|step| step.by_user).chain([filed.row.applied_by, call.actor.user_id]);
        let step = format!("reviewed-{}", corrections + filed.times(ApplicationStep::SentBack));
        telling::tell(tx, case, &Addressees::approvers_but(to), "application", id.as_str(), &step, &mail)
    })
}

/// 差戻し: who decides asks for another review; it is told to whoever reviewed and to the officer. The vendor hears
/// nothing of it, and the clock of the decision goes on.
pub fn send_back(
    app: &App,
    call: &Call,
    id: ApplicationId,
    given: &SendBackInput,
) -> Result<ApplicationView, Failure> {
    act(app, call, id, |tx, case, filed| {
        may_decide(filed, call.actor.user_id)?;
        filed.must_be_as_seen(given.seen_version)?;
        let known = case.facts.chain.now();
        let engagement = known.engagement(filed.row.engagement_id).ok_or(Failure::NotFound)?;
        let payload = json!({"application_id": id, "engagement_id": engagement.id, "reason": given.reason});
        let recorded = tx.record("application.sent_back", id, &payload)?;
        filed.step(tx, ApplicationStep::SentBack, given, &recorded)?;
        let application =
            mail_reference(app, tx, case, &known, &filed.row, &engagement.vendor.name, engagement.tier)?;
        let mail = Mail::ApplicationSentBack(SentBackMail {
            application,
            reason: given.reason.clone(),
            decide_by: decide_by(tx, case, id)?,
        });
        let to = Addressees::officer_and(filed.reviewers().last().copied());
        let step = format!("sent-back-{}", recorded.stamp.seq);
        telling::tell(tx, case, &to, "application", id.as_str(), &step, &mail)
    })
}

/// 補正依頼: the application goes back to the vendor; the clock of the decision stands still meanwhile.
pub fn ask_correction(
    app: &App,
    call: &Call,
    id: ApplicationId,
    given: &ReturnInput,
) -> Result<ApplicationView, Failure> {
    act(app, call, id, |tx, case, filed| {
        filed.must_be_open()?;
        filed.must_be_as_seen(given.seen_version)?;
        if given.reply_by.is_some_and(|day| day < tx.today) {
            return Err(Failure::field("/reply_by", "past", "今日以降の日を入力してください。"));
        }
        let known = case.facts.chain.now();
        let engagement = known.engagement(filed.row.engagement_id).ok_or(Failure::NotFound)?;
        let payload = json!({"application_id": id, "engagement_id": engagement.id, "points": given.points, "reply_by": given.reply_by});
        let recorded = tx.record("application.returned", id, &payload)?;
        filed.step(tx, ApplicationStep::Returned, given, &recorded)?;
        let application =
            mail_reference(app, tx, case, &known, &filed.row, &engagement.vendor.name, engagement.tier)?;
        let mail = Mail::ApplicationReturned(ReturnedMail {
            application,
            points: given.points.clone(),
            reply_by: given.reply_by.map(Day::of),
        });
        let to = Addressees::vendors([filed.row.applicant_id]);
        telling::tell(
            tx,
            case,
            &to,
            "application",
            id.as_str(),
            &format!("returned-{}", recorded.stamp.seq),
            &mail,
        )
    })
}
