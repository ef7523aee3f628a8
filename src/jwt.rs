//! JSON Web Tokens (RFC 7519), signed (RFC 7515), read as RFC 8725 advises: strictly, and never as the token would like.
//!
//! Nothing here trusts a token. [`Jwt::parse`] reads what it says of itself; [`Jwt::pick`] finds the one key of the settings
//! that must have signed it; whether it did is for the shell to find out; [`Jwt::admit`] then looks whom it was made for, and when.
//!
//! Until its signature is known to be good a token is refused in the same words, whatever is wrong with it and whether there
//! is such a database or not: a guess must teach nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Code, Error, Result, refuse};
use crate::limits::{CLAIM_BYTES, JWT_AUDIENCES, JWT_BYTES};
use crate::settings::{Algorithm, Issuer, Jwk};
use crate::time::Time;
use crate::value::{Map, Value, parse_object};

/// A token that was read, and not believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Jwt {
    /// What it says is signed, and how.
    pub algorithm: Algorithm,
    /// The name of the key that it says signed it.
    pub kid: Option<String>,
    /// `iss`
    pub issuer: String,
    /// `sub`
    pub subject: Option<String>,
    /// `aud`
    pub audience: Vec<String>,
    /// `exp`
    pub expires: Time,
    /// `nbf`
    pub not_before: Option<Time>,
    /// `iat`
    pub issued: Option<Time>,
    /// All claims.
    pub claims: Map<String, Value>,
    /// Bytes of the text that are signed: header and claims as they came.
    pub signed: usize,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Parts of a header that would have a token say which key to trust, or what the reader must understand.
const REFUSED: [&str; 8] = ["crit", "jwk", "jku", "x5u", "x5c", "b64", "cty", "zip"];

/// Whether a bearer token has the shape of a JWT: three parts in base64url, of which the last may be empty.
#[must_use]
pub fn looks_like_one(token: &str) -> bool {
    let part = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(claims), Some(signature), None) => {
            !header.is_empty() && !claims.is_empty() && [header, claims, signature].into_iter().all(part)
        }
        _ => false,
    }
}

impl Jwt {
    /// What `token` says.
    ///
    /// # Errors
    /// `unauthenticated` if it is no signed JWT, or one that asks to be read in a way that is not safe.
    pub fn parse(token: &str) -> Result<Jwt> {
        if token.len() > JWT_BYTES {
            return damaged(&format!("it has more than {JWT_BYTES} bytes"));
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return damaged("it is not three parts with dots between them");
        };
        let signed = header.len() + 1 + payload.len();
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return damaged("its signature is no base64url") };
        let mut header = object(header, "header")?;
        if let Some(name) = REFUSED.into_iter().find(|name| header.contains_key(*name)) {
            return damaged(&format!("its header holds `{name}`, which is not heeded here"));
        }
        let kind = header.remove("typ");
        let plain = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];
        let is_plain = |kind: &str| plain.iter().any(|plain| plain.eq_ignore_ascii_case(kind));
        if !kind.as_ref().is_none_or(|kind| kind.as_str().is_some_and(is_plain)) {
            return damaged("its `typ` is of another kind of JWT");
        }
        let Some(algorithm) = header.get("alg").and_then(Value::as_str).and_then(Algorithm::named) else {
            return damaged("its `alg` is none of RS256, ES256, EdDSA and HS256");
        };
        let kid = name(&header, "kid")?;
        let claims = object(payload, "claims")?;
        let Some(issuer) = name(&claims, "iss")? else { return damaged("it has no `iss`") };
        let Some(expires) = moment(&claims, "exp")? else { return damaged("it has no `exp`") };
        Ok(Jwt {
            algorithm,
            kid,
            issuer,
            subject: name(&claims, "sub")?,
            audience: audience(&claims)?,
            expires,
            not_before: moment(&claims, "nbf")?,
            issued: moment(&claims, "iat")?,
            claims,
            signed,
            signature,
        })
    }

    /// The one of `keys` that must have signed it.
    #[must_use]
    pub fn pick<'a>(&self, issuer: &Issuer, keys: &'a [Jwk]) -> Option<&'a Jwk> {
        issuer.pick(keys, self.algorithm, self.kid.as_deref())
    }

    /// Whether the token, whose signature is good, was made for this database and is in force at `now`.
    ///
    /// # Errors
    /// `unauthenticated`, and which it is not.
    pub fn admit(&self, issuer: &Issuer, now: Time) -> Result<()> {
        if !self.audience.iter().any(|name| issuer.audience.contains(name)) {
            return refuse(Code::Unauthenticated, "The JWT was made for another audience than this database.");
        }
        let skew = issuer.skew.saturating_mul(1_000_000);
        let (earliest, latest) = (now.micros().saturating_sub(skew), now.micros().saturating_add(skew));
        if self.expires.micros() <= earliest {
            return refuse(Code::Unauthenticated, "The JWT has expired: get a new one from its issuer.");
        }
        if [self.not_before, self.issued].into_iter().flatten().any(|from| from.micros() > latest) {
            return refuse(Code::Unauthenticated, "The JWT is not in force yet: its `nbf` or `iat` is to come.");
        }
        Ok(())
    }

    /// Who it says its bearer is: issuer and subject, as JSON so that no two pairs look alike.
    #[must_use]
    pub fn identity(&self) -> String {
        Value::from(vec![Value::from(self.issuer.as_str()), self.subject.as_deref().map_or(Value::Null, Value::from)])
            .to_string()
    }
}

/// The refusal of a token whose signature is not known to be good. It says the same whatever is wrong, and whether there is
/// such a database or not.
pub(crate) fn unknown() -> Error {
    Error::new(
        Code::Unauthenticated,
        "No issuer in this database's settings signed this JWT, or not with a key that is in force.",
    )
}

fn damaged<T>(what: &str) -> Result<T> {
    refuse(Code::Unauthenticated, format!("This is no JWT that is accepted: {what}."))
}

fn object(part: &str, what: &str) -> Result<Map<String, Value>> {
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(part) else { return damaged(&format!("its {what} are no base64url")) };
    match parse_object(&bytes) {
        Ok(members) => Ok(members),
        Err(wrong) => damaged(&format!("its {what} cannot be read ({})", wrong.code.as_str())),
    }
}

fn name(members: &Map<String, Value>, name: &str) -> Result<Option<String>> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= CLAIM_BYTES => Ok(Some(text.clone())),
        Some(_) => damaged(&format!("its `{name}` is no string of at most {CLAIM_BYTES} bytes")),
    }
}

/// Whom `aud` names: one, or several (RFC 7519 section 4.1.3).
fn audience(claims: &Map<String, Value>) -> Result<Vec<String>> {
    let text = |value: &Value| value.as_str().filter(|text| text.len() <= CLAIM_BYTES).map(str::to_owned);
    let named = match claims.get("aud") {
        None => Some(Vec::new()),
        Some(Value::Array(all)) if all.len() <= JWT_AUDIENCES => all.iter().map(text).collect(),
        Some(one) => text(one).map(|one| vec![one]),
    };
    named.map_or_else(|| damaged("its `aud` names no audience"), Ok)
}

/// Seconds since 1970, perhaps with a fraction (RFC 7519 section 2).
fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<Time>> {
    match claims.get(name).map(Value::as_f64) {
        None => Ok(None),
        // A double holds microseconds exactly for longer than `Time` reaches; what lies beyond is clamped.
        Some(Some(seconds)) if seconds.is_finite() => Ok(Some(Time::from_micros((seconds * 1e6) as i64))),
        Some(_) => damaged(&format!("its `{name}` is no number of seconds")),
    }
}
