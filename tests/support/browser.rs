//! Pages as a browser asks for them.

use actix_web::test::TestRequest;
use itaku::db::user;
use itaku::service::{Failure, session};

use super::{Answer, Person, TestApp};

/// The address as a browser sends it.
pub fn encoded(address: &str) -> String {
    address
        .bytes()
        .map(|byte| if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// A signed-in browser.
pub struct Tab<'a> {
    app: &'a TestApp,
    pub cookie: String,
    /// What stands in its forms.
    pub proof: String,
}

impl<'a> Tab<'a> {
    /// A browser whose cookie and proof are known.
    pub fn of(app: &'a TestApp, cookie: String, proof: String) -> Self {
        Self { app, cookie, proof }
    }

    /// Opens a page.
    pub fn open(&self, path: &str) -> Answer {
        self.app.send(self.app.visit(Some(&self.cookie), "GET", path, &[]))
    }

    /// Sends a form with its proof.
    pub fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form: Vec<(&str, &str)> =
            [("_proof", self.proof.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.app.send(self.app.visit(Some(&self.cookie), "POST", path, &form))
    }

    /// Sends a file under the name `file`, with its proof.
    pub fn upload(&self, path: &str, name: &str, content: &[u8]) -> Answer {
        const END: &str = "end-of-a-part";
        let mut body = format!(
            "--{END}\r\nContent-Disposition: form-data; name=\"_proof\"\r\n\r\n{}\r\n--{END}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            self.proof
        )
        .into_bytes();
        body.extend_from_slice(content);
        body.extend_from_slice(format!("\r\n--{END}--\r\n").as_bytes());
        let request = self.app.visit(Some(&self.cookie), "GET", path, &[]);
        let kind = format!("multipart/form-data; boundary={END}");
        let request = request.method(actix_web::http::Method::POST).insert_header(("Content-Type", kind));
        self.app.send(request.insert_header(("Content-Length", body.len())).set_payload(body))
    }
}

impl TestApp {
    /// The value of a browser's cookie in a new session of the person.
    pub fn browser(&self, who: &Person) -> String {
        let begun = self.app.db.write::<_, Failure>(|conn| {
            let row = user::find(conn, who.id)?;
            session::open_browser(&self.app, conn, &row)
        });
        begun.unwrap().1
    }

    /// A browser in which the person is signed in.
    pub fn tab(&self, who: &Person) -> Tab<'_> {
        self.tab_at(who, "/account")
    }

    /// As [`Self::tab`], of someone who may not come to more than this page.
    pub fn tab_at(&self, who: &Person, path: &str) -> Tab<'_> {
        let cookie = self.browser(who);
        let proof = self.send(self.visit(Some(&cookie), "GET", path, &[])).proof();
        Tab { app: self, cookie, proof }
    }

    /// A request for a page, as a browser on a page of ours sends it.
    pub fn visit(
        &self,
        cookie: Option<&str>,
        method: &str,
        path: &str,
        form: &[(&str, &str)],
    ) -> TestRequest {
        self.visit_anyhow(cookie, method, path, form).insert_header(("Sec-Fetch-Site", "same-origin"))
    }

    /// A request for a page by who does not say where it comes from.
    #[expect(clippy::unused_self, reason = "reads as the other requests do")]
    pub fn visit_anyhow(
        &self,
        cookie: Option<&str>,
        method: &str,
        path: &str,
        form: &[(&str, &str)],
    ) -> TestRequest {
        let method = actix_web::http::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = TestRequest::with_uri(path);
        if method == actix_web::http::Method::POST {
            request = request.set_form(form);
        }
        if let Some(cookie) = cookie {
            request = request.insert_header(("Cookie", format!("__Host-itaku={cookie}")));
        }
        request.method(method)
    }
}
