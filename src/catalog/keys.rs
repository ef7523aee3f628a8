//! API keys: made here, shown once, kept hashed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::record::{Record, untold};
use super::{Catalog, Step, spreading};
use crate::error::{Code, Error, Result, refuse};
use crate::id::KeyName;
use crate::limits::API_KEYS;
use crate::moment::Moment;
use crate::store::Store;
use crate::value::{Value, parse_object};
use crate::wire::{Answer, Credential, Role};

/// The SHA-256 of a token, in hexadecimal: how API keys are kept and compared.
#[must_use]
pub fn token_hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl<S: Store> Catalog<S> {
    pub(super) fn create_key(&mut self, moment: &mut Moment<'_>, mut record: Record, body: &[u8]) -> Result<Answer> {
        let mut members = parse_object(body)?;
        let (name, role) = (members.remove("name"), members.remove("role"));
        let role = role.as_ref().and_then(Value::as_str).and_then(role_named);
        let (Some(Value::String(name)), Some(role), true) = (name, role, members.is_empty()) else {
            return refuse(
                Code::InvalidRequest,
                "An API key has a `name` and a `role` (\"read\", \"write\" or \"admin\"), and nothing else.",
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
        let credential = Credential { name, hash: token_hash(&key), role, created: moment.now };
        let shown = json!({
            "name": credential.name,
            "role": role,
            "created": credential.created.to_string(),
            "key": key,
        });
        record.credentials.push(credential);
        // Partitions that meet the key ask for it: nobody has to be told.
        record.epoch += 1;
        record.save(&mut self.store)?;
        Ok(Answer::json(201, shown.to_string()))
    }

    pub(super) fn delete_key(
        &mut self,
        moment: &mut Moment<'_>,
        mut record: Record,
        name: &KeyName,
        told: usize,
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
            record.save(&mut self.store)?;
        }
        let Some(epoch) = record.revoked.iter().find(|(revoked, _)| revoked == name).map(|(_, epoch)| *epoch) else {
            if told > 0 {
                return Ok(Step::Answer(Answer::empty(204)));
            }
            return Err(Error::new(Code::UnknownRoute, format!("There is no API key {:?}.", name.as_str())));
        };
        if untold(epoch, &mut self.store)? > 0 {
            if let Some(tell) = self.spread(moment)? {
                return Ok(tell);
            }
            if untold(epoch, &mut self.store)? > 0 {
                self.arm(moment.now);
                return Err(spreading());
            }
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
    let keys: Vec<Value> = record
        .credentials
        .iter()
        .map(|key| json!({ "name": key.name, "role": key.role, "created": key.created.to_string() }))
        .collect();
    Answer::json(200, json!({ "keys": keys }).to_string())
}

fn role_named(name: &str) -> Option<Role> {
    match name {
        "read" => Some(Role::Read),
        "write" => Some(Role::Write),
        "admin" => Some(Role::Admin),
        _ => None,
    }
}
