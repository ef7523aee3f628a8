//! The Durable Object class that is home to one key.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{ArrayBuffer, Uint8Array};
use selvedge::error::{Code, Error, Result, refuse};
use selvedge::partition::{Partition as Core, Step};
use selvedge::wire::{CatalogRequest, Lesson, PartitionRequest, from_json};
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

use crate::actors::{self, Letter};
use crate::alarm::Alarm;
use crate::host::{self, Bindings, Context};
use crate::moment::at_present;
use crate::store::DurableStore;
use crate::{answer, body, envelope};

/// Lessons that one request may need: one to join, one to register, and each once more if the catalog has moved on.
const LESSONS: usize = 4;

/// The durable actor that is home to one key.
#[wasm_bindgen]
pub struct Partition {
    home: Result<Rc<Home>>,
    /// For JavaScript to call when it has the body: one closure for the actor's life, since each costs more than what it
    /// is called for.
    serve: JsValue,
}

#[wasm_bindgen]
impl Partition {
    #[wasm_bindgen(constructor)]
    pub fn new(context: &Context, bindings: Bindings) -> Partition {
        let home = Home::of(context, bindings).map(Rc::new);
        let serve = home.clone().map_or(JsValue::UNDEFINED, |home| {
            let serve = move |envelope: String, body: ArrayBuffer| {
                let asked = from_json(&envelope);
                answer::settle(asked.and_then(|asked| home.serve(asked, Uint8Array::new(&body).to_vec())))
            };
            Closure::<dyn Fn(String, ArrayBuffer) -> std::result::Result<JsValue, JsValue>>::new(serve).into_js_value()
        });
        Partition { home, serve }
    }

    /// A response, or the promise of one.
    pub fn fetch(&self, request: Request) -> std::result::Result<JsValue, JsValue> {
        answer::settle(self.answer(request))
    }

    /// Rings when the core asked for it, at least once.
    pub fn alarm(&self) -> std::result::Result<(), JsValue> {
        let rung = self.home.as_ref().map_err(Clone::clone).and_then(|home| home.ring());
        // The platform rings again later if this fails.
        rung.map_err(|error| js_sys::Error::new(&error.to_string()).into())
    }
}

impl Partition {
    /// The common case takes no step of an executor of futures: each costs more than the point read it is for.
    fn answer(&self, request: Request) -> Result<JsValue> {
        let home = self.home.as_ref().map_err(Clone::clone)?;
        let envelope = envelope(&request)?;
        #[cfg(feature = "conformance")]
        if envelope == crate::conformance::ACTOR {
            let mut core = home.core.try_borrow_mut().map_err(|_| reentered())?;
            let answer = crate::conformance::run(core.store());
            return answer::respond(&answer).map(JsValue::from).map_err(|thrown| defect(&thrown));
        }
        let asked: PartitionRequest = from_json(&envelope)?;
        if !home.alarm.is_known() {
            return Ok(answer::later(Rc::clone(home).first(request, asked)));
        }
        if !asked.call.has_body() {
            return home.serve(asked, Vec::new());
        }
        if body::is_small(&request) {
            let answered = host::whole(&request, &envelope, &self.serve);
            return answered.map(JsValue::from).map_err(|thrown| Error::new(Code::Internal, host::message(&thrown)));
        }
        Ok(answer::later(Rc::clone(home).first(request, asked)))
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

    /// Answers a request that is all there; with a promise, if the catalog has to be asked.
    fn serve(self: &Rc<Self>, asked: PartitionRequest, body: Vec<u8>) -> Result<JsValue> {
        match self.handle(&asked, &body, None)? {
            Step::Answer(answer) => answer::respond(&answer).map(JsValue::from).map_err(|thrown| defect(&thrown)),
            step @ Step::Ask(_) => Ok(answer::later(Rc::clone(self).go_on(asked, body, step))),
        }
    }

    /// The first request of an instance, which has to find out about its alarm, and one whose body comes in pieces.
    async fn first(self: Rc<Self>, request: Request, asked: PartitionRequest) -> Result<Response> {
        let body = if asked.call.has_body() { body::read(&request).await? } else { Vec::new() };
        self.alarm.learn().await;
        let step = self.handle(&asked, &body, None)?;
        self.go_on(asked, body, step).await
    }

    /// Asks the catalog for as long as the core wants to know more.
    async fn go_on(self: Rc<Self>, asked: PartitionRequest, body: Vec<u8>, mut step: Step) -> Result<Response> {
        for _ in 0..LESSONS {
            let Step::Ask(question) = step else { break };
            let lesson = self.ask(&question).await?;
            step = self.handle(&asked, &body, Some(lesson))?;
        }
        match step {
            Step::Answer(answer) => answer::respond(&answer).map_err(|thrown| defect(&thrown)),
            Step::Ask(_) => refuse(Code::Unavailable, "The database is changing. Send the same request again."),
        }
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
        let response = Letter::to_catalog(&self.bindings, question)?.answer(&JsValue::UNDEFINED).await?;
        from_json(&actors::said(&response).await?)
    }
}

fn reentered() -> Error {
    Error::new(Code::Internal, "An event began inside another.")
}

fn defect(thrown: &JsValue) -> Error {
    Error::new(Code::Internal, host::message(thrown))
}
