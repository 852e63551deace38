//! What an application leaves blank though the data that the contract entrusts demand it. A form asks for it. The API takes
//! an application without, as its contract says; whoever decides is warned of it.

use serde_json::Value;

use super::file::CorrectionInput;
use crate::domain::contract::{DataCategory, DataVolume};
use crate::domain::days::DayRange;
use crate::domain::id::ContractId;
use crate::domain::input::FieldError;
use crate::service::case::Case;
use crate::service::{App, Call, Failure};

/// What an application says of how it handles data.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handling<'a> {
    pub data: &'a [DataVolume],
    pub has_place: bool,
    pub safeguards: &'a Value,
}

/// The fields left blank, by the names that a form gives them.
pub(super) fn blanks(entrusted: &[DataVolume], said: Handling<'_>) -> Vec<FieldError> {
    let stated = |category| said.data.iter().find(|volume| volume.category == category);
    let mut found = Vec::new();
    if entrusted.iter().all(|volume| volume.persons == 0) {
        return found;
    }
    let mut blank = |field: &str, message: &str| found.push(FieldError::new(field, "required", message));
    let whole = stated(DataCategory::Personal).map(|volume| volume.persons);
    if whole.is_none() {
        blank(
            "/persons/personal",
            "取り扱う個人情報の人数を入力してください。取り扱わないときは 0 と入力してください。",
        );
    }
    if whole == Some(0) && said.data.iter().all(|volume| volume.persons == 0) {
        return found;
    }
    for (category, field, message) in [
        (
            DataCategory::MyNumber,
            "/persons/my_number",
            "うちマイナンバーの人数を入力してください。取り扱わないときは 0 と入力してください。",
        ),
        (
            DataCategory::Sensitive,
            "/persons/sensitive",
            "うち要配慮個人情報の人数を入力してください。取り扱わないときは 0 と入力してください。",
        ),
    ] {
        let is_entrusted = entrusted.iter().any(|volume| volume.category == category && volume.persons > 0);
        if is_entrusted && stated(category).is_none() {
            blank(field, message);
        }
    }
    if !said.has_place {
        blank("/work_places/0", "個人情報を取り扱う作業場所を、1か所以上入力してください。");
    }
    if !says_something(said.safeguards) {
        let message =
            "個人情報を取り扱うときは、安全管理措置を入力してください。4つのうち、少なくとも1つが必要です。";
        blank("/safeguards/組織的安全管理措置", message);
    }
    found
}

/// Whether anything stands in it.
fn says_something(said: &Value) -> bool {
    match said {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
        Value::Array(rows) => rows.iter().any(says_something),
        Value::Object(map) => map.values().any(says_something),
    }
}

/// Whether the contract entrusts personal data, so that a form must not leave blank how they are handled.
pub fn demanded(app: &App, call: &Call, contract: ContractId) -> Result<bool, Failure> {
    let case = app.db.read(|conn| Case::open(conn, call.scope(), contract))?;
    let known = case.facts.chain.now();
    Ok(known.terms().is_some_and(|terms| terms.data.iter().any(|volume| volume.persons > 0)))
}

/// Refuses what a form must not leave blank, by the data entrusted on the days that are applied for. Nothing is recorded.
///
/// # Errors
/// `Invalid` with a pointer for each blank field, as a form names its fields; `NotFound` out of scope.
pub fn refuse_blanks(
    app: &App,
    call: &Call,
    contract: ContractId,
    given: &CorrectionInput,
) -> Result<(), Failure> {
    let case = app.db.read(|conn| Case::open(conn, call.scope(), contract))?;
    let known = case.facts.chain.now();
    let (starts_on, ends_on) = (given.starts_on, given.ends_on.max(given.starts_on));
    let days = DayRange { from: starts_on, to: ends_on };
    let entrusted: Vec<DataVolume> =
        known.terms_within(days).flat_map(|(_, terms)| terms.data.iter().copied()).collect();
    let volumes = given.volumes();
    let said = Handling {
        data: &volumes,
        has_place: given.work_places.iter().any(|place| !place.trim().is_empty()),
        safeguards: &given.safeguards,
    };
    Failure::unless_empty(blanks(&entrusted, said))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(category: DataCategory, persons: i64) -> DataVolume {
        DataVolume { category, persons }
    }

    #[test]
    fn what_the_entrusted_data_demand_is_asked_for_and_nothing_else() {
        let entrusted = [of(DataCategory::Personal, 23_000), of(DataCategory::Sensitive, 23_000)];
        let fields = |entrusted: &[DataVolume], data: &[DataVolume], has_place, safeguards: Value| {
            let found = blanks(entrusted, Handling { data, has_place, safeguards: &safeguards });
            found.into_iter().map(|error| error.pointer).collect::<Vec<_>>()
        };
        let all =
            ["/persons/personal", "/persons/sensitive", "/work_places/0", "/safeguards/組織的安全管理措置"];
        assert_eq!(fields(&entrusted, &[], false, json!({})), all);
        assert_eq!(fields(&entrusted, &[], false, json!({"人的": " ", "端末": {"記録": []}})), all);
        let some = [of(DataCategory::Personal, 5), of(DataCategory::Sensitive, 0)];
        assert_eq!(fields(&entrusted, &some, true, json!({"端末": {"台数": 3}})), Vec::<String>::new());
        assert_eq!(fields(&entrusted, &some[..1], true, json!({"入退室": "記録"})), ["/persons/sensitive"]);
        assert_eq!(fields(&entrusted, &some, false, json!({"入退室": "記録"})), ["/work_places/0"]);
        // Nothing is handled: it is said so, and nothing more is asked.
        assert!(fields(&entrusted, &[of(DataCategory::Personal, 0)], false, json!({})).is_empty());
        // Nothing is entrusted.
        assert!(fields(&[], &[], false, json!({})).is_empty());
        assert!(fields(&[of(DataCategory::Personal, 0)], &[], false, json!({})).is_empty());
    }
}
