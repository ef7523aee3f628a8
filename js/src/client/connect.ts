/** The way in. */
import type { Collections, Schema } from "../schema/schema.js";
import { Batches } from "./batches.js";
import { type Database, database } from "./database.js";
import { Dispatcher, type DispatchOptions } from "./dispatch.js";
import { Http } from "./http.js";
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
  /** The API key, or the root key. */
  readonly key: string;
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
  return Class ? new Sockets(reach(options), Class) : new Http(reach(options));
}

/** Where the options lead. */
export function reach({
  url,
  binding,
  db,
  key,
  fetch,
}: ConnectOptions<Collections>): ConstructorParameters<typeof Http>[0] {
  if (url === undefined && !binding) throw new TypeError("connect needs a `url`, or a `binding` of a Worker.");
  // Bindings and browsers refuse a `fetch` without its object.
  const ask: Fetch =
    fetch ?? (binding ? (to, init) => binding.fetch(to, init) : (to, init) => globalThis.fetch(to, init));
  return { fetch: ask, url: (url ?? "https://selvedge").replace(/\/+$/, ""), db: encodeURIComponent(db), key };
}
