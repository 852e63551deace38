//! 報告, 確認事項 and 事業者 as pages: who sees which, what a blank field means, what the register says.

use itaku::domain::access::Role;
use itaku::exchange::register;
use itaku::service::register::import_register;
use serde_json::json;

use super::{location, text};
use crate::stage::{Contract, Side, Stage, used_under, with};
use crate::support::{Person, TestApp, both};

/// Opens a page as the person.
fn open(app: &TestApp, who: &Person, path: &str) -> (u16, String) {
    let page = app.tab(who).open(path);
    (page.status, text(&page).to_owned())
}

/// A declaration by 甲 of 乙, with a volume and a scope; its id.
fn declared(contract: &Contract<'_>) -> String {
    let stage = contract.stage;
    let more = json!({"scope": "架空の点検", "data": [{"category": "personal", "persons": 30}]});
    let said = with(used_under(&contract.root, &stage.b, "2026-04-01", None), &more);
    contract.declare(&stage.a, &[said])["id"].as_str().unwrap().to_owned()
}

/// What stands in a field of the page.
fn value<'p>(page: &'p str, name: &str) -> &'p str {
    let (_, rest) = page.split_once(&format!("id=\"f-{name}\"")).unwrap_or_else(|| panic!("no {name}"));
    let (_, rest) = rest.split_once("value=\"").unwrap();
    rest.split_once('"').unwrap().0
}

fn submit(
    app: &TestApp,
    who: &Side,
    contract: &Contract<'_>,
    fields: &[(&str, &str)],
) -> crate::support::Answer {
    let path = format!("/contracts/{}/declarations/new", contract.id);
    let fixed = [("period/from", "2026-04-01"), ("period/to", "2026-06-30"), ("_sure", "1")];
    app.tab(&who.user).submit(&path, &[&fixed, fields].concat())
}

both! {
    fn a_receipt_is_seen_by_who_declared_and_by_the_agency(app: TestApp) {
        let stage = Stage::new(app);
        let contract = stage.contract();
        let id = declared(&contract);
        let path = format!("/declarations/{id}");
        let (status, page) = open(app, &stage.a.user, &path);
        assert!(status == 200 && page.contains("承認申請がない") && page.contains("次にすること"), "{page}");
        let (status, page) = open(app, &stage.officer, &path);
        assert!(status == 200 && !page.contains("/retract"), "{page}");
        // It can be kept as a file, by those who see it.
        let kept = app.tab(&stage.a.user).open(&format!("{path}/receipt"));
        let told = app.get(&stage.a.user, &path).must(200);
        assert_eq!(kept.body, told["receipt"]);
        assert!(kept.header("content-disposition").is_some_and(|it| it.starts_with("attachment")), "{kept:?}");
        assert_eq!(open(app, &stage.b.user, &format!("{path}/receipt")).0, 404);
        // 乙 stands on the chain and is spoken of; the receipt is not its own. Another agency knows nothing of it.
        let other = app.person(app.agency("A2"), &[Role::Officer]);
        for who in [&stage.b.user, &stage.c.user, &other] {
            assert_eq!(open(app, who, &path).0, 404);
        }
        assert_eq!(open(app, &stage.b.user, &format!("{path}/retract")).0, 404);
        assert_eq!(app.tab(&stage.b.user).submit(&format!("{path}/retract"), &[("reason", "x")]).status, 404);
        let answer = app.tab(&stage.a.user).submit(&format!("{path}/retract"), &[("reason", "誤り")]);
        assert_eq!(location(&answer), format!("{path}?done=retracted"));
        let (_, page) = open(app, &stage.a.user, &path);
        assert!(page.contains("取り消されています") && !page.contains("承認申請がない"), "{page}");
    }

    fn a_slip_of_the_pen_is_asked_about_before_a_report_is_sent(app: TestApp) {
        let stage = Stage::new(app);
        let contract = stage.contract();
        let path = format!("/contracts/{}/declarations/new", contract.id);
        let fields = |from: &'static str| {
            let vendor = stage.b.id.as_str();
            [("period/from", "2026-04-01"), ("period/to", "2026-06-30"), ("engagements/0/parent_engagement_id", contract.root.as_str()), ("engagements/0/vendor_id", vendor), ("engagements/0/started_on", from)]
        };
        let tab = app.tab(&stage.a.user);
        let asked = |from| text(&tab.submit(&path, &fields(from))).to_owned();
        let early = asked("2026-06-30");
        assert!(early.contains("今日までの日です。") && early.contains("2026-04-02"), "it counts up to today: {early}");
        app.move_to("2026-06-30");
        let tab = app.tab(&stage.a.user);
        let asked = |from| text(&tab.submit(&path, &fields(from))).to_owned();
        assert!(!asked("2026-06-30").contains("入力に誤りがないか"));
        let late = asked("2026-07-01");
        assert!(late.contains("対象期間の末日") && !late.contains("契約の終了日"), "{late}");
        let after = asked("2027-04-01");
        assert!(after.contains("対象期間の末日") && after.contains("契約の終了日") && after.contains("報告する</button>"), "{after}");
    }

    fn what_was_said_last_is_copied_in_whole(app: TestApp) {
        let stage = Stage::new(app);
        let contract = stage.contract_with(&json!({"declaration_interval": "monthly"}));
        let path = format!("/contracts/{}/declarations/new", contract.id);
        let (_, page) = open(app, &stage.a.user, &path);
        assert!(!page.contains("as_last_time"), "nothing was said before: {page}");
        declared(&contract);
        app.move_to("2026-07-02");
        let (_, page) = open(app, &stage.a.user, &path);
        assert_eq!(value(&page, "engagements/0/persons/personal"), "30");
        assert!(page.contains("架空の点検") && page.contains("as_last_time"), "{page}");
        // Filed on the first day for a quarter, it answers for that day alone.
        assert_eq!((value(&page, "period/from"), value(&page, "period/to")), ("2026-04-02", "2026-04-30"));
        let report = |to: &str| {
            app.tab(&stage.a.user).submit(&path, &[("period/from", "2026-04-02"), ("period/to", to), ("as_last_time", "true")])
        };
        let early = report("2026-07-31");
        assert_eq!(early.status, 422, "a month that is not over");
        assert!(text(&early).contains("期間が終わってから"), "{}", early.body);
        let answer = report("2026-07-01");
        assert!(location(&answer).ends_with("?done=declared"), "{answer:?}");
        // The month that runs is owed when it is over; until then nobody can say that nothing has changed in it.
        let (_, page) = open(app, &stage.a.user, &path);
        assert!(!page.contains("as_last_time") && page.contains("終わってから報告できます"), "{page}");
    }

    fn without_a_parent_it_is_ones_own_place(app: TestApp) {
        let stage = Stage::new(app);
        let contract = stage.contract();
        let vendor = stage.b.id.to_string();
        let row = [("engagements/0/vendor_id", vendor.as_str()), ("engagements/0/started_on", "R8.4.1")];
        assert!(location(&submit(app, &stage.a, &contract, &row)).ends_with("?done=declared"));
        let chain = contract.chain("");
        assert_eq!(chain["root"]["children"][0]["vendor"]["id"], json!(stage.b.id));
        // 丙 on two branches has two places: it says under which.
        let other = chain["root"]["children"][0]["engagement_id"].as_str().unwrap().to_owned();
        contract.declare(&stage.a, &[
            used_under(&contract.root, &stage.c, "2026-04-01", None), used_under(&other, &stage.c, "2026-04-01", None),
        ]);
        let vendor = stage.d.id.to_string();
        let row = [("engagements/0/vendor_id", vendor.as_str()), ("engagements/0/started_on", "R8.4.1")];
        let answer = submit(app, &stage.c, &contract, &row);
        assert_eq!(answer.status, 422);
        let page = text(&answer);
        assert!(page.contains("#f-engagements/0/parent_engagement_id"), "{page}");
        assert!(page.contains("架空乙入力株式会社の下") && page.contains("架空甲データ株式会社の下"), "{page}");
    }

    fn observations_are_the_agencys_alone(app: TestApp) {
        let stage = Stage::new(app);
        let contract = stage.contract();
        let seen = contract.observe("audit", with(used_under(&contract.root, &stage.b, "2026-04-01", None), &json!({"note": "名札を見た"})));
        let path = format!("/observations/{}/retract", seen["id"].as_str().unwrap());
        let list = format!("/contracts/{}/declarations", contract.id);
        assert!(open(app, &stage.auditor, &list).1.contains("名札を見た"));
        assert!(open(app, &stage.auditor, &path).1.contains("名札を見た"));
        let (status, page) = open(app, &stage.a.user, &list);
        assert!(status == 200 && !page.contains("名札を見た") && !page.contains("確認事項"), "{page}");
        assert_eq!(open(app, &stage.a.user, &path).0, 403);
        let other = app.person(app.agency("A2"), &[Role::Officer]);
        assert_eq!(open(app, &other, &path).0, 404);
        assert_eq!(location(&app.tab(&stage.officer).submit(&path, &[("reason", "誤り")])), format!("{list}?done=retracted#observations"));
        assert!(open(app, &stage.auditor, &path).1.contains("すでに取り消されています"));
    }

    fn a_vendors_page_says_what_the_register_says(app: TestApp) {
        let agency = app.agency("A1");
        let officer = app.person(agency, &[Role::Officer]);
        let row = |process: &str, name: &str, on: &str, latest: u8| format!(
            "1,5000012010024,{process},0,{on},{on},\"{name}\",,301,\"架空県\",\"例示市\",\"一丁目\",,99,999,0000000,,,,,,,2026-04-01,{latest},,,,,\"カクウ\",0\r\n"
        );
        let file = format!("{}{}", row("01", "株式会社架空旧名", "2020-04-01", 0), row("11", "株式会社架空新名", "2026-03-01", 1));
        import_register(&app.app, &register::read(file.as_bytes()).unwrap()).unwrap();
        let made = app.tab(&officer).submit("/vendors/new", &[
            ("name", "株式会社架空旧名"), ("corporate_number", "５０００-０１-２０１００２４"), ("kind", "agency"),
        ]);
        let address = location(&made).to_owned();
        assert!(address.starts_with("/vendors/") && address.ends_with("?done=vendor"), "{address}");
        let (status, page) = open(app, &officer, &address);
        assert_eq!(status, 200);
        for words in ["事業者を登録しました", "公表サイトの名称は「株式会社架空新名」", "商号又は名称の変更", "新規", "株式会社架空旧名"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        // Who may not change it is not offered to; who may, may.
        let edit = format!("{}/edit", address.split('?').next().unwrap());
        let approver = app.person(agency, &[Role::Approver]);
        let (_, without) = open(app, &approver, &address);
        assert!(!without.contains(&edit) && open(app, &approver, &edit).0 == 403);
        assert!(page.contains(&edit) && open(app, &officer, &edit).0 == 200);
        let admin = app.admin();
        let (_, form) = open(app, &admin, &edit);
        let version = form.split_once("name=\"_version\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
        let changed = app.tab(&admin).submit(&edit, &[("_version", version.as_str()), ("name", "株式会社架空新名")]);
        assert!(location(&changed).ends_with("?done=organization"));
        assert!(!open(app, &officer, &address).1.contains("公表サイトの名称は「"));
        assert_eq!(app.tab(&admin).submit(&edit, &[("_version", version.as_str()), ("name", "株式会社架空")]).status, 412);
        // An unknown vendor sees neither the other nor its page.
        let stranger = app.person(app.vendor("架空無関係株式会社"), &[Role::VendorUser]);
        assert_eq!(open(app, &stranger, &address).0, 404);
    }
}
