//! Pages and probes of a running server, and strangers who call too often.

use serde_json::json;

use super::house::{Demo, agent, header};

#[test]
fn pages_and_probes() {
    let demo = Demo::start(&["--empty"]);
    for path in ["/", "/api", "/nowhere"] {
        let mut page = demo.get(path);
        let csp = header(&page, "content-security-policy");
        assert!(csp.starts_with("default-src 'self'; object-src 'none'; frame-ancestors 'none'"), "{csp}");
        assert_eq!(header(&page, "x-content-type-options"), "nosniff");
        assert_eq!(header(&page, "cache-control"), "no-store");
        assert!(!header(&page, "referrer-policy").is_empty() && !header(&page, "x-request-id").is_empty());
        assert_eq!(header(&page, "strict-transport-security"), "", "not over http");
        let html = page.body_mut().read_to_string().unwrap();
        assert!(html.contains("lang=\"ja\"") && html.matches("<h1").count() == 1, "{path}");
        assert!(html.contains("デモ") && html.contains("架空"), "every page says so");
        assert!(!html.contains("style=") && !html.contains("<style") && !html.contains("<script"), "{path}");
    }
    let html = demo.get("/").body_mut().read_to_string().unwrap();
    let sheet = html.split('"').find(|text| text.ends_with("/itaku.css")).unwrap();
    let style = demo.get(sheet);
    assert!(
        header(&style, "cache-control").contains("immutable")
            && header(&style, "content-type").starts_with("text/css")
    );
    let kept = agent().get(demo.url(sheet)).header("If-None-Match", header(&style, "etag")).call().unwrap();
    assert_eq!(kept.status(), 304);
    assert_eq!(demo.get("/static/0000000000000000/itaku.css").status(), 404);

    assert_eq!(demo.get("/healthz").status(), 200);
    let mut ready = demo.get("/readyz");
    let told = ready.body_mut().read_to_string().unwrap();
    assert!(ready.status() == 200 && told.contains("\"writable\":true"), "{told}");
    assert_eq!(demo.get("/metrics").status(), 404, "never on the public address");
    let nowhere = demo.get("/api/v1/nowhere");
    assert_eq!(
        (nowhere.status().as_u16(), header(&nowhere, "content-type")),
        (404, "application/problem+json")
    );
    assert!(header(&nowhere, "content-security-policy").starts_with("default-src 'none'"));
    let wrong = agent().delete(demo.url("/api/v1/contracts")).call().unwrap();
    assert_eq!((wrong.status().as_u16(), header(&wrong, "content-type")), (405, "application/problem+json"));
    let huge = agent()
        .post(demo.url("/api/v1/auth/token"))
        .header("content-type", "application/json")
        .send(&vec![b' '; 1_100_000]);
    assert_eq!(huge.unwrap().status(), 413);
}

#[test]
fn strangers_who_call_too_often_are_asked_to_wait() {
    let demo = Demo::start(&["--empty"]);
    let admin = demo.token("system_admin");
    let stranger = |_: usize| {
        let agent = agent();
        (0..150)
            .map(|_| agent.get(demo.url("/api/v1/auth/nothing")).call().unwrap().status().as_u16())
            .collect::<Vec<_>>()
    };
    // Not routes: no budget is taken.
    assert!(stranger(0).iter().all(|status| *status == 404));
    let agent = agent();
    let refused = (0..2_000).find_map(|_| {
        let answer =
            agent.post(demo.url("/api/v1/auth/refresh")).send_json(json!({"refresh_token": "x"})).unwrap();
        (answer.status() == 429).then(|| header(&answer, "retry-after").to_owned())
    });
    assert!(refused.is_some_and(|wait| wait.parse::<u64>().unwrap() >= 1));
    let (moved, _) = demo.post(&admin, "/demo/clock", &json!({"today": "2026-04-02"}));
    assert_eq!(moved, 200, "those with a session go on");
}
