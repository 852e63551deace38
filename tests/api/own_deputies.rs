//! 代理 of one's own, as the agency's setting allows: issue 10, number 15.

use itaku::domain::access::Role;
use serde_json::json;

use crate::stage::text;
use crate::support::{Answer, TestApp, both};

fn said(answer: &Answer) -> &str {
    answer.body.as_str().unwrap()
}

both! {
    fn n15_a_person_asks_for_or_appoints_who_stands_in_as_the_setting_allows(app: TestApp) {
        let agency = app.agency("A1");
        let [officer, deputy, admin] = [Role::Officer, Role::Auditor, Role::AgencyAdmin].map(|role| app.person(agency, &[role]));
        let set = |way: &str| {
            let at = app.get(&admin, "/settings");
            let version = at.header("etag").unwrap().to_owned();
            app.patch_if(&admin, "/settings", &version, json!({"own_deputies": way})).must(200);
        };
        let tab = app.tab(&officer);
        let who = deputy.id.to_string();
        let send = |more: &[(&str, &str)]| {
            tab.submit("/account/deputies/new", &[&[("deputy_id", who.as_str()), ("starts_on", "R8.4.10"), ("ends_on", "R8.4.20")], more].concat())
        };
        set("none");
        assert!(said(&tab.open("/account")).contains("管理者に依頼してください"));
        assert_eq!(send(&[("_sure", "1")]).status, 403);

        // Asked for: nothing holds before an administrator has approved it, and it can be taken back.
        set("ask");
        assert!(said(&tab.open("/account")).contains("代理を申し出る"));
        let form = tab.open("/account/deputies/new");
        assert!(said(&form).contains(&who) && !said(&form).contains(&format!("value=\"{}\"", officer.id)), "{}", form.body);
        let asked = send(&[]);
        assert!(said(&asked).contains("管理者が承認すると効力が生じます") && said(&asked).contains("担当者"), "{}", asked.body);
        assert_eq!(send(&[("_sure", "1")]).header("location"), Some("/account?done=deputy_asked"));
        let waiting = || app.get(&admin, "/pending-changes").must(200)["items"].as_array().unwrap().clone();
        assert_eq!((waiting().len(), text(&waiting()[0], "kind")), (1, "deputy".to_owned()));
        let change = text(&waiting()[0], "id");
        let page = tab.open("/account");
        assert!(said(&page).contains("承認待ち") && said(&page).contains("代理は、いません") && said(&page).contains(&change), "{}", page.body);
        assert_eq!(tab.submit(&format!("/pending-changes/{change}/withdraw"), &[]).status, 303);
        assert!(!said(&tab.open("/account")).contains("承認待ち"));
        send(&[("_sure", "1"), ("_once", "again")]);
        let change = waiting().iter().find(|it| it["state"] == "asked").map(|it| text(it, "id")).unwrap();
        app.post(&admin, &format!("/pending-changes/{change}/approve"), json!({})).must(200);
        let page = tab.open("/account");
        assert!(said(&page).contains("が代理 2026-04-10") && said(&page).contains("開始前"), "{}", page.body);
        let other = app.tab(&deputy).open("/account");
        assert!(said(&other).contains("あなたは、次の人の代理です"), "{}", other.body);

        // Shortened, and no other's.
        let (_, rest) = said(&page).split_once("/account/deputies/").unwrap_or_else(|| panic!("{}", page.body));
        let end = format!("/account/deputies/{}/end", rest.split_once("/end").unwrap().0);
        assert_eq!(app.tab(&deputy).open(&end).status, 404);
        let shorten = |fields: &[(&str, &str)]| tab.submit(&end, &[&[("reason", "早い戻り")], fields].concat());
        let asked = shorten(&[("ends_on", "R8.4.15")]);
        assert!(said(&asked).contains("2026-04-15") && said(&asked).contains("変更後"), "{}", asked.body);
        assert_eq!(shorten(&[("ends_on", "R8.4.15"), ("_sure", "1")]).status, 303);
        assert!(said(&tab.open("/account")).contains("2026-04-15"));
        // Not begun: taken back whole.
        assert!(said(&shorten(&[("at_once", "true")])).contains("代理を取り消します"));
        assert_eq!(shorten(&[("at_once", "true"), ("_sure", "1")]).status, 303);
        assert!(said(&tab.open("/account")).contains("代理は、いません"));

        // Appointed at once.
        set("appoint");
        assert_eq!(send(&[("_sure", "1"), ("_once", "third")]).header("location"), Some("/account?done=deputy"));
        assert!(said(&tab.open("/account")).contains("が代理 2026-04-10"));
        let vendor = app.person(app.vendor("架空辛株式会社"), &[Role::VendorUser]);
        assert!(!said(&app.tab(&vendor).open("/account")).contains("代理"));
        assert_eq!(app.tab(&vendor).submit("/account/deputies/new", &[("deputy_id", &who), ("starts_on", "R8.4.1"), ("ends_on", "R8.4.2")]).status, 422);
    }
}
