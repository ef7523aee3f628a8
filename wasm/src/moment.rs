//! Time and randomness, as the platform gives them.

use selvedge::moment::Moment;
use selvedge::time::Time;

use crate::host;

/// Runs `event` at the present moment.
pub(crate) fn at_present<T>(event: impl FnOnce(&mut Moment<'_>) -> T) -> T {
    event(&mut Moment { now: now(), random: &mut random })
}

/// The platform's clock. It stands still between two awaits.
fn now() -> Time {
    // A double holds milliseconds exactly for longer than `Time` reaches.
    Time::from_micros((js_sys::Date::now() as i64).saturating_mul(1_000))
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    match host::random() {
        Ok(drawn) => drawn.copy_to(&mut bytes),
        // Keys are made of these: better no answer than a key that can be guessed.
        Err(_) => std::process::abort(),
    }
    bytes
}
