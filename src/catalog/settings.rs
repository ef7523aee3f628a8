//! Putting and getting the settings, and fetching the keys of issuers that they name by URL.

use serde_json::json;

use super::record::Record;
use super::{Catalog, Step, audit, over};
use crate::error::{Code, Result, refuse};
use crate::limits::SETTINGS_BYTES;
use crate::moment::Moment;
use crate::settings::{Fetched, Issuer, Jwk, Keys, jwks, may_try, settings};
use crate::store::Store;
use crate::time::Time;
use crate::value::{self, Value, object};
use crate::wire::{Answer, KeyWanted};

/// Characters of a reason that are kept.
const REASON_CHARS: usize = 200;

impl<S: Store> Catalog<S> {
    /// Puts settings. The answer comes when every partition knows them: whom they shut out is shut out everywhere then.
    pub(super) fn put_settings(
        &mut self,
        moment: &mut Moment<'_>,
        mut record: Record,
        body: &[u8],
        only_if: Option<i64>,
        told: usize,
        by: &str,
    ) -> Result<Step> {
        if body.len() > SETTINGS_BYTES {
            return refuse(Code::TooLarge, format!("Settings have at most {SETTINGS_BYTES} bytes."));
        }
        // Only at first: later others may have been put meanwhile.
        if told == 0 {
            over("settings have", record.settings_version, only_if)?;
            let put = settings(&value::parse(body)?, &record.settings)?;
            if put != record.settings {
                let urls: Vec<&str> = put.issuers.iter().filter_map(Issuer::url).collect();
                record.jwks.retain(|url, _| urls.contains(&url.as_str()));
                record.settings = put;
                record.settings_version += 1;
                record.turn();
                record.settings_since = record.epoch;
                let about = json!({ "version": record.settings_version });
                self.store.atomically(|store| {
                    audit::note(by, "settings.put", about, moment.now, store)?;
                    record.save(store)
                })?;
            }
        }
        if let Some(tell) = self.until_told(record.settings_since, moment)? {
            return Ok(tell);
        }
        let body = json!({ "version": record.settings_version });
        Ok(Step::Answer(Answer::json(200, body.to_string()).with_version(version(&record))))
    }

    /// The URL that must be asked before a token of that key can be judged, if any. Others that want the same meanwhile wait for
    /// that answer; afterwards nobody asks again soon.
    pub(super) fn fetch_for(&mut self, record: &Record, wanted: &KeyWanted, now: Time) -> Option<String> {
        let issuer = record.settings.issuer(&wanted.issuer)?;
        let url = issuer.url()?;
        let pick = |keys| issuer.pick(keys, wanted.algorithm, wanted.kid.as_deref()).is_some();
        let lacking = match issuer.keys_at(now, &record.jwks) {
            Keys::Known(keys) if pick(keys) => return None,
            Keys::Known(_) | Keys::Missing => true,
            Keys::Stale(keys) => !pick(keys),
        };
        let tried = record.jwks.get(url).and_then(|fetched| fetched.tried);
        if !self.fetching.contains(url) && tried.is_some_and(|tried| !may_try(tried, lacking, now)) {
            return None;
        }
        self.fetching.insert(url.to_owned());
        Some(url.to_owned())
    }

    /// Takes what was fetched from a URL, or why nothing was. Of several that waited for the same, the first counts.
    pub fn fetched(&mut self, url: &str, body: std::result::Result<&[u8], &str>, now: Time) {
        if self.fetching.remove(url) {
            // What cannot be kept is fetched again.
            let _ = self.keep_fetched(url, body, now);
        }
    }

    fn keep_fetched(&mut self, url: &str, body: std::result::Result<&[u8], &str>, now: Time) -> Result<()> {
        let Some(mut record) = Record::load(&mut self.store)? else { return Ok(()) };
        if !record.settings.issuers.iter().any(|issuer| issuer.url() == Some(url)) {
            return Ok(());
        }
        let keys = match body {
            Ok(body) => jwks(body).map_err(|wrong| wrong.detail),
            Err(reason) => Err(reason.to_owned()),
        };
        let former = record.jwks.remove(url).unwrap_or_default();
        let now_known = match keys {
            Ok(keys) => Fetched { keys, at: Some(now), tried: Some(now), failure: None },
            Err(reason) => {
                let failure = Some(reason.chars().take(REASON_CHARS).collect());
                Fetched { tried: Some(now), failure, ..former }
            }
        };
        record.jwks.insert(url.to_owned(), now_known);
        // Partitions that want these keys ask for them: nobody has to be told.
        record.epoch += 1;
        record.save(&mut self.store)
    }
}

/// The settings, and how it stands with the keys that are fetched.
pub(super) fn get(record: &Record) -> Answer {
    let state = |(url, fetched): (&String, &Fetched)| {
        object([
            ("jwks", Some(url.as_str().into())),
            ("keys", Some(fetched.keys.iter().map(Jwk::shown).collect())),
            ("fetched", fetched.at.map(|at| at.to_string().into())),
            ("failure", fetched.failure.as_deref().map(Value::from)),
        ])
    };
    let fetched: Vec<Value> = record.jwks.iter().map(state).collect();
    let body = json!({ "version": record.settings_version, "settings": record.settings.shown(), "fetched": fetched });
    Answer::json(200, body.to_string()).with_version(version(record))
}

fn version(record: &Record) -> i64 {
    i64::try_from(record.settings_version).unwrap_or(i64::MAX)
}
