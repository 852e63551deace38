//! Codes of an authenticator app (RFC 6238): six digits, thirty seconds, SHA-1, as every app has them; one step early or
//! late is taken, and no code twice.

use chrono::Duration;
use qrcode::{Color, QrCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use totp_rs::{Builder, Secret, Totp};

use super::recovery::Codes;
use super::{changed, sealing};
use crate::db::user::UserRow;
use crate::db::{self, ChainKey, DbError};
use crate::input;
use crate::service::guessing::Attempt;
use crate::service::session::{DONE, Done};
use crate::service::{App, Call, Failure};

/// Bytes of a secret: as many as SHA-1 gives (RFC 4226, 4).
const SECRET: usize = 20;
/// A secret that was shown waits so long for its confirmation.
const WAITS: Duration = Duration::minutes(30);

input! {
    /// A code as the app shows it.
    pub struct Confirmation {
        code: String => verbatim(64),
    }
}

/// A secret to be taken into an authenticator app. In force once a code of it was given.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TotpSecret {
    /// Base 32.
    pub secret: String,
    /// What the QR code says.
    pub otpauth_url: String,
}

/// A QR code as geometry: `size` modules a side with its quiet zone, `path` in units of a module.
#[derive(Debug, Clone, Serialize)]
pub struct Drawing {
    pub size: usize,
    pub path: String,
}

fn built(secret: Vec<u8>, email: &str) -> Result<Totp, Failure> {
    // A colon parts issuer and account in the address.
    Builder::new()
        .with_secret(Secret::from(secret))
        .with_issuer(Some("itaku"))
        .with_account_name(email.replace(':', "_"))
        .build()
        .map_err(|error| Failure::Internal(format!("a one-time password: {error}")))
}

fn seconds(app: &App) -> u64 {
    u64::try_from(app.sources.clock.machine_now().timestamp()).unwrap_or(0)
}

fn shown(totp: &Totp) -> Result<TotpSecret, Failure> {
    let otpauth_url = totp
        .to_url()
        .map_err(|error| Failure::Internal(format!("a one-time password's address: {error}")))?;
    Ok(TotpSecret { secret: totp.secret().to_base32(), otpauth_url })
}

/// Makes a secret for oneself and keeps it until it is confirmed. The one in force stays so meanwhile.
pub fn begin(app: &App, call: &Call) -> Result<TotpSecret, Failure> {
    let (user, _) = super::own(app, call)?;
    let mut secret = [0_u8; SECRET];
    app.sources.entropy.fill(&mut secret);
    let sealed = sealing::seal(app, user.id, &secret)?;
    let now = app.sources.clock.machine_now();
    app.db.write::<_, DbError>(|conn| {
        db::factor::begin_totp(conn, user.id, user.organization_id, &sealed, now)
    })?;
    shown(&built(secret.to_vec(), &user.email)?)
}

/// The sealed secret that waits for its confirmation, and its codes.
fn waiting(app: &App, user: &UserRow) -> Result<Option<(String, Totp)>, Failure> {
    let row = app.db.read_one::<_, DbError>(|conn| db::factor::totp(conn, user.id))?;
    let since = (app.sources.clock.machine_now() - WAITS).naive_utc();
    let sealed =
        row.filter(|row| row.pending_at.is_some_and(|at| at > since)).and_then(|row| row.pending_secret);
    let opened =
        sealed.and_then(|sealed| sealing::open(app, user.id, &sealed).map(|secret| (sealed, secret)));
    opened.map(|(sealed, secret)| Ok((sealed, built(secret, &user.email)?))).transpose()
}

/// The secret that waits for its confirmation, to be shown.
pub fn pending(app: &App, call: &Call) -> Result<Option<TotpSecret>, Failure> {
    let (user, _) = super::own(app, call)?;
    waiting(app, &user)?.map(|(_, totp)| shown(&totp)).transpose()
}

/// Puts the secret shown in force by a code of it; the first factor brings recovery codes with it. Other sessions end.
pub fn confirm(app: &App, call: &Call, given: &Confirmation) -> Result<Codes, Failure> {
    let (user, author) = super::own(app, call)?;
    let Some((sealed, totp)) = waiting(app, &user)? else {
        let message = "登録の途中ではありません。はじめからやり直してください。";
        return Err(Failure::conflict("not_begun", message));
    };
    let wrong = || {
        let message = "コードが正しくありません。認証アプリにいま表示されている6桁の数字を入力してください。端末の時刻が合っているかも確かめてください。";
        Failure::field("/code", "wrong_code", message)
    };
    let attempt = super::attempt(app, &user)?;
    let step = totp.check(&super::plain(&given.code), seconds(app)).ok_or_else(wrong)?;
    let step = i64::try_from(step).map_err(|_| wrong())?;
    app.db.write_tx(&app.sources, Some(author), ChainKey::Existing(user.organization_id.cast()), |tx| {
        let first = !super::enrolled(tx.conn, user.id)?;
        let now = tx.sources.clock.machine_now();
        if !db::factor::confirm_totp(tx.conn, user.id, &sealed, step, now)? {
            return Err(wrong());
        }
        attempt.succeeded(tx.conn)?;
        tx.record("user.factor_enrolled", user.id, &json!({ "kind": "totp" }))?;
        let recovery_codes = if first { super::recovery::issue(tx, &user)? } else { Vec::new() };
        changed(app, tx, &user, Some(call.actor.session_id))?;
        tracing::info!(event = "factor_enrolled", user = %user.id, kind = "totp", "second factor enrolled");
        Ok(Codes { recovery_codes })
    })
}

/// Takes one's authenticator app away.
pub fn remove(app: &App, call: &Call) -> Result<Done, Failure> {
    let (user, author) = super::own(app, call)?;
    app.db.write_tx(&app.sources, Some(author), ChainKey::Existing(user.organization_id.cast()), |tx| {
        if !db::factor::remove_totp(tx.conn, user.id)? {
            return Err(super::none_yet());
        }
        super::removed(app, tx, call, &user, "totp")?;
        Ok(DONE)
    })
}

/// Uses a code up; false: it is none, or was used. A secret that can't be opened any more has no codes.
pub fn use_code(app: &App, user: &UserRow, code: &str, attempt: &Attempt) -> Result<bool, Failure> {
    let row = app.db.read_one::<_, DbError>(|conn| db::factor::totp(conn, user.id))?;
    let Some(sealed) = row.and_then(|row| row.secret) else { return Ok(false) };
    let Some(secret) = sealing::open(app, user.id, &sealed) else {
        tracing::error!(event = "factor_unreadable", user = %user.id, "sealed with another auth.secret");
        return Ok(false);
    };
    let step = built(secret, &user.email)?.check(code, seconds(app));
    let Some(step) = step.and_then(|step| i64::try_from(step).ok()) else { return Ok(false) };
    Ok(app.db.write::<_, DbError>(|conn| {
        let fresh = db::factor::use_step(conn, user.id, &sealed, step)?;
        if fresh {
            attempt.succeeded(conn)?;
        }
        Ok(fresh)
    })?)
}

/// White modules around a code, on each side (ISO/IEC 18004).
const QUIET: usize = 4;

/// The QR code of an address.
pub fn draw(address: &str) -> Result<Drawing, Failure> {
    let code = QrCode::new(address).map_err(|error| Failure::Internal(format!("a QR code: {error}")))?;
    let side = code.width();
    let dark = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    let mut path = String::new();
    for (at, _) in dark {
        let (x, y) = (at % side + QUIET, at / side + QUIET);
        path.extend(["M", &x.to_string(), " ", &y.to_string(), "h1v1h-1z"]);
    }
    Ok(Drawing { size: side + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the SHA-1 rows, as six digits.
    #[test]
    fn codes_are_the_standards() {
        let totp = built(b"12345678901234567890".to_vec(), "taro@example.jp").unwrap();
        for (at, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(totp.check(code, at), Some(at / 30), "{at}");
            assert_eq!(totp.check(code, at + 30), Some(at / 30));
            assert_eq!(totp.check(code, at + 90), None);
        }
        let shown = shown(&totp).unwrap();
        assert_eq!(shown.secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(
            shown.otpauth_url.starts_with("otpauth://totp/itaku:taro%40example"),
            "{}",
            shown.otpauth_url
        );
    }

    #[test]
    fn a_code_is_drawn_within_its_quiet_zone() {
        let drawing =
            draw("otpauth://totp/itaku:taro%40example.jp?secret=GEZDGNBVGY3TQOJQ&issuer=itaku").unwrap();
        assert!(drawing.path.starts_with("M4 4h1v1h-1zM5 4h1"), "{}", &drawing.path[..40]);
        assert!(drawing.size > 2 * QUIET + 20);
    }
}
