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
use selvedge::query::tree::{Aggregate, Comparison, Condition, Operand, Order, Relation};
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

/// Values that other types would be taken for, against each other in every operator, indexed and not.
#[test]
fn values_that_look_alike_are_told_apart() {
    let texts = [
        "null",
        "true",
        "false",
        "0",
        "1",
        "5",
        "-1",
        "0.5",
        "9007199254740992",
        "9007199254740993",
        "-9223372036854775808",
        "9223372036854775807",
        "1e300",
        "[]",
        "[1]",
        "{}",
        "{\"p\":1}",
        "\"\"",
        "\"a\"",
    ];
    let plain: Vec<Value> = texts.iter().map(|text| serde_json::from_str(text).expect("a value")).collect();
    let values: Vec<Value> = plain.iter().cloned().chain(texts.iter().map(|text| Value::from(*text))).collect();
    let mut dataset = dataset::indexed(values.clone());
    let mut count = Count::default();
    let order = |path: &str| vec![Order { path: dataset::path(path), descending: false }];
    for (at, value) in
        ["x", "y", "id", "_version"].into_iter().flat_map(|at| values.iter().map(move |value| (at, value)))
    {
        let operand = || Operand::Path(dataset::path(at));
        let mut conditions: Vec<Condition> = COMPARISONS
            .iter()
            .map(|comparison| Condition::Compare(*comparison, operand(), Operand::Value(value.clone())))
            .collect();
        conditions.push(Condition::In(operand(), vec![value.clone()]));
        conditions.push(Condition::In(operand(), vec![value.clone(), Value::from("z")]));
        conditions.push(Condition::Contains(dataset::path(at), Operand::Value(value.clone())));
        for condition in conditions {
            try_case(&Case::of(condition, order("id"), None), &mut dataset, "", &mut count);
        }
        // Each of them as the end of a page, in both directions.
        for descending in [false, true] {
            let order = ["x", "id"].map(|path| Order { path: dataset::path(path), descending }).to_vec();
            let after = Some(vec![value.clone(), Value::from("5")]);
            try_case(&Case::of(Condition::always(), order, after), &mut dataset, "", &mut count);
        }
    }
    assert_eq!(count.too_wide, 0);
    assert!(count.answered > 500, "only {} questions had answers", count.answered);
}

/// As wide as a query may be: every statement fits the platform, or is refused as too wide.
#[test]
fn the_widest_queries_fit_or_are_refused() {
    let mut dataset = dataset::indexed(vec![Value::from(1), Value::from("a"), Value::Null]);
    let mut fits = |case: Case| {
        let mut count = Count::default();
        try_case(&case, &mut dataset, "", &mut count);
        count.too_wide == 0
    };
    let path = |number: usize| dataset::path(&format!("o.f{number}"));
    let id = || Order { path: dataset::path("id"), descending: true };
    let wide =
        |at: usize| Condition::Compare(Comparison::Less, Operand::Path(path(at)), Operand::Value(Value::from(at)));

    assert!(fits(Case::of(Condition::And((0..40).map(wide).collect()), vec![id()], None)));
    assert!(!fits(Case::of(Condition::And((0..60).map(wide).collect()), vec![id()], None)));
    let mut order: Vec<Order> = (0..32).map(|at| Order { path: path(at), descending: at % 3 == 0 }).collect();
    order.push(id());
    let after = (0..32).map(|at| if at % 2 == 0 { Value::Null } else { Value::from(at) }).chain([Value::from("9")]);
    assert!(fits(Case::of(Condition::always(), order, Some(after.collect()))));
    let sums = (0..32).map(|at| (format!("a{at}"), Aggregate::Sum(path(at)))).collect();
    assert!(fits(Case::grouped((32..64).map(path).collect(), sums)));
    let averages = (0..32).map(|at| (format!("a{at}"), Aggregate::Average(path(at)))).collect();
    assert!(!fits(Case::grouped(Vec::new(), averages)));

    // Nested as deep as conditions go, with an `exists` at every level that may have one.
    let mut deep = Condition::Or((0..16).map(wide).collect());
    for level in 0..10 {
        let relation = Relation::Reverse {
            collection: dataset::name("a"),
            by: dataset::path(if level % 2 == 0 { "x" } else { "y" }),
        };
        deep = match level {
            1 | 3 | 5 | 7 => Condition::Exists(relation, Box::new(deep)),
            0 | 4 | 8 => Condition::Not(Box::new(deep)),
            _ => Condition::And(vec![Condition::Or(vec![deep, wide(17)]), wide(18)]),
        };
    }
    assert!(fits(Case::of(deep.clone(), vec![id()], None)));
    for level in 0..10 {
        let by = dataset::path(if level % 2 == 0 { "x" } else { "y" });
        deep = Condition::Exists(Relation::Reverse { collection: dataset::name("a"), by }, Box::new(deep));
    }
    assert!(!fits(Case::of(deep, vec![id()], None)));
}

const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn try_one(dataset: &mut Dataset, random: &mut Random, seed: u64, count: &mut Count) {
    let case = Case::generate(random, dataset);
    let repeat = format!("repeat with SELVEDGE_SEED={seed} SELVEDGE_CASES={CASES_PER_DATASET}");
    try_case(&case, dataset, &repeat, count);
}

fn try_case(case: &Case, dataset: &mut Dataset, repeat: &str, count: &mut Count) {
    let Dataset { store, layout, states, .. } = dataset;
    let memory = states.get_mut(&case.state).expect("a state of the dataset");
    store.forget();
    let outcome = ask(case, memory, &mut SqlSource::new(store, layout));
    count.cases += 1;
    match outcome {
        Outcome::Agree { empty } => count.answered += u64::from(!empty),
        Outcome::TooWide => count.too_wide += 1,
        Outcome::Differ { memory, sql } => panic!(
            "the executors differ; {repeat}\n\n{case:#?}\n\n\
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
