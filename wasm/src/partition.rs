//! The Durable Object class that is home to one key.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::futures::{JsFuture, future_to_promise};
use selvedge::error::{Code, Error, Result, refuse};
use selvedge::limits::SOCKET_FRAMES;
use selvedge::partition::{Partition as Core, Step};
use selvedge::principal::SignatureCheck;
use selvedge::sync::{self, Turn, Unseen};
use selvedge::wire::{Answer, CatalogRequest, Lesson, PartitionRequest, from_json};
use wasm_bindgen::prelude::*;

use crate::actors::Letter;
use crate::alarm::Alarm;
use crate::answer;
use crate::host::{self, Bindings, Context};
use crate::moment::at_present;
use crate::store::DurableStore;

/// Steps that one request may take before it is answered: a lesson to join, one to register, each once more if the catalog
/// has moved on; and a signature, once more if its issuer's keys have.
const STEPS: usize = 6;

/// The durable actor that is home to one key.
#[wasm_bindgen]
pub struct Partition {
    home: Result<Rc<Home>>,
}

#[wasm_bindgen]
impl Partition {
    #[wasm_bindgen(constructor)]
    pub fn new(context: &Context, bindings: Bindings) -> Partition {
        Partition { home: Home::of(context, bindings).map(Rc::new) }
    }

    /// Answers the request in an envelope, or promises to.
    pub fn ask(&self, envelope: &str, body: Option<Vec<u8>>) -> std::result::Result<JsValue, JsValue> {
        self.answer(envelope, body.unwrap_or_default()).unwrap_or_else(|error| answer::say(&Answer::problem(&error)))
    }

    /// Answers a frame of a socket, or promises to: the frame to send, or nothing if the socket is to be closed.
    pub fn hear(&self, frame: &str, socket: &Socket) -> JsValue {
        match self.turn(frame, socket) {
            Ok(answered) => answered,
            Err(error) => JsValue::from_str(&sync::frame(None, &Answer::problem(&error))),
        }
    }

    /// Rings when the core asked for it, at least once.
    pub fn alarm(&self) -> std::result::Result<(), JsValue> {
        let rung = self.home.as_ref().map_err(Clone::clone).and_then(|home| home.ring());
        // The platform rings again later if this fails.
        rung.map_err(|error| js_sys::Error::new(&error.to_string()).into())
    }
}

/// What is kept of a socket while its actor is in memory.
#[wasm_bindgen]
pub struct Socket {
    opened: Result<PartitionRequest>,
    unseen: Rc<RefCell<Unseen>>,
}

#[wasm_bindgen]
impl Socket {
    /// The socket that was opened with the request in an envelope.
    #[wasm_bindgen(constructor)]
    pub fn new(envelope: &str) -> Socket {
        Socket { opened: from_json(envelope), unseen: Rc::default() }
    }

    /// Frames that may wait for an answer; then it is to be closed.
    #[wasm_bindgen(getter)]
    pub fn frames(&self) -> usize {
        SOCKET_FRAMES
    }
}

impl Partition {
    fn turn(&self, frame: &str, socket: &Socket) -> Result<JsValue> {
        let home = self.home.as_ref().map_err(Clone::clone)?;
        let opened = socket.opened.as_ref().map_err(Clone::clone)?;
        let turn = at_present(|moment| Turn::read(frame, opened, moment))?;
        let said = match turn.request() {
            None => None,
            Some((asked, body)) => {
                let step = if home.alarm.is_known() { Some(home.handle(asked, body, None)?) } else { None };
                match step {
                    Some(Step::Answer(answer)) => Some(answer),
                    step => return Ok(Rc::clone(home).turn_later(turn, step, Rc::clone(&socket.unseen))),
                }
            }
        };
        Ok(answered(turn, said, &socket.unseen))
    }

    /// The common case takes no step of an executor of futures: each costs more than the point read it is for.
    fn answer(&self, envelope: &str, body: Vec<u8>) -> Result<std::result::Result<JsValue, JsValue>> {
        let home = self.home.as_ref().map_err(Clone::clone)?;
        #[cfg(feature = "conformance")]
        if envelope == crate::conformance::ACTOR {
            let mut core = home.core.try_borrow_mut().map_err(|_| reentered())?;
            return Ok(answer::say(&crate::conformance::run(core.store())));
        }
        let asked: PartitionRequest = from_json(envelope)?;
        if !home.alarm.is_known() {
            return Ok(Ok(Rc::clone(home).first(asked, body)));
        }
        Ok(match home.handle(&asked, &body, None)? {
            Step::Answer(answer) => answer::say(&answer),
            step => Ok(Rc::clone(home).later(asked, body, step)),
        })
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

    /// The first request of an instance, which has to find out about its alarm.
    fn first(self: Rc<Self>, asked: PartitionRequest, body: Vec<u8>) -> JsValue {
        promised(async move {
            self.alarm.learn().await;
            let step = self.handle(&asked, &body, None)?;
            self.go_on(&asked, &body, step).await
        })
    }

    /// A request for which something has to be found out first.
    fn later(self: Rc<Self>, asked: PartitionRequest, body: Vec<u8>, step: Step) -> JsValue {
        promised(async move { self.go_on(&asked, &body, step).await })
    }

    /// A frame for which something has to be found out first, or the first one of an instance.
    fn turn_later(self: Rc<Self>, turn: Turn, step: Option<Step>, unseen: Rc<RefCell<Unseen>>) -> JsValue {
        let answer = async move {
            let said = match turn.request() {
                None => None,
                Some((asked, body)) => Some(self.turned(asked, body, step).await.unwrap_or_else(Answer::from)),
            };
            Ok(answered(turn, said, &unseen))
        };
        future_to_promise(answer).into()
    }

    async fn turned(&self, asked: &PartitionRequest, body: &[u8], step: Option<Step>) -> Result<Answer> {
        self.alarm.learn().await;
        let step = match step {
            Some(step) => step,
            None => self.handle(asked, body, None)?,
        };
        self.go_on(asked, body, step).await
    }

    /// Finds out for as long as the core wants to know more.
    async fn go_on(&self, asked: &PartitionRequest, body: &[u8], mut step: Step) -> Result<Answer> {
        let mut lesson = None;
        for _ in 0..STEPS {
            match step {
                Step::Answer(answer) => return Ok(answer),
                Step::Ask(question) => lesson = Some(self.ask(&question).await?),
                Step::Verify(check) => {
                    let good = verified(&check).await?;
                    self.core.try_borrow_mut().map_err(|_| reentered())?.checked(*check, good);
                }
            }
            step = self.handle(asked, body, lesson.clone())?;
        }
        match step {
            Step::Answer(answer) => Ok(answer),
            _ => refuse(Code::Unavailable, "The database is changing. Send the same request again."),
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
        from_json(&Letter::to_catalog(&self.bindings, question)?.answer(&JsValue::UNDEFINED).await?.meant()?)
    }
}

/// Whether a signature is good.
async fn verified(check: &SignatureCheck) -> Result<bool> {
    let (algorithm, key) = (check.key.algorithm().as_str(), check.key.to_json().to_string());
    let failed = |thrown: JsValue| Error::new(Code::Unavailable, host::message(&thrown));
    let checked = host::verify(algorithm, &key, &check.signed, &check.signature).map_err(failed)?;
    Ok(JsFuture::from(checked).await.map_err(failed)?.as_bool() == Some(true))
}

fn reentered() -> Error {
    Error::new(Code::Internal, "An event began inside another.")
}

/// The frame that answers, or nothing if the caller has so much unseen that its socket is to be closed.
fn answered(turn: Turn, said: Option<Answer>, unseen: &RefCell<Unseen>) -> JsValue {
    let (id, seen) = (turn.id, turn.seen);
    let frame = turn.answer(said);
    let goes_on = unseen.try_borrow_mut().is_ok_and(|mut unseen| unseen.count(id, seen, frame.len()));
    if goes_on { JsValue::from_str(&frame) } else { JsValue::UNDEFINED }
}

/// The promise of what the actor says.
fn promised(answered: impl Future<Output = Result<Answer>> + 'static) -> JsValue {
    future_to_promise(async move { answer::say(&answered.await.unwrap_or_else(Answer::from)) }).into()
}
