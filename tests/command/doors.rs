//! Real sockets against a running server: who may not is answered before a body is read, and nothing is unpacked.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use itaku::web::api::routes;
use itaku::web::pages::all;
use itaku::web::pages::route::Handler;

use crate::house::Demo;

const NOTHING: &str = "01990000-0000-7000-8000-000000000000";

pub fn address(demo: &Demo) -> SocketAddr {
    demo.info["url"].as_str().unwrap().trim_start_matches("http://").parse().unwrap()
}

/// Sends what is given and nothing more; the status and head of the answer.
fn asked(demo: &Demo, head: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address(demo)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.write_all(head.as_bytes()).unwrap();
    let mut read = Vec::new();
    let mut some = [0; 4096];
    while !read.windows(4).any(|end| end == b"\r\n\r\n") {
        let size = socket.read(&mut some).unwrap_or_else(|error| panic!("no answer to {head:?}: {error}"));
        assert!(size > 0, "no answer to {head:?}");
        read.extend_from_slice(&some[..size]);
    }
    let text = String::from_utf8_lossy(&read).into_owned();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text)
}

/// A head that announces a body of which nothing comes.
fn announcing(method: &str, path: &str, more: &str) -> String {
    let path = path.replace("{id}", NOTHING);
    format!("{method} {path} HTTP/1.1\r\nHost: itaku\r\nContent-Length: 900000\r\n{more}\r\n")
}

#[test]
fn who_may_not_is_answered_before_a_body_comes() {
    let demo = Demo::start(&[]);
    let json = "Content-Type: application/json\r\n";
    let vendor = format!("{json}Authorization: Bearer {}\r\n", demo.token("vendor_user"));
    let mut refused = 0;
    for route in routes(true).iter().filter(|route| route.method != "GET") {
        let path = format!("/api/v1{}", route.path);
        let head = |more: &str| announcing(route.method.as_str(), &path, more);
        let name = format!("{} {path}", route.method);
        match route.permission() {
            Some(permission) => {
                assert_eq!(asked(&demo, &head(json)).0, 401, "{name}");
                if !permission.roles().iter().any(|role| role.as_str() == "vendor_user") {
                    assert_eq!(asked(&demo, &head(&vendor)).0, 403, "{name}");
                    refused += 1;
                }
            }
            // What a stranger may send is small; more than that is not waited for.
            None => assert_eq!(asked(&demo, &head(json)).0, 413, "{name}"),
        }
        let packed = format!("{vendor}Content-Encoding: gzip\r\n");
        let (status, text) = asked(&demo, &head(&packed));
        assert!(status == 415 && text.contains("application/problem+json"), "{name}: {text}");
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_page_asks_who_comes_before_a_form_comes() {
    let demo = Demo::start(&[]);
    let kinds = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"];
    for route in all(true).iter().filter(|route| route.changes) {
        for kind in kinds {
            let form = format!("Content-Type: {kind}\r\n");
            let head = |more: &str| announcing("POST", route.path, &format!("{form}{more}"));
            // From nowhere, or from somewhere else.
            assert_eq!(asked(&demo, &head("")).0, 403, "{}", route.path);
            assert_eq!(asked(&demo, &head("Sec-Fetch-Site: cross-site\r\n")).0, 403, "{}", route.path);
            let ours = "Sec-Fetch-Site: same-origin\r\n";
            let status = asked(&demo, &head(ours)).0;
            match &route.handler {
                // More than a stranger's form may be.
                Handler::Open(_) => assert_eq!(status, 413, "{}", route.path),
                Handler::Guarded(..) => assert_eq!(status, 303, "{}", route.path),
            }
            let packed = asked(&demo, &head(&format!("{ours}Content-Encoding: gzip\r\n")));
            assert!(packed.0 == 415 && packed.1.contains("text/html"), "{}: {}", route.path, packed.1);
        }
    }
}
