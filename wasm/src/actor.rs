//! The Durable Object classes.
//!
//! Every method of the trait is written out: the ones the crate would supply panic, and one panic costs every object of
//! the isolate its memory.

use worker::{
    DurableObject, Env, Error, Request, Response, Result, Socket, State, WebSocket, WebSocketIncomingMessage,
    durable_object, wasm_bindgen,
};

/// What an actor answers to an event it never asked for.
const UNEXPECTED_STATUS: u16 = 404;

/// The durable actor that is home to one key.
#[durable_object]
pub struct Partition {}

/// The durable actor of one database's schema, keys in use and credentials.
#[durable_object]
pub struct Catalog {}

impl DurableObject for Partition {
    fn new(_state: State, _env: Env) -> Self {
        Self {}
    }

    async fn fetch(&self, _request: Request) -> Result<Response> {
        Response::error("not found", UNEXPECTED_STATUS)
    }

    async fn alarm(&self) -> Result<Response> {
        Response::empty()
    }

    async fn connect(&self, _socket: Socket) -> Result<()> {
        Ok(())
    }

    async fn websocket_message(&self, _socket: WebSocket, _message: WebSocketIncomingMessage) -> Result<()> {
        Ok(())
    }

    async fn websocket_close(&self, _socket: WebSocket, _code: usize, _reason: String, _clean: bool) -> Result<()> {
        Ok(())
    }

    async fn websocket_error(&self, _socket: WebSocket, _error: Error) -> Result<()> {
        Ok(())
    }
}

impl DurableObject for Catalog {
    fn new(_state: State, _env: Env) -> Self {
        Self {}
    }

    async fn fetch(&self, _request: Request) -> Result<Response> {
        Response::error("not found", UNEXPECTED_STATUS)
    }

    async fn alarm(&self) -> Result<Response> {
        Response::empty()
    }

    async fn connect(&self, _socket: Socket) -> Result<()> {
        Ok(())
    }

    async fn websocket_message(&self, _socket: WebSocket, _message: WebSocketIncomingMessage) -> Result<()> {
        Ok(())
    }

    async fn websocket_close(&self, _socket: WebSocket, _code: usize, _reason: String, _clean: bool) -> Result<()> {
        Ok(())
    }

    async fn websocket_error(&self, _socket: WebSocket, _error: Error) -> Result<()> {
        Ok(())
    }
}
