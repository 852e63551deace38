//! What people do with alerts, and who sees them.

use itaku::domain::access::Role;
use serde_json::{Value, json};

use crate::house::House;
use crate::support::{TestApp, both};

fn path(alert: &Value, act: &str) -> String {
    format!("/alerts/{}{act}", alert["id"].as_str().unwrap())
}

both! {
    fn a_measure_is_recorded_while_it_runs_and_the_alert_ends_by_itself(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", None);
        let alert = house.one_alert("unapproved_subcontractor");
        let answer = house.post(&house.officer, &path(&alert, "/resolve"), json!({"reason": "使用の停止を求めた"})).must(200);
        assert_eq!((&answer["state"], &answer["measure"]), (&json!("acknowledged"), &json!("使用の停止を求めた")));
        assert_eq!(answer["measured_by"]["id"], json!(house.officer.id));
        app.move_to("2026-06-01");
        house.declare(contract, "2026-05-01", Some("2026-05-31"));
        let alert = house.one_alert("unapproved_subcontractor");
        assert_eq!(alert["state"], json!("resolved"));
        assert_eq!(alert["days"], json!([{"from": "2026-05-01", "to": "2026-05-31"}]));
        // Answered days are not raised again.
        house.sweep("2026-06-02");
        assert_eq!(house.alerts("?state=open").len(), 0);
        house.post(&house.officer, &path(&alert, "/resolve"), json!({"reason": "再"})).must(409);
    }

    fn days_wholly_past_wait_for_a_person(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", Some("2026-05-10"));
        let alert = house.one_alert("unapproved_subcontractor");
        house.sweep("2026-05-21");
        assert_eq!(house.one_alert("unapproved_subcontractor")["state"], json!("open"));
        let answer = house.post(&house.auditor, &path(&alert, "/resolve"), json!({"reason": "指導した"})).must(200);
        assert_eq!(answer["state"], json!("resolved"));
        let entries = app.entries(alert["id"].as_str().unwrap());
        let actions: Vec<_> = entries.iter().map(|(action, _)| action.as_str()).collect();
        assert_eq!(actions, ["alert.opened", "alert.measured", "alert.resolved"]);
    }

    fn an_excess_is_accepted_to_a_day_and_comes_back_after_it(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        let officer = app.log_in(&house.officer);
        app.post(&officer, &format!("/contracts/{contract}/amendments"), json!({
            "effective_on": "2026-04-01", "reason": "試験", "subcontracting": {"policy": "consent_required", "max_tier": 1, "overseas": "prohibited"},
        })).must(201);
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", None);
        let alert = house.one_alert("tier_exceeded");
        let refused = |body: Value| house.post(&house.officer, &path(&alert, "/resolve"), body).errors();
        assert_eq!(refused(json!({"reason": "可", "accepted_until": "2026-05-19"})), [("/accepted_until".to_owned(), "range".to_owned())]);
        assert_eq!(refused(json!({"reason": "可", "accepted_until": "2027-05-22"})), [("/accepted_until".to_owned(), "range".to_owned())]);
        assert_eq!(refused(json!({"reason": " "}))[0].0, "/reason");
        let answer = house.post(&house.officer, &path(&alert, "/resolve"), json!({"reason": "可", "accepted_until": "2026-06-30"})).must(200);
        assert_eq!((&answer["state"], &answer["accepted_until"]), (&json!("resolved"), &json!("2026-06-30")));
        house.sweep("2026-06-30");
        assert_eq!(house.alerts("?kind=tier_exceeded&state=open").len(), 0);
        house.sweep("2026-07-01");
        assert_eq!(house.alerts("?kind=tier_exceeded&state=open").len(), 1);
        let other = house.one_alert("unapproved_subcontractor");
        let wrong = house.post(&house.officer, &path(&other, "/resolve"), json!({"reason": "可", "accepted_until": "2026-07-31"}));
        assert_eq!(wrong.errors(), [("/accepted_until".to_owned(), "not_allowed".to_owned())]);
    }

    fn an_assessment_is_a_persons(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", None);
        let alert = house.one_alert("unapproved_subcontractor");
        assert_eq!(alert["assessment"], Value::Null);
        for word in ["suspected", "confirming", "confirmed", "not_applicable"] {
            let answer = house.post(&house.approver, &path(&alert, "/assess"), json!({"assessment": word, "reason": "確認した"})).must(200);
            assert_eq!((&answer["assessment"], &answer["assessment_reason"], &answer["state"]), (&json!(word), &json!("確認した"), &json!("acknowledged")));
        }
        assert_eq!(house.post(&house.approver, &path(&alert, "/assess"), json!({"assessment": "guilty", "reason": "x"})).errors()[0].0, "/assessment");
        // The vendor reads what it is about, not what the agency makes of it.
        let seen = app.get(&app.log_in(&house.sub_user), "/alerts").must(200);
        let seen = &seen["items"][0];
        assert_eq!((&seen["id"], &seen["assessment"], &seen["acknowledged_by"]), (&alert["id"], &Value::Null, &Value::Null));
    }

    fn others_do_not_know_of_it(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        let foreign = app.agency("B1");
        let strangers = [app.person(foreign, &[Role::Officer]), app.person(foreign, &[Role::Auditor])];
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", None);
        let alert = house.one_alert("unapproved_subcontractor");
        for stranger in strangers.iter().chain([&house.prime_user]) {
            let stranger = app.log_in(stranger);
            app.get(&stranger, &path(&alert, "")).must(404);
            assert_eq!(app.get(&stranger, "/alerts").must(200)["items"], json!([]));
        }
        let reason = json!({"reason": "x"});
        let verdict = json!({"reason": "x", "assessment": "suspected"});
        for (act, body) in [("/acknowledge", json!({})), ("/resolve", reason), ("/assess", verdict)] {
            house.post(&strangers[0], &path(&alert, act), body.clone()).must(404);
            house.post(&house.sub_user, &path(&alert, act), body.clone()).must(403);
            house.post(&house.admin, &path(&alert, act), body).must(403);
        }
        let bulk = house.post(&strangers[0], "/alerts/acknowledge", json!({"ids": [alert["id"]]}));
        assert_eq!(bulk.errors(), [("/ids/0".to_owned(), "unknown".to_owned())]);
        assert_eq!(house.one_alert("unapproved_subcontractor")["state"], json!("open"));
    }

    fn several_are_taken_up_at_once_and_again_without_harm(app: TestApp) {
        let house = House::new(app);
        app.move_to("2026-05-20");
        for number in ["R8-1", "R8-2", "R8-3"] {
            house.declare(house.contract(number), "2026-05-01", None);
        }
        let ids: Vec<Value> = house.alerts("?kind=unapproved_subcontractor").iter().map(|a| a["id"].clone()).collect();
        house.post(&house.officer, &format!("/alerts/{}/acknowledge", ids[0].as_str().unwrap()), json!({})).must(200);
        let who = app.log_in(&house.approver);
        let request = || app.request(Some(&who.token), "POST", "/alerts/acknowledge").insert_header(("Idempotency-Key", "k1"));
        let first = app.send(request().set_json(json!({"ids": ids}))).must(200);
        assert_eq!(first["acknowledged"].as_array().unwrap().len(), 2);
        assert_eq!(first["unchanged"], json!([ids[0]]));
        assert_eq!(app.send(request().set_json(json!({"ids": ids}))).must(200), first);
        app.send(request().set_json(json!({"ids": [ids[1]]}))).must(422);
        for alert in house.alerts("?kind=unapproved_subcontractor") {
            assert_eq!(alert["state"], json!("acknowledged"));
        }
        // Pages in a stable order.
        let page = app.get(&who, "/alerts?kind=unapproved_subcontractor&limit=2").must(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = app.get(&who, &format!("/alerts?kind=unapproved_subcontractor&limit=2&cursor={cursor}")).must(200);
        assert_eq!((page["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len()), (2, 1));
        app.get(&who, "/alerts?kind=nonsense").must(422);
    }
}
