//! What stood before an entry that says a whole state anew: an amended contract's terms, a corrected application, an alert
//! looked at again. So a page can say what changed.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde_json::Value;

use super::{EntryView, readable, view};
use crate::db;
use crate::domain::id::EntryId;
use crate::service::{App, Call, Failure};

/// What says a thing's state, the first time and anew. `field`: where in the payload the state stands; empty: all of it.
struct Restated {
    anew: &'static [&'static str],
    first: &'static str,
    field: &'static str,
}

const RESTATED: &[Restated] = &[
    Restated {
        anew: &[
            "contract.amended",
            "contract.amendment_withdrawn",
            "contract.department_changed",
            "contract.terms_corrected",
        ],
        first: "contract.registered",
        field: "terms",
    },
    Restated { anew: &["application.resubmitted"], first: "application.filed", field: "content" },
    Restated { anew: &["alert.updated", "alert.restated"], first: "alert.opened", field: "" },
];

/// Earlier states of one thing that are looked through, the latest first.
const MOST: i64 = 50;

/// Two states of one thing.
#[derive(Debug, Clone)]
pub struct Change {
    /// Where in the payload the state stands; empty: all of it.
    pub field: &'static str,
    pub before: Value,
    pub after: Value,
}

/// For each of the entries that says a state anew, that state and the one before it; none where the caller may not read
/// what stood before.
pub fn changes(app: &App, call: &Call, entries: &[EntryView]) -> Result<HashMap<EntryId, Change>, Failure> {
    app.db.read(|conn| {
        let mut found = HashMap::new();
        for entry in entries {
            let (Some(action), Some(subject), Some(payload)) = (&entry.action, entry.subject, &entry.payload)
            else {
                continue;
            };
            let Some(kind) = RESTATED.iter().find(|kind| kind.anew.contains(&action.as_str())) else {
                continue;
            };
            let actions = [kind.anew, &[kind.first]].concat();
            let earlier =
                db::ledger::of_subject_backwards(conn, entry.chain, subject, &actions, entry.seq, MOST)?;
            let may_read = readable(conn, call.scope(), &earlier)?;
            let earlier = earlier.into_iter().filter(|it| may_read.contains(&it.id));
            let stood = before(payload, earlier.filter_map(|it| view(it, true).payload));
            if let Some((before, after)) = stood.zip(Some(payload)).and_then(|(before, after)| {
                Some((state(&before, kind.field)?.clone(), state(after, kind.field)?.clone()))
            }) {
                found.insert(entry.entry, Change { field: kind.field, before, after });
            }
        }
        Ok(found)
    })
}

fn state<'a>(payload: &'a Value, field: &str) -> Option<&'a Value> {
    if field.is_empty() { Some(payload) } else { payload.get(field) }
}

/// Of the earlier ones, the latest first, the one that held on the day from which the new one counts. Only terms count from
/// a day of their own; the registration's from the start.
fn before(anew: &Value, earlier: impl Iterator<Item = Value>) -> Option<Value> {
    let effective = |payload: &Value| payload.get("effective_on")?.as_str()?.parse::<NaiveDate>().ok();
    let day = effective(anew);
    // Of two from one day the one recorded later rules: `max_by_key` gives the last of equals.
    let mut in_order: Vec<Value> = earlier.filter(|it| day.is_none() || effective(it) <= day).collect();
    in_order.reverse();
    in_order.into_iter().max_by_key(effective)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn terms_are_held_to_those_that_ruled_on_their_first_day() {
        let terms = |day: Option<&str>, yen: i64| json!({"effective_on": day, "terms": {"amount_yen": yen}});
        let earlier = || {
            [
                terms(Some("2026-10-01"), 3),
                terms(Some("2026-06-01"), 2),
                terms(Some("2026-06-01"), 1),
                terms(None, 0),
            ]
            .into_iter()
        };
        let stood =
            |day: &str| before(&terms(Some(day), 9), earlier()).map(|it| it["terms"]["amount_yen"].clone());
        assert_eq!(stood("2026-05-31"), Some(json!(0)));
        assert_eq!(stood("2026-06-01"), Some(json!(2)));
        assert_eq!(stood("2026-12-01"), Some(json!(3)));
        let alert = |due: &str| json!({"due_on": due});
        let last = before(&alert("c"), [alert("b"), alert("a")].into_iter());
        assert_eq!(last, Some(alert("b")), "the latest where nothing counts from a day");
    }
}
