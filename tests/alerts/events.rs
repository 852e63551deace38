//! Alerts of no contract: a vendor changed in the register; and the leases of the jobs.

use chrono::Duration;
use itaku::db::register::RegisterRecord;
use itaku::db::{DbError, lease};
use itaku::domain::access::Role;
use itaku::domain::text::company_key;
use itaku::service::alert::{VendorChange, VendorChangeKind, vendor_changed};
use serde_json::{Value, json};

use crate::house::{House, pairs};
use crate::support::{TestApp, both, day};

const NUMBER: &str = "7000012050002";

/// A vendor of that number, and its version.
fn numbered(app: &TestApp, name: &str) -> (Value, String) {
    let body = json!({"kind": "vendor", "name": name, "corporate_number": NUMBER});
    let made = app.post(&app.admin(), "/organizations", body);
    let etag = made.etag();
    (made.must(201)["id"].clone(), etag)
}

/// The number's record in the register.
fn registered(app: &TestApp, name: &str, closed_on: Option<&str>) {
    let record = RegisterRecord {
        corporate_number: NUMBER.to_owned(),
        name: name.to_owned(),
        name_key: company_key(name),
        kind: "301".to_owned(),
        address: "架空市".to_owned(),
        updated_on: day("2026-03-01"),
        changed_on: day("2026-03-01"),
        closed_on: closed_on.map(day),
        close_cause: closed_on.map(|_| "01".to_owned()),
        successor: None,
    };
    let records = [record];
    app.app.db.write::<_, DbError>(|conn| itaku::db::register::insert_records(conn, &records)).unwrap();
}

fn contract_with(house: &House<'_>, number: &str, vendor: &Value) {
    let body = json!({
        "number": number, "title": "架空データ入力業務", "fiscal_year": 2026, "vendor_id": vendor,
        "amount_yen": 10_000_000, "signed_on": "2026-04-01", "starts_on": "2026-04-01", "ends_on": "2027-03-31",
        "scope": "入力", "data": [], "subcontracting": {"policy": "consent_required", "overseas": "prohibited"},
    });
    house.post(&house.officer, "/contracts", body).must(201);
}

both! {
    fn a_changed_vendor_is_told_to_the_officers_over_it(app: TestApp) {
        let house = House::new(app);
        let other = app.person(house.agency, &[Role::Officer]);
        house.contract("R8-1");
        let change = |kind, on: &str, detail: &str| VendorChange { vendor_id: house.prime, kind, changed_on: day(on), detail: detail.to_owned() };
        let renamed = change(VendorChangeKind::Renamed, "2026-04-10", "新しい名称：架空新データ株式会社");
        assert!(vendor_changed(&app.app, house.agency, &renamed).unwrap());
        assert!(!vendor_changed(&app.app, house.agency, &renamed).unwrap(), "known already");
        let alert = house.one_alert("vendor_changed");
        assert_eq!((&alert["severity"], &alert["subject"]), (&json!("info"), &json!(house.prime)));
        assert!(alert["message"].as_str().unwrap().contains("架空新データ"));
        house.sweep("2026-04-11");
        assert_eq!(house.told(), pairs("digest", &[&house.officer]));
        let merged = change(VendorChangeKind::Merged, "2026-04-20", "承継：架空承継株式会社");
        assert!(vendor_changed(&app.app, house.agency, &merged).unwrap());
        assert_eq!(house.one_alert("vendor_changed")["severity"], json!("warning"));
        house.sweep("2026-04-21");
        assert_eq!(house.told(), pairs("digest", &[&house.officer]));
        let path = format!("/alerts/{}/resolve", alert["id"].as_str().unwrap());
        let answer = house.post(&house.officer, &path, json!({"reason": "承継を登録した"})).must(200);
        assert_eq!(answer["state"], json!("resolved"));
        // A vendor on no contract: every officer.
        let closed = VendorChange { vendor_id: house.sub, ..change(VendorChangeKind::Closed, "2026-04-22", "") };
        assert!(vendor_changed(&app.app, house.agency, &closed).unwrap());
        house.sweep("2026-04-23");
        assert_eq!(house.told(), pairs("digest", &[&house.officer, &other]));
        // Vendors see nothing of it.
        assert_eq!(app.get(&app.log_in(&house.prime_user), "/alerts").must(200)["items"], json!([]));
    }

    fn a_company_closed_already_is_told_when_it_is_contracted(app: TestApp) {
        let house = House::new(app);
        let (vendor, _) = numbered(app, "架空閉鎖株式会社");
        registered(app, "架空閉鎖株式会社", Some("2026-01-31"));
        contract_with(&house, "R8-1", &vendor);
        let alert = house.one_alert("vendor_changed");
        assert_eq!((&alert["severity"], &alert["subject"]), (&json!("warning"), &vendor));
        assert!(alert["message"].as_str().unwrap().contains("2026-01-31"), "{alert:#}");
        let resolve = format!("/alerts/{}/resolve", alert["id"].as_str().unwrap());
        house.post(&house.officer, &resolve, json!({"reason": "清算人に確認した"})).must(200);
        assert_eq!(house.alerts("?kind=vendor_changed&state=open").len(), 0);
        app.move_to("2026-04-10");
        contract_with(&house, "R8-2", &vendor);
        assert_eq!(house.alerts("?kind=vendor_changed&state=open").len(), 1, "contracted anew");
    }

    fn the_registered_name_recorded_here_ends_the_alert(app: TestApp) {
        let house = House::new(app);
        let (vendor, etag) = numbered(app, "架空旧称株式会社");
        registered(app, "株式会社架空新称", None);
        let change = VendorChange {
            vendor_id: vendor.as_str().unwrap().parse().unwrap(),
            kind: VendorChangeKind::Renamed, changed_on: day("2026-03-01"), detail: "新しい名称は「株式会社架空新称」です。".to_owned(),
        };
        assert!(vendor_changed(&app.app, house.agency, &change).unwrap());
        let admin = app.admin();
        let path = format!("/organizations/{}", vendor.as_str().unwrap());
        let other = app.patch_if(&admin, &path, &etag, json!({"name": "架空別称株式会社"}));
        let etag = other.etag();
        other.must(200);
        assert_eq!(house.one_alert("vendor_changed")["state"], json!("open"));
        app.patch_if(&admin, &path, &etag, json!({"name": "㈱架空新称"})).must(200);
        assert_eq!(house.one_alert("vendor_changed")["state"], json!("resolved"));
    }

    fn a_lease_is_one_holders_until_it_ends(app: TestApp) {
        let now = app.app.sources.clock.machine_now();
        let take = |holder: &str, at| app.app.db.write::<_, DbError>(|conn| lease::take(conn, "job", holder, at, at + Duration::minutes(1))).unwrap();
        assert!(take("a", now) && take("a", now));
        assert!(!take("b", now + Duration::seconds(30)));
        assert!(take("b", now + Duration::seconds(61)));
        assert!(!take("a", now + Duration::seconds(62)));
        app.app.db.write::<_, DbError>(|conn| lease::release(conn, "job", "b")).unwrap();
        assert!(take("a", now + Duration::seconds(63)));
        let ran = |on: &str| app.app.db.write::<_, DbError>(|conn| { lease::set_last_day(conn, "x", day(on))?; lease::last_day(conn, "x") }).unwrap();
        assert_eq!(ran("2026-05-01"), Some(day("2026-05-01")));
        assert_eq!(ran("2026-04-01"), Some(day("2026-05-01")), "never backwards");
    }
}
