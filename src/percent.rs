//! Percent-encoding of URL path segments (RFC 3986).

use crate::error::{Code, Error, Result};

/// `text` with everything but unreserved characters as `%XX`.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// `text` with every `%XX` replaced by its byte.
///
/// # Errors
/// `invalid_utf8` if an escape is damaged or the bytes are not UTF-8.
pub fn percent_decode(text: &str) -> Result<String> {
    let wrong = || Error::new(Code::InvalidUtf8, "The address holds a damaged percent escape or is not UTF-8.");
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or_else(wrong);
        let (high, low) = (digit()?, digit()?);
        out.push(u8::try_from(high * 16 + low).map_err(|_| wrong())?);
    }
    String::from_utf8(out).map_err(|_| wrong())
}
