//! A change of schema at a walking pace: whoever watches decides when the catalog's next message arrives.

use selvedge::catalog::Step;
use selvedge::id::DatabaseName;
use selvedge::moment::Moment;
use selvedge::time::Time;
use selvedge::wire::{Answer, Bearer, CatalogCall, CatalogRequest, PartitionRequest};
use serde_json::{Value, json};

use crate::world::{DB, World};

/// A change of schema under way.
pub struct Paced {
    request: CatalogRequest,
    body: String,
    round: usize,
    told: Option<(Vec<PartitionRequest>, String)>,
    pub answer: Option<Answer>,
}

impl Paced {
    /// Puts a schema of these collections and stops before anybody is told.
    pub fn put(world: &mut World, collections: Value) -> Paced {
        let db = DatabaseName::parse(DB).expect("a name");
        let mut paced = Paced {
            request: CatalogRequest {
                db,
                bearer: Bearer::Root,
                origin: None,
                call: CatalogCall::PutSchema { only_if: None },
            },
            body: json!({ "collections": collections }).to_string(),
            round: 0,
            told: None,
            answer: None,
        };
        paced.catalog(world);
        paced
    }

    fn catalog(&mut self, world: &mut World) {
        world.now += 1_000;
        let random = &mut world.random;
        let mut bytes = || std::array::from_fn(|_| random.next() as u8);
        let moment = &mut Moment { now: Time::from_micros(world.now), random: &mut bytes };
        match world.catalog.handle(moment, &self.request, self.body.as_bytes(), self.round) {
            Step::Answer(answer) => self.answer = Some(answer),
            Step::Tell(requests, body) => self.told = Some((requests, body)),
            step @ Step::Fetch(_) => panic!("{step:?}"),
        }
        let alarm = world.catalog.next_alarm();
        world.arm(None, alarm);
        self.round += 1;
    }

    /// Tells everybody once, which lets each partition do one step. Says whether it goes on.
    pub fn step(&mut self, world: &mut World) -> bool {
        let Some((requests, body)) = self.told.take() else { return false };
        for request in requests {
            let answer = world.ask_partition(&request, body.as_bytes());
            let progress = (answer.status == 200).then(|| serde_json::from_str(&answer.body).expect("progress"));
            world.catalog.heard(&request.key, progress);
        }
        self.catalog(world);
        self.told.is_some()
    }

    /// Loses what is on its way: the event that carried the change ends here.
    pub fn lose(self) {}

    /// Goes on to the end and gives the status of the answer and its body.
    pub fn finish(mut self, world: &mut World) -> (u16, Value) {
        for _ in 0..100 {
            if !self.step(world) {
                let answer = self.answer.expect("an answer");
                return (answer.status, serde_json::from_str(&answer.body).expect("JSON"));
            }
        }
        panic!("the change does not end");
    }
}

/// Puts documents, many at a time.
pub fn fill(world: &mut World, collection: &str, count: usize, document: impl Fn(usize) -> Value) {
    let all: Vec<usize> = (0..count).collect();
    for some in all.chunks(1_000) {
        let operations: Vec<Value> = some
            .iter()
            .map(|index| json!({ "insert": format!("{collection}/n{index:05}"), "body": document(*index) }))
            .collect();
        world.ops(Value::from(operations)).expect(200);
    }
}
