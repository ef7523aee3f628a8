/**
 * The modules that workerd is given begin here: the Worker as it was built, and the classes of its durable actors.
 *
 * An actor is asked by method call, which costs a fifth less than an HTTP request to it does; only a class that extends
 * `DurableObject` can be called so, and what wasm-bindgen makes does not.
 */
import { DurableObject } from "cloudflare:workers";
import Entrypoint, * as built from "./index.js";

/** @type {{ fetch(request: Request): unknown } | undefined} */
let router;

/** A durable actor around its class in WebAssembly. */
class Actor extends DurableObject {
  /** @type {any} the class in WebAssembly */
  core;

  /**
   * @param {object} context
   * @param {object} bindings
   * @param {new (context: object, bindings: object) => any} Core
   */
  constructor(context, bindings, Core) {
    super(context, bindings);
    this.core = new Core(context, bindings);
  }

  /**
   * Answers one request: its status, its headers as JSON, its body.
   * @param {string} envelope what is asked, as JSON
   * @param {Uint8Array} [body]
   */
  ask(envelope, body) {
    return this.core.ask(envelope, body);
  }

  alarm() {
    return this.core.alarm();
  }
}

/** The subprotocol, which the router has seen to be offered. */
const PROTOCOL = "selvedge.v1";

/**
 * Why a socket is closed.
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
 * @type {Record<string, [code: number, reason: string]>}
 */
const CLOSED = {
  done: [1000, ""],
  failed: [1011, "A frame could not be answered; send what has no answer again."],
  unreadable: [1003, "Frames are texts."],
  invalid: [1008, "What was sent is no frame."],
  unread: [1013, "Too many answers are not read."],
  waiting: [1013, "Too many frames wait for an answer."],
  short: [1013, "A frame could not be carried out; send it and all after it again."],
};

/**
 * What is known of a socket while the actor is in memory. All that has to outlive that is attached to the socket itself,
 * which the platform keeps open while the actor sleeps.
 * @typedef {object} Talk
 * @property {{ readonly frames: number } | undefined} socket what the core keeps of it, and how many frames may wait;
 *   nothing once a frame was not carried out: then none is that comes after it
 * @property {number} waiting frames that wait
 * @property {Promise<void>} last when the last of them is answered
 */

/** The durable actor that is home to one key. */
export class Partition extends Actor {
  /** @type {WeakMap<WebSocket, Talk>} */
  #talks = new WeakMap();
  #context;

  /**
   * @param {any} context
   * @param {object} bindings
   */
  constructor(context, bindings) {
    super(context, bindings, built.Partition);
    this.#context = context;
    context.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  /**
   * Opens a socket, if the request in the envelope may.
   * @param {Request} request the router's: nobody else reaches an actor
   */
  async fetch(request) {
    const opened = decodeURIComponent(request.headers.get("selvedge-envelope") ?? "");
    const [status, headers, body] = await this.ask(opened);
    if (status !== 101) return new Response(body, { status, headers: JSON.parse(headers) });
    const { 0: theirs, 1: ours } = new WebSocketPair();
    this.#context.acceptWebSocket(ours);
    ours.serializeAttachment(opened);
    return new Response(null, { status, webSocket: theirs, headers: { "sec-websocket-protocol": PROTOCOL } });
  }

  /**
   * Frames are answered in the order in which they come, up to the first that is not carried out.
   * @param {WebSocket} socket
   * @param {unknown} frame
   */
  webSocketMessage(socket, frame) {
    const talk = this.#talk(socket);
    if (!talk.socket) return;
    if (typeof frame !== "string") return end(socket, talk, CLOSED.unreadable);
    if (talk.waiting === 0) {
      const answer = hear(this.core, frame, socket, talk);
      if (!(answer instanceof Promise)) return say(socket, talk, answer);
      talk.waiting = 1;
      talk.last = this.#settle(socket, talk, () => answer);
    } else if (talk.waiting < talk.socket.frames) {
      talk.waiting += 1;
      talk.last = talk.last.then(() => this.#settle(socket, talk, () => hear(this.core, frame, socket, talk)));
    } else {
      end(socket, talk, CLOSED.waiting);
    }
    return talk.last;
  }

  /**
   * Closes our end as well: the platform leaves that to us.
   * @param {WebSocket} socket
   */
  webSocketClose(socket) {
    close(socket, CLOSED.done);
  }

  webSocketError() {}

  /**
   * @param {WebSocket} socket
   * @param {Talk} talk
   * @param {() => unknown} turn
   */
  async #settle(socket, talk, turn) {
    try {
      say(socket, talk, await turn());
    } catch {
      end(socket, talk, CLOSED.failed);
    }
    talk.waiting -= 1;
  }

  /** @param {WebSocket} socket */
  #talk(socket) {
    let talk = this.#talks.get(socket);
    if (!talk) {
      const opened = socket.deserializeAttachment();
      talk = { socket: opened ? new built.Socket(opened) : undefined, waiting: 0, last: Promise.resolve() };
      this.#talks.set(socket, talk);
    }
    return talk;
  }
}

/**
 * @param {any} core
 * @param {string} frame
 * @param {WebSocket} socket
 * @param {Talk} talk
 */
function hear(core, frame, socket, talk) {
  if (!talk.socket) return SILENCE;
  try {
    return core.hear(frame, talk.socket);
  } catch (cause) {
    end(socket, talk, CLOSED.failed);
    throw cause;
  }
}

/** Instead of an answer to a frame that is not carried out, since one before it was not. */
const SILENCE = Symbol("silence");

/**
 * @param {WebSocket} socket
 * @param {Talk} talk
 * @param {unknown} answer
 */
function say(socket, talk, answer) {
  if (answer === SILENCE) return;
  if (typeof answer !== "string") return end(socket, talk, CLOSED.unread);
  try {
    socket.send(answer);
  } catch {
    // It was closed meanwhile: the caller sends what has no answer again.
    return;
  }
  if (answer.startsWith('{"id":null,')) end(socket, talk, CLOSED.invalid);
  if (answer.startsWith('{"last":true,')) end(socket, talk, CLOSED.short);
}

/**
 * Hears no more of a socket, also when the actor has slept: frames may still be on their way here.
 * @param {WebSocket} socket
 * @param {Talk} talk
 * @param {[code: number, reason: string]} why
 */
function end(socket, talk, why) {
  talk.socket = undefined;
  socket.serializeAttachment(null);
  close(socket, why);
}

/**
 * @param {WebSocket} socket
 * @param {[code: number, reason: string]} why
 */
function close(socket, why) {
  try {
    socket.close(...why);
  } catch {
    // It is closed already.
  }
}

/** The durable actor of one database's schema, keys in use and credentials. */
export class Catalog extends Actor {
  /**
   * @param {object} context
   * @param {object} bindings
   */
  constructor(context, bindings) {
    super(context, bindings, built.Catalog);
  }
}

export default {
  /**
   * One entrypoint serves all requests: it keeps nothing of them, and making one for each costs as much as routing does.
   * @param {Request} request
   * @param {object} bindings
   * @param {object} context
   */
  fetch(request, bindings, context) {
    router ??= new Entrypoint(context, bindings);
    return router.fetch(request);
  },
};
