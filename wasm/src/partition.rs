//! The Durable Object class that is home to one key.

use std::cell::RefCell;

use selvedge::error::{Code, Error, Result, refuse};
use selvedge::partition::{Partition as Core, Step};
use selvedge::wire::{Answer, CatalogRequest, Lesson, PartitionRequest, from_json};
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

use crate::actors::Body;
use crate::alarm::Alarm;
use crate::host::{Bindings, Context};
use crate::moment::at_present;
use crate::store::DurableStore;
use crate::{actors, answer, body, envelope};

/// Lessons that one request may need: one to join, one to register, and each once more if the catalog has moved on.
const LESSONS: usize = 4;

/// The durable actor that is home to one key.
#[wasm_bindgen]
pub struct Partition {
    home: Result<Home>,
}

#[wasm_bindgen]
impl Partition {
    #[wasm_bindgen(constructor)]
    pub fn new(context: &Context, bindings: Bindings) -> Partition {
        Partition { home: Home::of(context, bindings) }
    }

    pub async fn fetch(&self, request: Request) -> std::result::Result<Response, JsValue> {
        let answered = match &self.home {
            Ok(home) => home.serve(&request).await,
            Err(error) => Err(error.clone()),
        };
        answer::respond(&answered.unwrap_or_else(Answer::from))
    }

    /// Rings when the core asked for it, at least once.
    pub async fn alarm(&self) -> std::result::Result<(), JsValue> {
        let rung = self.home.as_ref().map_err(Clone::clone).and_then(Home::ring);
        // The platform rings again later if this fails.
        rung.map_err(|error| js_sys::Error::new(&error.to_string()).into())
    }
}

struct Home {
    core: RefCell<Core<DurableStore>>,
    alarm: Alarm,
    bindings: Bindings,
}

impl Home {
    fn of(context: &Context, bindings: Bindings) -> Result<Home> {
        let (store, alarm) = crate::storage(context)?;
        Ok(Home { core: RefCell::new(Core::new(store)), alarm, bindings })
    }

    async fn serve(&self, request: &Request) -> Result<Answer> {
        let asked: PartitionRequest = from_json(&envelope(request)?)?;
        let body = if asked.call.has_body() { body::read(request).await? } else { Vec::new() };
        self.alarm.learn().await;
        let mut lesson = None;
        for _ in 0..=LESSONS {
            match self.handle(&asked, &body, lesson)? {
                Step::Answer(answer) => return Ok(answer),
                Step::Ask(question) => lesson = Some(self.ask(&question).await?),
            }
        }
        refuse(Code::Unavailable, "The database is changing. Send the same request again.")
    }

    /// One synchronous event: everything in it commits together, with the alarm it asks for.
    fn handle(&self, asked: &PartitionRequest, body: &[u8], lesson: Option<Lesson>) -> Result<Step> {
        let mut core = self.core.try_borrow_mut().map_err(|_| reentered())?;
        let step = at_present(|moment| core.handle(moment, asked, body, lesson));
        self.alarm.arm(core.next_alarm())?;
        Ok(step)
    }

    fn ring(&self) -> Result<()> {
        self.alarm.rang();
        let mut core = self.core.try_borrow_mut().map_err(|_| reentered())?;
        at_present(|moment| core.alarm(moment));
        self.alarm.arm(core.next_alarm())
    }

    async fn ask(&self, question: &CatalogRequest) -> Result<Lesson> {
        let response = actors::catalog(&self.bindings, question, Body::Empty).await?;
        from_json(&actors::said(&response).await?)
    }
}

fn reentered() -> Error {
    Error::new(Code::Internal, "An event began inside another.")
}
