//! Organizations, accounts and their sessions.

use std::sync::atomic::{AtomicU32, Ordering};

use itaku::db::{ChainKey, organization, user};
use itaku::domain::access::Role;
use itaku::domain::id::{OrganizationId, UserId};
use itaku::service::{self, Failure, session};
use serde_json::json;

use super::{TestApp, id};

/// Someone with a session.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: UserId,
    pub email: String,
    pub organization: OrganizationId,
    pub token: String,
}

impl TestApp {
    /// The one `system_admin` that every test has.
    pub fn admin(&self) -> Person {
        if let Some(admin) = self.admin.borrow().clone() {
            return admin;
        }
        let operator = service::organization::ensure_system(&self.app).unwrap();
        let admin = self.person(operator, &[Role::SystemAdmin]);
        *self.admin.borrow_mut() = Some(admin.clone());
        admin
    }

    pub fn agency(&self, code: &str) -> OrganizationId {
        let body = json!({"kind": "agency", "name": format!("架空機関{code}"), "code": code});
        id(&self.post(&self.admin(), "/organizations", body).must(201))
    }

    pub fn vendor(&self, name: &str) -> OrganizationId {
        id(&self.post(&self.admin(), "/organizations", json!({"kind": "vendor", "name": name})).must(201))
    }

    /// A new account with a session, without the time that a password takes.
    pub fn person(&self, organization: OrganizationId, roles: &[Role]) -> Person {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let email = format!("p{number}@example.jp");
        let name = format!("利用者{number}");
        let chain = ChainKey::Existing(organization.cast());
        let made = self.app.db.write_tx(&self.app.sources, None, chain, |tx| {
            let row = organization::find(tx.conn, organization)?;
            let new = service::user::Enrolment {
                email: &email,
                name: &name,
                roles,
                password_hash: None,
                password_set_by_other: false,
                expires_on: None,
            };
            service::user::enroll(tx, &row, &new)
        });
        let id = made.unwrap().id;
        self.log_in(&Person { id, email, organization, token: String::new() })
    }

    /// The same person with a new session.
    pub fn log_in(&self, who: &Person) -> Person {
        let tokens = self.app.db.write::<_, Failure>(|conn| {
            let row = user::find(conn, who.id)?;
            session::open(&self.app, conn, &row)
        });
        Person { token: tokens.unwrap().1.access_token, ..who.clone() }
    }
}
