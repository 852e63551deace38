//! Alerts of no contract: a vendor changed in the register; and the leases of the jobs.

use chrono::Duration;
use itaku::db::{DbError, lease};
use itaku::domain::access::Role;
use itaku::service::alert::{VendorChange, VendorChangeKind, vendor_changed};
use serde_json::json;

use crate::house::{House, pairs};
use crate::support::{TestApp, both, day};

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
