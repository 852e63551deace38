//! The command under test, and a running demonstration.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

pub const PASSWORD: &str = "correct horse battery 42";

pub fn itaku(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_itaku"));
    command.args(arguments).env_clear().env("RUST_LOG", "warn");
    command
}

/// Whether the long forms of the tests are asked for (`tests/run --long`).
pub fn is_long() -> bool {
    std::env::var("ITAKU_LONG").is_ok_and(|long| !long.is_empty())
}

pub fn on(database: &Path, arguments: &[&str]) -> Output {
    itaku(arguments)
        .env("ITAKU__DATABASE__URL", format!("sqlite:{}", database.display()))
        .env("ITAKU__MAIL__URL", format!("file:{}", database.with_extension("mail").display()))
        .output()
        .unwrap()
}

pub fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub fn words(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running demonstration, ended with the test.
pub struct Demo {
    child: Child,
    /// What it says when it is ready.
    pub info: Value,
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Demo {
    pub fn start(more: &[&str]) -> Self {
        Self::start_with(more, |command| command.stderr(Stdio::null()))
    }

    pub fn start_on(today: &str, more: &[&str]) -> Self {
        Self::start_as(today, more, |command| command.stderr(Stdio::null()))
    }

    pub fn start_with(more: &[&str], set: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        Self::start_as("2026-04-01", more, set)
    }

    fn start_as(today: &str, more: &[&str], set: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut arguments = vec!["demo", "--json", "--listen", "127.0.0.1:0", "--today", today];
        arguments.extend(more);
        let mut child = set(itaku(&arguments).stdout(Stdio::piped())).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, info: serde_json::from_str(&line).unwrap() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.info["url"].as_str().unwrap())
    }

    pub fn get(&self, path: &str) -> ureq::http::Response<ureq::Body> {
        agent().get(self.url(path)).call().unwrap()
    }

    pub fn post(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = agent().post(self.url(&format!("/api/v1{path}")));
        let mut answer = request.header("Authorization", format!("Bearer {token}")).send_json(body).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap_or_default())
    }

    pub fn token(&self, role: &str) -> String {
        let login =
            self.info["logins"].as_array().unwrap().iter().find(|login| login["role"] == role).unwrap();
        let body = json!({"email": login["email"], "password": login["password"]});
        self.post("", "/auth/token", &body).1["access_token"].as_str().unwrap().to_owned()
    }

    /// As [`Self::token`], with an authenticator app registered: a strict demonstration asks for one.
    pub fn token_with_factor(&self, role: &str) -> String {
        let token = self.token(role);
        let secret = self.post(&token, "/me/totp", &json!({})).1["secret"].as_str().unwrap().to_owned();
        let secret = totp_rs::Secret::try_from_base32(&secret).unwrap();
        let code = totp_rs::Builder::new().with_secret(secret).build().unwrap().generate_current();
        let confirmed = self.post(&token, "/me/totp/confirm", &json!({"code": code.to_string()}));
        assert_eq!(confirmed.0, 200, "{confirmed:?}");
        token
    }

    /// Ends it as an operator would; the exit status.
    pub fn stop(&mut self, signal: &str) -> i32 {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap().code().unwrap()
    }
}

pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

pub fn header<'a>(answer: &'a ureq::http::Response<ureq::Body>, name: &str) -> &'a str {
    answer.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}
