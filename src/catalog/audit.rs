//! The trail of administrative acts: who changed what about the database, and when.

use serde_json::json;

use super::record::Record;
use crate::error::Result;
use crate::limits::{AUDIT_ACTS, AUDIT_PAGE};
use crate::principal::credential;
use crate::store::{Cell, Store};
use crate::time::Time;
use crate::value::{Value, object};
use crate::wire::{Answer, Bearer, from_json};

/// Who acts.
pub(super) fn actor(bearer: &Bearer, record: &Record) -> String {
    match credential(bearer, &record.credentials) {
        Some(key) => format!("key:{}", key.name),
        None => "root".to_owned(),
    }
}

/// The one who acts where nobody asked just now: what a schema waited for has come about.
pub(super) const SYSTEM: &str = "system";

/// Notes an act. The oldest goes when there are more than [`AUDIT_ACTS`].
pub(super) fn note(by: &str, act: &str, about: Value, time: Time, store: &mut impl Store) -> Result<()> {
    store.run(
        "CREATE TABLE IF NOT EXISTS audit(no INTEGER PRIMARY KEY, time INTEGER NOT NULL, act TEXT NOT NULL)",
        &[],
    )?;
    let text = json!([by, act, about]).to_string();
    store.run("INSERT INTO audit(time, act) VALUES (?, ?)", &[Cell::Integer(time.micros()), Cell::Text(text)])?;
    store.run(
        "DELETE FROM audit WHERE no <= (SELECT max(no) FROM audit) - CAST(? AS INTEGER)",
        &[Cell::Integer(AUDIT_ACTS)],
    )?;
    Ok(())
}

/// The acts after one, oldest first, and the number to go on after, while there are more.
pub(super) fn page(after: i64, store: &mut impl Store) -> Result<Answer> {
    let there = store.run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'audit'", &[])?;
    let most = i64::try_from(AUDIT_PAGE).unwrap_or(i64::MAX);
    let rows = if there.rows.is_empty() {
        Vec::new()
    } else {
        let sql = "SELECT no, time, act FROM audit WHERE no > CAST(? AS INTEGER) ORDER BY no LIMIT CAST(? AS INTEGER)";
        store.run(sql, &[Cell::Integer(after), Cell::Integer(most + 1)])?.rows
    };
    let mut acts = Vec::new();
    for row in &rows {
        let [Cell::Integer(no), Cell::Integer(time), Cell::Text(text)] = row.as_slice() else { continue };
        let (by, act, about): (String, String, Value) = from_json(text)?;
        let time = Time::from_micros(*time).to_string();
        acts.push(json!({ "no": no, "time": time, "by": by, "act": act, "about": about }));
    }
    let more = acts.len() > AUDIT_PAGE;
    acts.truncate(AUDIT_PAGE);
    let next = acts.last().and_then(|act| act.get("no")).cloned().filter(|_| more);
    let body = object([("acts", Some(acts.into())), ("next", next)]);
    Ok(Answer::json(200, body.to_string()))
}
