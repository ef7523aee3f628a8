//! Whom an actor knows by their tokens.
//!
//! A signature is checked once; what else a token must be is looked at on every use, by the settings in force at that
//! moment. So a token ends with its time, its key or its issuer, whichever ends first.

use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::{Principal, credential, identify, unauthenticated};
use crate::error::{Code, Error};
use crate::jwt::{self, Jwt};
use crate::limits::JWTS_KEPT;
use crate::lru::Lru;
use crate::settings::{Issuer, Jwk, Keys, may_try};
use crate::time::Time;
use crate::value::{Map, Value};
use crate::wire::{Bearer, Grant};

/// The SHA-256 of a token.
type Digested = [u8; 32];

/// A signature that is to be checked.
#[derive(Clone, Debug, PartialEq)]
pub struct SignatureCheck {
    /// The key that must have made it.
    pub key: Jwk,
    /// What is signed.
    pub signed: String,
    /// The signature.
    pub signature: Vec<u8>,
    digest: Digested,
    jwt: Jwt,
}

/// Tokens whose signature was checked, good and bad ones apart: bad ones, of which anybody can make many, do not make good
/// ones forgotten.
#[derive(Debug)]
pub(crate) struct Tokens {
    good: Lru<Digested, Good>,
    bad: Lru<Digested, Jwk>,
    /// Issuers about whose keys the catalog was asked, and when it answered.
    asked: Lru<String, Time>,
}

#[derive(Debug)]
struct Good {
    key: Jwk,
    jwt: Jwt,
    identity: Rc<str>,
    claims: Rc<Map<String, Value>>,
}

/// Who a bearer is, as far as an actor can tell.
#[derive(Debug)]
pub(crate) enum Found {
    /// This one.
    Known(Principal),
    /// Nobody, for this reason.
    Refused(Error),
    /// Nobody yet; the catalog may know better.
    Unsure,
    /// That depends on a signature.
    Check(Box<SignatureCheck>),
}

impl Default for Tokens {
    fn default() -> Tokens {
        Tokens { good: Lru::of(JWTS_KEPT), bad: Lru::of(JWTS_KEPT), asked: Lru::of(crate::limits::ISSUERS) }
    }
}

impl Tokens {
    /// Who `bearer` is by a grant. `heard` says that the catalog was asked just now, and this is its answer: then there is
    /// nothing to be unsure of.
    pub(crate) fn find(&mut self, bearer: &Bearer, grant: &Grant, anonymous: bool, heard: bool, now: Time) -> Found {
        match bearer {
            Bearer::Token(token) => self.holder(token, grant, heard, now),
            Bearer::Nobody if anonymous => Found::Known(Principal::Anonymous),
            Bearer::Nobody | Bearer::Unusable => Found::Refused(unauthenticated()),
            Bearer::Root | Bearer::Hash(_) => match identify(bearer, &grant.credentials, now) {
                Some(principal) => Found::Known(principal),
                None if credential(bearer, &grant.credentials).is_some() => {
                    Found::Refused(Error::new(Code::Unauthenticated, "The key has expired: ask for a new one."))
                }
                None if heard => Found::Refused(unauthenticated()),
                None => Found::Unsure,
            },
        }
    }

    /// Takes note of what became of a check.
    pub(crate) fn checked(&mut self, check: SignatureCheck, good: bool) {
        let SignatureCheck { key, digest, mut jwt, .. } = check;
        if good {
            let claims = Rc::new(std::mem::take(&mut jwt.claims));
            self.good.put(digest, Good { key, identity: jwt.identity().into(), claims, jwt });
        } else {
            self.bad.put(digest, key);
        }
    }

    fn holder(&mut self, token: &str, grant: &Grant, heard: bool, now: Time) -> Found {
        let digest: Digested = Sha256::digest(token).into();
        if let Some(known) = self.good.get(&digest)
            && let Some(issuer) = grant.settings.issuer(&known.jwt.issuer)
            && let Keys::Known(keys) = issuer.keys_at(now, &grant.jwks)
            && known.jwt.pick(issuer, keys) == Some(&known.key)
        {
            return known.admitted(issuer, now);
        }
        let jwt = match Jwt::parse(token) {
            Ok(jwt) => jwt,
            Err(error) => return Found::Refused(error),
        };
        let Some(issuer) = grant.settings.issuer(&jwt.issuer) else { return Found::Refused(jwt::unknown()) };
        let known = issuer.keys_at(now, &grant.jwks);
        let (keys, fresh) = match known {
            Keys::Known(keys) => (keys, true),
            Keys::Stale(keys) => (keys, false),
            Keys::Missing => (&[][..], false),
        };
        let picked = jwt.pick(issuer, keys);
        if (picked.is_none() || !fresh) && issuer.url().is_some() {
            if heard {
                self.asked.put(issuer.issuer.clone(), now);
            } else if self.asked.get(&issuer.issuer).is_none_or(|asked| may_try(*asked, picked.is_none(), now)) {
                return Found::Unsure;
            }
        }
        let Some(key) = picked else {
            return Found::Refused(if known == Keys::Missing { keyless(issuer) } else { jwt::unknown() });
        };
        if let Some(good) = self.good.get(&digest).filter(|good| good.key == *key) {
            return good.admitted(issuer, now);
        }
        if self.bad.get(&digest).is_some_and(|with| with == key) {
            return Found::Refused(jwt::unknown());
        }
        let signed = token.get(..jwt.signed).unwrap_or_default().to_owned();
        let (key, signature) = (key.clone(), jwt.signature.clone());
        Found::Check(Box::new(SignatureCheck { key, signed, signature, digest, jwt }))
    }
}

impl Good {
    fn admitted(&self, issuer: &Issuer, now: Time) -> Found {
        match self.jwt.admit(issuer, now) {
            Ok(()) => Found::Known(Principal::Token { identity: self.identity.clone(), claims: self.claims.clone() }),
            Err(error) => Found::Refused(error),
        }
    }
}

/// No token of an issuer can be checked while its keys are not known: that is no fault of the token's.
fn keyless(issuer: &Issuer) -> Error {
    let detail = format!(
        "The keys of the issuer {:?} could not be fetched: send the same request again. GET _settings tells why.",
        issuer.issuer
    );
    Error::new(Code::Unavailable, detail).with(crate::wire::RETRY_AFTER, crate::limits::JWKS_RETRY_US / 1_000_000)
}
