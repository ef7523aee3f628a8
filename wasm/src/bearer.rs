//! Who asks, as far as the bearer token tells.

use std::cell::OnceCell;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use selvedge::jwt::looks_like_one;
use selvedge::limits::{JWT_BYTES, TOKEN_BYTES};
use selvedge::wire::Bearer;
use sha2::{Digest, Sha256};

use crate::host::Bindings;

thread_local! {
    /// The SHA-256 of the root key; none if the Worker was given none. It changes with a deployment alone.
    static ROOT: OnceCell<Option<[u8; 32]>> = const { OnceCell::new() };
}

/// What a subprotocol begins with that carries a token in base64url: browsers let a page set no other header of a socket.
const PROTOCOL: &str = "bearer.";

/// The bearer that an `Authorization` header names.
pub(crate) fn of(header: Option<String>, bindings: &Bindings) -> Bearer {
    let Some(header) = header else { return Bearer::Nobody };
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => known(token.trim(), bindings),
        _ => Bearer::Unusable,
    }
}

/// The bearer that one of the subprotocols names which a socket is opened with.
pub(crate) fn of_protocols(header: Option<String>, bindings: &Bindings) -> Bearer {
    let offered = header.as_deref().into_iter().flat_map(|header| header.split(','));
    match offered.filter_map(|protocol| protocol.trim().strip_prefix(PROTOCOL)).next() {
        None => Bearer::Nobody,
        Some(token) => decoded(token).map_or(Bearer::Unusable, |token| known(&token, bindings)),
    }
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// The bearer of a token. One too long to be a key is a JWT or nobody's.
fn known(token: &str, bindings: &Bindings) -> Bearer {
    if token.len() <= TOKEN_BYTES && !token.is_empty() {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let root = ROOT.with(|root| *root.get_or_init(|| root_digest(bindings)));
        if root.is_some_and(|root| same(&root, &digest)) {
            return Bearer::Root;
        }
        if !looks_like_one(token) {
            return Bearer::Hash(hexadecimal(&digest));
        }
    }
    let is_jwt = token.len() <= JWT_BYTES && looks_like_one(token);
    if is_jwt { Bearer::Token(token.to_owned()) } else { Bearer::Unusable }
}

fn root_digest(bindings: &Bindings) -> Option<[u8; 32]> {
    let key = bindings.root_key().ok()?.as_string()?;
    (!key.is_empty()).then(|| Sha256::digest(key).into())
}

/// Compares in a time that does not depend on where they differ.
fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.iter().zip(right).fold(0, |differing, (left, right)| differing | (left ^ right)) == 0
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
