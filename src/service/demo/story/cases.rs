//! What else may become of an application, a consent, a declaration and an observation: one case each.

use serde_json::json;

use super::acts::{Ask, Use};
use super::body;
use super::cast::{Firm, Who};
use super::chains::{Consented, in_use};
use super::script::Script;
use super::stage::{Place, Stage};
use crate::domain::access::Permission;
use crate::domain::alert::AlertKind::UnapprovedSubcontractor;
use crate::domain::calendar::add_days;
use crate::service::{Failure, consent};

pub fn plan(script: &mut Script) {
    waiting(script);
    answered(script);
    revoked(script);
    superseded(script);
    recorded(script);
    mistaken_declaration(script);
    observed(script);
}

/// An application for a place, from so many days after the last one to the end of a month.
fn ask(
    script: &Script,
    place: Place,
    under: Firm,
    starts: i64,
    (to, yen, scope): (i32, i64, &'static str),
) -> Ask {
    let days = script.days;
    Ask {
        place,
        under,
        scope,
        yen,
        starts_on: days.day(starts),
        ends_on: days.month_end(to),
        supersedes: false,
    }
}

/// Those on which nobody has decided: one forgotten, one ready, one new, one sent back.
fn waiting(script: &mut Script) {
    let forgotten = ask(
        script,
        ("DEMO-002", Firm::Kyou),
        Firm::Tei,
        20,
        (1, 3_200_000, "予約システムの利用者への電話の応答"),
    );
    script.ago(30, move |stage| stage.file(&forgotten));

    let ready = ask(script, ("DEMO-009", Firm::Tei), Firm::Kyou, 40, (5, 2_700_000, "移行データの検証"));
    script.ago(6, move |stage| stage.file(&ready));
    script.ago(2, move |stage| stage.review(ready.place));

    let new = ask(script, ("DEMO-018", Firm::Shin), Firm::Bo, 45, (5, 900_000, "受給者証の台紙の保管"));
    script.ago(2, move |stage| stage.file(&new));

    let returned = ask(script, ("DEMO-019", Firm::Kou), Firm::Ki, 40, (3, 2_400_000, "現況届の入力"));
    let reply_by = script.days.day(7);
    script.ago(12, move |stage| stage.file(&returned));
    script.ago(6, move |stage| {
        let points = "作業場所の平面図と、従業者の名簿を添えてください（デモ）";
        stage.send_back(returned.place, points, reply_by)
    });
}

/// Refused, withdrawn, and corrected before it was consented to.
fn answered(script: &mut Script) {
    let refused = ask(script, ("DEMO-005", Firm::Hei), Firm::Otsu, -60, (3, 1_500_000, "申告データの点検"));
    script.ago(80, move |stage| stage.file(&refused));
    script.ago(76, move |stage| stage.review(refused.place));
    script.ago(72, move |stage| {
        stage.refuse(refused.place, "作業場所の入退室の管理が確認できなかった（デモ）")
    });

    let withdrawn =
        ask(script, ("DEMO-022", Firm::Ki), Firm::Kyou, -20, (5, 1_100_000, "相談記録の入力の補助"));
    script.ago(58, move |stage| stage.file(&withdrawn));
    script.ago(52, move |stage| {
        stage.withdraw(withdrawn.place, withdrawn.under, "自社の人員で対応できることになったため（デモ）")
    });

    let corrected = ask(script, ("DEMO-102", Firm::Hei), Firm::Otsu, -110, (5, 2_600_000, "申請書の照合"));
    script.ago(140, move |stage| stage.file(&corrected));
    let reply_by = script.days.day(-128);
    script.ago(136, move |stage| {
        stage.send_back(corrected.place, "取扱件数の内訳を記入してください（デモ）", reply_by)
    });
    script.ago(129, move |stage| stage.correct(&corrected));
    script.ago(125, move |stage| stage.review(corrected.place));
    script.ago(121, move |stage| stage.consent(corrected.place));
    script.ago(100, move |stage| {
        let used =
            Use { firm: Firm::Hei, under: Firm::Otsu, started_on: corrected.starts_on, ended_on: None };
        stage.declare("DEMO-102", Firm::Otsu, used).map(drop)
    });
}

/// A consent that was revoked; the use had ended by then.
fn revoked(script: &mut Script) {
    let asked =
        ask(script, ("DEMO-016", Firm::Otsu), Firm::Tei, -240, (6, 4_400_000, "診療報酬明細書の入力"));
    let used = in_use(script, Consented { ask: asked, filed: 255 });
    let effective_on = script.days.day(-30);
    script.ago(42, move |stage| {
        stage.revoke(asked.place, effective_on, "体制の変更が届け出られず、管理責任者が不在となった（デモ）")
    });
    let ended_on = Some(add_days(effective_on, -3));
    script.ago(34, move |stage| stage.declare("DEMO-016", Firm::Tei, Use { ended_on, ..used }).map(drop));
}

/// 変更承認申請: more work, a new consent in place of the first.
fn superseded(script: &mut Script) {
    let first = ask(script, ("DEMO-020", Firm::Tei), Firm::Kyou, -235, (8, 2_300_000, "選考の帳票の出力"));
    in_use(script, Consented { ask: first, filed: 250 });
    let more = Ask {
        scope: "選考の帳票の出力と結果通知の印刷",
        yen: 4_200_000,
        starts_on: script.days.day(-55),
        supersedes: true,
        ..first
    };
    super::chains::consented(script, Consented { ask: more, filed: 70 });
}

/// 既承認: decided on paper before the contract was entered here, and entered late.
fn recorded(script: &mut Script) {
    let place = ("DEMO-021", Firm::Shin);
    let (from, until) = (script.days.month(-14), script.days.month_end(3));
    script.ago(230, move |stage| stage.record(place, from, until));
    script.ago(225, move |stage| {
        let used = Use { firm: place.1, under: Firm::Hei, started_on: from, ended_on: None };
        stage.declare(place.0, Firm::Hei, used).map(drop)
    });
}

/// A declaration with a slip in it, taken back and made anew.
fn mistaken_declaration(script: &mut Script) {
    let (slip, right) = (script.days.day(-260), script.days.day(-276));
    script.ago(200, move |stage| {
        let used = Use { firm: Firm::Otsu, under: Firm::Kou, started_on: slip, ended_on: None };
        let id = stage.declare("DEMO-017", Firm::Kou, used)?;
        stage.retract(Firm::Kou, id, "使用の開始日を誤って入力したため（デモ）")?;
        stage.declare("DEMO-017", Firm::Kou, Use { started_on: right, ..used }).map(drop)
    });
}

/// What an inspection saw, and what a third party said and was mistaken about.
fn observed(script: &mut Script) {
    let seen = |firm, under, on| Use { firm, under, started_on: on, ended_on: Some(on) };
    let on = script.days.day(-95);
    script.ago(92, move |stage| {
        let note = "実地検査で、入力室に乙の下で働く丙の従業者3名を確認した（デモ）";
        let seen = seen(Firm::Hei, Firm::Otsu, on);
        stage.observe(("DEMO-015", Who::Auditor), seen, "audit", note).map(drop)
    });

    let on = script.days.day(-160);
    script.ago(150, move |stage| {
        let heard = seen(Firm::Ki, Firm::Hei, on);
        let source = "調査票の回収を別の会社が行っているとの電話があった（デモ）";
        let by = Who::PrefectureOfficer;
        let id = stage.observe(("DEMO-105", by), heard, "third_party", source)?;
        let alert = stage.alert("DEMO-105", UnapprovedSubcontractor)?;
        stage.assess(by, alert, "suspected", "事業者に事実を照会する（デモ）")?;
        stage.observation = Some(id);
        Ok(())
    });
    script.ago(143, |stage| {
        let by = Who::PrefectureOfficer;
        let alert = stage.alert("DEMO-105", UnapprovedSubcontractor)?;
        stage.assess(by, alert, "not_applicable", "別の機関の調査についての話であった（デモ）")?;
        stage.measure(by, alert, "事業者と通報した人の双方に確かめた（デモ）")?;
        stage.take_back_observation(by, "別の機関の調査についての話であったため（デモ）")
    });
}

impl Stage<'_> {
    fn record(
        &mut self,
        place: Place,
        from: chrono::NaiveDate,
        until: chrono::NaiveDate,
    ) -> Result<(), Failure> {
        let (number, firm) = place;
        let under = self.row(number)?.prime;
        let input = body(&json!({
            "parent_engagement_id": self.place((number, under))?, "vendor_id": self.firm(firm)?,
            "scope": "予診票の保管", "amount_yen": 1_300_000, "data": [{"category": "personal", "persons": 9_000}],
            "decided_on": add_days(from, -9), "document_number": "架福第123号（デモ）", "valid_from": from,
            "valid_until": until, "note": "紙の決裁文書を綴りで見つけ、遅れて登録した（デモ）",
        }))?;
        let by = self.call(self.office(number)?.approver(), Permission::RecordConsent)?;
        let made = consent::record(self.app, by, self.contract(number)?, &input)?;
        self.keep_place(place, made.engagement_id);
        self.reports(place);
        Ok(())
    }
}
