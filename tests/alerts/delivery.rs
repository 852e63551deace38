//! The outbox: retries, 不達, sending again, and who may see it.

use std::cell::{Cell, RefCell};

use chrono::Duration;
use diesel::prelude::*;
use itaku::db::DbError;
use itaku::db::schema::{account_tokens, idempotency_keys, ledger_entries, notices};
use itaku::notice::transport::SendError;
use serde_json::json;

use crate::house::{House, Sent, pairs};
use crate::support::{TestApp, both};

const KIND: &str = "unapproved_subcontractor";

fn later() -> Result<(), SendError> {
    Err(SendError::Transient { why: "451".to_owned() })
}

/// Someone new at the agency, whose invitation waits in the outbox.
fn invited(house: &House<'_>, email: &str) -> String {
    let body =
        json!({"email": email, "name": "架空太郎", "organization_id": house.agency, "roles": ["officer"]});
    house.post(&house.admin, "/users", body).must(201)["id"].as_str().unwrap().to_owned()
}

/// A call without a session.
fn open_post(app: &TestApp, path: &str, body: serde_json::Value) -> crate::support::Answer {
    app.send(app.request(None, "POST", path).set_json(body))
}

/// The token in the only mail of a kind that is still to be sent.
fn queued_token(app: &TestApp, kind: &str) -> String {
    let contexts: Vec<String> = app
        .app
        .db
        .read_one::<_, DbError>(|conn| {
            let waiting = notices::table.filter(notices::kind.eq(kind)).filter(notices::state.eq("queued"));
            Ok(waiting.select(notices::context).load(conn)?)
        })
        .unwrap();
    assert_eq!(contexts.len(), 1);
    let context: serde_json::Value = serde_json::from_str(&contexts[0]).unwrap();
    context["link"].as_str().unwrap().split_once("?token=").unwrap().1.to_owned()
}

/// Where in the database a secret stands in clear.
fn places_of(app: &TestApp, secret: &str) -> Vec<&'static str> {
    let pattern = format!("%{}%", itaku::db::like_escaped(secret));
    let mut places = Vec::new();
    app.app
        .db
        .read_one::<_, DbError>(|conn| {
            let mut look = |place, found: i64| places.extend((found > 0).then_some(place));
            let like = || pattern.clone();
            look(
                "notices.context",
                notices::table.filter(notices::context.like(like()).escape('\\')).count().get_result(conn)?,
            );
            look(
                "notices.step",
                notices::table.filter(notices::step.like(like()).escape('\\')).count().get_result(conn)?,
            );
            look(
                "ledger",
                ledger_entries::table
                    .filter(ledger_entries::payload.like(like()).escape('\\'))
                    .count()
                    .get_result(conn)?,
            );
            look(
                "kept answers",
                idempotency_keys::table
                    .filter(idempotency_keys::answer.like(like()).escape('\\'))
                    .count()
                    .get_result(conn)?,
            );
            look(
                "tokens",
                account_tokens::table
                    .filter(account_tokens::token_hash.like(like()).escape('\\'))
                    .count()
                    .get_result(conn)?,
            );
            Ok(())
        })
        .unwrap();
    places
}

both! {
    fn what_is_put_off_is_tried_again_by_the_ladder_under_the_same_id(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", None);
        let seen: RefCell<Vec<Sent>> = RefCell::default();
        let refuse = |mail: Sent| { seen.borrow_mut().push(mail); later() };
        let report = house.deliver_to(&refuse);
        assert_eq!((report.sent, report.retried, report.failed), (0, 3, 0));
        assert_eq!(house.deliver_to(&refuse).retried, 0, "not before its time");
        app.pass(Duration::seconds(59));
        assert_eq!(house.deliver_to(&refuse).retried, 0);
        app.pass(Duration::seconds(2));
        assert_eq!(house.deliver_to(&refuse).retried, 3);
        app.pass(Duration::minutes(5) + Duration::seconds(1));
        let mut mails = house.deliver();
        let mut before = seen.into_inner();
        before.truncate(3);
        before.sort_by(|a, b| a.id.cmp(&b.id));
        mails.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(mails, before, "the same message, the same Message-ID");
        assert_eq!(house.told(), []);
    }

    fn a_refused_mail_is_shown_as_failed_and_can_be_sent_again(app: TestApp) {
        let house = House::new(app);
        let stranger = app.person(app.agency("B1"), &[itaku::domain::access::Role::AgencyAdmin]);
        let second_admin = app.person(house.agency, &[itaku::domain::access::Role::AgencyAdmin]);
        let contract = house.contract("R8-1");
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", None);
        let bad = house.approver.email.clone();
        let report = house.deliver_to(&|mail| if mail.to == bad { Err(SendError::Permanent { why: "550".to_owned() }) } else { Ok(()) });
        assert_eq!((report.sent, report.retried, report.failed), (2, 0, 1));
        let alert = house.one_alert("notice_failed");
        assert_eq!((&alert["state"], &alert["severity"], &alert["contract_id"]), (&json!("open"), &json!("warning"), &json!(null)));
        // The administrators hear of it in their digest.
        house.sweep("2026-05-21");
        assert_eq!(house.told(), pairs("digest", &[&house.admin, &second_admin]));
        let admin = app.log_in(&house.admin);
        let listed = app.get(&admin, "/notices?state=failed").must(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        let failed = &listed["items"][0];
        assert_eq!((&failed["recipient"]["address"], &failed["last_error"], &failed["attempts"]), (&json!(bad), &json!("550"), &json!(1)));
        assert_eq!((&failed["id"], &failed["contract_id"]), (&alert["subject"], &json!(contract)));
        // Others see whom, not where.
        let seen = app.get(&app.log_in(&house.officer), "/notices?state=failed").must(200);
        assert_eq!(seen["items"][0]["recipient"]["address"], json!(null));
        assert_eq!(seen["items"][0]["recipient"]["user_id"], json!(house.approver.id));
        let resend = format!("/notices/{}/resend", failed["id"].as_str().unwrap());
        house.post(&house.officer, &resend, json!({})).must(403);
        house.change_address(&house.approver, "atarashii@example.jp");
        let again = house.post(&house.admin, &resend, json!({})).must(200);
        assert_eq!((&again["state"], &again["recipient"]["address"]), (&json!("queued"), &json!("atarashii@example.jp")));
        assert_eq!(house.told(), [(KIND.to_owned(), "atarashii@example.jp".to_owned())]);
        assert_eq!(house.one_alert("notice_failed")["state"], json!("resolved"));
        assert_eq!(house.post(&house.admin, &resend, json!({})).problem(409), "not_failed");
        house.post(&stranger, &resend, json!({})).must(404);
        assert_eq!(app.get(&app.log_in(&stranger), "/notices").must(200)["items"], json!([]));
    }

    fn the_failing_address_is_not_told_of_its_own_failure(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", None);
        house.told();
        house.sweep("2026-05-25");
        let report = house.deliver_to(&|_| Err(SendError::Permanent { why: "550".to_owned() }));
        assert_eq!(report.failed, 1, "the escalation to the only administrator");
        house.sweep("2026-05-26");
        assert_eq!(house.told(), []);
        assert_eq!(house.one_alert("notice_failed")["state"], json!("open"));
    }

    fn what_can_not_be_sent_for_five_days_is_given_up(app: TestApp) {
        let house = House::new(app);
        let contract = house.contract("R8-1");
        app.move_to("2026-05-20");
        house.declare(contract, "2026-05-01", None);
        let tries = Cell::new(0);
        let mut failed = 0;
        for _ in 0..6 * 24 {
            failed += house.deliver_to(&|_| { tries.set(tries.get() + 1); later() }).failed;
            app.pass(Duration::hours(1));
        }
        assert_eq!(failed, 3);
        assert!(tries.get() > 3 * 50, "{}", tries.get());
        assert_eq!(house.alerts("?kind=notice_failed").len(), 3);
    }

    fn a_token_is_kept_no_longer_than_its_mail_needs_it(app: TestApp) {
        let house = House::new(app);
        let id = invited(&house, "atarashii@example.jp");
        let token = queued_token(app, "invitation");
        assert_eq!(places_of(app, &token), ["notices.context"], "until it is sent");
        let mails = house.deliver();
        assert!(mails.iter().any(|mail| mail.text.contains(&token)), "{mails:?}");
        assert_eq!(places_of(app, &token), [""; 0], "neither outbox nor ledger nor kept answer");
        let accept = json!({"token": token, "password": "架空の長い合言葉はこれです"});
        open_post(app, "/auth/invitation/accept", accept).must(200);

        // A new password: put off, then given up once the link works no more, without being handed over.
        open_post(app, "/auth/password-reset", json!({"email": house.officer.email})).must(200);
        let reset = queued_token(app, "password_reset");
        assert_eq!(house.deliver_to(&|_| later()).retried, 1);
        assert_eq!(places_of(app, &reset), ["notices.context"], "to be tried again");
        app.pass(Duration::minutes(61));
        let handed_over = Cell::new(0);
        let report = house.deliver_to(&|_| { handed_over.set(handed_over.get() + 1); Ok(()) });
        assert_eq!((report.sent, report.failed, handed_over.get()), (0, 1, 0));
        assert_eq!(places_of(app, &reset), [""; 0]);
        let admin = app.log_in(&house.admin);
        let failed = app.get(&admin, "/notices?state=failed").must(200)["items"][0].clone();
        assert_eq!((&failed["kind"], &failed["last_error"]), (&json!("password_reset"), &json!("リンクの有効期限が切れました。")));
        let resend = format!("/notices/{}/resend", failed["id"].as_str().unwrap());
        assert_eq!(house.post(&house.admin, &resend, json!({})).problem(409), "password_reset");
        assert_eq!(house.told(), []);
        let shown = app.get(&app.log_in(&house.admin), "/notices?limit=200").must(200).to_string();
        assert!(shown.contains(&id) && !shown.contains("token") && !shown.contains("context"), "{shown}");
    }

    fn an_invitation_that_failed_is_sent_again_with_a_new_link(app: TestApp) {
        let house = House::new(app);
        let id = invited(&house, "machigai@example.jp");
        let first = queued_token(app, "invitation");
        let report = house.deliver_to(&|_| Err(SendError::Permanent { why: "550".to_owned() }));
        assert_eq!(report.failed, 1);
        assert_eq!(places_of(app, &first), [""; 0]);
        let alert = house.one_alert("notice_failed");
        let resend = format!("/notices/{}/resend", alert["subject"].as_str().unwrap());
        let again = house.post(&house.admin, &resend, json!({})).must(200);
        assert_eq!((&again["state"], &again["attempts"], &again["subject"]), (&json!("queued"), &json!(0), &json!(id)));
        let second = queued_token(app, "invitation");
        assert_ne!(first, second);
        assert!(!again.to_string().contains(&second), "{again}");
        assert!(house.deliver().iter().any(|mail| mail.to == "machigai@example.jp" && mail.text.contains(&second)));
        assert_eq!(house.one_alert("notice_failed")["state"], json!("resolved"));
        assert_eq!(places_of(app, &second), [""; 0]);
        let accept = |token: &str| open_post(app, "/auth/invitation/accept", json!({"token": token, "password": "架空の長い合言葉はこれです"}));
        accept(&first).must(422);
        accept(&second).must(200);

        // Whoever was let in another way meanwhile is not invited again.
        let other = invited(&house, "hoka@example.jp");
        house.deliver_to(&|mail| if mail.to == "hoka@example.jp" { Err(SendError::Permanent { why: "550".to_owned() }) } else { Ok(()) });
        let failed = app.get(&app.log_in(&house.admin), "/notices?state=failed").must(200)["items"][0].clone();
        assert_eq!(failed["subject"], json!(other));
        house.post(&house.admin, &format!("/users/{other}/invitation"), json!({})).must(200);
        accept(&queued_token(app, "invitation")).must(200);
        let resend = format!("/notices/{}/resend", failed["id"].as_str().unwrap());
        assert_eq!(house.post(&house.admin, &resend, json!({})).problem(409), "accepted");
    }

    fn two_deliveries_at_once_send_each_mail_once(app: TestApp) {
        let house = House::new(app);
        app.move_to("2026-05-20");
        for number in 1..=8 {
            house.declare(house.contract(&format!("R8-{number}")), "2026-05-01", None);
        }
        let sent = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let threads: Vec<_> = (0..3).map(|_| {
            let (app, sent) = (app.app.clone(), std::sync::Arc::clone(&sent));
            std::thread::spawn(move || {
                itaku::schedule::deliver::deliver_by(&app, &|message| {
                    sent.lock().unwrap().push(crate::house::read(message).id);
                    Ok(())
                }).unwrap().sent
            })
        }).collect();
        let counted: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        let mut ids = sent.lock().unwrap().clone();
        ids.sort();
        ids.dedup();
        assert_eq!((counted, ids.len(), sent.lock().unwrap().len()), (24, 24, 24));
    }
}
