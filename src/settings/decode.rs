//! Reading settings from JSON. Every refusal is an `invalid_settings` with the place as a JSON pointer in `path`.

use super::{Algorithm, Cors, Issuer, Jwk, KeySource, Quotas, Settings};
use crate::error::{Code, Result};
use crate::limits::{
    CLAIM_BYTES, CORS_AGE_MOST_S, ISSUER_KEYS, ISSUERS, JWT_AUDIENCES, ORIGIN_BYTES, ORIGINS, QUOTA_MOST, SKEW_MOST_S,
    SKEW_S,
};
use crate::schema::decode::reader::{array, bounded, invalid, members, string, within};
use crate::value::{Map, Value};

/// The settings that `value` spells. Secrets that it leaves out are those of `former`.
///
/// # Errors
/// `invalid_settings`, with the `path` of what is wrong.
pub fn settings(value: &Value, former: &Settings) -> Result<Settings> {
    read(value, former).map_err(|mut error| {
        error.code = Code::InvalidSettings;
        if !error.members.contains_key("path") { error.with("path", "") } else { error }
    })
}

fn read(value: &Value, former: &Settings) -> Result<Settings> {
    let top = members(value, &["issuers", "cors", "quotas"])?;
    let mut settings = Settings::default();
    if let Some(issuers) = top.get("issuers") {
        settings.issuers = within("issuers", read_issuers(issuers, former))?;
    }
    if let Some(cors) = top.get("cors") {
        settings.cors = within("cors", read_cors(cors))?;
    }
    if let Some(quotas) = top.get("quotas") {
        settings.quotas = within("quotas", read_quotas(quotas))?;
    }
    Ok(settings)
}

fn read_issuers(value: &Value, former: &Settings) -> Result<Vec<Issuer>> {
    let given = array(value, "the issuers of JWTs")?;
    bounded(given.len(), ISSUERS, "issuers")?;
    let mut issuers: Vec<Issuer> = Vec::new();
    for (place, value) in given.iter().enumerate() {
        let issuer = within(&place.to_string(), read_issuer(value, former))?;
        if issuers.iter().any(|other| other.issuer == issuer.issuer) {
            return within(&place.to_string(), Err(invalid("This issuer stands twice: give it all its keys at once.")));
        }
        issuers.push(issuer);
    }
    Ok(issuers)
}

fn read_issuer(value: &Value, former: &Settings) -> Result<Issuer> {
    let given = members(value, &["issuer", "audience", "jwks", "keys", "algorithms", "skew"])?;
    let issuer = within("issuer", given.get("issuer").map_or_else(missing, name))?;
    let audience = match given.get("audience") {
        Some(Value::Array(all)) => {
            within("audience", bounded(all.len(), JWT_AUDIENCES, "audiences"))?;
            within("audience", all.iter().map(name).collect::<Result<Vec<_>>>())?
        }
        Some(one) => vec![within("audience", name(one))?],
        None => Vec::new(),
    };
    if audience.is_empty() {
        let why = "Say for whom JWTs must be made: one for somebody else must not work here.";
        return within("audience", Err(invalid(why)));
    }
    let keys = match (given.get("jwks"), given.get("keys")) {
        (Some(url), None) => KeySource::Url(within("jwks", read_url(url))?),
        (None, Some(keys)) => KeySource::Inline(within("keys", read_keys(keys, &issuer, former))?),
        _ => return Err(invalid("An issuer has either `jwks`, the URL of its keys, or `keys`, the keys themselves.")),
    };
    let algorithms = match given.get("algorithms") {
        None => Vec::new(),
        Some(given) => within("algorithms", read_algorithms(given))?,
    };
    let skew = within("skew", whole(given, "skew", 0, SKEW_MOST_S))?.unwrap_or(SKEW_S);
    Ok(Issuer { issuer, audience, keys, algorithms, skew })
}

fn read_keys(value: &Value, issuer: &str, former: &Settings) -> Result<Vec<Jwk>> {
    let given = array(value, "the issuer's keys")?;
    bounded(given.len(), ISSUER_KEYS, "keys")?;
    if given.is_empty() {
        return Err(invalid("Without a key no JWT can be checked: leave the issuer out instead."));
    }
    let former = match former.issuer(issuer).map(|issuer| &issuer.keys) {
        Some(KeySource::Inline(keys)) => keys.as_slice(),
        _ => &[],
    };
    let mut keys: Vec<Jwk> = Vec::new();
    for (place, value) in given.iter().enumerate() {
        let key = within(&place.to_string(), Jwk::read(value, former))?;
        if keys.iter().any(|other| other.kid == key.kid && other.algorithm() == key.algorithm()) {
            return within(
                &place.to_string(),
                Err(invalid("Another key of this kind has the same `kid`, or both have none.")),
            );
        }
        keys.push(key);
    }
    Ok(keys)
}

fn read_algorithms(value: &Value) -> Result<Vec<Algorithm>> {
    let given = array(value, "names of algorithms")?;
    bounded(given.len(), Algorithm::ALL.len(), "algorithms")?;
    let read = |value: &Value| {
        let known = value.as_str().and_then(Algorithm::named);
        known.ok_or_else(|| invalid("An algorithm is RS256, ES256, EdDSA or HS256."))
    };
    given.iter().enumerate().map(|(place, value)| within(&place.to_string(), read(value))).collect()
}

/// The URL of a JWK Set: over TLS, but for a server on this very machine, as in development.
fn read_url(value: &Value) -> Result<String> {
    let text = name(value)?;
    let wrong = || invalid("This is an https URL; http is for localhost alone. It holds no user, space or fragment.");
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split(':').next().unwrap_or_default(),
    };
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\' | b'@'));
    let safe = match scheme {
        "https" => true,
        "http" => matches!(host, "localhost" | "127.0.0.1" | "::1"),
        _ => false,
    };
    if plain && safe && !host.is_empty() { Ok(text) } else { Err(wrong()) }
}

fn read_cors(value: &Value) -> Result<Cors> {
    let given = members(value, &["origins", "maxAge"])?;
    let origins = match given.get("origins") {
        None => Vec::new(),
        Some(origins) => within("origins", read_origins(origins))?,
    };
    Ok(Cors { origins, max_age: within("maxAge", whole(given, "maxAge", 0, CORS_AGE_MOST_S))? })
}

fn read_origins(value: &Value) -> Result<Vec<String>> {
    let given = array(value, "origins")?;
    bounded(given.len(), ORIGINS, "origins")?;
    given.iter().enumerate().map(|(place, value)| within(&place.to_string(), read_origin(value))).collect()
}

/// An origin as browsers serialize it (RFC 6454 section 6.1): one that is written otherwise would never match.
fn read_origin(value: &Value) -> Result<String> {
    let text = string(value, "an origin")?;
    let wrong =
        || invalid("An origin is \"https://app.example\", scheme, host and perhaps port in lower case, or \"*\".");
    if text == "*" {
        return Ok(text.to_owned());
    }
    let (scheme, host) = text.split_once("://").ok_or_else(wrong)?;
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':' | b'[' | b']' | b'+' | b'_');
    let default_port = match scheme {
        "https" => host.ends_with(":443"),
        "http" => host.ends_with(":80"),
        _ => false,
    };
    let fits = !scheme.is_empty() && !host.is_empty() && text.len() <= ORIGIN_BYTES && !default_port;
    if fits && scheme.bytes().chain(host.bytes()).all(plain) { Ok(text.to_owned()) } else { Err(wrong()) }
}

fn read_quotas(value: &Value) -> Result<Quotas> {
    let given = members(value, &["requestsPerSecond", "burst", "rowsPerSecond"])?;
    let read = |name: &str| within(name, whole(given, name, 1, QUOTA_MOST));
    let quotas = Quotas {
        requests_per_second: read("requestsPerSecond")?,
        burst: read("burst")?,
        rows_per_second: read("rowsPerSecond")?,
    };
    if quotas.burst.is_some() && quotas.requests_per_second.is_none() {
        return within("burst", Err(invalid("A burst goes with `requestsPerSecond`.")));
    }
    Ok(quotas)
}

/// A name of somebody or something in a token.
fn name(value: &Value) -> Result<String> {
    match value.as_str() {
        Some(text) if !text.is_empty() && text.len() <= CLAIM_BYTES => Ok(text.to_owned()),
        _ => Err(invalid(format!("This is a string of 1 to {CLAIM_BYTES} bytes."))),
    }
}

fn missing<T>() -> Result<T> {
    Err(invalid("This must be there."))
}

/// A whole number between two bounds, if the member is there.
fn whole(members: &Map<String, Value>, name: &str, least: i64, most: i64) -> Result<Option<i64>> {
    match members.get(name).map(Value::as_i64) {
        None => Ok(None),
        Some(Some(number)) if (least..=most).contains(&number) => Ok(Some(number)),
        Some(_) => Err(invalid(format!("This is a whole number from {least} to {most}."))),
    }
}
