//! Clients: each an async function that calls, waits and sleeps in virtual time.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use selvedge::id::BatchId;
use selvedge::wire::Answer;
use serde_json::Value;

use crate::random::Random;

pub const ROOT: &str = "root";
const SECOND: i64 = 1_000_000;

/// A request over HTTP.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub query: String,
    pub headers: Vec<(&'static str, String)>,
    pub token: String,
    pub body: String,
}

impl Ask {
    pub fn new(method: &'static str, path: impl Into<String>) -> Ask {
        let (path, token) = (path.into(), ROOT.to_owned());
        Ask { method, path, query: String::new(), headers: Vec::new(), token, body: String::new() }
    }

    pub fn body(mut self, body: &Value) -> Ask {
        self.body = body.to_string();
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Ask {
        self.headers.push((name, value.into()));
        self
    }

    pub fn token(mut self, token: &str) -> Ask {
        token.clone_into(&mut self.token);
        self
    }

    pub fn at(mut self, time: &str) -> Ask {
        self.query = format!("at={time}");
        self
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub json: Value,
    pub text: String,
}

impl Reply {
    pub fn of(answer: &Answer) -> Reply {
        let json = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        Reply { status: answer.status, json, text: answer.body.clone() }
    }

    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or("")
    }

    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

pub enum Command {
    Call(Ask),
    Sleep(i64),
}

/// Where a client's wish and the world's answer meet.
#[derive(Default)]
pub struct Slot {
    pub command: Option<Command>,
    pub result: Option<Option<Reply>>,
}

/// What the clients and the world share.
pub struct Shared {
    pub now: Cell<i64>,
    pub random: RefCell<Random>,
    pub trace: RefCell<VecDeque<String>>,
    /// The faults are over: clients finish what they do.
    pub healed: Cell<bool>,
}

impl Shared {
    pub fn note(&self, what: impl FnOnce() -> String) {
        let mut trace = self.trace.borrow_mut();
        if trace.len() >= 50 {
            trace.pop_front();
        }
        trace.push_back(format!("{:>12} {}", self.now.get() % 100_000_000_000, what()));
    }
}

/// One client's hand.
#[derive(Clone)]
pub struct Client {
    pub slot: Rc<RefCell<Slot>>,
    pub shared: Rc<Shared>,
}

impl Client {
    pub fn random(&self) -> RefMut<'_, Random> {
        self.shared.random.borrow_mut()
    }

    pub fn below(&self, end: usize) -> usize {
        self.random().below(end)
    }

    pub fn chance(&self, percent: u64) -> bool {
        self.random().chance(percent)
    }

    pub fn is_over(&self) -> bool {
        self.shared.healed.get()
    }

    async fn command(&self, command: Command) -> Option<Reply> {
        self.slot.borrow_mut().command = Some(command);
        poll_fn(|_| match self.slot.borrow_mut().result.take() {
            Some(result) => Poll::Ready(result),
            None => Poll::Pending,
        })
        .await
    }

    /// One try; `None` if no answer came.
    pub async fn call(&self, ask: &Ask) -> Option<Reply> {
        self.command(Command::Call(ask.clone())).await
    }

    pub async fn sleep(&self, micros: i64) {
        self.command(Command::Sleep(micros)).await;
    }

    pub async fn think(&self) {
        let pause = self.below(150_000) as i64;
        self.sleep(pause).await;
    }

    /// Asks until there is an answer that is final.
    pub async fn persist(&self, ask: &Ask) -> Reply {
        loop {
            match self.call(ask).await {
                Some(reply) if reply.status != 503 => return reply,
                _ => self.sleep(SECOND / 20 + self.below(500_000) as i64).await,
            }
        }
    }

    /// A new batch id, made by a clock that is a little off.
    pub fn batch_id(&self) -> String {
        let off = self.below(120_000) as i64 - 60_000;
        let ms = u64::try_from(self.shared.now.get() / 1_000 + off).unwrap_or(0);
        let mut random = [0; 10];
        for byte in &mut random {
            *byte = self.random().next() as u8;
        }
        BatchId::v7(ms, random).to_string()
    }
}
