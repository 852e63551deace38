//! Names: what nobody can read is refused with its place, what the pages say of themselves can't be typed, and who looks
//! like somebody else is pointed out.

use itaku::domain::access::Role;
use serde_json::{Value, json};

use crate::stage::{Stage, text};
use crate::support::{TestApp, both};

fn vendor(name: &str) -> Value {
    json!({"kind": "vendor", "name": name})
}

both! {
    fn what_nobody_can_read_is_refused_with_its_place(app: TestApp) {
        let admin = app.admin();
        let refused = |name: &str| {
            let answer = app.post(&admin, "/organizations", vendor(name)).must(422);
            let error = &answer["errors"][0];
            assert_eq!((answer["errors"].as_array().unwrap().len(), &error["pointer"]), (1, &json!("/name")), "{name:?}");
            (text(error, "code"), text(error, "message"))
        };
        for (name, code, told) in [
            ("架空\u{fdd2}商事", "noncharacter", "3文字目に、文字ではない符号（U+FDD2）"),
            ("架空商事\u{e0041}", "invisible_character", "5文字目に、見えない文字（U+E0041）"),
            ("架\u{200d}空", "invisible_character", "2文字目に、見えない文字（U+200D）"),
            ("架空\u{3164}商事", "invisible_character", "3文字目に、見えない文字（U+3164）"),
            ("\u{e000}田商事", "private_use_character", "1文字目に、外字（U+E000）"),
            ("\u{3164}", "required", "見える文字がありません"),
            ("\u{2800}\u{3000}\u{2800}", "required", "見える文字がありません"),
            ("\u{180e}", "required", "見える文字がありません"),
            ("架空商事（法人番号８７００１１０００５９０１）", "number_in_name", "法人番号の欄に"),
        ] {
            let (found, message) = refused(name);
            assert_eq!((found.as_str(), message.contains(told)), (code, true), "{name:?}: {message}");
        }
        let made = app.post(&admin, "/organizations", vendor("葛\u{e0100}城商会")).must(201);
        assert_eq!(made["name"], "葛\u{e0100}城商会");
        let found = app.get(&admin, "/organizations?q=%E8%91%9B%E5%9F%8E").must(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "found without the selector");
    }

    fn what_is_kept_as_given_has_no_such_character_either(app: TestApp) {
        let s = Stage::new(app);
        let k = s.contract();
        for safeguards in [json!({"入退室": ["記録\u{fdd2}"]}), json!({"入\u{200b}退室": "記録"})] {
            let errors = k.try_apply(&s.a, &k.root, &s.b, &json!({"safeguards": safeguards})).errors();
            assert_eq!(errors[0].0, "/safeguards", "{errors:?}");
        }
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        let settings = app.get(&admin, "/settings");
        let words = json!({"words": {"承認": "承\u{fdd3}諾"}});
        assert_eq!(app.patch_if(&admin, "/settings", &settings.etag(), words).errors()[0].1, "noncharacter");
    }

    fn the_marks_of_the_pages_are_not_taken_from_what_is_typed(app: TestApp) {
        let s = Stage::new(app);
        let admin = app.person(s.agency, &[Role::AgencyAdmin]);
        let settings = app.get(&admin, "/settings");
        app.patch_if(&admin, "/settings", &settings.etag(), json!({"words": {"承認": "許諾"}})).must(200);
        let tab = app.tab(&s.officer);
        let forged = "\u{fdd2}承認\u{fdd3}";
        let shown = tab.submit("/vendors/new", &[("name", forged)]);
        assert_eq!(shown.status, 422);
        let page = shown.body.as_str().unwrap().to_owned();
        assert!(page.contains("\u{fffd}承認\u{fffd}"), "what was typed is shown as typed, its marks as unreadable");
        assert!(page.contains("1文字目に、文字ではない符号（U+FDD2）"));
        let query: String = url::form_urlencoded::byte_serialize(forged.as_bytes()).collect();
        let listed = tab.open(&format!("/vendors?q={query}")).body.as_str().unwrap().to_owned();
        assert!(listed.contains("\u{fffd}承認\u{fffd}") && !listed.contains(['\u{fdd2}', '\u{fdd3}']));
    }

    fn who_looks_like_somebody_else_is_pointed_out_to_the_agency(app: TestApp) {
        let s = Stage::new(app);
        let officer = app.log_in(&s.officer);
        let number = "8700110005901";
        let first = json!({"kind": "vendor", "name": "ロード工業株式会社", "corporate_number": number});
        let first = app.post(&officer, "/organizations", first).must(201);
        assert!(first.get("similar").is_none(), "nobody looks like it yet");
        // 口 and 一 for ロ and ー, エ for 工, and another legal form.
        let second = app.post(&officer, "/organizations", vendor("口一ドエ業合同会社")).must(201);
        assert_eq!(
            second["similar"],
            json!([{"id": first["id"], "kind": "vendor", "name": "ロード工業株式会社", "corporate_number": number}])
        );
        let other = app.post(&officer, "/organizations", vendor("別名商会")).must(201);
        assert!(other.get("similar").is_none());
        let admin = app.admin();
        let path = format!("/organizations/{}", text(&other, "id"));
        let etag = app.get(&admin, &path);
        let renamed = app.patch_if(&admin, &path, &etag.etag(), json!({"name": "ロ―ドエ業"})).must(200);
        assert_eq!(renamed["similar"].as_array().unwrap().len(), 2);

        let told = "よく似た名前の事業者が登録されています";
        let tab = app.tab(&s.officer);
        let page = tab.open(&format!("/vendors/{}", text(&second, "id"))).body.as_str().unwrap().to_owned();
        assert!(page.contains(told) && page.contains("「ロード工業株式会社」（法人番号 8700110005901）"));
        assert!(!tab.open(&format!("/vendors/{}", s.a.id)).body.as_str().unwrap().to_owned().contains(told));

        // In an application, where the vendor is named by somebody else; the vendors themselves are told nothing.
        let k = s.contract();
        let filed = k.try_apply(&s.a, &k.root, &s.b, &json!({"vendor_id": second["id"]})).must(201);
        let page = format!("/applications/{}", text(&filed, "id"));
        let told = tab.open(&page).body.as_str().unwrap().to_owned();
        // The two others, in no order that the test could know.
        assert!(told.contains("よく似た名前の事業者が登録されています: 「"));
        assert!(told.contains("「ロード工業株式会社」（法人番号 8700110005901）") && told.contains("「ロ―ドエ業」"));
        assert!(!app.tab(&s.a.user).open(&page).body.as_str().unwrap().to_owned().contains("よく似た名前"));
        let quiet = k.try_apply(&s.a, &k.root, &s.c, &json!({})).must(201);
        assert!(!tab.open(&format!("/applications/{}", text(&quiet, "id"))).body.as_str().unwrap().to_owned().contains("よく似た名前"));
    }
}
