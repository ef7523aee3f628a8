//! Values go in and come out as they were.

use super::{Check, Outcome, answers, rows, run, text};
use crate::store::{Cell, Store};
use crate::value::SortKey;

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        ("cells of every kind come back", kinds),
        ("numbers come back equal", numbers),
        ("integers are exact by way of text", exact),
        ("booleans have their places among numbers", booleans),
        ("doubles of common magnitude are read from JSON to the last bit", doubles),
        ("long texts come back", long),
        ("sort keys sort in the order of values", order),
        ("a column without a type converts nothing", untyped),
    ]
}

fn kinds<S: Store>(store: &mut S) -> Outcome {
    let cells = [
        Cell::Null,
        Cell::Real(0.5),
        text(""),
        text("it's \"quoted\", 😀 \u{FFFD} \u{1} \\"),
        Cell::Blob(vec![0, 255, 128]),
    ];
    answers(store, "SELECT ?1, ?2, ?3, ?4, ?5", &cells, &[&cells])?;
    answers(
        store,
        "SELECT typeof(?1), typeof(?2), typeof(?3), typeof(?4), typeof(?5)",
        &cells,
        &[&[text("null"), text("real"), text("text"), text("text"), text("blob")]],
    )
}

fn numbers<S: Store>(store: &mut S) -> Outcome {
    for integer in [0, 1, -1, 1 << 31, -(1 << 53), 1 << 53] {
        // A number of JavaScript does not say whether it was an integer.
        #[allow(clippy::cast_precision_loss)]
        let same = [Cell::Integer(integer), Cell::Real(integer as f64)];
        for sql in ["SELECT ?1", "SELECT CAST(?1 AS INTEGER)"] {
            let found = rows(store, sql, &[Cell::Integer(integer)])?;
            if !matches!(found.as_slice(), [row] if row.len() == 1 && row.iter().all(|cell| same.contains(cell))) {
                return Err(format!("{sql}: {integer} came back as {found:?}"));
            }
        }
        answers(
            store,
            "SELECT typeof(CAST(?1 AS INTEGER)), CAST(?1 AS INTEGER) = ?2, CAST(CAST(?1 AS INTEGER) AS TEXT)",
            &[Cell::Integer(integer), text(&integer.to_string())],
            &[&[text("integer"), Cell::Integer(1), text(&integer.to_string())]],
        )?;
    }
    answers(
        store,
        "SELECT count(*), 3, -7 FROM (SELECT 1 UNION ALL SELECT 2)",
        &[],
        &[&[Cell::Integer(2), Cell::Integer(3), Cell::Integer(-7)]],
    )
}

fn exact<S: Store>(store: &mut S) -> Outcome {
    for integer in [(1 << 53) + 1, -(1 << 53) - 1, i64::MAX, i64::MIN] {
        let written = text(&integer.to_string());
        answers(
            store,
            "SELECT typeof(CAST(?1 AS INTEGER)), CAST(CAST(?1 AS INTEGER) AS TEXT), CAST(?2 ->> '$.n' AS TEXT)",
            &[written.clone(), text(&format!("{{\"n\":{integer}}}"))],
            &[&[text("integer"), written.clone(), written]],
        )?;
    }
    Ok(())
}

fn booleans<S: Store>(store: &mut S) -> Outcome {
    let (no, yes, least) =
        (Cell::Real(SortKey::FALSE), Cell::Real(SortKey::TRUE), Cell::Real(-1.797_693_134_862_315_5e308));
    answers(
        store,
        "SELECT -9e999 = ?1, -1.7976931348623157e308 = ?2, ?1 < ?2, ?2 < ?3",
        &[no.clone(), yes.clone(), least],
        &[&[Cell::Integer(1), Cell::Integer(1), Cell::Integer(1), Cell::Integer(1)]],
    )?;
    let both = [no, yes];
    answers(store, "SELECT -9e999, -1.7976931348623157e308", &[], &[&both])?;
    answers(store, "SELECT ?1, ?2", &both, &[&both])
}

fn doubles<S: Store>(store: &mut S) -> Outcome {
    // Beyond these magnitudes the last digit may be lost, but always in the same way.
    let exact =
        [0.1, 1.0 / 3.0, 1e-50, 123_456_789.123_456_79, 9_007_199_254_740_993.5, 1e23, 1.234_567_890_123_456_7e49];
    for double in exact {
        let json = serde_json::Value::from(double).to_string();
        answers(
            store,
            "SELECT ?1 ->> '$[0]', (?1 ->> '$[0]') = ?2",
            &[text(&format!("[{json}]")), Cell::Real(double)],
            &[&[Cell::Real(double), Cell::Integer(1)]],
        )?;
    }
    for double in [5e-324, 2.225_073_858_507_201e-308, 8.442_911_973_260_99e-309, 1.797_693_134_862_315_5e308] {
        let json = serde_json::Value::from(double).to_string();
        let cells = [text(&format!("[{json}]")), text(&json)];
        answers(store, "SELECT (?1 ->> '$[0]') = (?2 ->> '$')", &cells, &[&[Cell::Integer(1)]])?;
    }
    Ok(())
}

fn long<S: Store>(store: &mut S) -> Outcome {
    let long = text(&"é".repeat(1_050_000));
    run(store, &["DROP TABLE IF EXISTS conformance", "CREATE TABLE conformance (a TEXT)"])?;
    rows(store, "INSERT INTO conformance VALUES (?1)", std::slice::from_ref(&long))?;
    answers(store, "SELECT a FROM conformance", &[], &[&[long]])
}

fn order<S: Store>(store: &mut S) -> Outcome {
    run(store, &["DROP TABLE IF EXISTS conformance", "CREATE TABLE conformance (at INTEGER PRIMARY KEY, k)"])?;
    let ascending = [
        Cell::Null,
        Cell::Real(SortKey::FALSE),
        Cell::Real(SortKey::TRUE),
        Cell::Real(-1.5),
        Cell::Integer(-1),
        Cell::Integer(0),
        Cell::Real(0.5),
        Cell::Integer(1 << 53),
        Cell::Real(1e300),
        text(""),
        text("5"),
        text("Z"),
        text("a"),
        text("é"),
        text("\u{E000}"),
        text("\u{FFFD}"),
        text("😀"),
        Cell::Blob(Vec::new()),
        Cell::Blob(b"[1]".to_vec()),
        Cell::Blob(b"{}".to_vec()),
    ];
    let mut scrambled: Vec<(i64, &Cell)> = (0..).zip(&ascending).collect();
    scrambled.sort_by_key(|(at, _)| at * 7 % 11);
    for (at, cell) in scrambled {
        rows(store, "INSERT INTO conformance (at, k) VALUES (?1, ?2)", &[Cell::Integer(at), cell.clone()])?;
    }
    let expected: Vec<[Cell; 1]> = (0..).zip(&ascending).map(|(at, _)| [Cell::Integer(at)]).collect();
    let expected: Vec<&[Cell]> = expected.iter().map(<[Cell; 1]>::as_slice).collect();
    answers(store, "SELECT at FROM conformance ORDER BY k", &[], &expected)?;
    run(store, &["CREATE INDEX conformance_k ON conformance (k)"])?;
    answers(store, "SELECT at FROM conformance INDEXED BY conformance_k ORDER BY k", &[], &expected)
}

fn untyped<S: Store>(store: &mut S) -> Outcome {
    run(store, &["DROP TABLE IF EXISTS conformance", "CREATE TABLE conformance (k)"])?;
    rows(
        store,
        "INSERT INTO conformance VALUES (?1), (CAST(?2 AS INTEGER)), (?3)",
        &[text("5"), Cell::Integer(5), Cell::Real(5.5)],
    )?;
    answers(
        store,
        "SELECT typeof(k) FROM conformance ORDER BY rowid",
        &[],
        &[&[text("text")], &[text("integer")], &[text("real")]],
    )?;
    for (cell, kind) in [(text("5"), "text"), (Cell::Integer(5), "integer")] {
        answers(store, "SELECT typeof(k) FROM conformance WHERE k = ?1", &[cell], &[&[text(kind)]])?;
    }
    answers(
        store,
        "SELECT typeof(k) FROM conformance WHERE k = +CAST(?1 AS INTEGER)",
        &[text("5")],
        &[&[text("integer")]],
    )
}
