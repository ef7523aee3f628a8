//! JSON Web Keys (RFC 7517): the public keys and secrets that signatures are checked with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Code, Error, Result, refuse};
use crate::limits::{CLAIM_BYTES, ISSUER_KEYS, JWK_BYTES, RSA_BYTES, SECRET_BYTES};
use crate::schema::decode::reader::{invalid, within};
use crate::value::{Map, parse};

/// The signature algorithms that are accepted (RFC 7518 section 3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
    /// HMAC with SHA-256.
    HS256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 4] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA, Algorithm::HS256];

    /// Its name in `alg`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::RS256 => "RS256",
            Algorithm::ES256 => "ES256",
            Algorithm::EdDSA => "EdDSA",
            Algorithm::HS256 => "HS256",
        }
    }

    /// The algorithm of that name; `none` is no algorithm.
    #[must_use]
    pub fn named(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Its name, by which tokens pick it.
    pub kid: Option<String>,
    /// The key itself.
    pub material: Material,
}

/// A key itself, its numbers in base64url as they came. Its kind leaves one algorithm, whatever a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Material {
    /// RSA: modulus and exponent.
    Rsa {
        /// The modulus.
        n: String,
        /// The exponent.
        e: String,
    },
    /// A point of P-256.
    P256 {
        /// Its first coordinate.
        x: String,
        /// Its second coordinate.
        y: String,
    },
    /// A point of Ed25519.
    Ed25519 {
        /// The point.
        x: String,
    },
    /// A secret that is shared with the issuer.
    Secret {
        /// The secret.
        k: String,
    },
}

impl Jwk {
    /// The one algorithm that the key is for.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Rsa { .. } => Algorithm::RS256,
            Material::P256 { .. } => Algorithm::ES256,
            Material::Ed25519 { .. } => Algorithm::EdDSA,
            Material::Secret { .. } => Algorithm::HS256,
        }
    }

    /// The key as WebCrypto imports it: its kind and numbers, and nothing else that came with it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.material {
            Material::Rsa { n, e } => json!({ "kty": "RSA", "n": n, "e": e }),
            Material::P256 { x, y } => json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y }),
            Material::Ed25519 { x } => json!({ "kty": "OKP", "crv": "Ed25519", "x": x }),
            Material::Secret { k } => json!({ "kty": "oct", "k": k }),
        }
    }

    /// The key as its reader sees it: a secret is left out.
    #[must_use]
    pub fn shown(&self) -> Value {
        let mut shown = self.to_json();
        if let Value::Object(members) = &mut shown {
            if matches!(self.material, Material::Secret { .. }) {
                members.remove("k");
            }
            members.extend(self.kid.as_ref().map(|kid| ("kid".to_owned(), kid.as_str().into())));
        }
        shown
    }

    /// The key that a JSON object spells. A secret without its `k` is one of `former`, by its `kid`.
    ///
    /// # Errors
    /// `invalid_schema`, to be told as the place it is found in; with the `path` of what is wrong.
    pub(super) fn read(value: &Value, former: &[Jwk]) -> Result<Jwk> {
        let Value::Object(members) = value else { return Err(invalid("A key is a JSON Web Key (RFC 7517).")) };
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
            if members.contains_key(name) {
                return within(
                    name,
                    Err(invalid("This is a private key: give the public one, and keep this to yourself.")),
                );
            }
        }
        let kid = text(members, "kid", CLAIM_BYTES)?;
        let kty = text(members, "kty", 16)?.unwrap_or_default();
        let crv = text(members, "crv", 16)?.unwrap_or_default();
        let material = match (kty.as_str(), crv.as_str()) {
            ("RSA", _) => {
                Material::Rsa { n: number(members, "n", RSA_BYTES, JWK_BYTES)?, e: number(members, "e", 1, 8)? }
            }
            ("EC", "P-256") => Material::P256 { x: number(members, "x", 32, 32)?, y: number(members, "y", 32, 32)? },
            ("OKP", "Ed25519") => Material::Ed25519 { x: number(members, "x", 32, 32)? },
            ("oct", _) if !members.contains_key("k") => {
                let kept = former.iter().find(|key| key.kid == kid && key.algorithm() == Algorithm::HS256);
                let missing =
                    || within("k", Err(invalid("The secret is missing, and there is none of this `kid` yet.")));
                return kept.cloned().map_or_else(missing, Ok);
            }
            ("oct", _) => Material::Secret { k: number(members, "k", SECRET_BYTES, JWK_BYTES)? },
            _ => {
                let kinds = "A key is RSA, EC on P-256, OKP on Ed25519, or oct: `kty` and `crv` say which.";
                return within("kty", Err(invalid(kinds)));
            }
        };
        let key = Jwk { kid, material };
        let algorithm = key.algorithm().as_str();
        if text(members, "alg", 16)?.is_some_and(|alg| alg != algorithm) {
            return within("alg", Err(invalid(format!("A key of this kind is for {algorithm}."))));
        }
        if text(members, "use", 16)?.is_some_and(|purpose| purpose != "sig") {
            return within("use", Err(invalid("The key must be for signatures: \"sig\".")));
        }
        let verifies =
            |operations: &Value| operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"));
        if members.get("key_ops").is_some_and(|operations| !verifies(operations)) {
            return within("key_ops", Err(invalid("The key must be for \"verify\".")));
        }
        Ok(key)
    }
}

/// The keys of a JWK Set (RFC 7517 section 5) that can be used: public ones of known kinds, the first of each name, and no
/// more than [`ISSUER_KEYS`].
///
/// # Errors
/// `invalid_request` if it is no JWK Set, or lists no such key.
pub fn jwks(body: &[u8]) -> Result<Vec<Jwk>> {
    let set = parse(body).map_err(|wrong| Error::new(Code::InvalidRequest, wrong.detail))?;
    let Some(listed) = set.get("keys").and_then(Value::as_array) else {
        return refuse(Code::InvalidRequest, "It is no JWK Set: {\"keys\": […]}.");
    };
    let mut keys: Vec<Jwk> = Vec::new();
    for key in listed.iter().filter_map(|key| Jwk::read(key, &[]).ok()) {
        let is_public = key.algorithm() != Algorithm::HS256;
        let is_named = keys.iter().any(|other| other.kid == key.kid && other.algorithm() == key.algorithm());
        if is_public && !is_named && keys.len() < ISSUER_KEYS {
            keys.push(key);
        }
    }
    if keys.is_empty() { refuse(Code::InvalidRequest, "It lists no key that can be used.") } else { Ok(keys) }
}

fn text(members: &Map<String, Value>, name: &str, most: usize) -> Result<Option<String>> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= most => Ok(Some(text.clone())),
        Some(_) => within(name, Err(invalid(format!("This is a string of at most {most} bytes.")))),
    }
}

/// Bytes in base64url, of which there are between `least` and `most`.
fn number(members: &Map<String, Value>, name: &str, least: usize, most: usize) -> Result<String> {
    let text = text(members, name, most * 2)?.unwrap_or_default();
    match URL_SAFE_NO_PAD.decode(&text) {
        Ok(bytes) if (least..=most).contains(&bytes.len()) => Ok(text),
        _ => {
            let wanted = if least == most { format!("{least}") } else { format!("{least} to {most}") };
            within(name, Err(invalid(format!("These are {wanted} bytes in base64url, without padding."))))
        }
    }
}
