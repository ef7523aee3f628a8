//! Units of work are kept whole or not at all.

use super::{Check, Outcome, answers, run};
use crate::error::{Code, Error};
use crate::store::{Cell, Store};

pub(super) fn checks<S: Store>() -> Vec<Check<S>> {
    vec![
        ("a unit that succeeds is kept, and its result returned", kept),
        ("a unit that fails leaves nothing, and its error comes back", undone),
        ("a unit inside a unit fails alone", nested),
        ("a unit that fails takes the units inside it with it", enclosed),
        ("tables made and dropped in a unit that fails are as before", tables),
        ("a statement that fails inside a unit leaves the rest of it", resumed),
    ]
}

fn fresh<S: Store>(store: &mut S) -> Outcome {
    run(store, &["DROP TABLE IF EXISTS conformance", "CREATE TABLE conformance (a UNIQUE)"])
}

fn put<S: Store>(store: &mut S, number: i64) -> Result<(), Error> {
    store.run("INSERT INTO conformance VALUES (CAST(?1 AS INTEGER))", &[Cell::Integer(number)]).map(drop)
}

fn holds<S: Store>(store: &mut S, numbers: &[i64]) -> Outcome {
    let expected: Vec<[Cell; 1]> = numbers.iter().map(|number| [Cell::Integer(*number)]).collect();
    let expected: Vec<&[Cell]> = expected.iter().map(<[Cell; 1]>::as_slice).collect();
    answers(store, "SELECT a FROM conformance ORDER BY a", &[], &expected)
}

fn refused() -> Error {
    Error::new(Code::CheckFailed, "refused").with("path", "a")
}

fn kept<S: Store>(store: &mut S) -> Outcome {
    fresh(store)?;
    let outcome = store.atomically(|store| put(store, 1).and_then(|()| put(store, 2)).map(|()| "done"));
    if outcome != Ok("done") {
        return Err(format!("the unit came to {outcome:?}"));
    }
    holds(store, &[1, 2])
}

fn undone<S: Store>(store: &mut S) -> Outcome {
    fresh(store)?;
    put(store, 1).map_err(|error| error.to_string())?;
    let outcome: Result<(), Error> = store.atomically(|store| {
        put(store, 2)?;
        Err(refused())
    });
    if outcome != Err(refused()) {
        return Err(format!("the unit came to {outcome:?}"));
    }
    holds(store, &[1])
}

fn nested<S: Store>(store: &mut S) -> Outcome {
    fresh(store)?;
    let outcome = store.atomically(|store| {
        put(store, 1)?;
        let inner: Result<(), Error> = store.atomically(|store| {
            put(store, 2)?;
            Err(refused())
        });
        store.atomically(|store| put(store, 3))?;
        Ok(inner)
    });
    if outcome != Ok(Err(refused())) {
        return Err(format!("the unit came to {outcome:?}"));
    }
    holds(store, &[1, 3])
}

fn enclosed<S: Store>(store: &mut S) -> Outcome {
    fresh(store)?;
    let outcome: Result<(), Error> = store.atomically(|store| {
        store.atomically(|store| put(store, 1))?;
        Err(refused())
    });
    if outcome != Err(refused()) {
        return Err(format!("the unit came to {outcome:?}"));
    }
    holds(store, &[])
}

fn tables<S: Store>(store: &mut S) -> Outcome {
    fresh(store)?;
    put(store, 1).map_err(|error| error.to_string())?;
    run(store, &["DROP TABLE IF EXISTS conformance_other"])?;
    let outcome: Result<(), Error> = store.atomically(|store| {
        store.run("CREATE TABLE conformance_other (a)", &[])?;
        store.run("ALTER TABLE conformance ADD COLUMN b", &[])?;
        store.run("CREATE INDEX conformance_b ON conformance (b)", &[])?;
        store.run("DROP TABLE conformance", &[])?;
        Err(refused())
    });
    if outcome != Err(refused()) {
        return Err(format!("the unit came to {outcome:?}"));
    }
    holds(store, &[1])?;
    run(store, &["CREATE TABLE conformance_other (a, b)", "DROP TABLE conformance_other"])
}

fn resumed<S: Store>(store: &mut S) -> Outcome {
    fresh(store)?;
    let outcome = store.atomically(|store| {
        put(store, 1)?;
        let again = put(store, 1).map_err(|error| error.code);
        put(store, 2)?;
        Ok(again)
    });
    if outcome != Ok(Err(Code::Internal)) {
        return Err(format!("the unit came to {outcome:?}"));
    }
    holds(store, &[1, 2])
}
