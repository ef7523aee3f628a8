use selvedge::error::Code;

use super::*;

/// Refused: the place, and the schema. What stands in `c` is wrapped; a whole schema begins with `{"`.
const BAD: &[(&str, &str)] = &[
    // Shapes.
    ("", r#"[]"#),
    ("", r#"{}"#),
    ("/views", r#"{"collections": {}, "views": {}}"#),
    ("/collections", r#"{"collections": []}"#),
    ("/collections/_c", r#"{"collections": {"_c": {}}}"#),
    ("/collections/a~1b", r#"{"collections": {"a/b": {}}}"#),
    ("/collections/c", r#"{"collections": {"c": 1}}"#),
    // Rules and roles.
    ("/collections/c/rules", r#"{"collections": {"c": {"rules": []}}}"#),
    ("/collections/c/rules/write", r#"{"collections": {"c": {"rules": {"write": true}}}}"#),
    ("/collections/c/rules/read", r#"{"collections": {"c": {"rules": {"read": "all"}}}}"#),
    ("/collections/c/rules/read", r#"{"collections": {"c": {"rules": {"read": ["role", "staff"]}}}}"#),
    ("/collections/c/rules/read", r#"{"collections": {"c": {"rules": {"read": ["=", "f", {"old": "f"}]}}}}"#),
    ("/collections/c/rules/insert", r#"{"collections": {"c": {"rules": {"insert": ["=", "f", {"old": "f"}]}}}}"#),
    ("/collections/c/rules/update", r#"{"collections": {"c": {"closed": true, "rules": {"update": ["=", "f", 1]}}}}"#),
    ("/collections/c/rules/delete", r#"{"collections": {"c": {"rules": {"delete": ["exists", "team"]}}}}"#),
    ("/collections/c/rules/fields", r#"{"collections": {"c": {"rules": {"fields": []}}}}"#),
    ("/collections/c/rules/fields/_f", r#"{"collections": {"c": {"rules": {"fields": {"_f": {}}}}}}"#),
    (
        "/collections/c/rules/fields/f/insert",
        r#"{"collections": {"c": {"rules": {"fields": {"f": {"insert": true}}}}}}"#,
    ),
    ("/collections/c/rules/fields/f/read", r#"{"collections": {"c": {"rules": {"fields": {"f": {"read": 1}}}}}}"#),
    ("/collections/c/checks/k", r#"{"collections": {"c": {"checks": {"k": ["=", "f", {"auth": "sub"}]}}}}"#),
    ("/roles", r#"{"collections": {}, "roles": []}"#),
    ("/roles/a.b", r#"{"collections": {}, "roles": {"a.b": {}}}"#),
    ("/roles/staff/rule", r#"{"collections": {}, "roles": {"staff": {"rule": true}}}"#),
    ("/roles/staff/from", r#"{"collections": {}, "roles": {"staff": {"from": "members"}}}"#),
    ("/roles/staff/membership", r#"{"collections": {}, "roles": {"staff": {"membership": ["=", "f", 1]}}}"#),
    ("/roles/staff/membership", r#"{"collections": {}, "roles": {"staff": {"membership": ["role", "staff"]}}}"#),
    ("/collections/c/index", r#"{"collections": {"c": {"index": []}}}"#),
    ("/collections/c/closed", r#"{"collections": {"c": {"closed": 1}}}"#),
    ("/collections/c/fields", r#"{"collections": {"c": {"fields": []}}}"#),
    // Names.
    ("/fields/_f", r#"{"_f": {"type": "string"}}"#),
    ("/fields/id", r#"{"id": {"type": "string"}}"#),
    ("/fields/", r#"{"": {"type": "string"}}"#),
    ("/fields/a.b", r#"{"a.b": {"type": "string"}}"#),
    ("/fields/a\"b", r#"{"a\"b": {"type": "string"}}"#),
    ("/fields/a\nb", r#"{"a\nb": {"type": "string"}}"#),
    ("/fields/o/fields/a.b", r#"{"o": {"type": "object", "fields": {"a.b": {"type": "int"}}}}"#),
    // Types.
    ("/fields/f", r#"{"f": "string"}"#),
    ("/fields/f", r#"{"f": {}}"#),
    ("/fields/f", r#"{"f": {"type": "string", "ref": "d"}}"#),
    ("/fields/f/type", r#"{"f": {"type": "text"}}"#),
    ("/fields/f/type", r#"{"f": {"type": 1}}"#),
    ("/fields/f/values", r#"{"f": {"type": "string", "values": ["a"]}}"#),
    ("/fields/f/onDelete", r#"{"f": {"type": "string", "onDelete": "clear"}}"#),
    ("/fields/f/values", r#"{"f": {"type": "enum"}}"#),
    ("/fields/f/values", r#"{"f": {"type": "enum", "values": []}}"#),
    ("/fields/f/values/1", r#"{"f": {"type": "enum", "values": ["a", "a"]}}"#),
    ("/fields/f/values/0", r#"{"f": {"type": "enum", "values": [1]}}"#),
    ("/fields/f/items", r#"{"f": {"type": "array"}}"#),
    ("/fields/f/items/type", r#"{"f": {"type": "array", "items": {"type": "what"}}}"#),
    ("/fields/f/items/optional", r#"{"f": {"type": "array", "items": {"type": "int", "optional": true}}}"#),
    ("/fields/f/items", r#"{"f": {"type": "array", "items": {"ref": "d"}}}"#),
    ("/fields/f/items", r#"{"f": {"type": "array", "items": {"type": "object", "fields": {"r": {"ref": "d"}}}}}"#),
    ("/fields/f/fields/g/default", r#"{"f": {"type": "object", "fields": {"g": {"type": "int", "default": 1}}}}"#),
    ("/fields/f/fields/g/unique", r#"{"f": {"type": "object", "fields": {"g": {"type": "int", "unique": true}}}}"#),
    ("/fields/f/optional", r#"{"f": {"type": "int", "optional": "yes"}}"#),
    // References.
    ("/fields/f/ref", r#"{"f": {"ref": "nowhere"}}"#),
    ("/fields/f/ref", r#"{"f": {"ref": "_d"}}"#),
    ("/fields/o/fields/r/ref", r#"{"o": {"type": "object", "fields": {"r": {"ref": "nowhere"}}}}"#),
    ("/fields/f/onDelete", r#"{"f": {"ref": "d", "onDelete": "nothing"}}"#),
    ("/fields/f/onDelete", r#"{"f": {"ref": "d", "onDelete": "clear"}}"#),
    (
        "/fields/o/fields/r/onDelete",
        r#"{"o": {"type": "object", "optional": true, "fields": {"r": {"ref": "d", "onDelete": "clear"}}}}"#,
    ),
    (
        "/fields/f/onDelete",
        r#"{"f": {"ref": "d", "onDelete": "clear", "optional": true, "computed": "g"}, "g": {"type": "string"}}"#,
    ),
    // Defaults.
    ("/fields/f/default", r#"{"f": {"type": "int", "default": "1"}}"#),
    ("/fields/f/default", r#"{"f": {"type": "int", "default": 1.5}}"#),
    ("/fields/f/default", r#"{"f": {"type": "int", "default": null}}"#),
    ("/fields/f/default", r#"{"f": {"type": "enum", "values": ["a"], "default": "b"}}"#),
    ("/fields/f/default", r#"{"f": {"type": "string", "default": {"now": true}}}"#),
    ("/fields/f/default", r#"{"f": {"type": "timestamp", "default": {"id": true}}}"#),
    ("/fields/f/default", r#"{"f": {"type": "timestamp", "default": "now"}}"#),
    ("/fields/f/default", r#"{"f": {"type": "array", "items": {"type": "int"}, "default": [1, "2"]}}"#),
    ("/fields/f/default", r#"{"f": {"type": "int", "default": 1, "computed": 2}}"#),
    // Checks and expressions.
    ("/fields/f/check", r#"{"f": {"type": "int", "check": ["~", "f", 1]}}"#),
    ("/fields/f/check", r#"{"f": {"type": "int", "check": ["exists", "lines"]}}"#),
    ("/fields/f/check", r#"{"f": {"type": "int", "check": ["=", "id", "x"]}}"#),
    ("/fields/f/check", r#"{"f": {"type": "int", "check": ["=", "f.deeper", 1]}}"#),
    ("/fields/f/computed", r#"{"f": {"type": "int", "computed": null}}"#),
    ("/fields/f/computed", r#"{"f": {"type": "int", "computed": []}}"#),
    ("/fields/f/computed/0", r#"{"f": {"type": "int", "computed": ["%", 1, 2]}}"#),
    ("/fields/f/computed", r#"{"f": {"type": "int", "computed": ["-", 1]}}"#),
    ("/fields/f/computed", r#"{"f": {"type": "int", "computed": ["lower", "a", "b"]}}"#),
    ("/fields/f/computed/2/1", r#"{"f": {"type": "int", "computed": ["+", 1, ["length", null]]}}"#),
    ("/fields/f/computed/1", r#"{"f": {"type": "int", "computed": ["if", ["nope"], 1, 2]}}"#),
    ("/fields/f/computed", r#"{"f": {"type": "int", "computed": "_version"}}"#),
    ("/fields/f/computed", r#"{"f": {"type": "int", "computed": ["+", 1, "f"]}}"#),
    (
        "/fields/a/computed",
        r#"{"a": {"type": "int", "computed": "b"}, "b": {"type": "int", "computed": ["if", ["=", "a", 1], 1, 2]}}"#,
    ),
    // Whole collections.
    ("/collections/c/indexes", r#"{"collections": {"c": {"indexes": "a"}}}"#),
    ("/collections/c/indexes/0", r#"{"collections": {"c": {"indexes": [[]]}}}"#),
    ("/collections/c/indexes/0/1", r#"{"collections": {"c": {"indexes": [["a", "a"]]}}}"#),
    ("/collections/c/indexes/0/0", r#"{"collections": {"c": {"indexes": [["_time"]]}}}"#),
    ("/collections/c/indexes/0", r#"{"collections": {"c": {"indexes": ["a..b"]}}}"#),
    ("/collections/c/indexes/1", r#"{"collections": {"c": {"indexes": ["a", ["a"]]}}}"#),
    ("/collections/c/indexes/0", r#"{"collections": {"c": {"closed": true, "indexes": ["a"]}}}"#),
    ("/collections/c/unique/1", r#"{"collections": {"c": {"unique": [["a", "b"], ["b", "a"]]}}}"#),
    (
        "/collections/c/unique/0",
        r#"{"collections": {"c": {"fields": {"a": {"type": "int", "unique": true}}, "unique": ["a"]}}}"#,
    ),
    (
        "/collections/c/unique/0/1",
        r#"{"collections": {"c": {"closed": true, "fields": {"a": {"type": "int"}}, "unique": [["a", "b"]]}}}"#,
    ),
    ("/collections/c/checks/k", r#"{"collections": {"c": {"closed": true, "checks": {"k": ["=", "a", 1]}}}}"#),
    ("/collections/c/checks/a.b", r#"{"collections": {"c": {"checks": {"a.b": ["=", "a", 1]}}}}"#),
    ("/collections/c/ttl", r#"{"collections": {"c": {"ttl": "until"}}}"#),
    ("/collections/c/ttl", r#"{"collections": {"c": {"fields": {"until": {"type": "string"}}, "ttl": "until"}}}"#),
    ("/collections/c/relations/r", r#"{"collections": {"c": {"relations": {"r": {"from": "d"}}}, "d": {}}}"#),
    ("/collections/c/relations/r/from", r#"{"collections": {"c": {"relations": {"r": {"from": "d", "by": "c"}}}}}"#),
    (
        "/collections/c/relations/r/by",
        r#"{"collections": {"c": {"relations": {"r": {"from": "d", "by": "c"}}}, "d": {}}}"#,
    ),
    (
        "/collections/c/relations/r/by",
        r#"{"collections": {"c": {"relations": {"r": {"from": "d", "by": "x"}}}, "d": {"fields": {"x": {"ref": "d"}}}}}"#,
    ),
    (
        "/collections/c/relations/f",
        r#"{"collections": {"c": {"fields": {"f": {"type": "int"}}, "relations": {"f": {"from": "d", "by": "x"}}},
            "d": {"fields": {"x": {"ref": "c"}}}}}"#,
    ),
    (
        "/collections/a/fields/b/onDelete",
        r#"{"collections": {"a": {"fields": {"b": {"ref": "b", "onDelete": "cascade"}}},
            "b": {"fields": {"c": {"ref": "c", "onDelete": "cascade"}}},
            "c": {"fields": {"a": {"ref": "a", "onDelete": "cascade"}}},
            "z": {"fields": {"a": {"ref": "a", "onDelete": "cascade"}}}}}"#,
    ),
    // Migrations.
    ("/collections/c/migrate", r#"{"collections": {"c": {"migrate": {}}}}"#),
    ("/collections/c/migrate/0", r#"{"collections": {"c": {"migrate": [{}]}}}"#),
    ("/collections/c/migrate/0", r#"{"collections": {"c": {"migrate": [{"drop": "a", "fill": ["a", 1]}]}}}"#),
    ("/collections/c/migrate/0/move", r#"{"collections": {"c": {"migrate": [{"move": "a"}]}}}"#),
    ("/collections/c/migrate/0/rename", r#"{"collections": {"c": {"migrate": [{"rename": ["a"]}]}}}"#),
    ("/collections/c/migrate/0/rename", r#"{"collections": {"c": {"migrate": [{"rename": ["a", "a"]}]}}}"#),
    ("/collections/c/migrate/0/rename/1", r#"{"collections": {"c": {"migrate": [{"rename": ["a", "id"]}]}}}"#),
    (
        "/collections/c/migrate/0/rename/1",
        r#"{"collections": {"c": {"closed": true, "migrate": [{"rename": ["a", "b"]}]}}}"#,
    ),
    (
        "/collections/c/migrate/0/drop",
        r#"{"collections": {"c": {"fields": {"a": {"type": "int"}}, "migrate": [{"drop": "a"}]}}}"#,
    ),
    (
        "/collections/c/migrate/0/fill/1",
        r#"{"collections": {"c": {"fields": {"a": {"type": "int"}}, "migrate": [{"fill": ["a", "x"]}]}}}"#,
    ),
    (
        "/collections/c/migrate/0/fill/0",
        r#"{"collections": {"c": {"fields": {"a": {"type": "int", "computed": 1}}, "migrate": [{"fill": ["a", 1]}]}}}"#,
    ),
];

#[test]
fn what_does_not_hold_together_is_refused_with_its_place() {
    for (place, json) in BAD {
        let (place, json) = match place.starts_with("/fields") {
            true => (
                format!("/collections/c{place}"),
                format!(r#"{{"collections": {{"c": {{"fields": {json}}}, "d": {{}}}}}}"#),
            ),
            false => ((*place).to_owned(), (*json).to_owned()),
        };
        match read(&json) {
            Ok(schema) => panic!("taken: {json}\n{schema:?}"),
            Err(error) => {
                assert_eq!(
                    (error.code, member(&error, "path")),
                    (Code::InvalidSchema, Some(place.as_str())),
                    "{json}: {error}"
                );
            }
        }
    }
}

fn many(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn what_is_past_a_limit_is_refused_and_what_is_at_it_is_not() {
    use selvedge::limits::*;

    let wrapped = |members: String| format!(r#"{{"collections": {{"c": {{{members}}}}}}}"#);
    let fields = |of: String| wrapped(format!(r#""fields": {{{of}}}"#));
    type Make<'m> = &'m dyn Fn(usize) -> String;
    let cases: [(&str, usize, Make<'_>); 11] = [
        ("collections", COLLECTIONS, &|n| {
            format!(r#"{{"collections": {{{}}}}}"#, many(n, |i| format!(r#""c{i}": {{}}"#)))
        }),
        ("fields", FIELDS, &|n| fields(many(n, |i| format!(r#""f{i}": {{"type": "int"}}"#)))),
        ("enum", ENUM_VALUES, &|n| {
            fields(format!(r#""f": {{"type": "enum", "values": [{}]}}"#, many(n, |i| format!("\"{i}\""))))
        }),
        ("index paths", INDEX_PATHS, &|n| wrapped(format!(r#""indexes": [[{}]]"#, many(n, |i| format!("\"{i}\""))))),
        ("roles", ROLES, &|n| {
            format!(r#"{{"collections": {{}}, "roles": {{{}}}}}"#, many(n, |i| format!(r#""r{i}": {{}}"#)))
        }),
        ("fields with rules", COLLECTION_RULES, &|n| {
            wrapped(format!(r#""rules": {{"fields": {{{}}}}}"#, many(n, |i| format!(r#""f{i}": {{}}"#))))
        }),
        ("rules", COLLECTION_RULES, &|n| {
            wrapped(format!(r#""checks": {{{}}}"#, many(n, |i| format!(r#""k{i}": ["null", "f"]"#))))
        }),
        ("indexed", INDEXED_PATHS, &|n| {
            let sets = many(n / 8, |i| format!("[{}]", many(8, |j| format!("\"p{i}-{j}\""))));
            let rest = many(n % 8, |i| format!("\"q{i}\""));
            wrapped(format!(
                r#""indexes": [{}]"#,
                [sets, rest].iter().filter(|s| !s.is_empty()).cloned().collect::<Vec<_>>().join(", ")
            ))
        }),
        ("migration", MIGRATION_STEPS, &|n| {
            wrapped(format!(r#""migrate": [{}]"#, many(n, |i| format!(r#"{{"drop": "f{i}"}}"#))))
        }),
        ("expression", EXPRESSION_NODES - 1, &|n| {
            fields(format!(r#""f": {{"type": "int", "computed": ["+", {}]}}"#, many(n, |i| i.to_string())))
        }),
        ("depth", PATH_SEGMENTS, &|n| {
            let open = r#""f": {"type": "object", "fields": {"#.repeat(n - 1);
            fields(format!(r#"{open}"f": {{"type": "int"}}{}"#, "}}".repeat(n - 1)))
        }),
    ];
    for (what, limit, make) in cases {
        good(&make(limit));
        let error = read(&make(limit + 1)).expect_err(what);
        assert_eq!(error.code, Code::InvalidSchema, "{what}");
        assert!(member(&error, "path").is_some(), "{what}");
    }
}

#[test]
fn a_collection_may_cascade_to_itself() {
    good(r#"{"collections": {"c": {"fields": {"parent": {"ref": "c", "optional": true, "onDelete": "cascade"}}}}}"#);
}

#[test]
fn what_a_migration_takes_away_it_may_give_back() {
    collection(
        r#"{"fields": {"a": {"type": "int"}, "b": {"type": "int"}}, "closed": true,
        "migrate": [{"rename": ["a", "t"]}, {"rename": ["b", "a"]}, {"rename": ["t", "b"]}]}"#,
    );
}
