/** A collection: its documents one by one, and every query over it. */
import type { Doc } from "../query/scope.js";
import type { PlainTree, WholeDocuments } from "../query/tree.js";
import type { Batches } from "./batches.js";
import { keyOf, newId, under } from "./ids.js";
import type { AskOptions } from "./operation.js";
import { Query } from "./query.js";
import type { GetOptions, Source } from "./source.js";
import {
  type Increments,
  type Insert,
  type Kind,
  operation,
  type PatchRest,
  type Precondition,
  patchMembers,
  type Values,
} from "./write.js";

/** What a write was answered. */
export interface Written {
  readonly id: string;
  readonly version: number;
  /** When it was committed: RFC 3339 in UTC, with microseconds. */
  readonly time: string;
}

/** What a delete was answered. */
export interface Deleted {
  readonly id: string;
  readonly version: null;
  readonly time: string;
}

/** Options of a write. */
export interface WriteOptions<C, N> extends AskOptions, Precondition<C, N> {
  /** The batch id, for a write that is to be repeatable beyond this call; a new one by default. */
  readonly batch?: string;
}

/** A query over all documents of a collection. */
export const everything = (from: string, key: string | undefined): PlainTree =>
  key === undefined ? { from } : { from, key };

/** The collection `N` of the schema `C`. It is a query of all its documents as well. */
export class CollectionHandle<C, N extends string> extends Query<C, N, WholeDocuments> {
  readonly #batches: Batches;
  readonly #name: string;
  readonly #key: string | undefined;

  constructor(source: Source, batches: Batches, name: N, key: string | undefined) {
    super(source, everything(name, key));
    this.#batches = batches;
    this.#name = name;
    this.#key = key;
  }

  /** A document; null if it is not there. */
  async get(id: string, options?: GetOptions): Promise<Doc<C, N> | null> {
    return (await this.source.get(this.#name, under(this.#key, id), options)) as Doc<C, N> | null;
  }

  /** Documents in the order of their ids; null where one is not there. They travel together. */
  getMany(ids: readonly string[], options?: GetOptions): Promise<(Doc<C, N> | null)[]> {
    return Promise.all(ids.map((id) => this.get(id, options)));
  }

  /** Creates a document; it must not be there. Without an `id` it gets one, under the key if there is one. */
  insert(document: Insert<C, N>, options?: WriteOptions<C, N>): Promise<Written> {
    const { id = newId(this.#key) } = document as { id?: string };
    return this.#write("insert", id, { body: document }, options) as Promise<Written>;
  }

  /** Replaces a document, or creates it. */
  replace(id: string, document: Insert<C, N>, options?: WriteOptions<C, N>): Promise<Written> {
    return this.#write("replace", id, { body: document }, options) as Promise<Written>;
  }

  /** Changes parts of a document: new values by path, and what the options say besides. */
  patch(id: string, set: Values<C, N>, options: WriteOptions<C, N> & PatchRest<C, N> = {}): Promise<Written> {
    return this.#write("patch", id, patchMembers(set, options as object), options) as Promise<Written>;
  }

  /** Adds to numbers, by path; one that is missing counts as 0. */
  increment(id: string, by: Increments<C, N>, options?: WriteOptions<C, N>): Promise<Written> {
    return this.#write("patch", id, { increment: by }, options) as Promise<Written>;
  }

  /** Deletes a document; it must be there. */
  delete(id: string, options?: WriteOptions<C, N>): Promise<Deleted> {
    return this.#write("delete", id, {}, options) as Promise<Deleted>;
  }

  async #write(kind: Kind, id: string, members: object, options: WriteOptions<C, N> = {}): Promise<unknown> {
    const op = operation(kind, this.#name, under(this.#key, id), members, options);
    const answer = await this.#batches.commit(keyOf(id), options.batch, { ops: [op] }, options);
    return { ...answer.results[0], time: answer.time };
  }
}
