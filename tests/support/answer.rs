//! What a request was answered.

use serde_json::Value;

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn etag(&self) -> String {
        self.header("etag").unwrap().to_owned()
    }

    /// What stands in the forms of a page.
    #[track_caller]
    pub fn proof(&self) -> String {
        let (_, rest) = self.body.as_str().unwrap().split_once("name=\"_proof\" value=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// The body, if the status is the one expected.
    #[track_caller]
    pub fn must(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        if status >= 400 {
            assert_eq!(self.header("content-type"), Some("application/problem+json"));
        }
        self.body
    }

    /// Pointer and code of each wrong field of a 422.
    #[track_caller]
    pub fn errors(self) -> Vec<(String, String)> {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let body = self.must(422);
        body["errors"].as_array().unwrap().iter().map(|e| (text(&e["pointer"]), text(&e["code"]))).collect()
    }

    /// The stable word of a problem.
    #[track_caller]
    pub fn problem(self, status: u16) -> String {
        self.must(status)["type"].as_str().unwrap().trim_start_matches("urn:itaku:problem:").to_owned()
    }
}

/// The `id` of an answer.
pub fn id<T>(body: &Value) -> itaku::domain::id::Id<T> {
    body["id"].as_str().unwrap().parse().unwrap()
}
