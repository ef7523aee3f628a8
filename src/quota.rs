//! Quotas: how much each principal may ask of an actor, as token buckets in its memory.
//!
//! There is no hop where all requests of a principal meet, so what is counted is what one partition serves.

use crate::error::{Code, Error, Result};
use crate::limits::QUOTA_PRINCIPALS;
use crate::lru::Lru;
use crate::settings::Quotas;
use crate::time::Time;
use crate::wire::RETRY_AFTER;

/// A level counts millionths: a rate a second adds itself each microsecond.
const ONE: i64 = 1_000_000;

/// What is left to each principal.
#[derive(Debug)]
pub(crate) struct Accounts(Lru<String, Account>);

#[derive(Debug)]
struct Account {
    /// When both levels were looked at last.
    at: Time,
    /// Millionths of requests that are left.
    requests: i64,
    /// Millionths of rows that are left; below zero after a request that took more than there were.
    rows: i64,
}

impl Default for Accounts {
    fn default() -> Accounts {
        Accounts(Lru::of(QUOTA_PRINCIPALS))
    }
}

impl Accounts {
    /// Charges one request to an account.
    ///
    /// # Errors
    /// `too_many_requests`, with the seconds after which there is room again.
    pub(crate) fn request(&mut self, account: &str, quotas: &Quotas, now: Time) -> Result<()> {
        let account = self.account(account, quotas, now);
        if let Some(rate) = quotas.rows_per_second
            && account.rows <= 0
        {
            return Err(exceeded(&format!("{rate} rows a second"), 1 - account.rows, rate));
        }
        if let Some(rate) = quotas.requests_per_second {
            if account.requests < ONE {
                return Err(exceeded(&format!("{rate} requests a second"), ONE - account.requests, rate));
            }
            account.requests -= ONE;
        }
        Ok(())
    }

    /// Charges the rows that requests of an account took.
    pub(crate) fn rows(&mut self, account: &str, quotas: &Quotas, rows: u64, now: Time) {
        if quotas.rows_per_second.is_some() {
            let account = self.account(account, quotas, now);
            let rows = i64::try_from(rows).unwrap_or(i64::MAX).saturating_mul(ONE);
            account.rows = account.rows.saturating_sub(rows);
        }
    }

    /// The account of that name, with what has been added to it since.
    fn account(&mut self, name: &str, quotas: &Quotas, now: Time) -> &mut Account {
        let full = |rate: Option<i64>| rate.unwrap_or(0).saturating_mul(ONE);
        let (requests, rows) = (full(quotas.burst.or(quotas.requests_per_second)), full(quotas.rows_per_second));
        let account = self.0.entry(name.to_owned(), || Account { at: now, requests, rows });
        let passed = now.micros().saturating_sub(account.at.micros()).max(0);
        let added = |rate: Option<i64>| rate.unwrap_or(0).saturating_mul(passed);
        account.requests = account.requests.saturating_add(added(quotas.requests_per_second)).min(requests);
        account.rows = account.rows.saturating_add(added(quotas.rows_per_second)).min(rows);
        account.at = account.at.max(now);
        account
    }
}

fn exceeded(what: &str, lacking: i64, rate: i64) -> Error {
    let second = rate.saturating_mul(ONE).max(1);
    let seconds = lacking.saturating_add(second - 1) / second;
    let detail = format!("The database's quota is {what} for each principal and key: wait {seconds} s.");
    Error::new(Code::TooManyRequests, detail).with(RETRY_AFTER, seconds)
}
