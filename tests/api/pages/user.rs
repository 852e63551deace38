//! 利用者と権限 in the browser: an empty field is meant, one's own account is left alone, the last administrator stays.

use itaku::domain::access::Role;

use super::{location, text};
use crate::support::browser::Tab;
use crate::support::{Person, TestApp, both};

/// The value of the form's hidden `_version`.
fn version(tab: &Tab<'_>, path: &str) -> String {
    let page = tab.open(path);
    assert_eq!(page.status, 200, "{}", page.body);
    let (_, rest) = text(&page).split_once("name=\"_version\" value=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

fn change(tab: &Tab<'_>, of: &Person, fields: &[(&str, &str)]) -> crate::support::Answer {
    let path = format!("/users/{}/change", of.id);
    let version = version(tab, &path);
    let fields: Vec<(&str, &str)> =
        [("_version", version.as_str())].into_iter().chain(fields.iter().copied()).collect();
    tab.submit(&path, &fields)
}

both! {
    fn a_person_is_registered_and_invited(app: TestApp) {
        let agency = app.agency("U1");
        let admin = app.person(agency, &[Role::AgencyAdmin]);
        let tab = app.tab(&admin);
        let form = tab.open("/users/new");
        assert!(text(&form).contains("決裁者") && !text(&form).contains("委託先担当者"), "only the agency's roles: {}", form.body);
        let organization = agency.to_string();
        let wrong = tab.submit("/users/new", &[("organization_id", &organization), ("name", "架空 新人"), ("email", "x"), ("expires_on", "Ｒ８．４．３１")]);
        assert_eq!(wrong.status, 422);
        for field in ["email", "roles", "expires_on"] {
            assert!(text(&wrong).contains(&format!("href=\"#f-{field}\"")), "{field}: {}", wrong.body);
        }
        assert!(text(&wrong).contains("value=\"架空 新人\"") && text(&wrong).contains("Ｒ８．４．３１"), "{}", wrong.body);
        let fields = [("organization_id", organization.as_str()), ("name", "架空 新人"), ("email", "shin@example.jp"), ("roles/1", "approver"), ("expires_on", "令和９年３月３１日"), ("_once", "one")];
        let made = tab.submit("/users/new", &fields);
        let page = tab.open(location(&made));
        assert!(text(&page).contains("招待中") && text(&page).contains("令和9年3月31日"), "{}", page.body);
        assert!(app.notice().context["link"].as_str().unwrap().contains("/invitation?token="));
        // The second click.
        assert_eq!(location(&tab.submit("/users/new", &fields)), location(&made));
        assert!(app.notices().is_empty());
        let user = location(&made).split('?').next().unwrap().to_owned();
        assert_eq!(location(&tab.submit(&format!("{user}/invitation"), &[("_once", "two")])), format!("{user}?done=invited"));
        app.notice();
        assert!(text(&tab.open("/users")).contains("shin@example.jp"));
        // Another's organization is none of hers, whatever a form says.
        let other = app.agency("U2").to_string();
        let foreign = tab.submit("/users/new", &[("organization_id", &other), ("name", "架空 他人"), ("email", "ta@example.jp"), ("roles/0", "officer")]);
        assert!([403, 404].contains(&foreign.status), "{}", foreign.body);
        assert_eq!(tab.open(&format!("/users?organization_id={other}")).status, 404);
    }

    fn what_is_left_empty_is_meant(app: TestApp) {
        let agency = app.agency("U3");
        let (admin, who) = (app.person(agency, &[Role::AgencyAdmin]), app.person(agency, &[Role::Officer, Role::Auditor]));
        let tab = app.tab(&admin);
        let known = [("name", "架空 異動"), ("email", who.email.as_str()), ("active", "true")];
        let with = |more: &[(&'static str, &'static str)]| [known.to_vec(), more.to_vec()].concat();
        let moved = format!("/users/{}?done=user_changed", who.id);
        assert_eq!(location(&change(&tab, &who, &with(&[("roles/0", "officer"), ("expires_on", "2026-06-30")]))), moved);
        let page = tab.open(&moved);
        assert!(text(&page).contains("2026-06-30（令和8年6月30日）") && text(&page).contains("<dd>担当者</dd>"), "{}", page.body);
        assert_eq!(location(&change(&tab, &who, &with(&[("roles/0", "officer"), ("expires_on", "")]))), moved);
        assert!(!text(&tab.open(&moved)).contains("2026-06-30"), "the last day is taken away");
        let none = change(&tab, &who, &[("name", " "), ("email", ""), ("active", "true"), ("expires_on", "昨日")]);
        assert_eq!(none.status, 422);
        for field in ["name", "email", "roles", "expires_on"] {
            assert!(text(&none).contains(&format!("href=\"#f-{field}\"")), "{field}: {}", none.body);
        }
        let stale = tab.submit(&format!("/users/{}/change", who.id), &[&with(&[("roles/0", "officer")])[..], &[("_version", "1")]].concat());
        assert!(stale.status == 412 && text(&stale).contains("先に変更しました"), "{}", stale.body);
        let stopped = change(&tab, &who, &[("name", "架空 異動"), ("email", &who.email), ("active", "false"), ("roles/0", "officer")]);
        assert_eq!(location(&stopped), moved);
        assert!(text(&tab.open(&moved)).contains("停止中"));
        app.get(&who, "/me").must(401);
    }

    fn nobody_changes_their_own_rights_and_the_last_administrator_stays(app: TestApp) {
        let agency = app.agency("U4");
        let admin = app.person(agency, &[Role::AgencyAdmin]);
        let tab = app.tab(&admin);
        let path = format!("/users/{}", admin.id);
        let page = tab.open(&format!("{path}/change"));
        assert!(text(&page).contains("ほかの管理者に依頼") && !text(&page).contains("name=\"roles/0\""), "{}", page.body);
        // The form does not say anything about roles or days: nothing of them changes.
        assert_eq!(location(&change(&tab, &admin, &[("name", "架空 改名"), ("email", &admin.email)])), format!("{path}?done=user_changed"));
        let forced = change(&tab, &admin, &[("name", "架空 改名"), ("email", &admin.email), ("roles/0", "officer")]);
        assert!(forced.status == 409 && text(&forced).contains("自分の役割"), "{}", forced.body);
        let system = app.tab(&app.admin());
        let last = change(&system, &admin, &[("name", "架空 改名"), ("email", &admin.email), ("roles/0", "officer"), ("active", "true")]);
        assert!(last.status == 409 && text(&last).contains("最後の管理者です"), "{}", last.body);
        assert!(text(&system.open("/users")).contains("架空機関U4"), "all organizations, by name");
        assert!(text(&system.open("/users/new?q=U4")).contains("/users/new?organization_id="));
    }

    fn a_deputy_stands_in_for_a_period(app: TestApp) {
        let agency = app.agency("U5");
        let [admin, approver, officer] = [Role::AgencyAdmin, Role::Approver, Role::Officer].map(|role| app.person(agency, &[role]));
        let tab = app.tab(&admin);
        let path = format!("/users/{}/deputies/new", approver.id);
        let form = tab.open(&path);
        assert!(text(&form).contains(officer.id.as_str()) && !text(&form).contains(&format!("value=\"{}\"", admin.id)), "{}", form.body);
        let deputy = officer.id.to_string();
        let wrong = tab.submit(&path, &[("deputy_id", &deputy), ("starts_on", "R8.5.10"), ("ends_on", "R8.5.1")]);
        assert!(wrong.status == 422 && text(&wrong).contains("href=\"#f-ends_on\"") && text(&wrong).contains("R8.5.10"), "{}", wrong.body);
        let done = tab.submit(&path, &[("deputy_id", &deputy), ("starts_on", "R8.4.1"), ("ends_on", "令和8年5月1日"), ("_sure", "1")]);
        let page = tab.open(location(&done));
        assert!(text(&page).contains("代理の期間中") && text(&page).contains("2026-05-01（令和8年5月1日）"), "{}", page.body);
        let newcomer = app.vendor("架空庚株式会社");
        let vendor = app.tab(&app.person(newcomer, &[Role::VendorAdmin]));
        assert_eq!(vendor.open(&path).status, 403);
        assert_eq!(vendor.open(&format!("/users/{}", approver.id)).status, 404);
        assert!(text(&vendor.open("/users")).contains("架空庚株式会社の利用者"));
    }
}
