use selvedge::schema::change::{Change, change, migrate};
use selvedge::schema::model::Migration;

use super::*;

/// What changes in `c` from one schema of it to another.
fn between(old: &str, new: &str) -> Change {
    let whole = |c: &str| good(&format!(r#"{{"collections": {{"c": {c}, "d": {{}}, "e": {{}}}}}}"#));
    let mut changes = change(&whole(old), &whole(new));
    let found = changes.remove(&name("c")).unwrap_or_default();
    assert!(changes.is_empty());
    found
}

fn fields(of: &str) -> String {
    format!(r#"{{"fields": {{{of}}}}}"#)
}

fn closed(of: &str) -> String {
    format!(r#"{{"closed": true, "fields": {{{of}}}}}"#)
}

#[test]
fn only_what_data_could_break_is_looked_at_again() {
    let int = r#""f": {"type": "int"}"#;
    let object = |of: &str| fields(&format!(r#""f": {{"type": "object", {of}}}"#));
    for (old, new, again) in [
        // Widened, or free of data.
        (fields(int), fields(int), false),
        (fields(int), "{}".to_owned(), false),
        (closed(int), fields(int), false),
        (fields(int), fields(r#""f": {"type": "float"}"#), false),
        (fields(int), fields(r#""f": {"type": "json"}"#), false),
        (fields(int), fields(r#""f": {"type": "int", "optional": true}"#), false),
        (fields(int), fields(r#""f": {"type": "int", "guarded": true, "default": 1}"#), false),
        (fields(r#""f": {"type": "timestamp"}"#), fields(r#""f": {"type": "string"}"#), false),
        (
            fields(r#""f": {"type": "enum", "values": ["a"]}"#),
            fields(r#""f": {"type": "enum", "values": ["b", "a"]}"#),
            false,
        ),
        (fields(r#""f": {"ref": "d"}"#), fields(r#""f": {"ref": "d", "onDelete": "cascade"}"#), false),
        (fields(r#""f": {"ref": "d"}"#), fields(r#""f": {"type": "string"}"#), false),
        (closed(int), closed(r#""f": {"type": "int"}, "g": {"type": "int", "optional": true}"#), false),
        (object(r#""closed": true"#), object(r#""fields": {}"#), false),
        (
            object(r#""closed": true"#),
            object(r#""closed": true, "fields": {"x": {"type": "int", "optional": true}}"#),
            false,
        ),
        (
            r#"{"checks": {"k": ["null", "a"]}}"#.to_owned(),
            r#"{"checks": {"renamed": ["null", "a"]}}"#.to_owned(),
            false,
        ),
        (r#"{"checks": {"k": ["null", "a"]}}"#.to_owned(), "{}".to_owned(), false),
        // Narrowed.
        ("{}".to_owned(), fields(r#""f": {"type": "int", "optional": true}"#), true),
        ("{}".to_owned(), r#"{"closed": true}"#.to_owned(), true),
        (closed(int), closed(""), true),
        (closed(int), closed(r#""f": {"type": "int"}, "g": {"type": "timestamp", "default": {"now": true}}"#), true),
        (fields(r#""f": {"type": "int", "optional": true}"#), fields(int), true),
        (fields(r#""f": {"type": "float"}"#), fields(int), true),
        (fields(r#""f": {"type": "json"}"#), fields(int), true),
        (fields(r#""f": {"type": "string"}"#), fields(r#""f": {"type": "timestamp"}"#), true),
        (
            fields(r#""f": {"type": "enum", "values": ["a", "b"]}"#),
            fields(r#""f": {"type": "enum", "values": ["a"]}"#),
            true,
        ),
        (
            fields(r#""f": {"type": "array", "items": {"type": "float"}}"#),
            fields(r#""f": {"type": "array", "items": {"type": "int"}}"#),
            true,
        ),
        (object(r#""fields": {}"#), object(r#""closed": true"#), true),
        (object(r#""fields": {}"#), object(r#""fields": {"x": {"type": "int", "optional": true}}"#), true),
        (fields(int), fields(r#""f": {"type": "int", "check": [">", "f", 0]}"#), true),
        (r#"{"checks": {"k": ["null", "a"]}}"#.to_owned(), r#"{"checks": {"k": ["null", "b"]}}"#.to_owned(), true),
    ] {
        assert_eq!(between(&old, &new).revalidate, again, "{old} to {new}");
    }
}

#[test]
fn what_became_required_is_filled_with_its_default() {
    let optional = fields(r#""f": {"type": "int", "optional": true}"#);
    let required = fields(r#""f": {"type": "int", "default": 3}"#);
    for old in ["{}", &optional] {
        let change = between(old, &required);
        assert_eq!(change.migrations, [Migration::Fill("f".to_owned(), Value::from(3))]);
        assert!(change.revalidate);
    }
    assert!(between(&fields(r#""f": {"type": "int"}"#), &required).is_nothing());
}

#[test]
fn a_migration_is_carried_out_once() {
    let with = |steps: &str| format!(r#"{{"migrate": [{steps}]}}"#);
    let (first, second) = (r#"{"rename": ["a", "b"]}"#, r#"{"drop": "x"}"#);
    let (rename, dropped) =
        (Migration::Rename { from: "a".to_owned(), to: "b".to_owned() }, Migration::Drop("x".to_owned()));
    let both = with(&format!("{first}, {second}"));
    assert_eq!(between("{}", &with(first)).migrations, std::slice::from_ref(&rename));
    assert!(between(&with(first), &with(first)).is_nothing());
    assert_eq!(between(&with(first), &both).migrations, std::slice::from_ref(&dropped));
    assert_eq!(between(&with(first), &with(second)).migrations, std::slice::from_ref(&dropped));
    assert_eq!(between(&with(second), &both).migrations, [rename, dropped]);
    assert!(between(&both, "{}").is_nothing());
}

#[test]
fn computed_fields_are_computed_anew_when_they_or_what_they_read_change() {
    let computed = |expression: &str, more: &str| {
        format!(r#"{{"fields": {{"f": {{"type": "json", "optional": true, "computed": {expression}}}}}{more}}}"#)
    };
    let old = computed(r#""a""#, "");
    assert!(between("{}", &old).recompute);
    assert!(between(&old, &computed(r#""b""#, "")).recompute);
    assert!(between(&old, &computed(r#""a""#, r#", "migrate": [{"rename": ["b", "a"]}]"#)).recompute);
    assert!(!between(&old, &computed(r#""a""#, r#", "indexes": ["f"]"#)).recompute);
    assert!(!between(&old, "{}").recompute);
}

#[test]
fn unique_sets_references_and_indexes_that_are_new_are_named() {
    let change = between(
        r#"{"fields": {"a": {"ref": "d"}, "b": {"type": "string"}, "c": {"type": "int"}},
            "indexes": ["b", "c"], "unique": [["a", "b"]]}"#,
        r#"{"fields": {"a": {"ref": "e"}, "b": {"ref": "d"}, "c": {"type": "int", "unique": true}},
            "indexes": [["b", "c"]], "unique": [["b", "a"]]}"#,
    );
    assert_eq!(change.unique_added, [vec![path("c")]]);
    assert_eq!(change.references_added, [path("a"), path("b")]);
    assert_eq!(change.indexes_added, [vec![path("b"), path("c")], vec![path("b"), path("a")], vec![path("a")]]);
    assert_eq!(change.indexes_dropped, [vec![path("b")], vec![path("a"), path("b")]]);
}

#[test]
fn collections_come_and_go() {
    let (none, one) = (good(r#"{"collections": {}}"#), good(r#"{"collections": {"c": {"indexes": ["a"]}, "d": {}}}"#));
    let come = change(&none, &one);
    assert_eq!(come.keys().collect::<Vec<_>>(), [&name("c")]);
    assert_eq!(come[&name("c")].indexes_added, [vec![path("a")]]);
    assert_eq!(change(&one, &none)[&name("c")].indexes_dropped, [vec![path("a")]]);
    assert!(change(&one, &one).is_empty());
}

#[test]
fn migrations_rewrite_documents_in_order() {
    let steps = collection(
        r#"{"migrate": [{"rename": ["a", "t"]}, {"rename": ["b", "a"]}, {"rename": ["t", "b"]}, {"drop": "x"}, {"fill": ["n", 0]}]}"#,
    )
    .migrations;
    for (old, new, changed) in [
        (r#"{"a": 1, "b": 2, "x": 3}"#, r#"{"a": 2, "b": 1, "n": 0}"#, true),
        (r#"{"a": 1, "n": null}"#, r#"{"b": 1, "n": 0}"#, true),
        (r#"{"n": 5}"#, r#"{"n": 5}"#, false),
    ] {
        let mut document = object(old);
        assert_eq!(migrate(&steps, &mut document), changed, "{old}");
        assert_eq!(document, object(new), "{old}");
    }
}
