//! How queries run in SQLite: through the indexes that were declared for them, without sorting.

use std::collections::BTreeMap;

use selvedge::id::CollectionName;
use selvedge::query::decode;
use selvedge::query::selection::{Among, Selection, Source};
use selvedge::query::sql::{Layout, SqlSource, Table};
use selvedge::query::tree::{Condition, Join, Order, Relation};
use selvedge::store::Store;
use selvedge::store::sqlite::SqliteStore;
use selvedge::value::Path;
use serde_json::{Value, json};

fn path(text: &str) -> Path {
    Path::parse(text).expect("a path")
}

fn name(text: &str) -> CollectionName {
    CollectionName::parse(text).expect("a name")
}

/// Orders by (status, placedAt), (total) and (customer); lines by (order, no); customers without an index.
fn shop() -> (SqliteStore, Layout) {
    let mut store = SqliteStore::in_memory().expect("a store");
    let mut layout = Layout::new();
    type Declared = (&'static str, &'static [&'static str], &'static [&'static [u32]]);
    let tables: [Declared; 3] = [
        ("orders", &["status", "placedAt", "total", "customer"], &[&[1, 2], &[3], &[4]]),
        ("lines", &["order", "no"], &[&[1, 2]]),
        ("customers", &[], &[]),
    ];
    for (number, (collection, paths, indexes)) in (1u32..).zip(tables) {
        let columns: BTreeMap<Path, u32> = paths.iter().map(|text| path(text)).zip(1..).collect();
        let keys: String = columns.values().map(|column| format!(", k{column}")).collect();
        let mut run = |sql: String| store.run(&sql, &[]).expect("a table");
        run(format!(
            "CREATE TABLE d{number} (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, \
             born INTEGER NOT NULL, body TEXT NOT NULL{keys})"
        ));
        for (at, index) in indexes.iter().enumerate() {
            let terms: String = index.iter().map(|column| format!("k{column}, ")).collect();
            run(format!("CREATE INDEX d{number}_{at} ON d{number} ({terms}id)"));
        }
        let indexes = indexes.iter().map(|index| index.to_vec()).collect();
        layout.insert(name(collection), Table { number, columns, indexes });
    }
    (store, layout)
}

#[derive(Default)]
struct Asked {
    filter: Value,
    order: Vec<(&'static str, bool)>,
    after: Option<Vec<Value>>,
    among: Option<&'static str>,
    joins: Vec<Join>,
    from: &'static str,
}

fn plan(asked: Asked) -> String {
    match &asked.filter {
        Value::Null => explained(&asked, &Condition::always()),
        filter => explained(&asked, &decode::plain_condition(filter).expect("a condition")),
    }
}

fn explained(asked: &Asked, filter: &Condition) -> String {
    let (mut store, layout) = shop();
    let order = asked.order.iter().map(|(term, descending)| Order { path: path(term), descending: *descending });
    let from = name(if asked.from.is_empty() { "orders" } else { asked.from });
    let selection = Selection {
        from: &from,
        filter,
        joins: &asked.joins,
        order: order.collect(),
        after: asked.after.clone(),
        limit: 20,
        among: asked.among.map(|text| Among { path: path(text), values: vec!["o1".to_owned(), "o2".to_owned()] }),
        at: None,
        along: Vec::new(),
        hidden: &[],
    };
    SqlSource::new(&mut store, &layout).explain(&selection).expect("a plan").join("\n")
}

fn newest() -> Vec<(&'static str, bool)> {
    vec![("placedAt", true), ("id", true)]
}

#[test]
fn equality_and_order_are_one_walk_along_an_index() {
    let plan = plan(Asked { filter: json!(["=", "status", "open"]), order: newest(), ..Asked::default() });
    assert_eq!(plan, "SEARCH t0 USING INDEX d1_0 (k1=?)");
}

#[test]
fn a_range_is_sought_at_both_ends() {
    let order = vec![("total", false), ("id", false)];
    let plan = plan(Asked { filter: json!([">", "total", 100]), order, ..Asked::default() });
    assert_eq!(plan, "SEARCH t0 USING INDEX d1_1 (k3>? AND k3<?)");
}

#[test]
fn a_prefix_is_a_range() {
    let order = vec![("customer", false), ("id", false)];
    for filter in [json!(["prefix", "customer", "acme/"]), json!(["like", "customer", "acme/%9"])] {
        let plan = plan(Asked { filter, order: order.clone(), ..Asked::default() });
        assert_eq!(plan, "SEARCH t0 USING INDEX d1_2 (k4>? AND k4<?)");
    }
}

#[test]
fn a_list_is_looked_up_value_by_value() {
    let plan = plan(Asked {
        filter: json!(["in", "total", [1, 2, 3]]),
        order: vec![("total", false), ("id", false)],
        ..Asked::default()
    });
    assert!(plan.starts_with("SEARCH t0 USING INDEX d1_1 (k3=?)"), "{plan}");
    assert!(!plan.contains("SCAN t0"), "{plan}");
}

#[test]
fn an_order_by_id_and_a_point_read_use_the_id() {
    let by_id = plan(Asked { order: vec![("id", false)], ..Asked::default() });
    assert_eq!(by_id, "SCAN t0 USING INDEX sqlite_autoindex_d1_1");
    let point = plan(Asked { filter: json!(["=", "id", "o1"]), order: vec![("id", false)], ..Asked::default() });
    assert_eq!(point, "SEARCH t0 USING INDEX sqlite_autoindex_d1_1 (id=?)");
}

#[test]
fn a_later_page_enters_the_index_at_its_row() {
    let after = Some(vec![json!("2026-01-01"), json!("o7")]);
    let descending = plan(Asked { filter: json!(["=", "status", "open"]), order: newest(), after, ..Asked::default() });
    assert_eq!(
        descending,
        "SEARCH t0 USING INDEX d1_0 (k1=? AND (k2,id)<(?,?))\nSEARCH t0 USING INDEX d1_0 (k1=? AND k2=?)"
    );
    let ascending = plan(Asked {
        order: vec![("total", false), ("id", false)],
        after: Some(vec![json!(5), json!("o7")]),
        ..Asked::default()
    });
    assert_eq!(ascending, "SEARCH t0 USING INDEX d1_1 ((k3,id)>(?,?))");
    let mixed = plan(Asked {
        order: vec![("total", false), ("placedAt", true), ("id", true)],
        after: Some(vec![json!(5), json!("2026-01-01"), json!("o7")]),
        ..Asked::default()
    });
    assert!(mixed.starts_with("SEARCH t0 USING INDEX d1_1 (k3>?)"), "{mixed}");
}

#[test]
fn exists_seeks_along_a_reference_in_both_directions() {
    let open = |relation| {
        let filter = Condition::And(vec![
            decode::plain_condition(&json!(["=", "status", "open"])).expect("a condition"),
            Condition::Exists(relation, Box::new(Condition::always())),
        ]);
        explained(&Asked { order: newest(), ..Asked::default() }, &filter)
    };
    let reverse = open(Relation::Reverse { collection: name("lines"), by: path("order") });
    assert!(reverse.starts_with("SEARCH t0 USING INDEX d1_0 (k1=?)"), "{reverse}");
    assert!(reverse.contains("USING COVERING INDEX d2_0 (k1=?)"), "{reverse}");
    let forward = open(Relation::Forward { path: path("customer"), collection: name("customers") });
    assert!(forward.starts_with("SEARCH t0 USING INDEX d1_0 (k1=?)"), "{forward}");
    assert!(forward.contains("USING COVERING INDEX sqlite_autoindex_d3_1 (id=?)"), "{forward}");
    for plan in [reverse, forward] {
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[test]
fn exists_along_a_reference_without_an_index_lists_the_ids_once() {
    let relation = Relation::Reverse { collection: name("lines"), by: path("product") };
    let filter = Condition::Exists(relation, Box::new(Condition::always()));
    let plan = explained(&Asked { order: newest(), ..Asked::default() }, &filter);
    assert!(plan.contains("LIST SUBQUERY") && !plan.contains("CORRELATED"), "{plan}");
}

#[test]
fn an_include_reads_the_first_rows_of_each_id_alone() {
    let plan = plan(Asked {
        from: "lines",
        among: Some("order"),
        order: vec![("no", true), ("id", true)],
        ..Asked::default()
    });
    assert!(plan.contains("SEARCH t0 USING COVERING INDEX d2_0 (k1=?)"), "{plan}");
    assert!(plan.contains("SEARCH o USING INTEGER PRIMARY KEY (rowid=?)"), "{plan}");
    assert!(!plan.contains("SCAN t0"), "{plan}");
}

#[test]
fn documents_by_id_are_looked_up() {
    let plan = plan(Asked { from: "customers", among: Some("id"), order: vec![("id", false)], ..Asked::default() });
    assert!(plan.contains("SEARCH t0 USING INDEX sqlite_autoindex_d3_1 (id=?)"), "{plan}");
}

fn join(collection: &str, left: &str, right: &str) -> Join {
    Join {
        name: "j".to_owned(),
        collection: name(collection),
        on: vec![(path(left), path(right))],
        filter: Condition::always(),
        optional: false,
        hidden: Vec::new(),
    }
}

#[test]
fn a_join_seeks_by_id_or_through_the_index_of_a_reference() {
    let order = || vec![("placedAt", true), ("id", true), ("j.id", true)];
    let filter = || json!(["=", "status", "open"]);
    let joins = vec![join("customers", "customer", "id")];
    let by_id = plan(Asked { filter: filter(), order: order(), joins, ..Asked::default() });
    assert_eq!(
        by_id.lines().take(2).collect::<Vec<_>>(),
        ["SEARCH t0 USING INDEX d1_0 (k1=?)", "SEARCH t1 USING INDEX sqlite_autoindex_d3_1 (id=?)"]
    );
    let joins = vec![join("lines", "id", "order")];
    let by_reference = plan(Asked { filter: filter(), order: order(), joins, ..Asked::default() });
    assert!(by_reference.contains("SEARCH t1 USING INDEX d2_0 (k1=?)"), "{by_reference}");
}

#[test]
fn a_join_without_an_index_is_made_one() {
    let joins = vec![join("customers", "code", "code")];
    let plan = plan(Asked { order: vec![("id", false), ("j.id", false)], joins, ..Asked::default() });
    assert!(plan.contains("SEARCH l1 USING AUTOMATIC") && plan.contains("(j0=?)"), "{plan}");
}

#[test]
fn statements_that_are_kept_serve_other_values() {
    let (mut store, layout) = shop();
    store.run("CREATE TABLE log(seq INTEGER PRIMARY KEY, collection, id, prev, before)", &[]).expect("a table");
    let (orders, customers, lines) = (name("orders"), name("customers"), name("lines"));
    let order = |terms: &[&str]| terms.iter().map(|term| Order { path: path(term), descending: true }).collect();
    let mut ask = |turn: usize| {
        let filter = decode::plain_condition(&json!([
            "and",
            ["=", "status", format!("s{turn}")],
            [">", "total", turn],
            ["like", "customer", format!("acme/%{turn}")],
            ["in", "placedAt", [turn, turn + 1]],
            ["contains", "tags", format!("t{turn}")]
        ]));
        let filter = filter.expect("a condition");
        let always = Condition::always();
        let base = Selection {
            from: &orders,
            filter: &filter,
            joins: &[],
            order: order(&["placedAt", "id"]),
            after: None,
            limit: 20 + turn,
            among: None,
            at: None,
            along: Vec::new(),
            hidden: &[],
        };
        let among = |path_to: &str| Some(Among { path: path(path_to), values: vec![format!("o{turn}")] });
        let later = Selection { after: Some(vec![json!(turn), json!(format!("o{turn}"))]), ..base.clone() };
        let earlier = Selection { at: Some(i64::try_from(turn).expect("a sequence")), ..base.clone() };
        let forward = Selection { from: &customers, filter: &always, among: among("id"), ..base.clone() };
        let reverse = Selection { from: &lines, filter: &always, among: among("order"), ..base.clone() };
        let searched = Selection { from: &lines, filter: &always, among: among("product"), ..base.clone() };
        for selection in [base, later, earlier, forward, reverse, searched] {
            SqlSource::new(&mut store, &layout).rows(&selection).expect("rows");
        }
        store.prepared_anew()
    };
    assert_eq!([ask(1), ask(2), ask(3)], [0, 0, 0]);
}
