//! The secrets of authenticator apps at rest: sealed by AES-256-GCM with a key that only the server's secret gives, so
//! that who reads the database, or a copy of it, can make no code. What is sealed for one person opens for no other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use sha2::Sha256;

use crate::domain::id::UserId;
use crate::service::{App, Failure};

/// Keeps this key apart from what else `auth.secret` is used for.
const DOMAIN: &[u8] = b"itaku: secrets of second factors, sealed, 1";
/// Bytes of a nonce, and of a tag (NIST SP 800-38D).
const NONCE: usize = 12;
const TAG: usize = 16;

fn key(secret: &str) -> Result<[u8; 32], Failure> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map_err(|error| Failure::Internal(format!("the key of second factors: {error}")))?;
    Ok(mac.chain_update(DOMAIN).finalize().into_bytes().into())
}

/// Nonce, ciphertext and tag as base64.
pub fn seal(app: &App, user: UserId, secret: &[u8]) -> Result<String, Failure> {
    let (mut nonce, mut tag) = ([0_u8; NONCE], [0_u8; TAG]);
    app.sources.entropy.fill(&mut nonce);
    let key = key(&app.config.auth.secret)?;
    let about = user.as_str().as_bytes();
    let sealed = encrypt_aead(Cipher::aes_256_gcm(), &key, Some(&nonce), about, secret, &mut tag)
        .map_err(|error| Failure::Internal(format!("a secret could not be sealed: {error}")))?;
    Ok(STANDARD_NO_PAD.encode([nonce.as_slice(), &sealed, &tag].concat()))
}

/// What was sealed; None: with another `auth.secret`, for another person, or altered since.
pub fn open(app: &App, user: UserId, sealed: &str) -> Option<Vec<u8>> {
    let bytes = STANDARD_NO_PAD.decode(sealed).ok()?;
    let (nonce, rest) = bytes.split_at_checked(NONCE)?;
    let (sealed, tag) = rest.split_at_checked(rest.len().checked_sub(TAG)?)?;
    let key = key(&app.config.auth.secret).ok()?;
    let about = user.as_str().as_bytes();
    decrypt_aead(Cipher::aes_256_gcm(), &key, Some(nonce), about, sealed, tag).ok()
}
