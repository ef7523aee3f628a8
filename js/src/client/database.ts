/** A database: its collections, queries and transactions. */
import type { CheckedTree, PlainTree, RowOfTree } from "../query/tree.js";
import type { Collections } from "../schema/schema.js";
import type { Batches } from "./batches.js";
import { byName } from "./by-name.js";
import { CollectionHandle } from "./collection.js";
import type { Dispatcher } from "./dispatch.js";
import { failure, local, SelvedgeError } from "./errors.js";
import { CONFLICT_FIRST_MS, CONFLICT_MS, TRANSACTION_TRIES } from "./limits.js";
import type { AskOptions } from "./operation.js";
import { jitter, pause } from "./platform.js";
import { Direct, type QueryAnswer } from "./source.js";
import type { Seen } from "./token.js";
import { Journal, type Transaction, TransactionCollection, type TransactionOwn } from "./transaction.js";

/** Options of a transaction. */
export interface TransactionOptions extends AskOptions {
  /** How often it is run at most, while what it read keeps changing; 10 by default. */
  readonly tries?: number;
}

/** What a connection is made of. */
export interface Core {
  readonly dispatcher: Dispatcher;
  readonly batches: Batches;
  readonly seen: Seen;
}

/** What a database has beside its collections. */
export class DatabaseOwn<C> {
  readonly #core: Core;
  readonly #source: Direct;
  readonly #key: string | undefined;

  constructor(core: Core, key: string | undefined) {
    this.#core = core;
    this.#source = new Direct(core.dispatcher);
    this.#key = key;
  }

  /** A collection by name, whatever it is called. */
  collection<N extends keyof C & string>(name: N): CollectionHandle<C, N> {
    return new CollectionHandle(this.#source, this.#core.batches, name, this.#key);
  }

  /**
   * The same database, working under a key: queries stay under it, new ids begin with it, and ids of other keys are
   * refused. Ids are written whole everywhere: `acme/o1`.
   */
  key(key: string): Database<C> {
    return database(this.#core, key);
  }

  /** An id under this key: `db.key("acme").id("o1")` is `acme/o1`. */
  id(rest: string): string {
    return this.#key ? `${this.#key}/${rest}` : rest;
  }

  /** The answer to a plain tree. */
  async query<const T extends PlainTree>(
    tree: T & CheckedTree<C, T>,
    options?: AskOptions,
  ): Promise<QueryAnswer<RowOfTree<C, T>>> {
    return (await this.#source.query(keyed(tree, this.#key), options)) as QueryAnswer<RowOfTree<C, T>>;
  }

  /**
   * Runs `act`, then commits what it wrote if everything it read is still so; runs it again if not. What it does
   * beside the transaction may thus happen several times. One that read more than one thing and wrote nothing is
   * validated too, which takes the role `write`.
   */
  async transaction<Result>(
    act: (tx: Transaction<C>) => Promise<Result> | Result,
    options: TransactionOptions = {},
  ): Promise<Result> {
    const { tries = TRANSACTION_TRIES, ...ask } = options;
    for (let tried = 1; ; tried += 1) {
      try {
        return await this.#run(act, ask);
      } catch (error) {
        if (!isStale(error) || tried >= tries) throw error;
      }
      await pause(jitter(tried - 1, CONFLICT_FIRST_MS, CONFLICT_MS), options.signal);
    }
  }

  /** What has been seen so far. `connect({ token })` elsewhere sees at least as much. */
  token(): string {
    return this.#core.seen.toString();
  }

  /** Fails whatever waits, sent or not, and sends no more. */
  close(): void {
    this.#core.dispatcher.close();
  }

  async #run<Result>(act: (tx: Transaction<C>) => Promise<Result> | Result, options: AskOptions): Promise<Result> {
    const journal = new Journal(this.#source, options);
    let result: Result;
    try {
      result = await act(transaction(journal, this.#key));
    } finally {
      journal.end();
    }
    const { key = "", reads, ops } = journal;
    if (ops.length > 0 || reads.length > 1) {
      await this.#core.batches.commit(key, undefined, { reads, ops }, options);
    }
    return result;
  }
}

/** Whether something that was read has changed. An `ifVersion` that does not hold names its operation, and never will. */
const isStale = (error: unknown) =>
  error instanceof SelvedgeError && error.code === "conflict" && error.operation === undefined;

/** A database: its collections by name, and what it has beside them. */
export type Database<C> = DatabaseOwn<C> & {
  readonly [N in keyof C & string as N extends keyof DatabaseOwn<Collections> ? never : N]: CollectionHandle<C, N>;
};

/** A database, or one key of it. */
export function database<C>(core: Core, key?: string): Database<C> {
  const own = new DatabaseOwn<C>(core, key);
  return byName(own, (name) => own.collection(name as keyof C & string));
}

function transaction<C>(journal: Journal, key: string | undefined): Transaction<C> {
  const own: TransactionOwn<C> = {
    collection: (name) => new TransactionCollection(journal, name, key),
    key: (other) => transaction(journal, other),
    query: async (tree, options) => (await journal.query(keyed(tree, key), options)) as never,
  };
  return byName(own, (name) => own.collection(name as keyof C & string));
}

/** The tree under the key to stay under. */
function keyed(tree: PlainTree, key: string | undefined): PlainTree {
  if (key === undefined || tree.key === key) return tree;
  if (tree.key === undefined) return { ...tree, key };
  throw failure(local("several_keys", `The query asks the key "${tree.key}", not "${key}".`, 400));
}
