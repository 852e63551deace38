//! Recovery codes: ten, shown once, each instead of a second factor that is lost. They don't hang on `auth.secret`, so
//! that they still let people in when it was changed and every authenticator app has become worthless.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::changed;
use crate::clock::Sources;
use crate::db::user::UserRow;
use crate::db::{self, Author, ChainKey, Tx};
use crate::domain::id::UserId;
use crate::notice::context::AccountChange;
use crate::service::account::tell_changed;
use crate::service::guessing::Attempt;
use crate::service::{App, Call, Failure};

/// How many a person has.
const CODES: usize = 10;
/// Five bits a letter; none that is taken for another (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a code: 120 bits. From 112 on a plain hash keeps it (ASVS 5.0, 6.5.2).
const LENGTH: usize = 24;
/// Letters between two hyphens.
const GROUP: usize = 4;

/// What is shown once and never again.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Codes {
    /// Ten new ones; empty: those before still hold.
    pub recovery_codes: Vec<String>,
}

/// A new code, in groups.
fn new_code(sources: &Sources) -> String {
    let mut random = [0_u8; LENGTH];
    sources.entropy.fill(&mut random);
    let letters: Vec<char> = random
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte & 31)))
        .map(|it| char::from(*it))
        .collect();
    let groups: Vec<String> = letters.chunks(GROUP).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// What the table keeps of a code; `code` as [`super::plain`] gives it.
fn hash(user: UserId, code: &str) -> String {
    let read = code.replace('O', "0").replace(['I', 'L'], "1");
    let mut hash = Sha256::new();
    for part in ["itaku: recovery code", user.as_str(), &read] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}

/// Whether it can be one at all.
pub fn looks_like(code: &str) -> bool {
    code.len() == LENGTH
}

/// Makes ten codes and puts them in the place of those before. They can't be shown again.
pub fn issue(tx: &mut Tx<'_>, user: &UserRow) -> Result<Vec<String>, Failure> {
    let codes: Vec<String> = (0..CODES).map(|_| new_code(tx.sources)).collect();
    let hashes: Vec<String> = codes.iter().map(|code| hash(user.id, &super::plain(code))).collect();
    let now = tx.sources.clock.machine_now();
    db::factor::set_recovery_codes(tx.conn, user.id, user.organization_id, &hashes, now)?;
    Ok(codes)
}

/// Ten new codes for oneself. Not kept for a repetition of the request: what is shown once is stored nowhere.
pub fn renew(app: &App, call: &Call) -> Result<Codes, Failure> {
    let (user, author) = super::own(app, call)?;
    if !super::is_enrolled(app, user.id)? {
        return Err(super::none_yet());
    }
    app.db.write_tx(&app.sources, Some(author), ChainKey::Existing(user.organization_id.cast()), |tx| {
        let recovery_codes = issue(tx, &user)?;
        tx.record("user.recovery_codes_renewed", user.id, &json!({}))?;
        changed(app, tx, &user, Some(call.actor.session_id))?;
        tracing::info!(event = "recovery_codes_renewed", user = %user.id, "new recovery codes");
        Ok(Codes { recovery_codes })
    })
}

/// Uses a code up; false: it is none of the person's, or was used.
pub fn use_code(app: &App, user: &UserRow, code: &str, attempt: &Attempt) -> Result<bool, Failure> {
    let author = Author { user_id: user.id, organization_id: user.organization_id };
    let chain = ChainKey::Existing(user.organization_id.cast());
    app.db.write_tx(&app.sources, Some(author), chain, |tx| {
        let now = tx.sources.clock.machine_now();
        if !db::factor::use_recovery_code(tx.conn, user.id, &hash(user.id, code), now)? {
            return Ok(false);
        }
        let left = db::factor::recovery_codes_left(tx.conn, user.id)?;
        tx.record("user.recovery_code_used", user.id, &json!({ "left": left }))?;
        attempt.succeeded(tx.conn)?;
        tell_changed(app, tx.conn, user, AccountChange::RecoveryCode)?;
        tracing::warn!(event = "recovery_code_used", user = %user.id, left, "a recovery code was used");
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_long_unlike_and_read_as_they_are_written_down() {
        let sources = Sources::system(chrono_tz::Asia::Tokyo);
        let codes: BTreeSet<String> = (0..CODES).map(|_| new_code(&sources)).collect();
        assert_eq!(codes.len(), CODES);
        for code in &codes {
            assert_eq!((code.len(), code.matches('-').count()), (29, 5), "{code}");
            assert!(looks_like(&super::super::plain(code)));
        }
        let (user, other): (UserId, UserId) = (sources.new_id(), sources.new_id());
        let read = |typed: &str| hash(user, &super::super::plain(typed));
        assert_eq!(read("0011-ABCD"), read("ｏOil abcd"));
        assert_ne!(read("0011-ABCD"), hash(other, "0011ABCD"));
    }
}
