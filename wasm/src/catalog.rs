//! The Durable Object class of one database's catalog.

use std::cell::RefCell;

use futures_util::{StreamExt, stream};
use js_sys::Uint8Array;
use selvedge::catalog::{Catalog as Core, Step};
use selvedge::error::{Code, Error, Result};
use selvedge::wire::{Answer, CatalogRequest, PartitionRequest, Progress, from_json};
use wasm_bindgen::prelude::*;

use crate::actors::{AT_ONCE, Letter};
use crate::alarm::Alarm;
use crate::answer;
use crate::host::{Bindings, Context};
use crate::moment::at_present;
use crate::store::DurableStore;

/// The durable actor of one database's schema, keys in use and credentials.
#[wasm_bindgen]
pub struct Catalog {
    seat: Result<Seat>,
}

#[wasm_bindgen]
impl Catalog {
    #[wasm_bindgen(constructor)]
    pub fn new(context: &Context, bindings: Bindings) -> Catalog {
        Catalog { seat: Seat::of(context, bindings) }
    }

    /// Answers the request in an envelope.
    pub async fn ask(&self, envelope: String, body: Option<Vec<u8>>) -> std::result::Result<JsValue, JsValue> {
        let answered = match &self.seat {
            Ok(seat) => seat.serve(&envelope, &body.unwrap_or_default()).await,
            Err(error) => Err(error.clone()),
        };
        answer::say(&answered.unwrap_or_else(Answer::from))
    }

    /// Rings when the core asked for it, at least once.
    pub async fn alarm(&self) -> std::result::Result<(), JsValue> {
        let rung = match &self.seat {
            Ok(seat) => seat.ring().await,
            Err(error) => Err(error.clone()),
        };
        // The platform rings again later if this fails.
        rung.map_err(|error| js_sys::Error::new(&error.to_string()).into())
    }
}

struct Seat {
    core: RefCell<Core<DurableStore>>,
    alarm: Alarm,
    bindings: Bindings,
}

impl Seat {
    fn of(context: &Context, bindings: Bindings) -> Result<Seat> {
        let (store, alarm) = crate::storage(context)?;
        Ok(Seat { core: RefCell::new(Core::new(store)), alarm, bindings })
    }

    async fn serve(&self, envelope: &str, body: &[u8]) -> Result<Answer> {
        let asked: CatalogRequest = from_json(envelope)?;
        self.alarm.learn().await;
        let mut told = 0;
        loop {
            match self.event(|core| at_present(|moment| core.handle(moment, &asked, body, told)))? {
                Step::Answer(answer) => return Ok(answer),
                Step::Tell(listeners, grant) => {
                    told += listeners.len();
                    self.tell(listeners, &grant).await?;
                }
            }
        }
    }

    async fn ring(&self) -> Result<()> {
        self.alarm.rang();
        let mut told = 0;
        while let Some(Step::Tell(listeners, grant)) =
            self.event(|core| at_present(|moment| core.alarm(moment, told)))?
        {
            told += listeners.len();
            self.tell(listeners, &grant).await?;
        }
        Ok(())
    }

    /// One synchronous event: everything in it commits together, with the alarm it asks for.
    fn event<T>(&self, event: impl FnOnce(&mut Core<DurableStore>) -> T) -> Result<T> {
        let mut core =
            self.core.try_borrow_mut().map_err(|_| Error::new(Code::Internal, "An event began inside another."))?;
        let outcome = event(&mut core);
        self.alarm.arm(core.next_alarm())?;
        Ok(outcome)
    }

    /// Tells the partitions, and the core what each of them said.
    async fn tell(&self, listeners: Vec<PartitionRequest>, grant: &str) -> Result<()> {
        let grant = &Uint8Array::from(grant.as_bytes());
        let mut told = stream::iter(listeners)
            .map(|listener| async move {
                let progress = self.progress(&listener, grant).await.ok();
                (listener.key, progress)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((key, progress)) = told.next().await {
            self.event(|core| core.heard(&key, progress))?;
        }
        Ok(())
    }

    async fn progress(&self, listener: &PartitionRequest, grant: &Uint8Array) -> Result<Progress> {
        from_json(&Letter::to_partition(&self.bindings, listener)?.answer(grant).await?.meant()?)
    }
}
