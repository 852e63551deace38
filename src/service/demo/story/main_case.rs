//! The contract that the story is about. The prime has its consent for the second company. The second lets a third
//! begin before anyone has applied for it, says so itself, and it is put right. The third lets a fourth begin, and
//! says so in these days: nobody has answered yet.

use super::acts::{Ask, Use};
use super::cast::{Firm, Who};
use super::chains::{Consented, consented, in_use};
use super::script::Script;
use crate::domain::alert::AlertKind::UnapprovedSubcontractor;

const NUMBER: &str = "DEMO-001";

/// Days before the last one: the third company begins, its client says so, and applies; the fourth begins, and its
/// client says so.
const THIRD_BEGAN: i64 = 200;
const THIRD_DECLARED: i64 = 190;
const THIRD_FILED: i64 = 186;
const FOURTH_BEGAN: i64 = 21;
const FOURTH_DECLARED: i64 = 6;

pub fn plan(script: &mut Script) {
    let days = script.days;
    let ends_on = days.month_end(4);
    let ask = |firm, under, scope, yen, filed: i64| Ask {
        place: (NUMBER, firm),
        under,
        scope,
        yen,
        starts_on: days.day(11 - filed),
        ends_on,
        supersedes: false,
    };
    let second = ask(Firm::Otsu, Firm::Kou, "申告書の第一入力", 9_600_000, 350);
    in_use(script, Consented { ask: second, filed: 350 });
    third_before_its_consent(
        script,
        ask(Firm::Hei, Firm::Otsu, "申告書の第二入力と照合", 4_100_000, THIRD_FILED),
    );
    let fourth =
        Use { firm: Firm::Tei, under: Firm::Hei, started_on: days.day(-FOURTH_BEGAN), ended_on: None };
    script.ago(FOURTH_DECLARED, move |stage| stage.declare(NUMBER, Firm::Hei, fourth).map(drop));
}

fn third_before_its_consent(script: &mut Script, ask: Ask) {
    let used =
        Use { firm: Firm::Hei, under: Firm::Otsu, started_on: script.days.day(-THIRD_BEGAN), ended_on: None };
    script.ago(THIRD_DECLARED, move |stage| stage.declare(NUMBER, Firm::Otsu, used).map(drop));
    script.ago(THIRD_DECLARED - 2, |stage| {
        let alert = stage.alert(NUMBER, UnapprovedSubcontractor)?;
        stage.assess(
            Who::Officer,
            alert,
            "confirming",
            "再委託先の体制と引き渡した資料を照会している（デモ）",
        )
    });
    consented(script, Consented { ask, filed: THIRD_FILED });
    script.ago(THIRD_FILED - 9, |stage| {
        let alert = stage.alert(NUMBER, UnapprovedSubcontractor)?;
        let done = "承認までの間は資料の引渡しを止めさせ、引き渡していた分の所在を確かめた（デモ）";
        stage.measure(Who::Officer, alert, done)
    });
    script.ago(THIRD_FILED - 16, |stage| {
        let alert = stage.alert(NUMBER, UnapprovedSubcontractor)?;
        let found = "承認の前に使用を始めていたことを、事業者の報告と現地で確かめた（デモ）";
        stage.assess(Who::Auditor, alert, "confirmed", found)
    });
}
