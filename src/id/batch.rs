//! Batch ids.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::limits::BATCH_ID_BYTES;

/// The id of a batch. A repeat of an id is answered with the first outcome.
///
/// An id that is a UUID of version 7 (RFC 9562) carries the millisecond it was made at, so that one older than
/// the retention of receipts is refused rather than run a second time. Any other text is remembered for as long
/// as receipts are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BatchId(String);

super::travels_as_text!(BatchId, |id| id.0);

impl BatchId {
    /// The id that `text` spells.
    ///
    /// # Errors
    /// `invalid_batch_id` if it is empty, too long, or holds anything but visible ASCII.
    pub fn parse(text: &str) -> Result<BatchId> {
        if text.is_empty() || text.len() > BATCH_ID_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::new(
                Code::InvalidBatchId,
                format!(
                    "A batch id or Idempotency-Key is 1 to {BATCH_ID_BYTES} visible ASCII characters; a UUID of version 7 is best."
                ),
            ));
        }
        Ok(BatchId(text.to_owned()))
    }

    /// A UUID of version 7 made at `unix_ms` from 10 random bytes.
    #[must_use]
    pub fn v7(unix_ms: u64, random: [u8; 10]) -> BatchId {
        let [a, b, c, d, e, f, g, h, i, j] = random;
        let ms = unix_ms & 0xffff_ffff_ffff;
        let tail = u64::from_be_bytes([0, 0, e, f, g, h, i, j]);
        BatchId(format!(
            "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
            ms >> 16,
            ms & 0xffff,
            u16::from_be_bytes([a, b]) & 0x0fff,
            u16::from_be_bytes([c, d]) & 0x3fff | 0x8000,
            tail
        ))
    }

    /// When the id was made, in milliseconds since 1970, if it is a UUID of version 7.
    #[must_use]
    pub fn made_at_ms(&self) -> Option<u64> {
        let groups: Vec<&str> = self.0.split('-').collect();
        let [high, low, version, variant, tail] = groups.as_slice() else { return None };
        let shape = [(high, 8), (low, 4), (version, 4), (variant, 4), (tail, 12)];
        let hex = shape.iter().all(|(part, len)| part.len() == *len && part.bytes().all(|b| b.is_ascii_hexdigit()));
        if !hex || !version.starts_with('7') {
            return None;
        }
        u64::from_str_radix(&format!("{high}{low}"), 16).ok()
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
