//! The two executors against each other: generated documents, layouts and queries, answered by SQLite and in
//! memory, must come out the same, row by row.
//!
//! `SELVEDGE_SEED` repeats a run, `SELVEDGE_CASES` sets how many queries are tried.

#[path = "executors/dataset.rs"]
mod dataset;
#[path = "executors/platform.rs"]
mod platform;
#[path = "executors/queries.rs"]
mod queries;
#[path = "executors/random.rs"]
mod random;

use std::collections::BTreeMap;

use dataset::Dataset;
use platform::Platform;
use queries::{Case, Question};
use random::Random;
use selvedge::error::Code;
use selvedge::query::memory::Memory;
use selvedge::query::selection::{Group, Row, Source};
use selvedge::query::sql::SqlSource;
use selvedge::value::{Value, compare};

const CASES: u64 = 20_000;
const CASES_PER_DATASET: u64 = 50;

#[derive(Default)]
struct Count {
    cases: u64,
    answered: u64,
    too_wide: u64,
}

#[test]
fn both_executors_answer_the_same() {
    let seed = setting("SELVEDGE_SEED").unwrap_or_else(random::fresh_seed);
    let cases = setting("SELVEDGE_CASES").unwrap_or(CASES);
    println!("SELVEDGE_SEED={seed} SELVEDGE_CASES={cases}");
    let mut count = Count::default();
    for dataset_seed in (0..cases.div_ceil(CASES_PER_DATASET)).map(|number| seed.wrapping_add(number)) {
        let mut random = Random::new(dataset_seed);
        let mut dataset = Dataset::generate(&mut random);
        for _ in 0..CASES_PER_DATASET {
            try_one(&mut dataset, &mut random, dataset_seed, &mut count);
        }
    }
    let Count { cases, answered, too_wide } = count;
    println!("{cases} cases, {answered} with an answer, {too_wide} too wide");
    assert!(answered * 5 > cases * 2, "too many empty answers to learn from: {answered} of {cases} had rows");
    assert!(too_wide * 100 < cases, "the generator wastes its cases: {too_wide} of {cases} were too wide");
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn try_one(dataset: &mut Dataset, random: &mut Random, seed: u64, count: &mut Count) {
    let case = Case::generate(random, dataset);
    let Dataset { store, layout, states, .. } = dataset;
    let memory = states.get_mut(&case.state).expect("a state of the dataset");
    store.forget();
    let outcome = ask(&case, memory, &mut SqlSource::new(store, layout));
    count.cases += 1;
    match outcome {
        Outcome::Agree { empty } => count.answered += u64::from(!empty),
        Outcome::TooWide => count.too_wide += 1,
        Outcome::Differ { memory, sql } => panic!(
            "the executors differ; repeat with SELVEDGE_SEED={seed} SELVEDGE_CASES={CASES_PER_DATASET}\n\n{case:#?}\n\n\
             layout: {layout:#?}\n\n{}\n\nmemory: {memory}\n\nSQL: {sql}",
            store.statements()
        ),
    }
}

enum Outcome {
    Agree { empty: bool },
    TooWide,
    Differ { memory: String, sql: String },
}

fn ask(case: &Case, memory: &mut Memory, sql: &mut SqlSource<'_, Platform>) -> Outcome {
    match &case.question {
        Question::Selection(_) => {
            let selection = case.selection().expect("a selection");
            let expected = memory.rows(&selection).expect("memory answers");
            match sql.rows(&selection) {
                Ok(rows) if by_owner(&rows) == by_owner(&expected) => Outcome::Agree { empty: rows.is_empty() },
                Err(error) if error.code == Code::QueryTooWide => Outcome::TooWide,
                other => Outcome::Differ { memory: format!("{expected:#?}"), sql: format!("{other:#?}") },
            }
        }
        Question::Grouping(_) => {
            let grouping = case.grouping().expect("a grouping");
            let expected = memory.groups(&grouping).expect("memory answers");
            match sql.groups(&grouping) {
                Ok(groups) if same_groups(&groups, &expected) => Outcome::Agree { empty: groups.is_empty() },
                Err(error) if error.code == Code::QueryTooWide => Outcome::TooWide,
                other => Outcome::Differ { memory: format!("{expected:#?}"), sql: format!("{other:#?}") },
            }
        }
    }
}

/// The rows of each value of `among`, which come in no promised order.
fn by_owner(rows: &[Row]) -> BTreeMap<&Option<String>, Vec<&Row>> {
    let mut owners: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows {
        owners.entry(&row.among).or_default().push(row);
    }
    owners
}

fn same_groups(left: &[Group], right: &[Group]) -> bool {
    let sorted = |groups: &[Group]| {
        let mut groups = groups.to_vec();
        groups.sort_by(|left, right| {
            let pairs = left.keys.iter().zip(&right.keys);
            pairs.fold(std::cmp::Ordering::Equal, |order, (left, right)| order.then_with(|| compare(left, right)))
        });
        groups
    };
    let (left, right) = (sorted(left), sorted(right));
    left.len() == right.len()
        && left.iter().zip(&right).all(|(left, right)| {
            left.keys == right.keys
                && left.values.len() == right.values.len()
                && left.values.iter().zip(&right.values).all(|(left, right)| same_number(left, right))
        })
}

/// Sums of doubles depend on the order of adding, in their last digits.
fn same_number(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) if left.is_f64() || right.is_f64() => {
            let (left, right) = (left.as_f64().unwrap_or_default(), right.as_f64().unwrap_or_default());
            (left - right).abs() <= 1e-12 * left.abs().max(right.abs()).max(1.0)
        }
        _ => left == right,
    }
}
