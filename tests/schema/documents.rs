use selvedge::error::Code;
use selvedge::schema::document::settable;

use super::*;

fn of_type(kind: &str) -> Collection {
    collection(&format!(r#"{{"fields": {{"f": {kind}}}}}"#))
}

#[test]
fn every_type_takes_its_own_values_and_keeps_them() {
    for (kind, values) in [
        (r#"{"type": "string"}"#, &[r#""""#, r#""é😀""#][..]),
        (r#"{"type": "int"}"#, &["0", "-9223372036854775808", "9223372036854775807", "1.0"]),
        (r#"{"type": "float"}"#, &["0", "-1.5", "1e300"]),
        (r#"{"type": "bool"}"#, &["true", "false"]),
        (r#"{"type": "json"}"#, &["1", r#"{"a": [null]}"#, "[]", r#""x""#]),
        (r#"{"type": "bytes"}"#, &[r#""""#, r#""AA==""#, r#""/+8=""#]),
        (r#"{"type": "timestamp"}"#, &[r#""2026-01-31T12:00:00.000Z""#, r#""0000-01-01T00:00:00.000Z""#]),
        (r#"{"type": "enum", "values": ["a", "b"]}"#, &[r#""a""#, r#""b""#]),
        (r#"{"type": "array", "items": {"type": "int"}}"#, &["[]", "[1, 2]"]),
        (r#"{"type": "object", "fields": {"x": {"type": "int"}}}"#, &[r#"{"x": 1}"#, r#"{"x": 1, "y": 2}"#]),
        (r#"{"type": "object", "fields": {"x": {"type": "int", "optional": true}}}"#, &["{}", r#"{"x": null}"#]),
        (r#"{"ref": "d"}"#, &[r#""d1""#, r#""acme/d1""#]),
    ] {
        for value in values {
            let document = format!(r#"{{"f": {value}}}"#);
            let kept = fitted(&of_type(kind), &document, Origin::Whole);
            assert_eq!(kept, Ok(object(&document)), "{kind} {value}");
        }
    }
}

#[test]
fn every_type_refuses_what_is_not_its_own() {
    for (kind, at, values) in [
        (r#"{"type": "string"}"#, "f", &["1", "true", "null", "[]", "{}"][..]),
        (r#"{"type": "int"}"#, "f", &["1.5", "9223372036854776000", r#""1""#, "1e300"]),
        (r#"{"type": "float"}"#, "f", &[r#""1""#, "false"]),
        (r#"{"type": "bool"}"#, "f", &["0", r#""true""#]),
        (r#"{"type": "json"}"#, "f", &["null"]),
        (r#"{"type": "bytes"}"#, "f", &[r#""AA""#, r#""AB==""#, r#""_-8=""#, r#""A A=""#, "[0]"]),
        (
            r#"{"type": "timestamp"}"#,
            "f",
            &[
                r#""2026-01-31""#,
                r#""2026-02-30T00:00:00Z""#,
                r#""2026-01-31T12:00:00""#,
                r#""2026-01-31T12:00:00.1234Z""#,
                r#""2026-01-31T12:00:00.0000001Z""#,
                r#""0000-01-01T00:00:00+01:00""#,
                r#""9999-12-31T23:59:59-01:00""#,
                "0",
            ],
        ),
        (r#"{"type": "enum", "values": ["a"]}"#, "f", &[r#""A""#, "1"]),
        (r#"{"type": "array", "items": {"type": "int"}}"#, "f.1", &["[1, null]", r#"[1, "x"]"#]),
        (r#"{"type": "array", "items": {"type": "int"}}"#, "f", &["{}", "1"]),
        (r#"{"type": "object", "fields": {"x": {"type": "int"}}}"#, "f.x", &["{}", r#"{"x": "1"}"#, r#"{"x": null}"#]),
        (r#"{"type": "object", "closed": true}"#, "f.y", &[r#"{"y": 1}"#]),
        (r#"{"ref": "d"}"#, "f", &["1", r#""""#, r#""a//b""#]),
    ] {
        for value in values {
            let error = fitted(&of_type(kind), &format!(r#"{{"f": {value}}}"#), Origin::Whole).expect_err(value);
            assert_eq!((error.code, member(&error, "path")), (Code::InvalidDocument, Some(at)), "{kind} {value}");
            assert_eq!(member(&error, "collection"), Some("c"));
        }
    }
}

#[test]
fn timestamps_are_kept_in_utc_with_milliseconds() {
    let c = of_type(r#"{"type": "array", "items": {"type": "timestamp"}}"#);
    let document =
        r#"{"f": ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+02:00", "1950-06-01T00:30:00.120000+01:00"]}"#;
    assert_eq!(
        fitted(&c, document, Origin::Whole),
        Ok(object(r#"{"f": ["2026-01-31T12:00:00.000Z", "2026-01-31T10:00:00.500Z", "1950-05-31T23:30:00.120Z"]}"#))
    );
}

#[test]
fn the_systems_names_are_refused_even_without_a_schema() {
    for field in ["id", "_version", "_time", "_", "_x"] {
        let error = fitted(&Collection::default(), &format!(r#"{{"{field}": 1}}"#), Origin::Whole).expect_err(field);
        assert_eq!((error.code, member(&error, "path")), (Code::InvalidDocument, Some(field)));
    }
    let anything = r#"{"a": {"_b": null, "id": 1}, "x_": [1.5]}"#;
    assert_eq!(fitted(&Collection::default(), anything, Origin::Whole), Ok(object(anything)));
}

#[test]
fn required_optional_and_closed_say_what_may_be_missing_or_more() {
    let c = collection(r#"{"closed": true, "fields": {"a": {"type": "int"}, "b": {"type": "int", "optional": true}}}"#);
    for document in [r#"{"a": 1}"#, r#"{"a": 1, "b": null}"#, r#"{"a": 1, "b": 2}"#] {
        assert_eq!(fitted(&c, document, Origin::Whole), Ok(object(document)));
    }
    for (document, at) in [(r#"{"b": 1}"#, "a"), (r#"{"a": null}"#, "a"), (r#"{"a": 1, "c": 1}"#, "c")] {
        assert_eq!(member(&fitted(&c, document, Origin::Whole).unwrap_err(), "path"), Some(at), "{document}");
    }
}

#[test]
fn defaults_fill_whole_documents_where_something_is_missing() {
    let c = collection(
        r#"{"fields": {"n": {"type": "int", "default": 7}, "at": {"type": "timestamp", "default": {"now": true}},
            "to": {"type": "timestamp", "default": "2026-01-01T00:00:00+01:00"},
            "code": {"type": "string", "default": {"id": true}}, "other": {"type": "string", "default": {"id": true}},
            "o": {"type": "int", "optional": true, "default": 1}}}"#,
    );
    let filled = r#"{"n": 7, "at": "2026-01-31T12:00:00.123Z", "to": "2025-12-31T23:00:00.000Z",
        "code": "new-1", "o": 1, "other": "new-2"}"#;
    assert_eq!(fitted(&c, "{}", Origin::Whole), Ok(object(filled)));
    let given = r#"{"n": 1, "at": "2020-01-01T00:00:00.000Z", "to": "2020-01-01T00:00:00.000Z", "code": "x",
        "o": null, "other": "y"}"#;
    assert_eq!(fitted(&c, given, Origin::Whole), Ok(object(given)));
    // What a patch has taken away stays away, or is missed.
    assert_eq!(member(&fitted(&c, "{}", Origin::Changed).unwrap_err(), "path"), Some("at"));
    assert!(fitted(&c, r#"{"n": null}"#, Origin::Whole).is_err());
}

#[test]
fn checks_are_named_when_they_fail() {
    let c = collection(
        r#"{"fields": {"n": {"type": "int", "optional": true, "check": [">", "n", 0]}},
            "checks": {"ordered": ["or", ["null", "from"], ["<=", "from", {"path": "to"}]]}}"#,
    );
    for document in ["{}", r#"{"n": null}"#, r#"{"n": 1, "from": 1, "to": 1}"#] {
        assert!(fitted(&c, document, Origin::Whole).is_ok(), "{document}");
    }
    for (document, check, at) in [
        (r#"{"n": 0}"#, "n", Some("n")),
        (r#"{"from": 2, "to": 1}"#, "ordered", None),
        (r#"{"from": 2}"#, "ordered", None),
    ] {
        let error = fitted(&c, document, Origin::Changed).unwrap_err();
        assert_eq!((error.code, member(&error, "check"), member(&error, "path")), (Code::CheckFailed, Some(check), at));
    }
}

#[test]
fn expressions_compute_what_they_say() {
    for (expression, document, value) in [
        (r#""a.b""#, r#"{"a": {"b": [1]}}"#, "[1]"),
        (r#"{"value": {"x": null}}"#, "{}", r#"{"x": null}"#),
        ("true", "{}", "true"),
        (r#"["+", "a", 1, 2]"#, r#"{"a": 4}"#, "7"),
        (r#"["-", 1, 0.5]"#, "{}", "0.5"),
        (r#"["*", 1.5, 2]"#, "{}", "3"),
        (r#"["/", 7, 2]"#, "{}", "3.5"),
        (r#"["/", 4, 2]"#, "{}", "2"),
        (r#"["/", 1, 0]"#, "{}", "null"),
        (r#"["/", 1, ["/", 1, 0]]"#, "{}", "null"),
        (r#"["/", 1, 0, 0.5]"#, "{}", "null"),
        (r#"["+", 1, "missing"]"#, "{}", "null"),
        (r#"["+", 1, {"value": "1"}]"#, "{}", "null"),
        (r#"["+", 9223372036854775806, 1]"#, "{}", "9223372036854775807"),
        (r#"["+", 9223372036854775807, 1]"#, "{}", "9223372036854776000"),
        (r#"["*", 1e308, 10]"#, "{}", "null"),
        (r#"["concat", "a", {"value": "-"}, "n", true, 1.5]"#, r#"{"a": "x", "n": 1}"#, r#""x-1true1.5""#),
        (r#"["concat", "a", "n"]"#, r#"{"a": "x"}"#, "null"),
        (r#"["concat", "a"]"#, r#"{"a": ["x"]}"#, "null"),
        (r#"["lower", "a"]"#, r#"{"a": "ÀB"}"#, r#""àb""#),
        (r#"["upper", "a"]"#, r#"{"a": "straße"}"#, r#""STRASSE""#),
        (r#"["upper", "a"]"#, r#"{"a": 1}"#, "null"),
        (r#"["trim", "a"]"#, r#"{"a": " \t x y\u00a0"}"#, r#""x y""#),
        (r#"["length", "a"]"#, r#"{"a": "é😀"}"#, "2"),
        (r#"["length", "a"]"#, r#"{"a": [1, 2, 3]}"#, "3"),
        (r#"["length", "a"]"#, r#"{"a": {"x": 1}}"#, "null"),
        (r#"["coalesce", "a", "b", 3]"#, r#"{"a": null, "b": false}"#, "false"),
        (r#"["coalesce", "a"]"#, "{}", "null"),
        (r#"["if", [">", "a", 1], {"value": "big"}, "a"]"#, r#"{"a": 2}"#, r#""big""#),
        (r#"["if", [">", "a", 1], {"value": "big"}, "a"]"#, "{}", "null"),
    ] {
        let c = collection(&format!(
            r#"{{"fields": {{"f": {{"type": "json", "optional": true, "computed": {expression}}}}}}}"#
        ));
        let kept = fitted(&c, document, Origin::Whole).unwrap();
        let wanted = parse(value.as_bytes()).unwrap();
        assert_eq!(kept.get("f").unwrap_or(&Value::Null), &wanted, "{expression} of {document}");
        assert_eq!(kept.contains_key("f"), !wanted.is_null(), "{expression} of {document}");
    }
}

#[test]
fn computed_fields_follow_those_they_read() {
    // By name, `a` comes first; it needs `b`, which needs `z`.
    let c = collection(
        r#"{"fields": {"a": {"type": "int", "computed": ["*", "b", 2]}, "b": {"type": "int", "computed": ["+", "z", 1]},
            "z": {"type": "int", "default": 4}, "big": {"type": "bool", "computed": ["if", [">", "a", 9], true, false]}}}"#,
    );
    let wanted = Ok(object(r#"{"a": 10, "b": 5, "z": 4, "big": true}"#));
    assert_eq!(fitted(&c, "{}", Origin::Whole), wanted);
    assert_eq!(fitted(&c, r#"{"a": 10, "b": 5}"#, Origin::Whole), wanted);
    for wrong in [r#"{"a": 11}"#, r#"{"b": null}"#, r#"{"big": "true"}"#] {
        assert_eq!(fitted(&c, wrong, Origin::Whole).unwrap_err().code, Code::InvalidDocument, "{wrong}");
    }
    assert_eq!(fitted(&c, r#"{"a": 1, "b": "stale", "z": 4, "big": false}"#, Origin::Changed), wanted);
}

#[test]
fn what_is_computed_must_fit_its_field_too() {
    for (kind, document) in [
        (r#"{"type": "int", "computed": ["/", "n", 2]}"#, r#"{"n": 1}"#),
        (r#"{"type": "int", "computed": "n"}"#, "{}"),
        (r#"{"type": "int", "computed": "n"}"#, r#"{"n": "1"}"#),
    ] {
        let error = fitted(&of_type(kind), document, Origin::Whole).unwrap_err();
        assert_eq!((error.code, member(&error, "path")), (Code::InvalidDocument, Some("f")), "{kind}");
    }
    let at = of_type(r#"{"type": "timestamp", "computed": ["concat", "day", {"value": "T00:00:00Z"}]}"#);
    let kept = fitted(&at, r#"{"day": "2026-01-31", "f": "2026-01-31T01:00:00+01:00"}"#, Origin::Whole).unwrap();
    assert_eq!(kept["f"], "2026-01-31T00:00:00.000Z");
}

#[test]
fn a_computed_reference_and_a_check_see_the_computed_value() {
    let c = collection(
        r#"{"fields": {"f": {"ref": "d", "computed": ["concat", "k", {"value": "/"}, "n"]},
            "m": {"type": "int", "computed": ["length", "k"], "check": ["<", "m", 4]}}}"#,
    );
    assert_eq!(fitted(&c, r#"{"k": "key", "n": 1}"#, Origin::Whole).unwrap()["f"], "key/1");
    assert_eq!(fitted(&c, r#"{"k": "keys", "n": 1}"#, Origin::Whole).unwrap_err().code, Code::CheckFailed);
    assert_eq!(fitted(&c, r#"{"k": "", "n": 1}"#, Origin::Whole).unwrap_err().code, Code::InvalidDocument);
}

#[test]
fn computed_texts_that_double_and_double_are_stopped() {
    let one = |n: usize, of: &str| {
        let operands = vec![format!("\"{of}\""); 60].join(", ");
        format!(r#""c{n}": {{"type": "string", "computed": ["concat", {operands}]}}"#)
    };
    let fields: Vec<String> =
        (0..12).map(|n| one(n, &if n == 0 { "s".to_owned() } else { format!("c{}", n - 1) })).collect();
    let c = collection(&format!(r#"{{"fields": {{{}}}}}"#, fields.join(", ")));
    assert_eq!(fitted(&c, r#"{"s": "x"}"#, Origin::Whole).unwrap_err().code, Code::TooLarge);
    assert!(fitted(&c, r#"{"s": ""}"#, Origin::Whole).is_ok());
}

#[test]
fn callers_set_fields_but_not_what_is_computed_or_the_systems() {
    let c = collection(r#"{"fields": {"a": {"type": "int"}, "b": {"type": "json", "computed": "a"}}}"#);
    for free in ["a", "new", "new.b", "a.id"] {
        assert_eq!(settable(&c, &path(free)), Ok(()));
    }
    for taken in ["id", "_version", "b", "b.x", "id.x"] {
        let error = settable(&c, &path(taken)).expect_err(taken);
        assert_eq!((error.code, member(&error, "path")), (Code::InvalidDocument, Some(taken)));
    }
}
