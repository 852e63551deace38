//! How findings put days and causes into words.

use chrono::NaiveDate;

use crate::domain::chain::Cause;
use crate::domain::days::{DayRange, DaySet};

/// Ranges spelled out before the rest is only counted.
const MOST_RANGES: usize = 5;

/// The template with each `{name}` replaced; in one pass, so that a name in braces stays what it is.
pub fn fill(template: &str, places: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        out.push_str(places.iter().find(|(place, _)| *place == name).map_or(name, |(_, text)| text));
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// 「2026-05-20から2026-05-31まで、2026-11-10から」: a range that still runs today has no end.
pub(super) fn spell(days: &DaySet, running_on: Option<NaiveDate>) -> String {
    let one = |range: &DayRange| {
        if running_on.is_some_and(|today| range.contains(today)) {
            format!("{}から", range.from)
        } else if range.from == range.to {
            format!("{}に", range.from)
        } else {
            format!("{}から{}まで", range.from, range.to)
        }
    };
    let (all, hidden) = (days.ranges(), days.ranges().len().saturating_sub(MOST_RANGES));
    let mut parts: Vec<String> = Vec::new();
    if hidden > 0 {
        parts.push(format!("それ以前の{hidden}期間"));
    }
    parts.extend(all.iter().skip(hidden).map(one));
    parts.join("、")
}

/// The cause, in the program's own words.
pub fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::NoApplication => "申請なし",
        Cause::Undecided => "申請を審査中",
        Cause::Refused => "不承認",
        Cause::BeforeConsent => "承認前の開始",
        Cause::Expired => "承認期間の満了",
        Cause::Parent => "上位の再委託の承認なし",
        Cause::Revoked => "承認取消し",
        Cause::ContractEnded => "契約の終了",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::fixture::{d, range};

    #[test]
    fn names_are_filled_in_once() {
        assert_eq!(fill("{a}と{b}", &[("a", "{b}"), ("b", "乙")]), "{b}と乙");
        assert_eq!(fill("{未知}{", &[]), "未知{");
    }

    #[test]
    fn days_are_spelled_the_latest_in_full() {
        let past = range("2026-05-20", "2026-05-31");
        let running = range("2026-11-10", "2026-11-12");
        let days: DaySet = [past, running].into_iter().collect();
        assert_eq!(spell(&days, Some(d("2026-11-12"))), "2026-05-20から2026-05-31まで、2026-11-10から");
        assert_eq!(spell(&days, None), "2026-05-20から2026-05-31まで、2026-11-10から2026-11-12まで");
        let single: DaySet = (1..=7)
            .map(|month| d(&format!("2026-0{month}-01")))
            .map(|day| DayRange { from: day, to: day })
            .collect();
        assert!(spell(&single, None).starts_with("それ以前の2期間、2026-03-01に、"));
    }
}
