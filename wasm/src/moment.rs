//! Time and randomness, as the platform gives them.

use std::cell::RefCell;

use selvedge::moment::Moment;
use selvedge::time::Time;

use crate::host;

/// Draws that are taken from the platform at once: asking it costs more than the bytes.
const POOL_DRAWS: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
}

/// Runs `event` at the present moment.
pub(crate) fn at_present<T>(event: impl FnOnce(&mut Moment<'_>) -> T) -> T {
    event(&mut Moment { now: now(), random: &mut random })
}

/// The platform's clock. It stands still between two awaits.
fn now() -> Time {
    // A double holds milliseconds exactly for longer than `Time` reaches.
    Time::from_micros((js_sys::Date::now() as i64).saturating_mul(1_000))
}

/// 16 random bytes that nobody was given before.
fn random() -> [u8; 16] {
    POOL.with(|pool| {
        if let Some(drawn) = pool.borrow_mut().pop() {
            return drawn;
        }
        let mut fresh = vec![0; POOL_DRAWS * 16];
        match host::random(fresh.len()) {
            Ok(bytes) => bytes.copy_to(&mut fresh),
            // Keys are made of these: better no answer than a key that can be guessed.
            Err(_) => std::process::abort(),
        }
        let (draws, _) = fresh.as_chunks::<16>();
        let mut pool = pool.borrow_mut();
        pool.extend_from_slice(draws);
        pool.pop().unwrap_or_default()
    })
}
