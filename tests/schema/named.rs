use selvedge::query::names::Names;
use selvedge::query::tree::Relation;
use selvedge::schema::model::{Default, Kind, OnDelete};
use selvedge::schema::paths::{index_sets, indexed_paths, references_to};

use super::*;

const LIBRARY: &str = r#"{"collections": {
    "authors": {"fields": {"name": {"type": "string"}}, "closed": true,
        "relations": {"novels": {"from": "novels", "by": "author"}}},
    "novels": {"fields": {
        "title": {"type": "string"},
        "author": {"ref": "authors"},
        "print": {"type": "object", "closed": true, "fields": {
            "house": {"ref": "houses", "optional": true, "onDelete": "clear"}, "year": {"type": "int"}}},
        "more": {"type": "json", "optional": true},
        "isbn": {"type": "string", "unique": true},
        "pages": {"type": "int", "optional": true, "check": [">", "pages", {"path": "least"}]},
        "least": {"type": "int", "default": 0},
        "made": {"type": "timestamp", "default": {"now": true}},
        "code": {"type": "string", "default": {"id": true}},
        "plain": {"type": "string", "optional": true},
        "until": {"type": "timestamp", "optional": true}},
        "indexes": [["author", "pages"], "author", ["made"]], "unique": [["author", "title"], ["made", "title"]],
        "ttl": "until"},
    "houses": {}
}}"#;

#[test]
fn a_schema_reads_as_it_is_written() {
    let schema = good(LIBRARY);
    let novels = &schema.collections[&name("novels")];
    assert_eq!(novels.fields["author"].kind, Kind::Ref { collection: name("authors"), on_delete: OnDelete::Restrict });
    assert_eq!(novels.fields["least"].default, Some(Default::Value(Value::from(0))));
    assert_eq!(novels.fields["made"].default, Some(Default::Now));
    assert_eq!(novels.fields["code"].default, Some(Default::Id));
    let guarded: Vec<&str> =
        novels.fields.iter().filter(|(_, field)| field.guarded).map(|(name, _)| name.as_str()).collect();
    assert_eq!(guarded, ["author", "isbn", "least", "made", "pages", "print", "title"]);
}

#[test]
fn relations_have_the_names_of_reference_fields_and_those_the_schema_gives() {
    let schema = good(LIBRARY);
    let (authors, novels) = (name("authors"), name("novels"));
    assert_eq!(
        schema.relation(&authors, "novels"),
        Some(Relation::Reverse { collection: novels.clone(), by: path("author") })
    );
    assert_eq!(
        schema.relation(&novels, "author"),
        Some(Relation::Forward { path: path("author"), collection: authors.clone() })
    );
    assert_eq!(
        schema.relation(&novels, "print.house"),
        Some(Relation::Forward { path: path("print.house"), collection: name("houses") })
    );
    for (collection, other) in [(&novels, "title"), (&novels, "print"), (&authors, "author"), (&name("x"), "author")] {
        assert_eq!(schema.relation(collection, other), None, "{collection} {other}");
    }
}

#[test]
fn what_may_be_in_a_document_follows_from_closed_and_types() {
    let schema = good(LIBRARY);
    for (collection, at, may) in [
        ("authors", "name", true),
        ("authors", "nam", false),
        ("authors", "id", true),
        ("authors", "_version", true),
        ("authors", "_time", true),
        ("authors", "_time.of", false),
        ("novels", "anything.at.all", true),
        ("novels", "print.year", true),
        ("novels", "print.yaer", false),
        ("novels", "title.sub", false),
        ("novels", "more.what.ever", true),
        ("unnamed", "what.ever", true),
    ] {
        assert_eq!(schema.may_have(&name(collection), &path(at)), may, "{collection} {at}");
    }
}

#[test]
fn references_are_found_from_their_targets() {
    let schema = good(LIBRARY);
    assert_eq!(references_to(&schema, &name("authors")), [(name("novels"), path("author"), OnDelete::Restrict)]);
    assert_eq!(references_to(&schema, &name("houses")), [(name("novels"), path("print.house"), OnDelete::Clear)]);
    assert_eq!(references_to(&schema, &name("novels")), []);
}

#[test]
fn an_index_that_another_begins_with_is_not_kept() {
    let schema = good(LIBRARY);
    let novels = &schema.collections[&name("novels")];
    let kept: Vec<Vec<String>> =
        index_sets(novels).iter().map(|set| set.iter().map(Path::to_string).collect()).collect();
    assert_eq!(
        kept,
        [
            vec!["author", "pages"],
            vec!["isbn"],
            vec!["author", "title"],
            vec!["made", "title"],
            vec!["print.house"],
            vec!["until"]
        ]
    );
    let paths: Vec<String> = indexed_paths(novels).iter().map(Path::to_string).collect();
    assert_eq!(paths, ["author", "isbn", "made", "pages", "print.house", "title", "until"]);
}
