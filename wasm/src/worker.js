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
  /** @type {{ ask(envelope: string, body?: Uint8Array): unknown, alarm(): unknown }} */
  #core;

  /**
   * @param {object} context
   * @param {object} bindings
   * @param {new (context: object, bindings: object) => any} Core
   */
  constructor(context, bindings, Core) {
    super(context, bindings);
    this.#core = new Core(context, bindings);
  }

  /**
   * Answers one request: its status, its headers as JSON, its body.
   * @param {string} envelope what is asked, as JSON
   * @param {Uint8Array} [body]
   */
  ask(envelope, body) {
    return this.#core.ask(envelope, body);
  }

  alarm() {
    return this.#core.alarm();
  }
}

/** The durable actor that is home to one key. */
export class Partition extends Actor {
  /**
   * @param {object} context
   * @param {object} bindings
   */
  constructor(context, bindings) {
    super(context, bindings, built.Partition);
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
