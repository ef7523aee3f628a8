//! Generated questions, as trees.

use selvedge::id::CollectionName;
use selvedge::query::condition::Scope;
use selvedge::query::memory::Memory;
use selvedge::query::selection::{Among, Grouping, Row, Selection, Source};
use selvedge::query::tree::{Aggregate, Comparison, Condition, Hidden, Join, Operand, Order, Relation};
use selvedge::value::{Path, Value};
use serde_json::json;

use super::dataset::{ABSENT, COLLECTIONS, Dataset, IDS, PATHS, name, path, string, twin, value};
use super::random::Random;

/// A question, owned.
#[derive(Debug)]
pub struct Case {
    /// The state that is asked.
    pub state: Option<i64>,
    from: CollectionName,
    filter: Condition,
    joins: Vec<Join>,
    hidden: Vec<Hidden>,
    pub question: Question,
}

#[derive(Debug)]
pub enum Question {
    Selection(Page),
    Grouping(Groups),
}

#[derive(Debug)]
pub struct Page {
    order: Vec<Order>,
    after: Option<Vec<Value>>,
    limit: usize,
    among: Option<Among>,
}

#[derive(Debug)]
pub struct Groups {
    by: Vec<Path>,
    aggregates: Vec<(String, Aggregate)>,
}

impl Case {
    pub fn selection(&self) -> Option<Selection<'_>> {
        let Question::Selection(page) = &self.question else { return None };
        Some(Selection {
            from: &self.from,
            filter: &self.filter,
            joins: &self.joins,
            order: page.order.clone(),
            after: page.after.clone(),
            limit: page.limit,
            among: page.among.clone(),
            at: self.state,
            along: Vec::new(),
            hidden: &self.hidden,
        })
    }

    pub fn grouping(&self) -> Option<Grouping<'_>> {
        let Question::Grouping(groups) = &self.question else { return None };
        Some(Grouping {
            from: &self.from,
            filter: &self.filter,
            joins: &self.joins,
            by: &groups.by,
            aggregates: &groups.aggregates,
            at: self.state,
        })
    }

    /// A page of the first collection, as it is now.
    pub fn of(filter: Condition, order: Vec<Order>, after: Option<Vec<Value>>) -> Case {
        let page = Page { order, after, limit: 1000, among: None };
        let from = name(COLLECTIONS[0]);
        Case { state: None, from, filter, joins: Vec::new(), hidden: Vec::new(), question: Question::Selection(page) }
    }

    pub fn grouped(by: Vec<Path>, aggregates: Vec<(String, Aggregate)>) -> Case {
        let (from, question) = (name(COLLECTIONS[0]), Question::Grouping(Groups { by, aggregates }));
        Case { state: None, from, filter: Condition::always(), joins: Vec::new(), hidden: Vec::new(), question }
    }

    pub fn generate(random: &mut Random, dataset: &mut Dataset) -> Case {
        let earlier: Vec<Option<i64>> = dataset.states.keys().copied().collect();
        let state = if random.chance(15) { random.pick(&earlier) } else { None };
        let mut asker = Asker { random, documents: &dataset.documents };
        let joins = asker.joins();
        let names: Vec<&str> = joins.iter().map(|join| join.name.as_str()).collect();
        let from = asker.collection();
        let filter = asker.filter(&names);
        let question = if asker.random.chance(25) {
            Question::Grouping(asker.groups(&names))
        } else {
            Question::Selection(asker.page(&joins))
        };
        let hidden = asker.hidden();
        let mut case = Case { state, from, filter, joins, hidden, question };
        let memory = dataset.states.get_mut(&state).expect("a state of the dataset");
        case.go_on(random, memory);
        case
    }

    /// Makes it a later page, often: after any row of the answer, the last one included, or after no row at all.
    fn go_on(&mut self, random: &mut Random, memory: &mut Memory) {
        if !random.chance(50) {
            return;
        }
        let Some(everything) = self.selection().map(|selection| Selection { limit: usize::MAX, ..selection }) else {
            return;
        };
        let rows = memory.rows(&everything).expect("memory answers");
        let last = rows.len().saturating_sub(1);
        let at = if random.chance(10) { last } else { random.below(rows.len().div_ceil(2)) };
        let row = rows.get(at);
        let order = everything.order.clone();
        let values = order.iter().map(|term| match row {
            Some(row) if !random.chance(3) => self.value_in(row, &term.path),
            _ => value(random),
        });
        let values = values.collect();
        if let Question::Selection(page) = &mut self.question {
            page.after = Some(values);
        }
    }

    fn value_in(&self, row: &Row, path: &Path) -> Value {
        let parse = |text: &String| serde_json::from_str::<Value>(text).expect("a body is JSON");
        let document = parse(&row.body);
        let joined: Vec<Value> = row.joined.iter().map(|text| text.as_ref().map_or(Value::Null, parse)).collect();
        let joined: Vec<(&str, &Value)> = self.joins.iter().map(|join| join.name.as_str()).zip(&joined).collect();
        Scope { document: &document, joined: &joined }.get(path).clone()
    }
}

struct Asker<'a> {
    random: &'a mut Random,
    documents: &'a [Value],
}

impl Asker<'_> {
    fn collection(&mut self) -> CollectionName {
        if self.random.chance(1) { name(ABSENT) } else { name(self.random.pick(COLLECTIONS)) }
    }

    /// A path of the document itself.
    fn own_path(&mut self) -> Path {
        match self.random.below(20) {
            0..=2 => path("id"),
            3 => path("_version"),
            4 => path("missing"),
            5 => path(self.random.pick(&["id.x", "o.p.p", "list.0", "x.p", "_time.y"])),
            _ => path(self.random.pick(PATHS)),
        }
    }

    /// A path of the document or of one that is joined, or that document itself.
    fn path(&mut self, joins: &[&str]) -> Path {
        let own = self.own_path();
        if joins.is_empty() || self.random.chance(50) {
            return own;
        }
        let join = self.random.pick(joins);
        if self.random.chance(3) { path(join) } else { path(&format!("{join}.{own}")) }
    }

    /// A value, rather one that some document has at the path.
    fn value_at(&mut self, at: &Path) -> Value {
        let own = if at.head().starts_with("join") { at.tail() } else { Some(at.clone()) };
        let document = self.random.below(self.documents.len());
        let found = self.documents.get(document).and_then(|document| own?.get(document).cloned());
        match found {
            Some(found) if self.random.chance(5) => twin(&found),
            Some(found) if self.random.chance(70) => found,
            _ => value(self.random),
        }
    }

    fn joins(&mut self) -> Vec<Join> {
        let count = [0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3][self.random.below(12)];
        let mut joins: Vec<Join> = Vec::new();
        for number in 1..=count {
            let names: Vec<String> = joins.iter().map(|join| join.name.clone()).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let on = (0..=usize::from(self.random.chance(15))).map(|_| self.pair(&names)).collect();
            joins.push(Join {
                name: format!("join{number}"),
                collection: self.collection(),
                on,
                filter: if self.random.chance(70) { Condition::always() } else { self.condition(&[], 1, 1) },
                optional: self.random.chance(45),
                hidden: self.hidden(),
            });
        }
        joins
    }

    /// Fields that are left out of documents, of all or of some.
    fn hidden(&mut self) -> Vec<Hidden> {
        let mut hidden: Vec<Hidden> = Vec::new();
        while hidden.len() < 3 && self.random.chance(20) {
            let name = self.random.pick(PATHS).split('.').next().expect("a segment").to_owned();
            let never = self.random.chance(30);
            let unless = if never { Condition::never() } else { self.condition(&[], 1, 1) };
            if hidden.iter().all(|other| other.name != name) {
                hidden.push(Hidden { name, unless });
            }
        }
        hidden
    }

    fn pair(&mut self, joins: &[&str]) -> (Path, Path) {
        let (left, right) = match self.random.below(8) {
            0..=2 => (path("to"), path("id")),
            3 => (path("id"), path("to")),
            4 => (path("s"), path("s")),
            5 => (path("x"), path("y")),
            _ => return (self.path(joins), self.own_path()),
        };
        match joins.first() {
            Some(_) if self.random.chance(40) => (path(&format!("{}.{left}", self.random.pick(joins))), right),
            _ => (left, right),
        }
    }

    /// A condition at the top: often weakened, so that something is left.
    fn filter(&mut self, joins: &[&str]) -> Condition {
        let condition = self.condition(joins, 3, 3);
        match self.random.below(10) {
            0 | 1 => Condition::always(),
            2..=4 => Condition::Or(vec![condition, self.condition(joins, 1, 1), self.condition(joins, 0, 0)]),
            5 | 6 => Condition::Not(Box::new(condition)),
            _ => condition,
        }
    }

    fn condition(&mut self, joins: &[&str], depth: usize, exists: usize) -> Condition {
        if depth > 0 && self.random.chance(45) {
            let count = self.random.below(4);
            return match self.random.below(5) {
                0 => Condition::Not(Box::new(self.condition(joins, depth - 1, exists))),
                1 | 2 => Condition::And((0..count).map(|_| self.condition(joins, depth - 1, exists)).collect()),
                _ => Condition::Or((0..=count).map(|_| self.condition(joins, depth - 1, exists)).collect()),
            };
        }
        if !joins.is_empty() && self.random.chance(10) {
            return Condition::Own(Box::new(self.condition(&[], depth, exists)));
        }
        let at = self.path(joins);
        match self.random.below(16) {
            0 | 1 => {
                Condition::Compare(Comparison::Equal, Operand::Path(at.clone()), Operand::Value(self.value_at(&at)))
            }
            2..=5 => {
                let other = if self.random.chance(25) {
                    Operand::Path(self.path(joins))
                } else {
                    Operand::Value(self.value_at(&at))
                };
                let this = if self.random.chance(3) { Operand::Value(value(self.random)) } else { Operand::Path(at) };
                let (left, right) = if self.random.chance(20) { (other, this) } else { (this, other) };
                Condition::Compare(self.comparison(), left, right)
            }
            6 | 7 => {
                let values = (0..self.random.below(5)).map(|_| self.value_at(&at)).collect();
                let operand =
                    if self.random.chance(3) { Operand::Value(value(self.random)) } else { Operand::Path(at) };
                Condition::In(operand, values)
            }
            8 => {
                let pattern = self.pattern(&at);
                Condition::Like(at, pattern)
            }
            9 => {
                let prefix = self.part(&at, 2);
                Condition::Prefix(at, prefix)
            }
            10 | 11 => {
                let held = if self.random.chance(50) { json!(self.part(&at, 1)) } else { self.item(&at) };
                Condition::Contains(at, Operand::Value(held))
            }
            12 => Condition::IsNull(at),
            _ if exists > 0 => {
                let relation = self.relation();
                let inner = if self.random.chance(40) {
                    Condition::always()
                } else {
                    self.condition(&[], depth.min(2), exists - 1)
                };
                Condition::Exists(relation, Box::new(inner))
            }
            _ => Condition::IsNull(at),
        }
    }

    fn relation(&mut self) -> Relation {
        let collection = self.collection();
        let at = if self.random.chance(75) { path("to") } else { self.own_path() };
        if self.random.chance(50) {
            Relation::Forward { path: at, collection }
        } else {
            Relation::Reverse { collection, by: at }
        }
    }

    fn comparison(&mut self) -> Comparison {
        self.random.pick(&super::COMPARISONS)
    }

    /// The first characters of a string at the path.
    fn part(&mut self, at: &Path, most: usize) -> String {
        match self.value_at(at) {
            Value::String(text) => text.chars().take(self.random.below(most + 1)).collect(),
            _ => string(self.random),
        }
    }

    fn pattern(&mut self, at: &Path) -> String {
        let mut pattern: Vec<char> = match self.value_at(at) {
            Value::String(text) => text.chars().take(8).collect(),
            _ => string(self.random).chars().collect(),
        };
        for _ in 0..self.random.below(3) {
            let place = self.random.below(pattern.len() + 1);
            let wild = if self.random.chance(60) { '%' } else { '_' };
            if self.random.chance(50) || place >= pattern.len() {
                pattern.insert(place, wild)
            } else {
                pattern[place] = wild
            }
        }
        pattern.into_iter().collect()
    }

    /// An item of an array at the path, rather than any value.
    fn item(&mut self, at: &Path) -> Value {
        match self.value_at(at) {
            Value::Array(items) if !items.is_empty() => self.random.pick(&items),
            _ => value(self.random),
        }
    }

    fn page(&mut self, joins: &[Join]) -> Page {
        let names: Vec<&str> = joins.iter().map(|join| join.name.as_str()).collect();
        let mut order: Vec<Order> = (0..self.random.below(4))
            .map(|_| Order { path: self.path(&names), descending: self.random.chance(50) })
            .collect();
        let descending = order.last().is_some_and(|term| term.descending);
        order.push(Order { path: path("id"), descending });
        order.extend(names.iter().map(|join| Order { path: path(&format!("{join}.id")), descending }));
        let among = self.random.chance(20).then(|| {
            let at = match self.random.below(6) {
                0 | 1 => path("id"),
                2..=4 => path("to"),
                _ => self.own_path(),
            };
            let mut values: Vec<String> =
                IDS.iter().map(|id| (*id).to_owned()).filter(|_| self.random.chance(60)).collect();
            values.push("nobody".to_owned());
            Among { path: at, values }
        });
        Page { order, after: None, limit: self.random.pick(&[1, 1, 2, 3, 5, 10, 100, 1000, 1000]), among }
    }

    fn groups(&mut self, joins: &[&str]) -> Groups {
        let by = (0..self.random.below(4)).map(|_| self.path(joins)).collect();
        let aggregates = (0..self.random.below(5)).map(|at| (format!("a{at}"), self.aggregate(joins))).collect();
        Groups { by, aggregates }
    }

    fn aggregate(&mut self, joins: &[&str]) -> Aggregate {
        let at = self.path(joins);
        // Sums over doubles of any size say more about rounding than about the executors.
        let summed = if at.segments().iter().any(|segment| segment == "r") { path("n") } else { at.clone() };
        match self.random.below(7) {
            0 => Aggregate::Count,
            1 => Aggregate::CountOf(at),
            2 | 3 => Aggregate::Sum(summed),
            4 => Aggregate::Average(summed),
            5 => Aggregate::Min(at),
            _ => Aggregate::Max(at),
        }
    }
}
