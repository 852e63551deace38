//! An agency's settings and departments.

use diesel::prelude::*;
use itaku::db::DbError;
use itaku::db::schema::due;
use itaku::domain::access::Role;
use serde_json::json;

use crate::support::{TestApp, both, day};

both! {
    fn settings_are_read_by_the_agency_and_changed_by_its_administrator(app: TestApp) {
        let agency = app.agency("C1");
        let (admin, officer) = (app.person(agency, &[Role::AgencyAdmin]), app.person(agency, &[Role::Officer]));
        let defaults = app.get(&officer, "/settings");
        assert_eq!(defaults.etag(), "\"0\"");
        assert_eq!(defaults.must(200)["declaration_grace_days"], 14);
        app.patch_if(&officer, "/settings", "\"0\"", json!({"declaration_grace_days": 20})).must(403);
        app.send(app.request(Some(&admin.token), "PATCH", "/settings").set_json(json!({}))).must(428);
        let changed = app.patch(&admin, "/settings", json!({"declaration_grace_days": 20, "severities": {"tier_exceeded": "critical"}, "closed_days": ["2026-08-14"]}));
        assert_eq!(changed.etag(), "\"1\"");
        let changed = changed.must(200);
        assert_eq!(changed["severities"]["ratio_exceeded"], "warning");
        app.patch_if(&admin, "/settings", "\"0\"", json!({"declaration_grace_days": 21})).must(412);
        assert_eq!(app.get(&officer, "/settings").must(200), changed);
        assert_eq!(app.get(&app.person(app.agency("C2"), &[Role::Officer]), "/settings").must(200)["declaration_grace_days"], 14);
        let (action, payload) = app.entries(agency.as_str()).pop().unwrap();
        assert_eq!(action, "settings.changed");
        assert_eq!(payload["declaration_grace_days"], 20);
        assert_eq!(payload.get("audit_due_days"), None);
    }

    fn wrong_settings_are_named_and_nothing_is_kept(app: TestApp) {
        let admin = app.person(app.agency("C1"), &[Role::AgencyAdmin]);
        let far = json!({"closed_days": ["2026-08-14", "2910-08-14"]});
        assert_eq!(app.patch(&admin, "/settings", far).errors(), [("/closed_days/1".to_owned(), "date_range".to_owned())]);
        let wrong = json!({"declaration_grace_days": 366, "audit_due_days": "90", "no_such": 1, "decision_working_days": 12});
        let mut errors = app.patch(&admin, "/settings", wrong).errors();
        errors.sort_unstable();
        let expected = [("/audit_due_days", "type"), ("/declaration_grace_days", "out_of_range"), ("/no_such", "unknown")];
        assert_eq!(errors, expected.map(|(p, c)| (p.to_owned(), c.to_owned())));
        assert_eq!(app.get(&admin, "/settings").must(200)["decision_working_days"], 10);
    }

    fn a_change_of_settings_makes_everything_of_the_agency_due_today(app: TestApp) {
        let (agency, other) = (app.agency("C1"), app.agency("C2"));
        let admin = app.person(agency, &[Role::AgencyAdmin]);
        let written = app.app.db.write::<_, DbError>(|conn| {
            for (subject, agency) in [(agency, agency), (other, other)] {
                diesel::insert_into(due::table)
                    .values((due::subject_kind.eq("contract"), due::subject_id.eq(subject), due::agency_id.eq(agency), due::check_on.eq(day("2026-12-01"))))
                    .execute(conn)?;
            }
            Ok(())
        });
        written.unwrap();
        app.patch(&admin, "/settings", json!({"closed_days": ["2026-08-14"]})).must(200);
        let days = app.app.db.read_one::<_, DbError>(|conn| Ok(due::table.order(due::check_on).select(due::check_on).load::<chrono::NaiveDate>(conn)?));
        assert_eq!(days.unwrap(), [day("2026-04-01"), day("2026-12-01")]);
    }

    fn a_department_of_the_same_name_is_replaced(app: TestApp) {
        let agency = app.agency("C1");
        let (admin, officer) = (app.person(agency, &[Role::AgencyAdmin]), app.person(agency, &[Role::Officer]));
        for (name, email) in [("住民課", "old@example.jp"), ("税務課", "zeimu@example.jp"), ("住民課", "jumin@example.jp")] {
            app.post(&admin, "/departments", json!({"name": name, "email": email})).must(201);
        }
        app.post(&officer, "/departments", json!({"name": "総務課", "email": "x@example.jp"})).must(403);
        let first = app.get(&officer, "/departments?limit=1").must(200);
        assert_eq!(first["items"], json!([{"name": "住民課", "email": "jumin@example.jp", "telephone": null}]));
        let rest = app.get(&officer, &format!("/departments?cursor={}", first["next_cursor"].as_str().unwrap())).must(200);
        assert_eq!(rest["items"][0]["name"], "税務課");
        assert_eq!(app.get(&app.person(app.agency("C2"), &[Role::Officer]), "/departments").must(200)["items"], json!([]));
    }
}
