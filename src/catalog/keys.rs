//! API keys: made here, shown once, kept hashed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::record::Record;
use super::{Catalog, Step, audit};
use crate::error::{Code, Error, Result, refuse};
use crate::id::KeyName;
use crate::limits::{API_KEY_LIFE_US, API_KEYS, KEY_ROLES};
use crate::moment::Moment;
use crate::store::Store;
use crate::time::Time;
use crate::value::{Value, object, parse_object};
use crate::wire::{Answer, Credential, Role};

/// The SHA-256 of a token, in hexadecimal: how API keys are kept and compared.
#[must_use]
pub fn token_hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl<S: Store> Catalog<S> {
    pub(super) fn create_key(
        &mut self,
        moment: &mut Moment<'_>,
        mut record: Record,
        body: &[u8],
        by: &str,
    ) -> Result<Answer> {
        let mut members = parse_object(body)?;
        let (name, role) = (members.remove("name"), members.remove("role"));
        let expires = members.remove("expires").map(|given| expiry(&given, moment.now)).transpose()?;
        let roles = members.remove("roles").map(|given| role_names(&given)).transpose()?.unwrap_or_default();
        let role = role.as_ref().and_then(Value::as_str).and_then(role_named);
        let (Some(Value::String(name)), Some(role), true) = (name, role, members.is_empty()) else {
            return refuse(
                Code::InvalidRequest,
                "An API key has a `name` and a `role` (\"read\", \"write\" or \"admin\"), perhaps `expires` and `roles`, and \
                 nothing else.",
            );
        };
        let name = KeyName::parse(&name)?;
        if record.credentials.iter().any(|credential| credential.name == name) {
            return refuse(Code::Exists, format!("There is an API key {:?} already: revoke it first.", name.as_str()));
        }
        if record.credentials.len() >= API_KEYS {
            return refuse(Code::TooMany, format!("A database has at most {API_KEYS} API keys: revoke one first."));
        }
        let mut secret = Vec::with_capacity(32);
        secret.extend((moment.random)());
        secret.extend((moment.random)());
        let key = format!("sv_{}", URL_SAFE_NO_PAD.encode(secret));
        let (hash, created) = (token_hash(&key), moment.now);
        let credential = Credential { name, hash, role, created, expires, roles };
        let (made, about) = (shown(&credential, Some(&key)), shown(&credential, None));
        record.credentials.push(credential);
        // Partitions that meet the key ask for it: nobody has to be told.
        record.epoch += 1;
        self.store.atomically(|store| {
            audit::note(by, "key.create", about, moment.now, store)?;
            record.save(store)
        })?;
        Ok(Answer::json(201, made.to_string()))
    }

    pub(super) fn delete_key(
        &mut self,
        moment: &mut Moment<'_>,
        mut record: Record,
        name: &KeyName,
        told: usize,
        by: &str,
    ) -> Result<Step> {
        // Only at first: later it is another key, made under that name meanwhile.
        if told == 0
            && let Some(at) = record.credentials.iter().position(|credential| credential.name == *name)
        {
            record.credentials.remove(at);
            record.turn();
            let epoch = record.epoch;
            record.revoked.retain(|(other, _)| other != name);
            record.revoked.push((name.clone(), epoch));
            self.store.atomically(|store| {
                audit::note(by, "key.revoke", json!({ "name": name }), moment.now, store)?;
                record.save(store)
            })?;
        }
        let Some(epoch) = record.revoked.iter().find(|(revoked, _)| revoked == name).map(|(_, epoch)| *epoch) else {
            if told > 0 {
                return Ok(Step::Answer(Answer::empty(204)));
            }
            return Err(Error::new(Code::UnknownRoute, format!("There is no API key {:?}.", name.as_str())));
        };
        if let Some(tell) = self.until_told(epoch, moment)? {
            return Ok(tell);
        }
        if let Some(mut record) = Record::load(&mut self.store)? {
            record.revoked.retain(|(revoked, _)| revoked != name);
            record.save(&mut self.store)?;
        }
        Ok(Step::Answer(Answer::empty(204)))
    }
}

/// The API keys without their secrets.
pub(super) fn list(record: &Record) -> Answer {
    let keys: Vec<Value> = record.credentials.iter().map(|credential| shown(credential, None)).collect();
    Answer::json(200, json!({ "keys": keys }).to_string())
}

/// An API key as its reader sees it; at first, once, with the key itself.
fn shown(credential: &Credential, key: Option<&str>) -> Value {
    object([
        ("name", Some(credential.name.as_str().into())),
        ("role", Some(json!(credential.role))),
        ("created", Some(credential.created.to_string().into())),
        ("expires", credential.expires.map(|expires| expires.to_string().into())),
        ("roles", Some(credential.roles.as_slice().into()).filter(|_| !credential.roles.is_empty())),
        ("key", key.map(Value::from)),
    ])
}

/// When a key expires: a time to come.
fn expiry(given: &Value, now: Time) -> Result<Time> {
    let Some(text) = given.as_str() else {
        return refuse(Code::InvalidRequest, "`expires` is a time: write RFC 3339, \"2026-01-31T12:00:00Z\".");
    };
    let expires = Time::parse(text)?;
    if expires <= now || expires.micros() - now.micros() > API_KEY_LIFE_US {
        return refuse(
            Code::InvalidRequest,
            "`expires` lies ahead, and no more than ten years: a key without it stays.",
        );
    }
    Ok(expires)
}

/// Names of roles that rules know.
fn role_names(given: &Value) -> Result<Vec<String>> {
    let wrong = || {
        let detail = format!("`roles` are at most {KEY_ROLES} names: a letter, then letters, digits, `_` and `-`.");
        Error::new(Code::InvalidRequest, detail)
    };
    let names = given.as_array().filter(|names| names.len() <= KEY_ROLES).ok_or_else(wrong)?;
    let read = |name: &Value| name.as_str().filter(|name| KeyName::parse(name).is_ok()).map(str::to_owned);
    names.iter().map(read).collect::<Option<_>>().ok_or_else(wrong)
}

fn role_named(name: &str) -> Option<Role> {
    match name {
        "read" => Some(Role::Read),
        "write" => Some(Role::Write),
        "admin" => Some(Role::Admin),
        _ => None,
    }
}
