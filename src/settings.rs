//! The settings of a database: whose tokens it accepts, which pages of other origins may ask, how much one principal may
//! ask for. They live in the catalog beside the schema and travel to partitions in the grant.

mod decode;
mod jwk;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::{CORS_AGE_S, JWKS_FRESH_US, JWKS_KEPT_US, JWKS_RENEW_US, JWKS_RETRY_US};
use crate::time::Time;
use crate::value::{Value, object};

pub use decode::settings;
pub use jwk::{Algorithm, Jwk, Material, jwks};

/// The settings of a database. A new one has none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whose tokens are accepted.
    pub issuers: Vec<Issuer>,
    /// Which pages of other origins may ask.
    pub cors: Cors,
    /// How much one principal may ask of one partition.
    pub quotas: Quotas,
}

/// Somebody who issues tokens (RFC 7519).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// What `iss` must be, exactly.
    pub issuer: String,
    /// Of these, `aud` must name one.
    pub audience: Vec<String>,
    /// The keys.
    pub keys: KeySource,
    /// The algorithms that are accepted; all that keys have, if empty.
    pub algorithms: Vec<Algorithm>,
    /// Seconds by which the issuer's clock may differ.
    pub skew: i64,
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeySource {
    /// They stand in the settings.
    Inline(Vec<Jwk>),
    /// They are fetched from this URL, a JWK Set (RFC 7517 section 5).
    Url(String),
}

/// Which pages of other origins may ask (the CORS protocol of the Fetch standard).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cors {
    /// The origins, as browsers send them; `*` is any.
    pub origins: Vec<String>,
    /// Seconds for which a browser may remember that.
    pub max_age: Option<i64>,
}

/// How much one principal may ask of one partition. What is not set is not bounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotas {
    /// Requests a second, over any while.
    pub requests_per_second: Option<i64>,
    /// Requests at once; as many as in a second, if not set.
    pub burst: Option<i64>,
    /// Rows a second, read and written.
    pub rows_per_second: Option<i64>,
}

/// What was fetched from one URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// The keys that it listed last.
    pub keys: Vec<Jwk>,
    /// When it did; never yet, if none.
    pub at: Option<Time>,
    /// When it was asked last, whatever became of that.
    pub tried: Option<Time>,
    /// Why the last attempt failed, if it did.
    pub failure: Option<String>,
}

/// The keys that were fetched, by URL.
pub type KeySets = BTreeMap<String, Fetched>;

/// The keys of an issuer, as they are known at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keys<'a> {
    /// They are these.
    Known(&'a [Jwk]),
    /// They are these, but should be fetched again before one of them is used.
    Stale(&'a [Jwk]),
    /// They could not be fetched for so long that none of them is used, or never yet.
    Missing,
}

impl Settings {
    /// The issuer of that name.
    #[must_use]
    pub fn issuer(&self, name: &str) -> Option<&Issuer> {
        self.issuers.iter().find(|issuer| issuer.issuer == name)
    }

    /// The settings as their reader sees them: secrets are left out.
    #[must_use]
    pub fn shown(&self) -> Value {
        let issuers = self.issuers.iter().map(Issuer::shown).collect();
        let cors =
            [("origins", Some(self.cors.origins.as_slice().into())), ("maxAge", self.cors.max_age.map(Value::from))];
        let Quotas { requests_per_second, burst, rows_per_second } = self.quotas;
        let quotas = [("requestsPerSecond", requests_per_second), ("burst", burst), ("rowsPerSecond", rows_per_second)];
        let quotas = quotas.map(|(name, most)| (name, most.map(Value::from)));
        object([("issuers", Some(issuers)), ("cors", Some(object(cors))), ("quotas", Some(object(quotas)))])
    }
}

impl Quotas {
    /// Whether anything is bounded.
    #[must_use]
    pub fn are_any(&self) -> bool {
        self.requests_per_second.is_some() || self.rows_per_second.is_some()
    }
}

impl Issuer {
    /// Its keys at `now`.
    #[must_use]
    pub fn keys_at<'a>(&'a self, now: Time, fetched: &'a KeySets) -> Keys<'a> {
        let url = match &self.keys {
            KeySource::Inline(keys) => return Keys::Known(keys),
            KeySource::Url(url) => url,
        };
        let Some(Fetched { keys, at: Some(at), .. }) = fetched.get(url) else { return Keys::Missing };
        match now.micros().saturating_sub(at.micros()) {
            age if age > JWKS_KEPT_US => Keys::Missing,
            age if age > JWKS_FRESH_US => Keys::Stale(keys),
            _ => Keys::Known(keys),
        }
    }

    /// The one of `keys` that must have signed a token with this algorithm and `kid`.
    #[must_use]
    pub fn pick<'a>(&self, keys: &'a [Jwk], algorithm: Algorithm, kid: Option<&str>) -> Option<&'a Jwk> {
        if !self.algorithms.is_empty() && !self.algorithms.contains(&algorithm) {
            return None;
        }
        let fits = |key: &&Jwk| key.algorithm() == algorithm && (kid.is_none() || key.kid.as_deref() == kid);
        let mut fitting = keys.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(key),
            // Without a `kid` nothing says which of several it is.
            _ => None,
        }
    }

    /// The URL that its keys are fetched from; none if they stand in the settings.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match &self.keys {
            KeySource::Url(url) => Some(url),
            KeySource::Inline(_) => None,
        }
    }

    fn shown(&self) -> Value {
        let algorithms = self.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
        let keys = match &self.keys {
            KeySource::Inline(keys) => Some(keys.iter().map(Jwk::shown).collect()),
            KeySource::Url(_) => None,
        };
        object([
            ("issuer", Some(self.issuer.as_str().into())),
            ("audience", Some(self.audience.as_slice().into())),
            ("jwks", self.url().map(Value::from)),
            ("keys", keys),
            ("algorithms", Some(algorithms).filter(|_| !self.algorithms.is_empty())),
            ("skew", Some(self.skew.into())),
        ])
    }
}

impl Cors {
    /// What `access-control-allow-origin` is for a page of `origin`; none if it may not ask.
    #[must_use]
    pub fn allows(&self, origin: &str) -> Option<&str> {
        self.origins.iter().map(String::as_str).find(|allowed| *allowed == "*" || *allowed == origin)
    }

    /// Seconds for which a browser may remember the answer to a preflight.
    #[must_use]
    pub fn age(&self) -> i64 {
        self.max_age.unwrap_or(CORS_AGE_S)
    }
}

/// Whether keys that were asked for at `tried` may be asked for again; sooner if `lacking`, when no key is there to be used
/// meanwhile.
pub(crate) fn may_try(tried: Time, lacking: bool, now: Time) -> bool {
    let wait = if lacking { JWKS_RETRY_US } else { JWKS_RENEW_US };
    now.micros().saturating_sub(tried.micros()) >= wait
}
