//! The parts of SQL that statements are made of.

use super::{Check, Outcome, answers, rows, run, text};
use crate::store::{Cell, Store};

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        ("JSON is read by path and type", json),
        ("lists travel as one parameter", lists),
        ("patterns and parts of strings are found", strings),
        ("windows, row values, filters and common tables work", forms),
        ("a statement takes 96 parameters, numbered and repeated", parameters),
        ("RETURNING answers what was written", returning),
        ("every row comes, and the statement is over", drained),
        ("reading and writing are counted", counted),
        ("the database has a size", size),
    ]
}

const DOCUMENT: &str = r#"{"a.b":{"é x":"5"},"list":[1,"a",null,true,[2],{"c":0.5}],"n":5,"no":false,"none":null,"t":"\"\\\u0001😀","yes":true}"#;

fn json<S: Store>(store: &mut S) -> Outcome {
    for (path, kind, json, plain) in [
        ("$.\"a.b\".\"é x\"", text("text"), text("\"5\""), text("5")),
        ("$.\"n\"", text("integer"), text("5"), Cell::Integer(5)),
        ("$.\"no\"", text("false"), text("false"), Cell::Integer(0)),
        ("$.\"none\"", text("null"), text("null"), Cell::Null),
        ("$.\"t\"", text("text"), text("\"\\\"\\\\\\u0001😀\""), text("\"\\\u{1}😀")),
        ("$.\"list\".\"0\"", Cell::Null, Cell::Null, Cell::Null),
        ("$.\"missing\"", Cell::Null, Cell::Null, Cell::Null),
        ("$", text("object"), text(DOCUMENT), text(DOCUMENT)),
    ] {
        answers(
            store,
            "SELECT json_type(?1, ?2), ?1 -> ?2, ?1 ->> ?2, json_extract(?1, ?2)",
            &[text(DOCUMENT), text(path)],
            &[&[kind, json, plain.clone(), plain]],
        )?;
    }
    answers(
        store,
        "SELECT CAST(json_extract(?1, '$.list') AS BLOB) FROM (SELECT 1)",
        &[text(DOCUMENT)],
        &[&[Cell::Blob(br#"[1,"a",null,true,[2],{"c":0.5}]"#.to_vec())]],
    )?;
    answers(
        store,
        "SELECT type, atom, value FROM json_each(?1, '$.list') WHERE key > 0 AND key < 5",
        &[text(DOCUMENT)],
        &[
            &[text("text"), text("a"), text("a")],
            &[text("null"), Cell::Null, Cell::Null],
            &[text("true"), Cell::Integer(1), Cell::Integer(1)],
            &[text("array"), Cell::Null, text("[2]")],
        ],
    )
}

fn lists<S: Store>(store: &mut S) -> Outcome {
    run(store, &["DROP TABLE IF EXISTS conformance", "CREATE TABLE conformance (k)"])?;
    let list: Vec<serde_json::Value> = (0..1000).map(serde_json::Value::from).chain(["5".into(), "a".into()]).collect();
    let list = text(&serde_json::Value::Array(list).to_string());
    rows(store, "INSERT INTO conformance SELECT value FROM json_each(?1)", std::slice::from_ref(&list))?;
    answers(
        store,
        "SELECT count(*), sum(typeof(k) = 'integer') FROM conformance WHERE k IN (SELECT value FROM json_each(?1))",
        &[list],
        &[&[Cell::Integer(1002), Cell::Integer(1000)]],
    )
}

fn strings<S: Store>(store: &mut S) -> Outcome {
    answers(
        store,
        "SELECT 'a😀c' GLOB 'a?c', 'abc' GLOB 'A*', 'a*c' GLOB 'a[*]c', instr('añb', 'b'), instr('ab', ''), '😀' > \
         '\u{FFFD}'",
        &[],
        &[&[
            Cell::Integer(1),
            Cell::Integer(0),
            Cell::Integer(1),
            Cell::Integer(3),
            Cell::Integer(1),
            Cell::Integer(1),
        ]],
    )
}

fn forms<S: Store>(store: &mut S) -> Outcome {
    run(
        store,
        &[
            "DROP TABLE IF EXISTS conformance",
            "CREATE TABLE conformance (a, b)",
            "INSERT INTO conformance VALUES (1, 1), (1, 2), (2, NULL), (NULL, 3)",
        ],
    )?;
    let one = |number| [Cell::Integer(number)];
    answers(store, "SELECT count(*) FROM conformance WHERE (a, b) > (1, 1)", &[], &[&one(2)])?;
    answers(store, "SELECT count(*) FROM conformance WHERE (a = 1) IS NOT TRUE", &[], &[&one(2)])?;
    answers(store, "SELECT count(*) FILTER (WHERE b > 1) FROM conformance", &[], &[&one(2)])?;
    answers(
        store,
        "WITH l AS MATERIALIZED (SELECT a FROM conformance) SELECT count(*) FROM l LEFT JOIN conformance AS c ON c.b = l.a",
        &[],
        &[&one(4)],
    )?;
    answers(
        store,
        "SELECT b FROM (SELECT b, row_number() OVER (PARTITION BY a ORDER BY b DESC) AS place FROM conformance WHERE a \
         = 1) WHERE place <= ?1",
        &[Cell::Integer(1)],
        &[&one(2)],
    )
}

fn parameters<S: Store>(store: &mut S) -> Outcome {
    let marks: Vec<String> = (1..=96).map(|number| format!("?{number}")).collect();
    let cells: Vec<Cell> = (1..=96).map(|number| text(&number.to_string())).collect();
    let sql = format!(
        "SELECT count(DISTINCT v), ?96, ?1 FROM (SELECT value AS v FROM json_each(json_array({})))",
        marks.join(", ")
    );
    answers(store, &sql, &cells, &[&[Cell::Integer(96), text("96"), text("1")]])
}

fn returning<S: Store>(store: &mut S) -> Outcome {
    run(store, &["DROP TABLE IF EXISTS conformance", "CREATE TABLE conformance (a INTEGER PRIMARY KEY, b)"])?;
    answers(
        store,
        "INSERT INTO conformance (b) VALUES ('x'), ('y') RETURNING a, b",
        &[],
        &[&[Cell::Integer(1), text("x")], &[Cell::Integer(2), text("y")]],
    )?;
    answers(store, "UPDATE conformance SET b = 'z' WHERE a = 2 RETURNING b", &[], &[&[text("z")]])?;
    answers(store, "DELETE FROM conformance WHERE b = 'x' RETURNING a", &[], &[&[Cell::Integer(1)]])?;
    answers(store, "SELECT a, b FROM conformance", &[], &[&[Cell::Integer(2), text("z")]])
}

fn drained<S: Store>(store: &mut S) -> Outcome {
    run(store, &["DROP TABLE IF EXISTS conformance", "CREATE TABLE conformance (a)"])?;
    let series = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < 5000)";
    run(store, &[&format!("INSERT INTO conformance {series} SELECT a FROM n")])?;
    let found = rows(store, "SELECT a FROM conformance", &[])?;
    if found.len() != 5000 {
        return Err(format!("5000 rows came as {}", found.len()));
    }
    // An open statement would lock the table.
    run(store, &["DROP TABLE conformance"])
}

fn counted<S: Store>(store: &mut S) -> Outcome {
    run(store, &["DROP TABLE IF EXISTS conformance", "CREATE TABLE conformance (a)"])?;
    for sql in [
        "INSERT INTO conformance VALUES (1), (2)",
        "UPDATE conformance SET a = 3 WHERE a = 2",
        "DELETE FROM conformance WHERE a = 1",
        "INSERT INTO conformance VALUES (4) RETURNING a",
    ] {
        let counted = store.run(sql, &[]).map_err(|error| error.to_string())?;
        if counted.written == 0 {
            return Err(format!("{sql} counts as no row written"));
        }
    }
    let counted = store.run("SELECT a FROM conformance", &[]).map_err(|error| error.to_string())?;
    if counted.read == 0 || counted.written != 0 {
        return Err(format!("a read of 2 rows counts as {} read, {} written", counted.read, counted.written));
    }
    Ok(())
}

fn size<S: Store>(store: &mut S) -> Outcome {
    run(store, &["DROP TABLE IF EXISTS conformance", "CREATE TABLE conformance (a)"])?;
    let before = store.size();
    rows(store, "INSERT INTO conformance VALUES (?1)", &[text(&"x".repeat(1_000_000))])?;
    // Pages that an earlier check left free may serve.
    if before > 0 && store.size() >= before { Ok(()) } else { Err(format!("{before} bytes, then {}", store.size())) }
}
