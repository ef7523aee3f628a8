//! The Durable Object class of one database's catalog.

use std::cell::RefCell;
use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use js_sys::futures::JsFuture;
use js_sys::{Promise, Uint8Array};
use selvedge::catalog::{Catalog as Core, Step};
use selvedge::error::{Code, Error, Result, refuse};
use selvedge::limits::{JWKS_BYTES, JWKS_TIMEOUT_MS};
use selvedge::wire::{Answer, CatalogRequest, PartitionRequest, Progress, from_json};
use wasm_bindgen::prelude::*;

use crate::actors::{AT_ONCE, Letter};
use crate::alarm::Alarm;
use crate::answer;
use crate::host::{self, Bindings, Context};
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
    /// What is being downloaded, by URL.
    downloads: RefCell<HashMap<String, Promise>>,
}

impl Seat {
    fn of(context: &Context, bindings: Bindings) -> Result<Seat> {
        let (store, alarm) = crate::storage(context)?;
        Ok(Seat { core: RefCell::new(Core::new(store)), alarm, bindings, downloads: RefCell::default() })
    }

    async fn serve(&self, envelope: &str, body: &[u8]) -> Result<Answer> {
        let asked: CatalogRequest = from_json(envelope)?;
        self.alarm.learn().await;
        let (mut told, mut fetched) = (0, false);
        loop {
            match self.event(|core| at_present(|moment| core.handle(moment, &asked, body, told)))? {
                Step::Answer(answer) => return Ok(answer),
                Step::Tell(listeners, grant) => {
                    told += listeners.len();
                    self.tell(listeners, &grant).await?;
                }
                Step::Fetch(_) if fetched => return refuse(Code::Unavailable, "The database is changing; ask again."),
                Step::Fetch(url) => {
                    fetched = true;
                    self.fetch(&url).await?;
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

    /// Fetches the keys of an issuer, once for all who wait for them.
    async fn fetch(&self, url: &str) -> Result<()> {
        let under_way = self.downloads.borrow().get(url).cloned();
        let download = match under_way {
            Some(download) => Ok(download),
            None => host::download(url, JWKS_BYTES, JWKS_TIMEOUT_MS),
        };
        let body = match download {
            Ok(download) => {
                self.downloads.borrow_mut().insert(url.to_owned(), download.clone());
                JsFuture::from(download).await
            }
            Err(thrown) => Err(thrown),
        };
        self.downloads.borrow_mut().remove(url);
        let body = body.map_err(|thrown| host::message(&thrown)).map(|body| Uint8Array::new(&body).to_vec());
        self.event(|core| {
            at_present(|moment| core.fetched(url, body.as_deref().map_err(String::as_str), moment.now));
        })
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
