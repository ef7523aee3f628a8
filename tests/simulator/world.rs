//! The world: actors, the messages between them and time, all in one queue.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use selvedge::catalog::keys::token_hash;
use selvedge::catalog::{self, Catalog};
use selvedge::error::{Code, Error};
use selvedge::moment::Moment;
use selvedge::partition::{self, Partition};
use selvedge::router::{Head, Route, elsewhere, route};
use selvedge::time::Time;
use selvedge::wire::{
    Answer, Bearer, CatalogCall, CatalogRequest, ELSEWHERE_HEADER, Lesson, PartitionRequest, Progress,
};

use crate::client::{Ask, Client, Command, ROOT, Reply, Shared, Slot};
use crate::disk::Disk;
use crate::random::Random;

/// How long a caller waits for an answer.
const PATIENCE: i64 = 2_000_000;
/// How far an actor's clock may be off.
const SKEW: i64 = 30_000_000;
/// Rounds in which a partition may ask the catalog.
const LESSONS: usize = 4;

/// What goes wrong, in percent.
#[derive(Clone, Copy)]
pub struct Faults {
    pub lost: u64,
    pub doubled: u64,
    pub late: u64,
    pub crash: u64,
    pub undone: u64,
}

impl Faults {
    pub const NONE: Faults = Faults { lost: 0, doubled: 0, late: 0, crash: 0, undone: 0 };
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    Catalog(String),
    Partition(String, String),
}

enum Core {
    Catalog(Catalog<Disk>),
    Partition(Box<Partition<Disk>>),
}

pub struct Actor {
    core: Core,
    pub disk: Disk,
    generation: u64,
    skew: i64,
    /// In the actor's own time, as the platform keeps it.
    alarm: Option<i64>,
    ringing: bool,
}

#[derive(Clone, Debug)]
enum Letter {
    Catalog(CatalogRequest),
    Partition(PartitionRequest),
}

impl Letter {
    fn to(&self) -> Name {
        match self {
            Letter::Catalog(request) => Name::Catalog(request.db.to_string()),
            Letter::Partition(request) => Name::Partition(request.db.to_string(), request.key.to_string()),
        }
    }
}

enum Happening {
    Arrive { call: u64, letter: Letter, body: Rc<str> },
    Answered { call: u64, answer: Option<Answer> },
    Wake(usize),
    Ring(Name, bool),
}

enum Waiter {
    Client { client: usize, letter: Box<Letter>, body: Rc<str>, followed: bool },
    Flight(u64),
    Listener(u64, selvedge::id::Key),
}

enum Task {
    Partition(PartitionRequest),
    Catalog(CatalogRequest),
    Alarm,
}

/// An event of an actor that waits for another.
struct Flight {
    actor: Name,
    generation: u64,
    task: Task,
    body: Rc<str>,
    round: usize,
    waiting: usize,
    reply: u64,
}

type Script = Pin<Box<dyn Future<Output = ()>>>;

pub struct World {
    pub seed: u64,
    pub shared: Rc<Shared>,
    pub faults: Faults,
    pub actors: BTreeMap<Name, Actor>,
    queue: BTreeMap<(i64, u64), Happening>,
    count: u64,
    calls: BTreeMap<u64, Waiter>,
    flights: BTreeMap<u64, Flight>,
    scripts: Vec<(Rc<RefCell<Slot>>, Option<Script>)>,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the last events, with SELVEDGE_SEED={} ---", self.seed);
            self.shared.trace.borrow().iter().for_each(|line| eprintln!("{line}"));
        }
    }
}

impl World {
    pub fn new(seed: u64, faults: Faults) -> World {
        let shared = Shared {
            now: Cell::new(1_800_000_000_000_000),
            random: RefCell::new(Random::new(seed)),
            trace: RefCell::new(VecDeque::new()),
            healed: Cell::new(false),
        };
        World {
            seed,
            shared: Rc::new(shared),
            faults,
            actors: BTreeMap::new(),
            queue: BTreeMap::new(),
            count: 0,
            calls: BTreeMap::new(),
            flights: BTreeMap::new(),
            scripts: Vec::new(),
        }
    }

    /// Starts a client.
    pub fn client<F: Future<Output = ()> + 'static>(&mut self, script: impl FnOnce(Client) -> F) {
        let slot = Rc::new(RefCell::new(Slot::default()));
        let client = Client { slot: Rc::clone(&slot), shared: Rc::clone(&self.shared) };
        self.scripts.push((slot, Some(Box::pin(script(client)))));
        self.poll(self.scripts.len() - 1);
    }

    /// Runs for some time, or until every client is done. Says whether they are.
    pub fn run(&mut self, micros: i64) -> bool {
        let end = self.now() + micros;
        while self.scripts.iter().any(|(_, script)| script.is_some()) {
            let Some(((at, _), happening)) = self.queue.pop_first() else { panic!("nothing is left to happen") };
            if at > end {
                self.queue.insert((at, self.count), happening);
                self.count += 1;
                self.shared.now.set(end);
                return false;
            }
            self.shared.now.set(at);
            self.happen(happening);
        }
        true
    }

    /// Lets a time pass in which clients are silent, or done.
    pub fn pass(&mut self, micros: i64) {
        let end = self.now() + micros;
        while self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= end) {
            let Some(((at, _), happening)) = self.queue.pop_first() else { break };
            self.shared.now.set(at);
            self.happen(happening);
        }
        self.shared.now.set(end);
    }

    fn now(&self) -> i64 {
        self.shared.now.get()
    }

    fn chance(&self, percent: u64) -> bool {
        self.shared.random.borrow_mut().chance(percent)
    }

    fn below(&self, end: i64) -> i64 {
        self.shared.random.borrow_mut().below(end.max(1) as usize) as i64
    }

    fn after(&mut self, micros: i64, happening: Happening) {
        self.count += 1;
        self.queue.insert((self.now() + micros.max(0), self.count), happening);
    }

    fn travel(&self) -> i64 {
        if self.chance(self.faults.late) { self.below(5_000_000) } else { 200 + self.below(20_000) }
    }

    fn transmit(&mut self, make: impl Fn() -> Happening) {
        if self.chance(self.faults.lost) {
            return;
        }
        let copies = if self.chance(self.faults.doubled) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = self.travel();
            self.after(delay, make());
        }
    }

    fn call(&mut self, waiter: Waiter, letter: &Letter, body: &Rc<str>) {
        self.count += 1;
        let call = self.count;
        self.calls.insert(call, waiter);
        let arrive = || Happening::Arrive { call, letter: letter.clone(), body: Rc::clone(body) };
        if let Letter::Catalog(CatalogRequest { call: CatalogCall::Create | CatalogCall::Delete, .. }) = letter {
            // What deletes a database may be lost, but does not come again once its successor is there: nothing
            // could tell that from being meant.
            if !self.chance(self.faults.lost) {
                self.after(1_000, arrive());
            }
        } else {
            self.transmit(arrive);
        }
        self.after(PATIENCE, Happening::Answered { call, answer: None });
    }

    fn answer(&mut self, call: u64, answer: Answer) {
        assert_ne!(answer.status, 500, "a defect: {}", answer.body);
        self.shared.note(|| format!("answer to {call}: {} {}", answer.status, clip(&answer.body)));
        self.transmit(|| Happening::Answered { call, answer: Some(answer.clone()) });
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake(client) => self.give(client, None),
            Happening::Arrive { call, letter, body } => {
                let actor = letter.to();
                let generation = self.actor(&actor).generation;
                self.shared.note(|| match &letter {
                    Letter::Catalog(request) => format!("{actor:?} takes {call}: {:?}", request.call),
                    Letter::Partition(request) => format!("{actor:?} takes {call}: {:?} {}", request.call, clip(&body)),
                });
                let task = match letter {
                    Letter::Catalog(request) => Task::Catalog(request),
                    Letter::Partition(request) => Task::Partition(request),
                };
                self.go_on(Flight { actor, generation, task, body, round: 0, waiting: 0, reply: call }, None);
            }
            Happening::Answered { call, answer } => self.answered(call, answer),
            Happening::Ring(actor, again) => self.ring(actor, again),
        }
    }

    fn answered(&mut self, call: u64, answer: Option<Answer>) {
        match self.calls.remove(&call) {
            None => {}
            Some(Waiter::Client { client, letter, body, followed }) => {
                let other = answer.as_ref().filter(|answer| answer.status == 421 && !followed).and_then(|answer| {
                    let (_, key) = answer.headers.iter().find(|(name, _)| *name == ELSEWHERE_HEADER)?;
                    let Letter::Partition(request) = letter.as_ref() else { return None };
                    Some(Letter::Partition(elsewhere(request, key).expect("a key")))
                });
                if let Some(letter) = other {
                    let again = Box::new(letter.clone());
                    let waiter = Waiter::Client { client, letter: again, body: Rc::clone(&body), followed: true };
                    return self.call(waiter, &letter, &body);
                }
                self.give(client, answer.as_ref().map(Reply::of));
            }
            Some(Waiter::Flight(flight)) => {
                let Some(flight) = self.flights.remove(&flight) else { return };
                match answer.filter(|answer| answer.status == 200) {
                    Some(answer) => {
                        let lesson: Lesson = serde_json::from_str(&answer.body).expect("a lesson");
                        self.go_on(flight, Some(lesson));
                    }
                    None => self.answer(flight.reply, unavailable()),
                }
            }
            Some(Waiter::Listener(flight, key)) => {
                let progress: Option<Progress> = answer
                    .filter(|answer| answer.status == 200)
                    .map(|answer| serde_json::from_str(&answer.body).expect("progress"));
                let Some(mut waiting) = self.flights.remove(&flight) else { return };
                waiting.waiting -= 1;
                let (name, generation) = (waiting.actor.clone(), waiting.generation);
                if self.actor(&name).generation == generation {
                    self.event(&name, |core, _| {
                        if let Core::Catalog(catalog) = core {
                            catalog.heard(&key, progress);
                        }
                    });
                }
                match waiting.waiting {
                    0 => self.go_on(waiting, None),
                    _ => drop(self.flights.insert(flight, waiting)),
                }
            }
        }
    }

    /// The next step of an event, in one synchronous block.
    fn go_on(&mut self, mut flight: Flight, lesson: Option<Lesson>) {
        let name = flight.actor.clone();
        if self.actor(&name).generation != flight.generation {
            return;
        }
        let (round, body) = (flight.round, Rc::clone(&flight.body));
        flight.round += 1;
        match &flight.task {
            Task::Partition(request) => {
                let stepped = self.event(&name, |core, moment| match core {
                    Core::Partition(partition) => partition.handle(moment, request, body.as_bytes(), lesson),
                    Core::Catalog(_) => unreachable!("a catalog got a partition's letter"),
                });
                match stepped {
                    None => {}
                    Some(partition::Step::Answer(answer)) => self.answer(flight.reply, answer),
                    Some(partition::Step::Verify(_)) => panic!("nobody has a token here"),
                    Some(partition::Step::Ask(_)) if round >= LESSONS => self.answer(flight.reply, unavailable()),
                    Some(partition::Step::Ask(question)) => {
                        self.count += 1;
                        let id = self.count;
                        self.flights.insert(id, flight);
                        self.call(Waiter::Flight(id), &Letter::Catalog(question), &Rc::from(""));
                    }
                }
            }
            task => {
                let request = match task {
                    Task::Catalog(request) => Some(request.clone()),
                    _ => None,
                };
                let stepped = self.event(&name, |core, moment| match (core, &request) {
                    (Core::Catalog(catalog), Some(request)) => {
                        Some(catalog.handle(moment, request, body.as_bytes(), round))
                    }
                    (Core::Catalog(catalog), None) => catalog.alarm(moment, round),
                    (Core::Partition(_), _) => unreachable!("a partition got a catalog's letter"),
                });
                match stepped {
                    None => {}
                    Some(Some(catalog::Step::Tell(listeners, grant))) => {
                        assert!(!listeners.is_empty(), "the catalog tells nobody");
                        self.count += 1;
                        let (id, grant) = (self.count, Rc::from(grant.as_str()));
                        flight.waiting = listeners.len();
                        self.flights.insert(id, flight);
                        for listener in listeners {
                            let waiter = Waiter::Listener(id, listener.key.clone());
                            self.call(waiter, &Letter::Partition(listener), &grant);
                        }
                    }
                    Some(Some(catalog::Step::Fetch(url))) => panic!("no issuer has the URL {url}"),
                    Some(Some(catalog::Step::Answer(answer))) if request.is_some() => self.answer(flight.reply, answer),
                    Some(_) => self.actor(&name).ringing = false,
                }
            }
        }
    }

    /// Lets an actor do something that commits as a whole, or not at all.
    fn event<T>(&mut self, name: &Name, work: impl FnOnce(&mut Core, &mut Moment<'_>) -> T) -> Option<T> {
        let (now, shared) = (self.now(), Rc::clone(&self.shared));
        let actor = self.actor(name);
        let (skew, before) = (actor.skew, actor.alarm);
        let mut random = || {
            let mut random = shared.random.borrow_mut();
            let mut bytes = [0; 16];
            bytes.iter_mut().for_each(|byte| *byte = random.next() as u8);
            bytes
        };
        let mut moment = Moment { now: Time::from_micros(now + skew), random: &mut random };
        actor.disk.begin();
        let done = work(&mut actor.core, &mut moment);
        let next = match &mut actor.core {
            Core::Catalog(catalog) => catalog.next_alarm(),
            Core::Partition(partition) => partition.next_alarm(),
        };
        if self.chance(self.faults.undone) {
            self.shared.note(|| format!("{name:?} crashes, and what it did is undone"));
            let actor = self.actor(name);
            actor.disk.undo();
            actor.alarm = before;
            self.crash(name);
            return None;
        }
        let actor = self.actor(name);
        actor.disk.commit();
        if let Some(next) = next.map(Time::micros).filter(|next| actor.alarm.is_none_or(|set| *next < set)) {
            actor.alarm = Some(next);
            self.arm(name);
        }
        if self.chance(self.faults.crash) {
            self.shared.note(|| format!("{name:?} crashes"));
            self.crash(name);
        }
        Some(done)
    }

    fn arm(&mut self, name: &Name) {
        let now = self.now();
        let actor = self.actor(name);
        let Some(at) = actor.alarm else { return };
        let due = (at - actor.skew - now).max(1_000);
        let late = if self.chance(self.faults.late) { self.below(3_000_000) } else { 0 };
        self.after(due + late, Happening::Ring(name.clone(), false));
        if self.chance(self.faults.doubled) {
            let again = self.below(3_000_000);
            self.after(due + again, Happening::Ring(name.clone(), true));
        }
    }

    fn ring(&mut self, name: Name, again: bool) {
        let now = self.now();
        let actor = self.actor(&name);
        let before = actor.alarm;
        match actor.alarm {
            _ if again => {}
            None => return,
            Some(at) if at > now + actor.skew => return self.arm(&name),
            Some(_) => actor.alarm = None,
        }
        let generation = actor.generation;
        self.shared.note(|| format!("{name:?} rings"));
        if matches!(name, Name::Catalog(_)) {
            self.actor(&name).ringing = true;
            let (task, body) = (Task::Alarm, Rc::from(""));
            return self.go_on(Flight { actor: name, generation, task, body, round: 0, waiting: 0, reply: 0 }, None);
        }
        let rung = self.event(&name, |core, moment| {
            if let Core::Partition(partition) = core {
                partition.alarm(moment);
            }
        });
        if rung.is_none() && before.is_some() {
            self.actor(&name).alarm = before;
            self.arm(&name);
        }
    }

    /// What is in memory is gone; so are events that waited. An alarm that was ringing rings again.
    fn crash(&mut self, name: &Name) {
        let skew = self.below(2 * SKEW) - SKEW;
        let now = self.now();
        let actor = self.actor(name);
        actor.generation += 1;
        actor.skew = skew;
        actor.core = core(name, &actor.disk);
        if std::mem::take(&mut actor.ringing) {
            let soon = now + skew + 1_000_000;
            actor.alarm = Some(actor.alarm.map_or(soon, |set| set.min(soon)));
        }
        self.arm(name);
    }

    pub fn actor(&mut self, name: &Name) -> &mut Actor {
        if !self.actors.contains_key(name) {
            let skew = self.below(2 * SKEW) - SKEW;
            let disk = Disk::new();
            let core = core(name, &disk);
            let actor = Actor { core, disk, generation: 0, skew, alarm: None, ringing: false };
            self.actors.insert(name.clone(), actor);
        }
        self.actors.get_mut(name).expect("an actor")
    }

    fn give(&mut self, client: usize, result: Option<Reply>) {
        self.scripts[client].0.borrow_mut().result = Some(result);
        self.poll(client);
    }

    fn poll(&mut self, client: usize) {
        let (slot, script) = &mut self.scripts[client];
        let slot = Rc::clone(slot);
        if let Some(running) = script
            && running.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
        {
            *script = None;
        }
        match slot.borrow_mut().command.take() {
            None => {}
            Some(Command::Sleep(micros)) => self.after(micros, Happening::Wake(client)),
            Some(Command::Call(ask)) => self.route(client, &ask),
        };
    }

    /// The router, as the shell drives it.
    fn route(&mut self, client: usize, ask: &Ask) {
        let shared = Rc::clone(&self.shared);
        let mut random = || {
            let mut random = shared.random.borrow_mut();
            let mut bytes = [0; 16];
            bytes.iter_mut().for_each(|byte| *byte = random.next() as u8);
            bytes
        };
        let mut moment = Moment { now: Time::from_micros(self.now()), random: &mut random };
        let bearer = if ask.token == ROOT { Bearer::Root } else { Bearer::Hash(token_hash(&ask.token)) };
        let header = |name: &str| ask.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let head = Head { method: ask.method, path: &ask.path, query: &ask.query, header: &header, bearer };
        let letter = match route(&head, &mut moment).unwrap_or_else(|error| panic!("{ask:?}: {error}")) {
            Route::Partition(request) => Letter::Partition(request),
            Route::Catalog(request) => Letter::Catalog(request),
            Route::Peek(peek) => Letter::Partition(
                peek.with_body(ask.body.as_bytes()).unwrap_or_else(|error| panic!("{ask:?}: {error}")),
            ),
            Route::Export(export) => Letter::Partition(export.request(
                selvedge::id::Key::parse(header("x-key").as_deref().unwrap_or("")).expect("a key"),
                None,
                &mut moment,
            )),
            other => panic!("{ask:?} goes nowhere: {other:?}"),
        };
        let body: Rc<str> = Rc::from(ask.body.as_str());
        self.shared.note(|| format!("client {client}: {} {} {}", ask.method, ask.path, clip(&ask.body)));
        let waiter =
            Waiter::Client { client, letter: Box::new(letter.clone()), body: Rc::clone(&body), followed: false };
        self.call(waiter, &letter, &body);
    }
}

fn core(name: &Name, disk: &Disk) -> Core {
    match name {
        Name::Catalog(_) => Core::Catalog(Catalog::new(disk.clone())),
        Name::Partition(..) => Core::Partition(Box::new(Partition::new(disk.clone()))),
    }
}

fn unavailable() -> Answer {
    Answer::problem(&Error::new(Code::Unavailable, "No answer came."))
}

fn clip(text: &str) -> String {
    text.chars().take(160).collect()
}
