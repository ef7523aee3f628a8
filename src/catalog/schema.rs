//! Putting and getting the schema.

use serde_json::{Map, Value, json};

use super::record::{self, Record};
use super::{Catalog, Step, audit, over};
use crate::error::{Code, Error, Result, refuse};
use crate::limits::SCHEMA_BYTES;
use crate::moment::Moment;
use crate::schema::change::{Change, change};
use crate::schema::decode;
use crate::schema::model::Schema;
use crate::store::Store;
use crate::value;
use crate::wire::{Answer, SchemaText};

impl<S: Store> Catalog<S> {
    pub(super) fn get_schema(&mut self, record: &Record) -> Result<Answer> {
        let mut members = Map::new();
        members.insert("version".to_owned(), json!(record.schema.version));
        members.insert("schema".to_owned(), parsed(&record.schema.text)?);
        if let Some(staged) = &record.staged {
            let of = record::count(&mut self.store)?;
            let done = of - record::undone(record.must, &mut self.store)?.min(of);
            members.insert("staged".to_owned(), json!({ "version": staged.version, "checked": done, "of": of }));
        }
        if let Some(refused) = &record.refused {
            let problem = violation(&refused.offenders).problem();
            members.insert("refused".to_owned(), json!({ "version": refused.schema.version, "problem": problem }));
        }
        let version = i64::try_from(record.schema.version).unwrap_or(i64::MAX);
        Ok(Answer::json(200, Value::Object(members).to_string()).with_version(version))
    }

    pub(super) fn put_schema(
        &mut self,
        moment: &mut Moment<'_>,
        mut record: Record,
        body: &[u8],
        only_if: Option<i64>,
        told: usize,
        by: &str,
    ) -> Result<Step> {
        if body.len() > SCHEMA_BYTES {
            return refuse(Code::TooLarge, format!("A schema has at most {SCHEMA_BYTES} bytes."));
        }
        let tree = value::parse(body)?;
        let text = tree.to_string();
        if told == 0 && record.staged.as_ref().is_none_or(|staged| staged.text != text) {
            over("schema has", record.schema.version, only_if)?;
            let schema = decode::schema(&tree)?;
            // One that is in force, but not everywhere: where it is not, the next one would take its place and what
            // it asked of the documents would never be done.
            let unsettled = record.schema.text != text && record::undone(record.since, &mut self.store)? > 0;
            if record.staged.is_some() || unsettled {
                self.arm(moment.now);
                return refuse(
                    Code::Conflict,
                    "Another change of the schema is under way: GET _schema tells how far it is. Try again after it.",
                );
            }
            if record.schema.text != text {
                self.begin(moment, &mut record, schema, text.clone(), by)?;
            }
        }
        if let Some(tell) = self.spread(moment)? {
            return Ok(tell);
        }
        let Some(record) = Record::load(&mut self.store)? else {
            return refuse(Code::Unavailable, "The database is being deleted.");
        };
        if let Some(staged) = record.staged.filter(|staged| staged.text == text) {
            self.arm(moment.now);
            let body = json!({ "version": staged.version, "state": "staged" });
            return Ok(Step::Answer(Answer::json(202, body.to_string())));
        }
        if let Some(refused) = record.refused.filter(|refused| refused.schema.text == text) {
            self.arm(moment.now);
            return Err(violation(&refused.offenders));
        }
        if record::undone(record.must, &mut self.store)? > 0 {
            self.arm(moment.now);
        }
        if record.schema.text != text {
            return refuse(
                Code::Conflict,
                "Another schema was put while this one was spread: GET _schema tells which is in force.",
            );
        }
        let version = i64::try_from(record.schema.version).unwrap_or(i64::MAX);
        Ok(Step::Answer(
            Answer::json(200, json!({ "version": record.schema.version }).to_string()).with_version(version),
        ))
    }

    /// Begins a change of schema: at once where it asks nothing of the data, else staged.
    fn begin(
        &mut self,
        moment: &mut Moment<'_>,
        record: &mut Record,
        schema: Schema,
        text: String,
        by: &str,
    ) -> Result<()> {
        let former = if record.schema.text.is_empty() {
            Schema::default()
        } else {
            decode::schema(&value::parse(record.schema.text.as_bytes())?)?
        };
        record.last_version += 1;
        record.refused = None;
        record.offenders.clear();
        let put = SchemaText { version: record.last_version, text };
        let asks = change(&former, &schema).values().any(asks_something);
        let about = json!({ "version": put.version });
        let staged = asks && record::count(&mut self.store)? > 0;
        self.store.atomically(|store| {
            audit::note(by, "schema.put", about.clone(), moment.now, store)?;
            if staged {
                record.staged = Some(put);
                record.turn();
            } else {
                record.enact(put, moment.now, store)?;
                audit::note(by, "schema.enact", about, moment.now, store)?;
            }
            record.save(store)
        })
    }
}

/// Whether a change must look at documents before it comes into force.
fn asks_something(change: &Change) -> bool {
    change.revalidate
        || change.recompute
        || !change.migrations.is_empty()
        || !change.unique_added.is_empty()
        || !change.references_added.is_empty()
        || !change.indexes_added.is_empty()
}

fn violation(offenders: &[Value]) -> Error {
    let detail = "Documents that are there do not fit the schema: mend them, or give the schema a `migrate` step.";
    Error::new(Code::SchemaViolation, detail).with("offenders", offenders.to_vec())
}

fn parsed(text: &str) -> Result<Value> {
    if text.is_empty() { Ok(json!({ "collections": {} })) } else { value::parse(text.as_bytes()) }
}
