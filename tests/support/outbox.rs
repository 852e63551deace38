//! What was mailed, and what was recorded.

use diesel::prelude::*;
use itaku::db::DbError;
use itaku::db::schema::notices;
use serde_json::Value;

use super::TestApp;

/// A mail in the outbox.
#[derive(Debug, Clone)]
pub struct Notice {
    pub id: String,
    pub kind: String,
    pub address: String,
    pub context: Value,
}

impl Notice {
    /// The token in its link.
    pub fn token(&self) -> String {
        self.context["link"].as_str().unwrap().split_once("?token=").unwrap().1.to_owned()
    }
}

impl TestApp {
    /// From now on a notice that the test does not read is a failure.
    pub fn expect_every_notice(&self) {
        self.strict.set(true);
    }

    /// What has come into the outbox since last asked.
    pub fn notices(&self) -> Vec<Notice> {
        let rows: Vec<(String, String, String, String)> = self
            .app
            .db
            .read_one::<_, DbError>(|conn| {
                Ok(notices::table
                    .order((notices::created_at, notices::id))
                    .select((notices::id, notices::kind, notices::address, notices::context))
                    .load(conn)?)
            })
            .unwrap();
        let mut read = self.read.borrow_mut();
        let new: Vec<Notice> = rows
            .into_iter()
            .filter(|row| !read.contains(&row.0))
            .map(|(id, kind, address, context)| Notice {
                id,
                kind,
                address,
                context: serde_json::from_str(&context).unwrap(),
            })
            .collect();
        read.extend(new.iter().map(|notice| notice.id.clone()));
        new
    }

    /// The one notice since last asked.
    #[track_caller]
    pub fn notice(&self) -> Notice {
        let mut new = self.notices();
        assert_eq!(new.len(), 1, "{new:#?}");
        new.remove(0)
    }

    /// Action and payload of the entries that name an id, in order.
    pub fn entries(&self, subject: &str) -> Vec<(String, Value)> {
        use itaku::db::schema::{ledger_entries, ledger_names};
        let rows: Vec<(String, String)> = self
            .app
            .db
            .read_one::<_, DbError>(|conn| {
                Ok(ledger_names::table
                    .inner_join(ledger_entries::table.on(ledger_entries::id.eq(ledger_names::entry_id)))
                    .filter(ledger_names::subject_id.eq(subject.to_owned()))
                    .order((ledger_entries::chain_id, ledger_entries::seq))
                    .select((ledger_entries::action, ledger_entries::payload))
                    .load(conn)?)
            })
            .unwrap();
        rows.into_iter().map(|(action, payload)| (action, serde_json::from_str(&payload).unwrap())).collect()
    }
}
