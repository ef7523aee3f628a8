//! What fails says so, leaves nothing behind, and stops nothing else.

use super::{Check, Outcome, answers, fails, rows, run, text};
use crate::error::{Code, Error};
use crate::limits::STATEMENT_ANSWER_BYTES;
use crate::store::{Cell, Store};

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        ("a statement that is no SQL fails", nonsense),
        ("a wrong number of parameters fails", miscounted),
        ("too many parameters fail", crowded),
        ("a broken constraint fails, and undoes its statement alone", constraint),
        ("an error in a later row fails", late),
        ("a value that is too large fails", oversized),
        ("an answer that is too large fails", overlong),
    ]
}

fn defect(error: &Error) -> bool {
    error.code == Code::Internal
}

fn too_large(error: &Error) -> bool {
    error.code == Code::AnswerTooLarge
}

fn works<S: Store>(store: &mut S) -> Outcome {
    answers(store, "SELECT 1", &[], &[&[Cell::Integer(1)]])
}

fn nonsense<S: Store>(store: &mut S) -> Outcome {
    for sql in ["SELEKT 1", "SELECT a FROM conformance_nowhere", "SELECT nothing(1)", "SELECT (1"] {
        fails(store, sql, &[], defect)?;
    }
    works(store)
}

fn miscounted<S: Store>(store: &mut S) -> Outcome {
    fails(store, "SELECT ?1, ?2", &[Cell::Integer(1)], defect)?;
    fails(store, "SELECT ?1", &[Cell::Integer(1), Cell::Integer(2)], defect)?;
    works(store)
}

fn crowded<S: Store>(store: &mut S) -> Outcome {
    let cells: Vec<Cell> = (0..101).map(Cell::Integer).collect();
    fails(store, "SELECT ?101", &cells, defect)?;
    works(store)
}

fn constraint<S: Store>(store: &mut S) -> Outcome {
    run(
        store,
        &[
            "DROP TABLE IF EXISTS conformance",
            "CREATE TABLE conformance (a UNIQUE, b NOT NULL)",
            "INSERT INTO conformance VALUES (1, 1)",
        ],
    )?;
    for sql in [
        "INSERT INTO conformance VALUES (2, 2), (1, 1), (3, 3)",
        "INSERT INTO conformance VALUES (2, 2), (3, NULL)",
        "INSERT INTO conformance VALUES (2, 2), (2, 2) RETURNING a",
    ] {
        fails(store, sql, &[], defect)?;
        answers(store, "SELECT a FROM conformance", &[], &[&[Cell::Integer(1)]])?;
    }
    Ok(())
}

fn late<S: Store>(store: &mut S) -> Outcome {
    for sql in [
        "SELECT json(value) FROM json_each('[\"1\",\"{\"]')",
        "SELECT sum(value) FROM json_each('[9223372036854775807,1]') GROUP BY value > 5 OR 1",
    ] {
        fails(store, sql, &[], defect)?;
        works(store)?;
    }
    run(store, &["DROP TABLE IF EXISTS conformance", "CREATE TABLE conformance (a)", "DROP TABLE conformance"])
}

fn oversized<S: Store>(store: &mut S) -> Outcome {
    fails(store, "SELECT length(?1)", &[text(&"x".repeat(2_300_000))], too_large)?;
    fails(store, "SELECT hex(zeroblob(2000000))", &[], too_large)?;
    run(store, &["DROP TABLE IF EXISTS conformance", "CREATE TABLE conformance (a, b)"])?;
    let half = text(&"x".repeat(1_200_000));
    fails(store, "INSERT INTO conformance VALUES (?1, ?1)", std::slice::from_ref(&half), too_large)?;
    rows(store, "INSERT INTO conformance VALUES (?1, 'small')", &[half])?;
    answers(store, "SELECT b FROM conformance", &[], &[&[text("small")]])
}

fn overlong<S: Store>(store: &mut S) -> Outcome {
    let sql = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < ?2) SELECT ?1 FROM n";
    let long = text(&"x".repeat(1 << 20));
    let fit = STATEMENT_ANSWER_BYTES >> 20;
    let most = i64::try_from(fit).map_err(|error| error.to_string())?;
    let found = rows(store, sql, &[long.clone(), Cell::Integer(most)])?;
    if found.len() != fit {
        return Err(format!("{fit} rows that fit came as {}", found.len()));
    }
    fails(store, sql, &[long, Cell::Integer(most + 1)], too_large)?;
    works(store)
}
