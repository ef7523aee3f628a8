//! Tokens as an issuer makes them with a secret, and the check of their signatures, as a platform does it.

#![allow(dead_code)]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use selvedge::principal::SignatureCheck;
use selvedge::settings::Material;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A secret, and the key in the settings that it is.
pub const SECRET: [u8; 32] = [7; 32];

pub fn jwk(kid: &str, secret: &[u8]) -> Value {
    json!({ "kty": "oct", "kid": kid, "k": URL_SAFE_NO_PAD.encode(secret) })
}

/// A token with these claims, signed HS256 with a secret.
pub fn token(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(hmac(secret, signed.as_bytes()));
    format!("{signed}.{signature}")
}

pub fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Whether a signature is good, of those that are made here.
pub fn is_good(check: &SignatureCheck) -> bool {
    let Material::Secret { k } = &check.key.material else { return false };
    let secret = URL_SAFE_NO_PAD.decode(k).expect("a secret");
    hmac(&secret, check.signed.as_bytes()).as_slice() == check.signature
}

/// HMAC with SHA-256 (RFC 2104), for secrets no longer than a block.
fn hmac(secret: &[u8], text: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(secret).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}
