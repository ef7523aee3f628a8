//! The one alarm of a durable actor.

use std::cell::Cell;

use js_sys::futures::JsFuture;
use selvedge::error::{Code, Error, Result};
use selvedge::time::Time;

use crate::host::{self, Storage};

/// What is known of the alarm that the platform holds. Reading it takes an await and setting it writes a row, so it is
/// read once per instance and set only if it must ring earlier.
pub(crate) struct Alarm {
    storage: Storage,
    set: Cell<Set>,
}

#[derive(Clone, Copy)]
enum Set {
    Unknown,
    Never,
    /// Milliseconds since 1970.
    At(f64),
}

impl Alarm {
    pub(crate) fn of(storage: Storage) -> Alarm {
        Alarm { storage, set: Cell::new(Set::Unknown) }
    }

    /// Whether [`Alarm::learn`] has been awaited.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self.set.get(), Set::Unknown)
    }

    /// Finds out what is set. To be awaited before an event, so that the event's own commit holds its alarm as well.
    pub(crate) async fn learn(&self) {
        if self.is_known() {
            return;
        }
        let Ok(promise) = self.storage.get_alarm() else { return };
        if let Ok(set) = JsFuture::from(promise).await {
            self.set.set(set.as_f64().map_or(Set::Never, Set::At));
        }
    }

    /// The alarm rings: none is set any more.
    pub(crate) fn rang(&self) {
        self.set.set(Set::Never);
    }

    /// Sets the alarm if it must ring earlier than it would. It is part of the present event's commit, which the
    /// answer waits for, so its promise need not be awaited.
    ///
    /// # Errors
    /// `internal` if the platform refuses.
    pub(crate) fn arm(&self, next: Option<Time>) -> Result<()> {
        let Some(next) = next else { return Ok(()) };
        // Never early: an alarm that rings before its time finds nothing to do and is set again.
        let next = next.micros().div_euclid(1_000).saturating_add(1) as f64;
        if matches!(self.set.get(), Set::At(set) if set <= next) {
            return Ok(());
        }
        self.storage.set_alarm(next).map_err(|thrown| Error::new(Code::Internal, host::message(&thrown)))?;
        self.set.set(Set::At(next));
        Ok(())
    }
}
