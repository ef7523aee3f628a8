//! What a write does under rules is what it may do by the rules of each document, as it was and as it will be.

use serde_json::{Value, json};

use super::generator;
use super::random::Random;
use super::reads::{documents, world};
use super::reference::{Documents, Who, allows, may_read, own, with_roles};
use super::world::ask;

const CASES_PER_WORLD: u64 = 60;

/// What becomes of a write: the documents afterwards, or the code of the refusal.
type Outcome = Result<Documents, &'static str>;

/// The rules of a change: of the document as it was, if the rule does not look back itself, and as it will be.
fn check(
    schema: &Value,
    who: &Who,
    rule: &Value,
    collection: &str,
    (before, old): (&Documents, Option<&Value>),
    (after, new): (&Documents, &Value),
) -> bool {
    let looks_back = rule.to_string().contains("\"old\"");
    let none = Value::Null;
    let was = match old {
        Some(old) if !looks_back => allows(before, schema, who, rule, (collection, old), &none),
        _ => true,
    };
    was && allows(after, schema, who, rule, (collection, new), old.unwrap_or(&none))
}

/// The ten lines that say what a write of one document comes to.
fn outcome(all: &Documents, schema: &Value, who: &Who, operation: &Operation) -> Outcome {
    let Operation { kind, collection, id, body } = operation;
    let who = &with_roles(all, schema, who);
    let rules = &schema["collections"][collection]["rules"];
    let stored = all[collection].get(id);
    let seen = stored.filter(|document| may_read(all, schema, who, collection, document));
    let mut after = all.clone();
    if matches!(*kind, "patch" | "delete") && seen.is_none() {
        return Err("not_found");
    }
    if *kind == "insert" && seen.is_some() {
        return Err("exists");
    }
    if *kind == "delete" {
        if !allows(all, schema, who, &rules["delete"], (collection, seen.expect("seen")), &Value::Null) {
            return Err("forbidden");
        }
        after.get_mut(collection.as_str()).expect("a collection").remove(id);
        return Ok(after);
    }
    let mut members = own(body);
    let hidden = |field: &str| {
        let read = &rules["fields"][field]["read"];
        seen.is_some_and(|seen| !read.is_null() && !allows(all, schema, who, read, (collection, seen), &Value::Null))
    };
    if let Some(seen) = seen {
        let kept = own(seen);
        // A patch leaves the rest; a replacement what is hidden.
        let kept = kept.into_iter().filter(|(field, _)| *kind == "patch" || hidden(field));
        for (field, value) in kept {
            members.entry(field).or_insert(value);
        }
    }
    let mut new = Value::Object(members);
    new["id"] = json!(id);
    after.get_mut(collection.as_str()).expect("a collection").insert(id.clone(), new.clone());
    let action = if seen.is_some() { "update" } else { "insert" };
    if !check(schema, who, &rules[action], collection, (all, seen), (&after, &new)) {
        return Err("forbidden");
    }
    for (field, rule) in rules["fields"].as_object().into_iter().flatten() {
        // Whether what is hidden stays the same is not told.
        let changes =
            seen.map_or(&Value::Null, |seen| &seen[field]) != &new[field] || !body[field].is_null() && hidden(field);
        if changes
            && !rule["update"].is_null()
            && !check(schema, who, &rule["update"], collection, (all, seen), (&after, &new))
        {
            return Err("forbidden");
        }
    }
    if stored.is_some() && seen.is_none() {
        return Err("exists");
    }
    for (field, target) in [("team", "teams"), ("file", "files")] {
        let Some(id) = new[field].as_str().filter(|_| !schema["collections"][collection]["fields"][field].is_null())
        else {
            continue;
        };
        let is_new = seen.is_none_or(|seen| seen[field] != new[field]);
        let there = all[target].get(id);
        if is_new && there.is_none_or(|there| !may_read(all, schema, who, target, there)) {
            return Err("ref_violation");
        }
    }
    Ok(after)
}

#[derive(Debug)]
struct Operation {
    kind: &'static str,
    collection: String,
    id: String,
    body: Value,
}

fn operation(random: &mut Random, all: &Documents) -> Operation {
    let collection = random.pick(&["teams", "files", "files", "notes"]);
    let kind = random.pick(&["insert", "replace", "replace", "patch", "patch", "patch", "delete"]);
    let mut ids: Vec<String> = all[collection].keys().cloned().collect();
    ids.push(format!("new{}", random.below(3)));
    let mut body = generator::document(random, collection);
    if kind == "patch" {
        let members = body.as_object_mut().expect("an object");
        let keep: Vec<String> = members.keys().filter(|_| random.chance(30)).cloned().collect();
        members.retain(|name, _| keep.contains(name));
    }
    Operation { kind, collection: collection.to_owned(), id: random.pick(&ids), body }
}

/// Documents without versions and times.
fn plain(all: &Documents) -> Documents {
    let mut all = all.clone();
    for document in all.values_mut().flat_map(|documents| documents.values_mut()) {
        document.as_object_mut().expect("an object").retain(|name, _| !name.starts_with('_'));
    }
    all
}

#[test]
fn what_a_principal_may_write_is_what_the_rules_allow_document_by_document() {
    let (seed, cases) = super::run();
    let (mut written, mut refused) = (0, 0);
    for number in 0..cases.div_ceil(CASES_PER_WORLD) {
        let seed = seed.wrapping_add(number);
        let random = &mut Random::new(seed);
        let schema = generator::schema(random);
        let (mut world, tokens) = world(random, &schema);
        for _ in 0..CASES_PER_WORLD {
            let all = plain(&documents(&mut world));
            let (who, token) = random.pick(&tokens);
            let operation = operation(random, &all);
            let told = || format!("seed {seed}, {who:?}, {operation:?}, {schema}");
            let Operation { kind, collection, id, body } = &operation;
            let path = format!("{collection}/{id}");
            let request = match *kind {
                "insert" => {
                    let mut body = body.clone();
                    body["id"] = json!(id);
                    ask("POST", collection).body(&body)
                }
                "replace" => ask("PUT", &path).body(body),
                "patch" => ask("PATCH", &path).body(body),
                _ => ask("DELETE", &path),
            };
            let reply = world.send(request.token(&token));
            let now = plain(&documents(&mut world));
            match outcome(&all, &schema, &who, &operation) {
                Err(code) => {
                    assert_eq!(reply.code(), code, "{} of {}", reply.text, told());
                    assert_eq!(now, all, "{}", told());
                    refused += 1;
                }
                Ok(expected) => {
                    assert!(reply.status < 300, "{} of {}", reply.text, told());
                    // What goes along with a deletion is the schema's affair, not the rules'.
                    if *kind != "delete" {
                        assert_eq!(now, expected, "{}", told());
                    }
                    assert_eq!(now[collection].get(id), expected[collection].get(id), "{}", told());
                    written += 1;
                }
            }
        }
    }
    assert!(
        written * 30 > cases && refused * 30 > cases,
        "{written} written and {refused} refused: the cases are too poor"
    );
}
