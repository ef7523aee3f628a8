//! Trying the rules.

use serde_json::{Value, json};

use super::shop::world;
use super::world::ask;

#[test]
fn it_can_be_asked_which_rule_decides_and_why() {
    let (mut world, ann, _) = world();
    let mut explain = |body: Value| world.send(ask("POST", "_explain-access").body(&body));
    let read = json!({ "principal": { "key": "ann" }, "action": "read", "document": "orders/ann1" });
    let reply = explain(read.clone()).expect(200).json;
    assert_eq!((&reply["allowed"], &reply["rule"]["action"]), (&json!(true), &json!("read")));
    assert_eq!(reply["before"]["condition"], json!(["=", "customer.user", { "auth": "key" }]));
    assert_eq!(reply["fields"]["margin"]["read"], json!(false));

    let claims = json!({ "auth": { "key": "bob" } });
    let reply = explain(json!({ "principal": claims, "action": "read", "document": "orders/ann1" })).expect(200).json;
    assert_eq!((&reply["allowed"], &reply["before"]["holds"]), (&json!(false), &json!(false)));

    let change =
        |body| json!({ "principal": { "key": "ann" }, "action": "update", "document": "orders/ann1", "body": body });
    assert_eq!(explain(change(json!({ "status": "cancelled" }))).expect(200).json["allowed"], json!(true));
    let reply = explain(change(json!({ "status": "paid" }))).expect(200).json;
    assert_eq!((&reply["allowed"], &reply["after"]["holds"]), (&json!(false), &json!(true)));
    assert_eq!(reply["fields"]["status"]["update"], json!(false));

    // As when it is done, a default nobody has to be allowed to set, and what is hidden not everybody.
    let hidden = explain(change(json!({ "margin": 7 }))).expect(200).json;
    assert_eq!((&hidden["allowed"], &hidden["fields"]["margin"]["update"]), (&json!(false), &json!(false)));
    for (body, allowed) in [(json!({}), true), (json!({ "margin": 0 }), true), (json!({ "margin": 1 }), false)] {
        let mut insert =
            json!({ "principal": { "key": "ann" }, "action": "insert", "document": "orders/n", "body": body });
        insert["body"]["customer"] = json!("ann");
        assert_eq!(explain(insert).expect(200).json["allowed"], json!(allowed), "{body}");
    }

    let insert =
        json!({ "principal": "anonymous", "action": "insert", "document": "orders/n", "body": { "customer": "ann" } });
    assert_eq!(explain(insert).expect(200).json["allowed"], json!(false));
    let delete = json!({ "principal": { "key": "ann" }, "action": "delete", "document": "orders/ann1" });
    let reply = explain(delete).expect(200).json;
    assert_eq!((&reply["allowed"], &reply["rule"]["condition"]), (&json!(false), &json!(false)));
    let nothing = explain(json!({ "principal": "anonymous", "action": "read", "document": "closed/1" }));
    nothing.refused(404, "not_found");

    for wrong in [
        json!({}),
        json!({ "document": "orders/ann1" }),
        json!({ "principal": "somebody", "action": "read", "document": "orders/ann1" }),
        json!({ "principal": {}, "action": "read", "document": "orders/ann1" }),
        json!({ "principal": "anonymous", "action": "write", "document": "orders/ann1" }),
        json!({ "principal": "anonymous", "action": "insert", "document": "orders/n" }),
        json!({ "principal": "anonymous", "action": "read", "document": "orders/ann1", "body": {} }),
        json!({ "principal": "anonymous", "action": "read", "document": "orders/ann1", "more": 1 }),
    ] {
        explain(wrong).refused(400, "invalid_request");
    }
    explain(json!({ "principal": { "key": "none" }, "action": "read", "document": "orders/ann1" }))
        .refused(404, "not_found");
    world.send(ask("POST", "_explain-access").token(&ann).body(&read)).refused(403, "forbidden");
}

#[test]
fn who_may_not_try_the_rules_does_not_have_the_catalog_asked() {
    let (mut world, ann, _) = world();
    let read = json!({ "principal": "anonymous", "action": "read", "document": "orders/ann1" });
    let mut explain = |token: &str| {
        let status = world.send(ask("POST", "_explain-access").token(token).body(&read)).status;
        (status, world.joined)
    };
    // Who a bearer is may have to be asked, once.
    assert_eq!(explain("sv_stranger").0, 401);
    let (refused, asked) = explain(&ann);
    assert_eq!(refused, 403);
    for (token, status) in [("sv_stranger", 401), (ann.as_str(), 403)] {
        assert_eq!(explain(token), (status, asked));
    }
}
