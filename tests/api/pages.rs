//! The pages behind their guard: who is let in, which form is taken, and the way in and out of an account.

mod acts;
mod application;
mod denials;
mod failures;
mod oversight;
mod reports;
mod setting;
mod upload;
mod user;
mod words;
mod years;

use itaku::domain::access::Role;
use itaku::service::session;
use itaku::web::pages::route::{Handler, PageRoute};
use itaku::web::pages::{PROOF, all};
use serde_json::json;

use crate::support::{Answer, Person, TestApp, both};

const PASSWORD: &str = "馬と電池とホチキス正しい";
const OTHER: &str = "川と鉛筆とトランプ涼しい";
const NOTHING: &str = "01990000-0000-7000-8000-000000000000";

pub(crate) fn text(answer: &Answer) -> &str {
    answer.body.as_str().unwrap_or_default()
}

fn filled(path: &str) -> String {
    path.replace("{id}", NOTHING)
}

fn is_guarded(route: &PageRoute) -> bool {
    matches!(route.handler, Handler::Guarded(..))
}

fn officer(app: &TestApp) -> Person {
    app.person(app.agency("P1"), &[Role::Officer])
}

/// What stands in the forms of the session.
fn proof(app: &TestApp, cookie: &str) -> String {
    app.send(app.visit(Some(cookie), "GET", "/account", &[])).proof()
}

/// The cookie that an answer sets.
fn cookie_of(answer: &Answer) -> Option<(&str, &str)> {
    let (pair, rest) = answer.header("set-cookie")?.split_once(';')?;
    Some((pair.split_once('=')?.1, rest))
}

pub(crate) fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("location").unwrap()
}

both! {
    fn nobody_sees_a_page_that_is_somebodys(app: TestApp) {
        let who = officer(app);
        let cookie = app.browser(&who);
        let spent = app.browser(&who);
        let over = &[(PROOF, proof(app, &spent))];
        let form: Vec<(&str, &str)> = over.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(location(&app.send(app.visit(Some(&spent), "POST", "/logout", &form))), "/login");
        for route in all(false).iter().filter(|route| is_guarded(route)) {
            let path = filled(route.path);
            let method = if route.changes { "POST" } else { "GET" };
            // No cookie, rubbish, the API's token, a session that is over.
            for cookie in [None, Some("x.y.z"), Some(who.token.as_str()), Some(spent.as_str())] {
                let answer = app.send(app.visit(cookie, method, &path, &form));
                assert!(location(&answer).starts_with("/login?next=%2F"), "{method} {path}: {answer:?}");
            }
        }
        // Nor does the cookie open the API.
        assert_eq!(app.send(app.request(Some(&cookie), "GET", "/me")).status, 401);
        assert_eq!(app.send(app.visit(Some(&cookie), "GET", "/account", &[])).status, 200);
    }

    fn a_form_is_taken_from_our_own_page_only(app: TestApp) {
        let who = officer(app);
        let cookie = app.browser(&who);
        let ours = proof(app, &cookie);
        let anothers = proof(app, &app.browser(&who));
        for route in all(false).iter().filter(|route| route.changes) {
            let path = filled(route.path);
            let send = |proof: &str, site: Option<(&str, &str)>| {
                let request = app.visit_anyhow(Some(&cookie), "POST", &path, &[(PROOF, proof)]);
                app.send(site.into_iter().fold(request, actix_web::test::TestRequest::insert_header))
            };
            let same = Some(("Sec-Fetch-Site", "same-origin"));
            let mut wrong = vec![
                (ours.as_str(), None),
                (ours.as_str(), Some(("Sec-Fetch-Site", "cross-site"))),
                (ours.as_str(), Some(("Sec-Fetch-Site", "same-site"))),
                (ours.as_str(), Some(("Sec-Fetch-Site", "none"))),
                (ours.as_str(), Some(("Origin", "https://evil.example"))),
                (ours.as_str(), Some(("Origin", "null"))),
            ];
            if is_guarded(route) {
                wrong.extend([("", same), ("x", same), (anothers.as_str(), same)]);
            }
            for (proof, site) in wrong {
                let answer = send(proof, site);
                assert_eq!(answer.status, 403, "{path} with {site:?}: {}", answer.body);
                assert_eq!(cookie_of(&answer), None);
            }
        }
        assert!(session::authenticate(&app.app, session::Door::Browser, &cookie).is_ok());
        // With both, it is taken: a matrix of refusals alone would hold for a server that refuses all.
        let form = [(PROOF, ours.as_str())];
        assert_eq!(location(&app.send(app.visit(Some(&cookie), "POST", "/logout", &form))), "/login");
        assert!(session::authenticate(&app.app, session::Door::Browser, &cookie).is_err());
    }

    fn a_login_gives_a_cookie_that_scripts_and_strangers_cannot_have(app: TestApp) {
        let agency = app.agency("P2");
        let body = json!({"email": "taro@example.jp", "name": "架空 太郎", "organization_id": agency, "roles": ["officer"], "password": PASSWORD});
        app.post(&app.admin(), "/users", body).must(201);
        let log_in = |password: &str, next: &str| {
            app.send(app.visit(None, "POST", "/login", &[("email", "taro@example.jp"), ("password", password), ("next", next)]))
        };
        let wrong = log_in(OTHER, "/contracts");
        assert_eq!((wrong.status, cookie_of(&wrong)), (401, None));
        let page = text(&wrong);
        assert!(page.contains("<title>エラー: ログイン") && page.contains("taro@example.jp"), "{page}");
        assert!(page.contains("value=\"/contracts\"") && !page.contains(OTHER), "{page}");
        let empty = app.send(app.visit(None, "POST", "/login", &[("email", ""), ("password", "")]));
        assert_eq!(empty.status, 422);
        assert!(text(&empty).contains("href=\"#f-email\"") && text(&empty).contains("aria-invalid"), "{}", empty.body);

        let right = log_in(PASSWORD, "/account?x=1");
        assert_eq!(location(&right), "/account?x=1");
        let (cookie, flags) = cookie_of(&right).unwrap();
        for flag in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
            assert!(flags.contains(flag), "{flags}");
        }
        assert!(right.header("set-cookie").unwrap().starts_with("__Host-itaku=") && !flags.contains("Domain"));
        let page = app.send(app.visit(Some(cookie), "GET", "/account", &[]));
        assert!(text(&page).contains("架空 太郎") && text(&page).contains("架空機関P2"), "{}", page.body);
        // Nowhere but here after the login.
        for next in ["//evil.example", "https://evil.example/", "/\\evil.example", "\u{9}/x", ""] {
            assert_eq!(location(&log_in(PASSWORD, next)), "/home", "{next:?}");
        }
    }

    fn an_account_is_looked_after_on_its_page(app: TestApp) {
        let agency = app.agency("P3");
        let body = json!({"email": "hana@example.jp", "name": "架空 花", "organization_id": agency, "roles": ["officer"], "password": PASSWORD});
        let made = app.post(&app.admin(), "/users", body).must(201);
        let who = Person { id: crate::support::id(&made), email: "hana@example.jp".to_owned(), organization: agency, token: String::new() };
        let (here, there) = (app.browser(&who), app.browser(&who));
        let ours = proof(app, &here);
        let page = app.send(app.visit(Some(&here), "GET", "/account", &[]));
        let (_, rest) = text(&page).split_once("/account/sessions/").unwrap();
        let path = format!("/account/sessions/{}", rest.split_once('"').unwrap().0);
        // The second click finds it done.
        for _ in 0..2 {
            let ended = app.send(app.visit(Some(&here), "POST", &path, &[(PROOF, &ours)]));
            assert_eq!(location(&ended), "/account?done=session");
        }
        assert!(location(&app.send(app.visit(Some(&there), "GET", "/account", &[]))).starts_with("/login?next="));

        let change = |current: &str, new: &str, again: &str| {
            let form = [(PROOF, ours.as_str()), ("current", current), ("new", new), ("again", again)];
            app.send(app.visit(Some(&here), "POST", "/account/password", &form))
        };
        for (current, new, again, field) in [(OTHER, OTHER, OTHER, "current"), (PASSWORD, OTHER, PASSWORD, "again"), (PASSWORD, "短い", "短い", "new"), ("", "", "", "current")] {
            let answer = change(current, new, again);
            assert_eq!(answer.status, 422, "{}", answer.body);
            assert!(text(&answer).contains(&format!("href=\"#f-{field}\"")), "{field}: {}", answer.body);
        }
        assert_eq!(location(&change(PASSWORD, OTHER, OTHER)), "/account?done=password");
        assert_eq!(app.send(app.visit(Some(&here), "GET", "/account?done=password", &[])).status, 200);
        app.anyone("/auth/token", json!({"email": who.email, "password": OTHER})).must(200);
    }

    fn the_links_of_mails_lead_to_a_password(app: TestApp) {
        let agency = app.agency("P4");
        let body = json!({"email": "jiro@example.jp", "name": "架空 次郎", "organization_id": agency, "roles": ["officer"]});
        app.post(&app.admin(), "/users", body).must(201);
        let invited = app.notice();
        assert!(invited.context["link"].as_str().unwrap().contains("/invitation?token="));
        let token = invited.token();
        let page = app.send(app.visit(None, "GET", &format!("/invitation?token={token}"), &[]));
        assert!(page.status == 200 && text(&page).contains(&token), "{}", page.body);
        // n19: whom, of which organization, by which name they log in.
        for word in ["架空 次郎", "jiro@example.jp", "架空機関P4"] {
            assert!(text(&page).contains(word), "{word}: {}", page.body);
        }
        let strange = app.send(app.visit(None, "GET", "/invitation?token=x", &[]));
        assert!(strange.status == 200 && !text(&strange).contains("ログイン名"), "{}", strange.body);
        let set = |path: &str, token: &str, password: &str, again: &str| {
            app.send(app.visit(None, "POST", path, &[("token", token), ("password", password), ("again", again)]))
        };
        let differs = set("/invitation", &token, PASSWORD, OTHER);
        assert!(differs.status == 422 && text(&differs).contains(&token), "{}", differs.body);
        // n19: signed in afterwards.
        let entered = set("/invitation", &token, PASSWORD, PASSWORD);
        assert_eq!(location(&entered), "/home?done=welcome");
        let home = app.send(app.visit(Some(cookie_of(&entered).unwrap().0), "GET", "/home?done=welcome", &[]));
        assert!(home.status == 200 && text(&home).contains("架空 次郎") && text(&home).contains("ログインしました"), "{}", home.body);
        assert_eq!(set("/invitation", &token, PASSWORD, PASSWORD).status, 422);

        let asked = app.send(app.visit(None, "POST", "/password-reset", &[("email", "jiro@example.jp")]));
        assert_eq!(asked.status, 200);
        let unknown = app.send(app.visit(None, "POST", "/password-reset", &[("email", "nobody@example.jp")]));
        assert_eq!(text(&unknown), text(&asked));
        let token = app.notice().token();
        assert_eq!(app.send(app.visit(None, "GET", &format!("/password-reset?token={token}"), &[])).status, 200);
        assert_eq!(set("/password-reset/confirm", &token, OTHER, OTHER).status, 200);
        let entered = app.send(app.visit(None, "POST", "/login", &[("email", "jiro@example.jp"), ("password", OTHER)]));
        assert_eq!(location(&entered), "/home");
    }

    fn what_is_not_there_says_so_as_a_page(app: TestApp) {
        for (method, path) in [("GET", "/nowhere"), ("GET", "/logout"), ("GET", "/invitation/x"), ("POST", "/account")] {
            let answer = app.send(app.visit(None, method, path, &[]));
            assert_eq!(answer.status, 404, "{method} {path}");
            assert!(text(&answer).contains("<h1>ページが見つかりません</h1>"), "{}", answer.body);
        }
        let long = "x".repeat(1024 * 1024);
        let answer = app.send(app.visit(None, "POST", "/login", &[("email", &long)]));
        assert_eq!(answer.status, 413);
        assert!(text(&answer).contains("大きすぎる"), "{}", answer.body);
        for path in ["/login", "/password-reset", "/invitation", "/api", "/"] {
            assert_eq!(app.send(app.visit(None, "GET", path, &[])).status, 200, "{path}");
            assert_eq!(app.send(app.visit(None, "HEAD", path, &[])).status, 200, "{path}");
        }
        let script = app.send(app.visit(None, "GET", "/login?next=/%3Cscript%3E%22%27", &[]));
        assert!(script.status == 200 && !text(&script).contains("<script>"), "{}", script.body);
    }
}
