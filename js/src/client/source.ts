/** Where reads come from: straight from the server, or through a transaction that remembers them. */

import type { PlainTree } from "../query/tree.js";
import type { Dispatcher } from "./dispatch.js";
import { failure, local, SelvedgeError } from "./errors.js";
import { keyOf } from "./ids.js";
import type { AskOptions } from "./operation.js";

/** Options of a read of one document. */
export interface GetOptions extends AskOptions {
  /** An earlier time: RFC 3339, as far back as history is kept. */
  readonly at?: string;
}

/** What answering took. */
export interface Cost {
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly actors: number;
  readonly ms?: number;
}

/** The answer to a query. */
export interface QueryAnswer<Row> {
  readonly rows: Row[];
  /** Where the next page starts; missing on the last. */
  readonly cursor?: string;
  /** Stands for the answer among the reads of a batch. */
  readonly digest: string;
  readonly cost: Cost;
}

/** How a query would run. */
export interface Plan {
  readonly plan: readonly string[];
  readonly cost: Cost;
}

/** Answers reads. What it answers is what the server said: the schema alone vouches for its type. */
export interface Source {
  /** A document; null if it is not there. */
  get(collection: string, id: string, options?: GetOptions): Promise<object | null>;
  query(tree: PlainTree, options?: AskOptions): Promise<unknown>;
}

/** Reads straight from the server. */
export class Direct implements Source {
  readonly #dispatcher: Dispatcher;

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
  }

  async get(collection: string, id: string, { at, ...options }: GetOptions = {}): Promise<object | null> {
    if (!/^[a-z][\w-]*$/i.test(collection))
      throw failure(local("invalid_name", `"${collection}" names no collection.`, 400));
    const request = { get: `${collection}/${id}`, ...(at !== undefined && { at }) };
    try {
      return (await this.#dispatcher.ask(keyOf(id), request, options)) as object;
    } catch (error) {
      if (error instanceof SelvedgeError && error.code === "not_found") return null;
      throw error;
    }
  }

  query(tree: PlainTree, options?: AskOptions): Promise<unknown> {
    return this.#dispatcher.ask(tree.key ?? "", { query: tree }, options);
  }
}
