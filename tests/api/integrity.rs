//! The structure of a PostgreSQL database held against what the migrations make; an embedded one is damaged as a file
//! in `tests/command/damage.rs`.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use itaku::db::integrity::{Damage, check};

use crate::support::TestApp;

fn damage(app: &TestApp) -> Vec<Damage> {
    app.app.db.read(check).unwrap()
}

#[test]
fn what_the_migrations_make_is_whole_on_both() {
    assert_eq!(damage(&TestApp::sqlite()), []);
    assert_eq!(damage(&TestApp::postgresql()), []);
}

#[test]
fn every_change_of_a_structure_is_named() {
    for (kind, place, statement) in [
        (
            "missing",
            "index contracts_officer contracts (agency_id,officer_id)",
            "DROP INDEX contracts_officer",
        ),
        ("missing", "unique index alerts_one_unresolved", "DROP INDEX alerts_one_unresolved"),
        ("missing", "unique index contracts_number", "DROP INDEX contracts_number"),
        (
            "missing",
            "foreign key contract_terms (contract_id) → contracts (id)",
            "ALTER TABLE contract_terms DROP CONSTRAINT contract_terms_contract_id_fkey",
        ),
        (
            "missing",
            "check organizations (agency,vendor,system)",
            "ALTER TABLE organizations DROP CONSTRAINT organizations_kind_check",
        ),
        ("missing", "contracts.title text NOT NULL", "ALTER TABLE contracts ALTER title DROP NOT NULL"),
        (
            "missing",
            "contract_terms_contract_id_fkey",
            "ALTER TABLE contract_terms DROP CONSTRAINT contract_terms_contract_id_fkey, \
             ADD CONSTRAINT contract_terms_contract_id_fkey FOREIGN KEY (contract_id) REFERENCES contracts (id) NOT VALID",
        ),
        ("missing", " ON contract_terms", "ALTER TABLE contract_terms DISABLE TRIGGER ALL"),
        ("unknown", "consents.added", "ALTER TABLE consents ADD COLUMN added TEXT"),
        (
            "unknown",
            "trigger busy ON consents",
            "CREATE TRIGGER busy BEFORE UPDATE ON consents FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ),
        ("unknown", "rule gone ON alerts", "CREATE RULE gone AS ON INSERT TO alerts DO INSTEAD NOTHING"),
        (
            "reference",
            "user_roles.user_id → users（nobody）",
            "SET session_replication_role = replica; INSERT INTO user_roles VALUES ('nobody', 'none', 'officer')",
        ),
    ] {
        let app = TestApp::postgresql();
        let mut conn = PgConnection::establish(&app.app.config.database.url).unwrap();
        conn.batch_execute(statement).unwrap();
        let found = damage(&app);
        let named = |one: &Damage| one.what.as_str() == kind && one.place.contains(place);
        assert!(found.iter().any(named), "{statement}: {found:?}");
    }
}

/// Where the extension can be had, indexes are read as well.
#[test]
fn with_amcheck_every_index_is_read() {
    let app = TestApp::postgresql();
    let mut conn = PgConnection::establish(&app.app.config.database.url).unwrap();
    conn.batch_execute("CREATE EXTENSION amcheck").unwrap();
    app.agency("L1");
    assert_eq!(damage(&app), []);
}
