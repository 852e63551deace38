//! The outbox: retries, 不達, sending again, and who may see it.

use std::cell::{Cell, RefCell};

use chrono::Duration;
use itaku::notice::transport::SendError;
use serde_json::json;

use crate::house::{House, Sent, pairs};
use crate::support::{TestApp, both};

const KIND: &str = "unapproved_subcontractor";

fn later() -> Result<(), SendError> {
    Err(SendError::Transient { why: "451".to_owned() })
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
