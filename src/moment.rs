//! What an event brings from outside: the time and randomness.

use crate::id::BatchId;
use crate::time::Time;

/// The moment of an event. The core has no clock and no randomness of its own.
pub struct Moment<'a> {
    /// The physical time.
    pub now: Time,
    /// Gives 16 random bytes.
    pub random: &'a mut dyn FnMut() -> [u8; 16],
}

impl Moment<'_> {
    /// A new id: a UUID of version 7, so that ids made later sort later.
    pub fn new_id(&mut self) -> BatchId {
        let [a, b, c, d, e, f, g, h, i, j, ..] = (self.random)();
        let unix_ms = u64::try_from(self.now.micros() / 1_000).unwrap_or_default();
        BatchId::v7(unix_ms, [a, b, c, d, e, f, g, h, i, j])
    }
}
