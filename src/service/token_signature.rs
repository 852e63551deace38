//! HMAC-SHA-256 for the tokens of `jsonwebtoken`, which takes its cryptography from outside. Its own feature for that
//! brings every algorithm along, RSA among them, whose library has an advisory without a fix (RUSTSEC-2023-0071); ours
//! knows the one algorithm that is used and refuses all others.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use sha2::Sha256;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

/// The key that signs.
///
/// # Errors
/// An empty secret.
pub fn signing_key(secret: &str) -> Result<EncodingKey, Error> {
    install();
    EncodingKey::from_secret(secret.as_bytes())
}

/// Whether the secret's key signed the message so.
///
/// # Errors
/// An empty secret, or a signature that is no base64url.
pub fn is_signed(secret: &str, message: &str, signature: &str) -> Result<bool, Error> {
    jsonwebtoken::crypto::verify(signature, message.as_bytes(), &checking_key(secret)?, Algorithm::HS256)
}

fn checking_key(secret: &str) -> Result<DecodingKey, Error> {
    install();
    DecodingKey::from_secret(secret.as_bytes())
}

/// Once a process; a second time changes nothing.
fn install() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // Only a provider that somebody installed before could stand in the way, and nobody does.
        let _ = PROVIDER.install_default();
    });
}

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, Error> {
        if algorithm != Algorithm::HS256 {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Hmac::new_from_slice(key).map(Self).map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    /// In constant time, as the library compares.
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.0.clone().chain_update(message).verify_slice(signature).map_err(signature::Error::from_source)
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn it_is_hmac_sha_256() {
        let signed = jsonwebtoken::crypto::sign(
            b"what do ya want for nothing?",
            &signing_key("Jefe").unwrap(),
            Algorithm::HS256,
        );
        assert_eq!(signed.unwrap(), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM");
    }

    #[test]
    fn another_message_key_or_algorithm_is_refused() {
        let check = |key: &str, message: &[u8], algorithm| {
            let signed =
                jsonwebtoken::crypto::sign(b"message", &signing_key("key").unwrap(), Algorithm::HS256)
                    .unwrap();
            jsonwebtoken::crypto::verify(&signed, message, &checking_key(key).unwrap(), algorithm)
        };
        assert!(check("key", b"message", Algorithm::HS256).unwrap());
        assert!(!check("key", b"messagf", Algorithm::HS256).unwrap());
        assert!(!check("kez", b"message", Algorithm::HS256).unwrap());
        assert!(check("key", b"message", Algorithm::HS384).is_err());
    }
}
