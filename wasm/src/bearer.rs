//! Who asks, as far as the bearer token tells.

use std::cell::OnceCell;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use selvedge::limits::TOKEN_BYTES;
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
    match header.as_deref().and_then(|header| header.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => known(token.trim(), bindings),
        _ => Bearer::Nobody,
    }
}

/// The bearer that one of the subprotocols names which a socket is opened with.
pub(crate) fn of_protocols(header: Option<String>, bindings: &Bindings) -> Bearer {
    let token = header.as_deref().into_iter().flat_map(|header| header.split(','));
    let token = token.filter_map(|protocol| protocol.trim().strip_prefix(PROTOCOL)).find_map(decoded);
    token.map_or(Bearer::Nobody, |token| known(&token, bindings))
}

fn decoded(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// The bearer of a token. One too long to be a key is nobody's.
fn known(token: &str, bindings: &Bindings) -> Bearer {
    if token.is_empty() || token.len() > TOKEN_BYTES {
        return Bearer::Nobody;
    }
    let digest: [u8; 32] = Sha256::digest(token).into();
    let root = ROOT.with(|root| *root.get_or_init(|| root_digest(bindings)));
    if root.is_some_and(|root| same(&root, &digest)) { Bearer::Root } else { Bearer::Hash(hexadecimal(&digest)) }
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
