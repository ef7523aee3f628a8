/** The way in. */
import type { Collections, Schema } from "../schema/schema.js";
import { Batches } from "./batches.js";
import { Credential, type Key } from "./credential.js";
import { type Database, database } from "./database.js";
import { Dispatcher, type DispatchOptions } from "./dispatch.js";
import { Http, type Reach } from "./http.js";
import { type Binding, type Fetch, type SocketClass, socketClass } from "./platform.js";
import { Sockets } from "./sockets.js";
import { Seen } from "./token.js";
import type { Transport } from "./transport.js";

/** Where a database is, who asks, and how. */
export interface ConnectOptions<C extends Collections> extends DispatchOptions {
  /** The server: `https://db.example.com`. Of a binding it is a name alone, and may be left out. */
  readonly url?: string;
  /** A service binding to the server's Worker, instead of the network. */
  readonly binding?: Binding;
  /** The database. */
  readonly db: string;
  /** The API key or token, or a function that has one. Without it the schema's rules say what anybody may. */
  readonly key?: Key;
  /** What another connection has seen (`db.token()`): this one sees at least as much. */
  readonly token?: string;
  /** The schema. Its types alone are used; `npx selvedge push` sends it. */
  readonly schema?: Schema<C>;
  /** Another `fetch`. */
  readonly fetch?: Fetch;
  /**
   * Whether requests may travel over sockets that stay open, or the class of those, such as that of the package `ws` in
   * Node before 22. By default they do where the runtime has them and neither `binding` nor `fetch` is given.
   */
  readonly socket?: boolean | SocketClass;
  /** Another way for requests to travel. */
  readonly transport?: Transport;
}

/**
 * A database. Nothing is sent before something is asked, so connecting is cheap. In a Worker connect anew in every
 * request, with its `token` if it has one: the platform lets no request wait for what another one sent.
 */
export function connect<C extends Collections = Collections>(options: ConnectOptions<C>): Database<C> {
  const seen = new Seen(options.token);
  const transport = options.transport ?? transportOf(options);
  const dispatcher = new Dispatcher(transport, seen, options);
  return database({ dispatcher, batches: new Batches(dispatcher), seen });
}

function transportOf(options: ConnectOptions<Collections>): Transport {
  const { socket = !(options.binding || options.fetch) } = options;
  const Class = typeof socket === "function" ? socket : socket ? socketClass() : undefined;
  const credential = new Credential(options.key);
  const reach = reachOf(options);
  return Class ? new Sockets(reach, credential, Class) : new Http(reach, credential);
}

/** Where the options lead. */
function reachOf({ url, binding, db, fetch }: ConnectOptions<Collections>): Reach {
  if (url === undefined && !binding) throw new TypeError("connect needs a `url`, or a `binding` of a Worker.");
  // Bindings and browsers refuse a `fetch` without its object.
  const ask: Fetch =
    fetch ?? (binding ? (to, init) => binding.fetch(to, init) : (to, init) => globalThis.fetch(to, init));
  return { fetch: ask, url: (url ?? "https://selvedge").replace(/\/+$/, ""), db: encodeURIComponent(db) };
}
