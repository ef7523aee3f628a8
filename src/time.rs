//! Time as the home gives it: a hybrid logical clock in microseconds, and the tokens made of it.
//!
//! The clock follows Kulkarni et al., "Logical Physical Clocks" (2014), in the compact form that keeps one
//! number: the physical microsecond, or one more than the last time given, whichever is greater. It fits in 53
//! bits until the year 2255, so it crosses JavaScript unharmed.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::{Code, Error, Result, refuse};
use crate::id::Key;

/// A commit's time: microseconds since 1970, UTC. Written as RFC 3339 with six digits of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    /// The last time that can be written: the end of the year 9999.
    const LAST_US: i64 = 253_402_300_799_999_999;

    /// The time `us` microseconds after 1970. Out-of-range values are clamped to the years 1970 to 9999.
    #[must_use]
    pub fn from_micros(us: i64) -> Time {
        Time(us.clamp(0, Time::LAST_US))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0
    }

    /// The time that an RFC 3339 text names.
    ///
    /// # Errors
    /// `invalid_request` if it is none, or not in the years 1970 to 9999.
    pub fn parse(text: &str) -> Result<Time> {
        let wrong = || {
            Error::new(Code::InvalidRequest, format!("{text:?} is no time: write RFC 3339, `2026-01-31T12:00:00Z`."))
        };
        let nanos = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong())?.unix_timestamp_nanos();
        let us = i64::try_from(nanos.div_euclid(1_000)).map_err(|_| wrong())?;
        if (0..=Time::LAST_US).contains(&us) { Ok(Time(us)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at =
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (date, time) = (at.date(), at.time());
        write!(
            out,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.microsecond()
        )
    }
}

/// The hybrid logical clock of one actor. Physical time is passed in; what it gives only ever rises.
#[derive(Clone, Debug)]
pub struct Clock {
    last: Time,
}

impl Clock {
    /// A clock that has given `last` already.
    #[must_use]
    pub fn after(last: Time) -> Clock {
        Clock { last }
    }

    /// The last time given.
    #[must_use]
    pub fn last(&self) -> Time {
        self.last
    }

    /// Takes note of a time that was read at: what is given from now on is later.
    pub fn see(&mut self, time: Time) {
        self.last = self.last.max(time);
    }

    /// A new time for a commit at physical time `now`: after every time given before.
    pub fn tick(&mut self, now: Time) -> Time {
        self.last = Time::from_micros(now.0.max(self.last.0.saturating_add(1)));
        self.last
    }
}

/// The set of times a caller has seen, one for each key. Travels as `Selvedge-Token`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token(BTreeMap<Key, Time>);

impl Token {
    /// The token of one key seen at one time.
    #[must_use]
    pub fn of(key: Key, time: Time) -> Token {
        Token(BTreeMap::from([(key, time)]))
    }

    /// The time seen of `key`.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Time> {
        self.0.get(key).copied()
    }

    /// The token as it travels: `<percent-encoded key>@<microseconds>`, joined by commas.
    #[must_use]
    pub fn encode(&self) -> String {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|(key, time)| format!("{}@{}", crate::percent::percent_encode(key.as_str()), time.0))
            .collect();
        parts.join(",")
    }

    /// The token that `text` spells.
    ///
    /// # Errors
    /// `invalid_request` if it is not one.
    pub fn decode(text: &str) -> Result<Token> {
        let mut times = BTreeMap::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let entry = part.rsplit_once('@').and_then(|(key, us)| {
                let key = Key::parse(&crate::percent::percent_decode(key).ok()?).ok()?;
                Some((key, Time::from_micros(us.parse().ok()?)))
            });
            let Some((key, time)) = entry else {
                return refuse(
                    Code::InvalidRequest,
                    "The Selvedge-Token is damaged: send it back exactly as it came, or leave it out.",
                );
            };
            times.insert(key, time);
        }
        Ok(Token(times))
    }
}
