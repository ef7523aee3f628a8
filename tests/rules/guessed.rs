//! What answers to writes do not tell.

use serde_json::{Value, json};

use super::shop::{club, clubhouse, tx, world};
use super::world::{Reply, World, ask};

#[test]
fn what_may_not_be_read_is_not_there_for_any_operation() {
    let (mut world, ann, _) = world();
    let version = world.document("orders/bob1")["_version"].clone();
    for method in ["PATCH", "DELETE"] {
        for id in ["orders/bob1", "orders/none"] {
            let body = json!({ "total": 1 });
            world.send(ask(method, id).token(&ann).body(&body)).refused(404, "not_found");
            let matched =
                world.send(ask(method, id).token(&ann).body(&body).header("if-match", format!("\"{version}\"")));
            matched.refused(412, "version_mismatch");
        }
    }
    let told = |reply: Reply, id: &str| (reply.status, reply.text.replace(id, "…"));
    for operation in [
        json!({ "check": "ID", "where": ["=", "total", 40] }),
        json!({ "check": "ID", "where": ["null", "total"] }),
        json!({ "check": "ID", "version": version }),
        json!({ "patch": "ID", "set": { "total": 1 } }),
        json!({ "patch": "ID", "set": { "total": 1 }, "if": ["=", "total", 40] }),
        json!({ "delete": "ID" }),
    ] {
        let mut replies = ["orders/bob1", "orders/none"].map(|id| {
            let operation: Value = serde_json::from_str(&operation.to_string().replace("ID", id)).expect("JSON");
            let reply = tx(&mut world, &ann, json!([operation]));
            let mut told = told(reply, id.trim_start_matches("orders/"));
            if let Ok(mut answer) = serde_json::from_str::<Value>(&told.1) {
                answer.as_object_mut().expect("an object").remove("time");
                told.1 = answer.to_string();
            }
            told
        });
        replies.sort();
        assert_eq!(replies[0], replies[1], "{operation}");
    }
    let reads = |doc: &str, version: Value| json!({ "reads": [{ "doc": doc, "version": version }], "ops": [] });
    world.send(ask("POST", "_tx").token(&ann).body(&reads("orders/bob1", Value::Null))).expect(200);
    let reply = world.send(ask("POST", "_tx").token(&ann).body(&reads("orders/bob1", version)));
    assert_eq!(reply.refused(409, "conflict").json["version"], Value::Null);
}

#[test]
fn an_id_that_is_taken_is_told_only_to_whom_it_would_be_given() {
    let (mut world, ann, _) = world();
    let mine = json!({ "customer": "ann" });
    let reply = world.send(ask("PUT", "orders/bob1").token(&ann).body(&mine)).refused(409, "exists");
    assert_eq!(reply.json["version"], Value::Null);
    // Of whoever may not insert it, it is not said that it is there.
    let theirs = json!({ "user": "bob", "email": "x@example.com" });
    for id in ["customers/bob", "customers/none"] {
        world.send(ask("PUT", id).token(&ann).body(&theirs)).refused(403, "forbidden");
        world
            .send(
                ask("POST", "customers").token(&ann).body(
                    &json!({ "id": id.trim_start_matches("customers/"), "user": "bob", "email": "bob@example.com" }),
                ),
            )
            .refused(403, "forbidden");
    }
    assert_eq!(world.document("customers/bob")["user"], json!("bob"));
}

#[test]
fn constraints_tell_nothing_of_documents_that_may_not_be_read() {
    let (mut world, ann, _) = world();
    let taken = json!({ "user": "ann", "email": "bob@example.com" });
    let reply = world.send(ask("PUT", "customers/ann2").token(&ann).body(&taken)).refused(409, "unique_violation");
    assert!(reply.json.get("with").is_none() && !reply.text.contains("customers/bob"), "{}", reply.text);
    // A reference to what may not be read is one to nothing.
    let told = ["bob", "none"].map(|customer| {
        let body = json!({ "customer": customer });
        let reply = world.send(ask("PATCH", "orders/ann1").token(&ann).body(&body));
        (reply.status, reply.text.replace(customer, "…"))
    });
    assert_eq!(told[0], told[1]);
    let reply = world.send(ask("DELETE", "customers/ann").token(&ann)).refused(409, "ref_violation");
    assert!(!reply.text.contains("ann1"), "{}", reply.text);
}

#[test]
fn what_a_batch_is_yet_to_be_refused_for_shows_it_nothing() {
    let (mut world, ann) = clubhouse();
    let notes = json!({ "from": "notes", "by": "by" });
    let says = |text: &str| {
        let (says, by_somebody) = (json!(["=", "text", text]), json!(["exists", "by"]));
        [says.clone(), json!(["and", says, by_somebody])]
    };
    let asked = ["psst", "no"].map(|text| {
        says(text).map(|says| {
            let ops = json!([
                { "insert": "people/bob", "body": { "user": "ann" } },
                { "check": "people/bob", "where": ["exists", notes, says] },
            ]);
            tx(&mut world, &ann, ops).refused(409, "check_failed").text
        })
    });
    assert_eq!(asked[0], asked[1]);
    // What may be read, and what the batch itself writes, is there.
    for says in says("psst").into_iter().chain(says("new")) {
        let ops = json!([
            { "patch": "people/ann", "set": { "name": "Ann" } },
            { "insert": "notes/new", "body": { "by": "ann", "text": "new" } },
            { "check": "people/ann", "where": ["exists", notes, says] },
            { "delete": "people/ann" },
            { "check": "people/bob", "where": ["exists", notes] },
        ]);
        assert_eq!(tx(&mut world, &ann, ops).refused(409, "check_failed").json["operation"], json!(4));
    }
}

#[test]
fn a_refusal_to_delete_names_no_document_that_may_not_be_read() {
    let (mut world, ann) = clubhouse();
    world.put("people/cid", json!({ "user": "ann" })).expect(201);
    world.put("notes/hidden", json!({ "by": "bob", "about": "bob" })).expect(201);
    let mut schema = club();
    schema["collections"]["notes"]["rules"]["read"] = json!(false);
    world.send(ask("PUT", "_schema").body(&schema)).expect(200);
    world.put("seals/1", json!({ "note": "ann" })).expect(201);
    let reply = world.send(ask("DELETE", "people/ann").token(&ann)).refused(409, "ref_violation");
    assert!(!reply.text.contains("notes/ann") && !reply.text.contains("seals"), "{}", reply.text);
}

#[test]
fn whoever_may_not_set_a_hidden_field_learns_nothing_by_trying() {
    let (mut world, ann, _) = world();
    let told = |world: &mut World, body: Value| {
        let reply = world.send(ask("PATCH", "orders/ann1").token(&ann).body(&body));
        (reply.status, reply.text)
    };
    assert_eq!(told(&mut world, json!({ "margin": 7 })), told(&mut world, json!({ "margin": 8 })));
    let made = world.document("orders/ann1")["made"].clone();
    let put = |world: &mut World, margin: i64| {
        let body = json!({ "customer": "ann", "made": made, "status": "open", "total": 40, "margin": margin });
        world.send(ask("PUT", "orders/ann1").token(&ann).body(&body)).text
    };
    assert_eq!(put(&mut world, 7), put(&mut world, 8));
    let told = |world: &mut World, operation: Value| tx(world, &ann, json!([operation])).text;
    let most = 9_007_199_254_740_991_i64;
    let by = |amount: i64| json!({ "patch": "orders/ann1", "increment": { "margin": amount } });
    assert_eq!(told(&mut world, by(most - 8)), told(&mut world, by(most)));
    let fails = json!({ "check": "orders/ann1", "where": ["=", "total", 0] });
    let told = |world: &mut World, amount: i64| tx(world, &ann, json!([by(amount), fails])).text;
    assert_eq!(told(&mut world, 1), told(&mut world, most));
    // Nor by changing it and putting it back.
    let again = |world: &mut World, id: &str| {
        let body = json!({ "customer": "ann", "made": made, "status": "open" });
        let ops = json!([{ "patch": id, "set": { "margin": 8 } }, { "patch": id, "set": { "margin": 7 } }, { "patch": id, "set": body }]);
        tx(world, &ann, ops).refused(403, "forbidden")
    };
    again(&mut world, "orders/ann1");
}

#[test]
fn whether_an_id_is_taken_is_not_told_by_what_goes_along() {
    let (mut world, ann) = clubhouse();
    let mut schema = club();
    schema["collections"]["notes"]["rules"]["insert"] = json!(false);
    schema["collections"]["notes"]["rules"]["update"] = json!(true);
    schema["collections"]["people"]["rules"]["insert"] = json!(false);
    world.send(ask("PUT", "_schema").body(&schema)).expect(200);
    let told = |world: &mut World, ops: &dyn Fn(&str) -> Value| {
        let replies = ["bob", "none"].map(|id| tx(world, &ann, ops(id)));
        let [taken, free] = replies.map(|reply| (reply.status, reply.code().to_owned()));
        assert_eq!(taken, free);
        assert!(taken.0 >= 400, "{taken:?}");
    };
    let taken_along =
        |id: &str| json!([{ "insert": format!("notes/{id}"), "body": { "by": "ann" } }, { "delete": "people/ann" }]);
    told(&mut world, &taken_along);
    let taking_along = |id: &str| {
        let person = format!("people/{id}");
        json!([
            { "insert": person, "body": { "user": "ann" } },
            { "patch": "notes/ann", "set": { "by": id } },
            { "delete": person },
        ])
    };
    told(&mut world, &taking_along);
}
