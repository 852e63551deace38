//! The first page: what this is, and where to go from here.

use serde::Serialize;

/// A way into the demonstration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Login {
    /// Of api.md.
    pub role: String,
    pub email: String,
    pub password: String,
    /// The role and the organization on screen.
    #[serde(skip_serializing)]
    pub title: String,
}

#[derive(Serialize)]
struct Shown<'a> {
    title: &'a str,
    role: &'a str,
    email: &'a str,
    password: &'a str,
}

#[derive(Serialize)]
pub(super) struct First<'a> {
    logins: Vec<Shown<'a>>,
}

impl<'a> From<&'a Login> for Shown<'a> {
    fn from(login: &'a Login) -> Self {
        Self { title: &login.title, role: &login.role, email: &login.email, password: &login.password }
    }
}

pub(super) fn context(logins: Option<&[Login]>) -> First<'_> {
    First { logins: logins.unwrap_or_default().iter().map(Shown::from).collect() }
}
