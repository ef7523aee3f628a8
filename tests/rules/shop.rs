//! A shop and a club with rules, and what their tests are full of.

use serde_json::{Value, json};

use super::world::{Reply, World, ask};

/// A shop whose customers see their own orders; what an order earned, and who is watched, is the staff's to know.
pub fn shop() -> Value {
    json!({
        "collections": {
            "customers": {
                "fields": { "user": { "type": "string" }, "email": { "type": "string", "unique": true } },
                "rules": {
                    "read": ["=", "user", { "auth": "key" }],
                    "insert": ["=", "user", { "auth": "key" }],
                    "update": ["=", "user", { "auth": "key" }],
                    "delete": ["=", "user", { "auth": "key" }],
                },
            },
            "orders": {
                "fields": {
                    "customer": { "ref": "customers", "onDelete": "restrict" },
                    "margin": { "type": "int", "default": 0 },
                    "made": { "type": "timestamp", "default": { "now": true } },
                    "status": { "type": "string", "default": "open" },
                    "double": { "type": "int", "optional": true, "computed": ["*", "margin", 2] },
                },
                "indexes": ["margin", "status"],
                "rules": {
                    "read": ["=", "customer.user", { "auth": "key" }],
                    "insert": ["=", "customer.user", { "auth": "key" }],
                    "update": ["=", "customer.user", { "auth": "key" }],
                    "fields": {
                        "margin": { "read": ["role", "staff"], "update": ["role", "staff"] },
                        "double": { "read": ["role", "staff"] },
                        "made": { "update": false },
                        "status": { "update": ["and", ["=", { "old": "status" }, "open"], ["=", "status", "cancelled"]] },
                    },
                },
            },
            "closed": {},
            "staff": {},
        },
        "roles": { "staff": { "from": "staff", "membership": ["=", "user", { "auth": "key" }] } },
    })
}

/// The shop with two customers, an order each, and their tokens.
pub fn world() -> (World, String, String) {
    let mut world = World::new();
    let schema = shop();
    world.send(ask("PUT", "_schema").body(&schema)).expect(200);
    for user in ["ann", "bob"] {
        let email = format!("{user}@example.com");
        world.put(&format!("customers/{user}"), json!({ "user": user, "email": email })).expect(201);
        world.put(&format!("orders/{user}1"), json!({ "customer": user, "margin": 7, "total": 40 })).expect(201);
    }
    let (ann, bob) = (world.key("ann", "write"), world.key("bob", "write"));
    (world, ann, bob)
}

pub fn query(world: &mut World, token: &str, tree: Value) -> Reply {
    world.send(ask("POST", "_query").token(token).body(&tree))
}

pub fn tx(world: &mut World, token: &str, ops: Value) -> Reply {
    world.send(ask("POST", "_tx").token(token).body(&json!({ "ops": ops })))
}

/// Teams whose members are secret, and what belongs to them.
pub fn club() -> Value {
    let mine = json!(["=", "user", { "auth": "key" }]);
    json!({
        "collections": {
            "people": {
                "fields": { "user": { "type": "string" } },
                "rules": { "read": mine, "insert": mine, "update": mine, "delete": mine },
            },
            "notes": {
                "fields": {
                    "by": { "ref": "people", "optional": true, "onDelete": "cascade" },
                    "about": { "ref": "people", "optional": true, "onDelete": "clear" },
                },
                "rules": { "read": ["=", "by.user", { "auth": "key" }], "insert": true },
            },
            "seals": {
                "fields": { "note": { "ref": "notes", "optional": true, "onDelete": "restrict" } },
                "rules": {},
            },
        },
    })
}

pub fn clubhouse() -> (World, String) {
    let mut world = World::new();
    world.send(ask("PUT", "_schema").body(&club())).expect(200);
    for user in ["ann", "bob"] {
        world.put(&format!("people/{user}"), json!({ "user": user })).expect(201);
        world.put(&format!("notes/{user}"), json!({ "by": user, "about": user, "text": "psst" })).expect(201);
    }
    let ann = world.key("ann", "write");
    (world, ann)
}
