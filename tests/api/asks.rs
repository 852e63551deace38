//! What each mail asks of whoever reads it, and that they can do it where it leads: issue 10, number 2.

use itaku::domain::access::{Permission, Role};
use itaku::domain::alert::{AlertKind, Reader};
use itaku::domain::text_enum::TextEnum as _;
use itaku::notice::NoticeKind;
use itaku::notice::render::{Rendered, render};
use itaku::service::alert::place;
use itaku::web::pages::all;
use itaku::web::pages::route::PageRoute;
use serde_json::{Value, json};

use crate::stage::{Stage, content, text, used_under, with};
use crate::support::outbox::Notice;
use crate::support::{Person, TestApp, both};

use Role::{AgencyAdmin, Approver, Auditor, Officer, SystemAdmin, VendorAdmin, VendorUser};

const VENDOR: &[Role] = &[VendorUser, VendorAdmin];
const AT_ALERTS: &[Role] = &[Officer, Approver, Auditor, AgencyAdmin, VendorUser, VendorAdmin];

/// Of each kind of mail that is no alert's: who reads it, where it leads, and the page on which what it asks is done.
fn leads(kind: NoticeKind) -> Option<(&'static [Role], &'static str, &'static str)> {
    Some(match kind {
        NoticeKind::Digest => (AT_ALERTS, "/alerts", "/alerts/{id}"),
        NoticeKind::Collected => (AT_ALERTS, "/home", "/home"),
        NoticeKind::Invitation => (Role::ALL_ROLES, "/invitation", "/invitation"),
        NoticeKind::PasswordReset => (Role::ALL_ROLES, "/password-reset", "/password-reset"),
        NoticeKind::EmailChanged => (Role::ALL_ROLES, "/login", "/login"),
        NoticeKind::AccountChanged | NoticeKind::LoginFailures => {
            (Role::ALL_ROLES, "/account", "/account/password")
        }
        NoticeKind::BackupOverdue => (&[SystemAdmin], "/backups", "/backups"),
        NoticeKind::ChangeAsked => (Role::ALL_ROLES, "/pending-changes/{id}", "/pending-changes/{id}/reject"),
        NoticeKind::ChangeEnded => (Role::ALL_ROLES, "/pending-changes/{id}", "/pending-changes/{id}"),
        NoticeKind::ApplicationFiled | NoticeKind::ApplicationSentBack => {
            (&[Officer], "/applications/{id}", "/applications/{id}/review")
        }
        NoticeKind::ApplicationReviewed => (&[Approver], "/applications/{id}", "/applications/{id}/decision"),
        NoticeKind::ApplicationReturned => (VENDOR, "/applications/{id}", "/applications/{id}/resubmit"),
        NoticeKind::ApplicationDecided => (VENDOR, "/applications/{id}", "/applications/{id}"),
        NoticeKind::ConsentRevoked => {
            (VENDOR, "/contracts/{id}/declarations/new", "/contracts/{id}/declarations/new")
        }
        NoticeKind::DeclarationReceipt => (VENDOR, "/declarations/{id}", "/declarations/{id}/receipt"),
        _ => return None,
    })
}

/// Whether a page, or what is sent from it, is open to the role.
fn open_to(routes: &[PageRoute], path: &str, role: Role) -> bool {
    let permission = routes.iter().find(|route| route.path == path);
    let permission = permission.unwrap_or_else(|| panic!("there is no page {path}")).permission();
    permission.is_none_or(|permission| permission.roles().contains(&role))
}

/// A path with `{id}` for its identifiers, without the public address and the query.
fn pattern(link: &str) -> String {
    let path = link.split_once("://").map_or(link, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = path.split(['?', '#']).next().unwrap();
    let parts = path.split('/').map(|part| if part.len() == 36 { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// What a mail says, as it is written.
fn read(mail: &Notice) -> Rendered {
    render(mail.kind.parse().unwrap(), &mail.context).unwrap()
}

fn link(mail: &Notice) -> String {
    let at = ["/link", "/application/link", "/change/link"];
    let link = at.iter().find_map(|at| mail.context.pointer(at)).and_then(Value::as_str).unwrap();
    link.split_once("://").map_or(link.to_owned(), |(_, rest)| rest[rest.find('/').unwrap()..].to_owned())
}

#[test]
fn n02_each_kind_of_mail_asks_each_role_for_what_it_may_do_where_it_leads() {
    let routes = all(false);
    let mut asked = 0;
    for kind in NoticeKind::ALL {
        if let Some((roles, to, act)) = leads(*kind) {
            for role in roles {
                asked += 1;
                assert!(open_to(&routes, to, *role), "{kind}: {role} can't open {to}");
                let may = open_to(&routes, act, *role);
                assert!(may, "{kind}: {role} can't do at {act} what it asks");
            }
            continue;
        }
        let alert =
            AlertKind::parse(kind.as_str()).unwrap_or_else(|| panic!("nobody says where {kind} leads"));
        let asks = alert.rule().unwrap().versions.last().unwrap().asks;
        for ask in asks {
            let duty = ask.duty.unwrap();
            let path = place(duty).0;
            for role in ask.of.roles() {
                asked += 1;
                let to = if ask.of == Reader::VendorAbove { path } else { "/alerts/{id}" };
                assert!(open_to(&routes, to, *role), "{kind}: {role} can't open {to}");
                assert!(open_to(&routes, path, *role), "{kind}: {role} can't open {path}");
                // What is sent from there needs what the duty needs.
                let sent = routes.iter().filter(|route| route.path.starts_with(path));
                let mut sent = sent.filter(|route| route.permission() == Some(duty.needs()));
                let may = duty.needs().roles().contains(role) && sent.next().is_some();
                assert!(
                    may || duty.needs() == Permission::ReadContract,
                    "{kind}: {role} can't {duty} at {path}"
                );
            }
        }
    }
    assert!(asked > 100, "{asked}");
}

/// Opens what a mail leads to as whoever reads it, and answers the page.
fn opened(app: &TestApp, who: &Person, mail: &Notice) -> String {
    let page = app.tab(who).open(&link(mail));
    assert_eq!(page.status, 200, "{}: {} to {}", mail.kind, link(mail), who.email);
    page.body.as_str().unwrap().to_owned()
}

both! {
    fn n02_every_mail_leads_its_reader_to_what_it_asks(app: TestApp) {
        let s = Stage::new(app);
        let admin = app.person(s.agency, &[AgencyAdmin]);
        app.patch(&admin, "/settings", json!({"telephone": "00-0000-0000"})).must(200);
        let k = s.contract_with(&json!({"declaration_interval": "quarterly"}));
        let (first, _) = k.apply(&s.a, &k.root, &s.b, "2026-05-01", "2026-06-30");
        let at = |id: &str, step: &str| format!("/applications/{id}/{step}");
        k.review(&first);
        s.post(&s.officer, &at(&first, "return"), json!({"points": "人数"})).must(200);
        s.post(&s.a.user, &at(&first, "resubmit"), content("2026-05-01", "2026-06-30")).must(200);
        k.review(&first);
        k.decide(&first, &json!({})).must(200);
        let c = k.consent(&s.a, &k.root, &s.c, "2026-05-01", "2026-12-31");
        k.declare(&s.a, &[used_under(&k.root, &s.d, "2026-04-01", None)]);
        k.revoke(&c, "2026-04-10").must(200);
        for (kind, due) in [("on_site", "2026-05-15"), ("document", "2026-07-01")] {
            s.post(&s.auditor, &format!("/contracts/{}/audits", k.id), json!({"kind": kind, "due_on": due})).must(201);
        }
        let (waits, _) = k.apply(&s.a, &k.root, &s.e, "2026-09-01", "2026-12-31");
        for day in ["2026-04-20", "2026-06-01", "2026-06-25", "2026-07-20", "2027-03-01", "2027-04-05"] {
            app.move_to(day);
            itaku::schedule::sweep::sweep(&app.app, day.parse().unwrap(), false).unwrap();
        }
        let people = [&s.officer, &s.approver, &s.auditor, &admin, &s.a.user, &s.b.user, &s.c.user, &s.d.user, &s.e.user];
        let mut kinds = std::collections::BTreeSet::new();
        let routes = all(false);
        for mail in app.notices() {
            let Some(who) = people.iter().find(|person| person.email == mail.address) else { continue };
            let kind: NoticeKind = mail.kind.parse().unwrap();
            kinds.insert(mail.kind.clone());
            let page = opened(app, who, &mail);
            if let Some((roles, to, act)) = leads(kind) {
                assert_eq!(pattern(&link(&mail)), to, "{kind}");
                assert!(!roles.is_empty());
                let leads_on = routes.iter().any(|route| route.path == act && route.changes);
                // What was asked for when the mail was written may be done by now.
                let done = page.contains("承認済み") || page.contains("補正") || page.contains("取消");
                let there = page.contains(&act.replace("{id}", link(&mail).split('/').nth(2).unwrap_or_default()));
                assert!(!leads_on || there || done || kind == NoticeKind::ChangeAsked, "{kind}: {act}\n{page}");
            } else if mail.context["letter"].is_object() {
                assert!(page.contains("次にすること") || page.contains("解消しています") || page.contains("<form"), "{kind}");
            }
            // Whoever belongs to a vendor hears whom to ask, about which contract, and why it is they who are written to.
            let vendor = [&s.a, &s.b, &s.c, &s.d, &s.e].into_iter().any(|side| side.user.id == who.id);
            let words = read(&mail);
            if mail.context["letter"].is_object() {
                let said = &words.text;
                let named = ["様\n", "このメールをお送りしたのは"];
                assert!(named.iter().all(|word| said.contains(word)), "{kind}: {said}");
                assert_eq!(vendor, said.contains("電話"), "{kind}: {said}");
                assert!(!vendor || said.contains("R8-1"), "{kind}: {said}");
                assert!(!vendor || words.html.contains("00-0000-0000"), "{kind}");
                assert!(!words.html.contains("<th>"), "a heading beside a long word is one character a line: {kind}");
            }
            // A vendor is never asked for what only the agency does.
            for word in ["結果を登録してください", "とった措置を記録", "決定してください"] {
                assert!(!vendor || !words.text.contains(word), "{kind} to {}: {}", who.email, words.text);
            }
        }
        for kind in ["application_filed", "application_reviewed", "application_returned", "application_decided", "consent_revoked",
            "declaration_receipt", "unapproved_subcontractor", "audit_due", "audit_overdue", "consent_expiring",
            "end_not_reported", "declaration_overdue", "decision_waiting", "contract_expiring", "digest"] {
            assert!(kinds.contains(kind), "no {kind} in {kinds:?}");
        }
        // The page of an alert asks of each what the mail asked.
        let overdue = &s.items(&s.auditor, "/alerts?kind=audit_overdue&state=open")[0];
        let path = format!("/alerts/{}", text(overdue, "id"));
        let step = |who: &Person| text(&s.get(who, &path).must(200), "next_step");
        assert!(step(&s.auditor).starts_with("至急、検査・点検を実施し"), "{}", step(&s.auditor));
        assert!(step(&s.officer).contains("監査担当に実施の状況"));
        assert!(step(&s.approver).contains("実施の見込み"));
        assert!(step(&admin).contains("監査担当が対応します"));
        assert!(step(&s.a.user).contains("日程を委託元と調整"));
        let page = app.tab(&s.auditor).open(&path);
        assert!(page.body.as_str().unwrap().contains(&format!("/audits/{}/complete", text(overdue, "subject"))));
        drop(waits);
    }

    fn n02_an_invitation_says_who_invites_whom_to_what_and_vendors_read_whom_to_ask(app: TestApp) {
        let s = Stage::new(app);
        let admin = app.person(s.agency, &[AgencyAdmin]);
        app.notices();
        app.post(&admin, "/departments", json!({"name": "架空課", "email": "ka@example.jp", "telephone": "00-1111-2222 内線3"})).must(201);
        let bad = app.post(&admin, "/departments", json!({"name": "架空課", "email": "ka@example.jp", "telephone": "内線"}));
        assert_eq!(bad.must(422)["errors"][0]["pointer"], "/telephone");
        let change = json!({"desk": "架空契約係", "telephone": "00-3333-4444"});
        assert_eq!(app.patch(&admin, "/settings", change).must(200)["telephone"], "00-3333-4444");
        assert_eq!(app.patch(&admin, "/settings", json!({"telephone": "代表"})).must(422)["errors"][0]["pointer"], "/telephone");
        let body = json!({"email": "new@example.jp", "name": "架空 新人", "organization_id": s.agency, "roles": ["officer"]});
        app.post(&admin, "/users", body).must(201);
        let mails = app.notices();
        let mail = mails.iter().find(|mail| mail.kind == "invitation").unwrap();
        let words = read(mail);
        for word in ["架空 新人 様", "new@example.jp", "の利用者として登録しました", "ログイン名"] {
            assert!(words.text.contains(word) && words.html.contains(word), "{word}: {}", words.text);
        }
        assert!(words.subject.contains("からのご利用のご案内"), "{}", words.subject);
        let inviter = words.text.lines().find(|line| line.starts_with("登録した方")).unwrap();
        assert!(!inviter.contains("架空 新人") && words.text.contains("登録された方：") && words.text.contains("役割　　　　：担当者"), "{}", words.text);
        assert!(!words.text.contains("電話"), "{}", words.text);
        // With the department's telephone, and the agency's where the contract has none.
        let k = s.contract_with(&json!({"department": "架空課"}));
        let l = s.contract_with(&json!({"number": "R8-2"}));
        for contract in [&k, &l] {
            let (id, _) = contract.apply(&s.a, &contract.root, &s.b, "2026-05-01", "2026-12-31");
            contract.review(&id);
            s.post(&s.officer, &format!("/applications/{id}/return"), json!({"points": "人数"})).must(200);
        }
        let mails = app.notices();
        let returned = mails.iter().filter(|mail| mail.kind == "application_returned");
        let mut returned: Vec<String> = returned.map(|mail| read(mail).text).collect();
        returned.sort_by_key(|said| said.contains("R8-2"));
        assert!(returned[0].contains("架空課　架空契約係\n電話：00-1111-2222 内線3\nメール：ka@example.jp"), "{}", returned[0]);
        assert!(returned[1].contains("架空契約係\n電話：00-3333-4444"), "{}", returned[1]);
        assert!(returned[0].starts_with("架空甲データ株式会社\n"), "{}", returned[0]);
        assert!(returned[0].contains("貴社がこの契約の受託者として"), "{}", returned[0]);
        let filed = mails.iter().find(|mail| mail.kind == "application_filed" && mail.address == "ka@example.jp").unwrap();
        assert!(read(filed).text.contains("架空課\nご担当者様") && !read(filed).text.contains("お問い合わせ先"), "{}", read(filed).text);
        // Whoever reads a firm's contact address is invited by the agency that wrote there.
        let firm = json!({"kind": "vendor", "name": "架空己連絡株式会社", "address": "架空県", "contact_email": "contact@example.jp"});
        let firm = text(&app.post(&s.officer, "/organizations", with(firm, &json!({}))).must(201), "id");
        let body = json!({
            "number": "R8-3", "title": "架空発送業務", "fiscal_year": 2026, "vendor_id": firm, "amount_yen": 1_000_000,
            "signed_on": "2026-04-01", "starts_on": "2026-04-01", "ends_on": "2027-03-31", "scope": "発送",
            "data": [{"category": "personal", "persons": 10}],
            "subcontracting": {"policy": "consent_required", "max_tier": 3, "overseas": "prohibited"},
            "declaration_interval": "quarterly", "return_due_days": 14,
        });
        s.post(&s.officer, "/contracts", body).must(201);
        app.move_to("2026-07-20");
        itaku::schedule::sweep::sweep(&app.app, "2026-07-20".parse().unwrap(), false).unwrap();
        itaku::service::reach::invite_contacts(&app.app).unwrap();
        let mails = app.notices();
        let mail = mails.iter().find(|mail| mail.kind == "invitation" && mail.address == "contact@example.jp").unwrap();
        let said = read(mail).text;
        for word in ["架空己連絡株式会社\nご担当者様", "契約「架空発送業務」（契約番号 R8-3）", "電話：00-3333-4444"] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}
