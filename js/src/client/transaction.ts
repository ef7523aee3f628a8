/** Transactions: what was read is remembered, what is written is kept back, and both are decided as one batch. */
import type { Condition } from "../query/condition.js";
import type { Doc } from "../query/scope.js";
import type { CheckedTree, PlainTree, RowOfTree, WholeDocuments } from "../query/tree.js";
import type { Collections } from "../schema/schema.js";
import { everything } from "./collection.js";
import { failure, local } from "./errors.js";
import { keyOf, newId, under } from "./ids.js";
import type { AskOptions } from "./operation.js";
import { Query } from "./query.js";
import type { QueryAnswer, Source } from "./source.js";
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

/** What one run of a transaction read and wants done. */
export class Journal implements Source {
  /** What was read, as a batch names it. */
  readonly reads: object[] = [];
  readonly ops: object[] = [];
  /** The key that the batch lives under: that of the first document or query. */
  key: string | undefined;

  readonly #source: Source;
  readonly #options: AskOptions;
  readonly #documents = new Map<string, Promise<object | null>>();
  readonly #written = new Set<string>();
  #isOver = false;

  constructor(source: Source, options: AskOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** A document as it was when it was first asked for: the same however often it is read. */
  get(collection: string, id: string, options?: AskOptions & { readonly at?: string }): Promise<object | null> {
    if (options?.at !== undefined)
      return Promise.reject(misuse("A transaction reads what is: `at` has no place in it."));
    const document = `${collection}/${id}`;
    if (this.#written.has(document)) {
      return Promise.reject(misuse(`${document} was written in this transaction: read it before.`));
    }
    const known = this.#documents.get(document);
    if (known) return known;
    const read = this.#read(collection, id, document, options);
    this.#documents.set(document, read);
    return read;
  }

  async query(tree: PlainTree, options?: AskOptions): Promise<unknown> {
    this.#check();
    if (tree.at !== undefined || tree.explain) throw misuse("A query of a transaction has neither `at` nor `explain`.");
    this.key ??= tree.key;
    const answer = await this.#source.query(tree, { ...this.#options, ...options });
    this.#check();
    this.reads.push({ query: tree, digest: (answer as QueryAnswer<unknown>).digest });
    return answer;
  }

  /** Keeps back an operation. */
  write(kind: Kind, collection: string, id: string, members: object, precondition?: object): void {
    this.#check();
    this.key ??= keyOf(id);
    if (kind !== "check") this.#written.add(`${collection}/${id}`);
    this.ops.push(operation(kind, collection, id, members, precondition));
  }

  /** Takes nothing more: what is asked after the end would be lost in silence. */
  end(): void {
    this.#isOver = true;
  }

  async #read(collection: string, id: string, doc: string, options?: AskOptions): Promise<object | null> {
    this.#check();
    this.key ??= keyOf(id);
    const document = await this.#source.get(collection, id, { ...this.#options, ...options });
    this.#check();
    const version = document && "_version" in document ? document._version : null;
    this.reads.push({ doc, version });
    return document;
  }

  #check(): void {
    if (this.#isOver) throw misuse("The transaction is over: await everything that is asked in it.");
  }
}

const misuse = (detail: string) => failure(local("invalid_request", detail, 400));

/** A collection inside a transaction: reads are answered, writes are kept back until the end. */
export class TransactionCollection<C, N extends string> extends Query<C, N, WholeDocuments> {
  readonly #journal: Journal;
  readonly #name: string;
  readonly #key: string | undefined;

  constructor(journal: Journal, name: N, key: string | undefined) {
    super(journal, everything(name, key));
    this.#journal = journal;
    this.#name = name;
    this.#key = key;
  }

  /** A document; null if it is not there. The transaction happens only if that is still so at its end. */
  async get(id: string, options?: AskOptions): Promise<Doc<C, N> | null> {
    return (await this.source.get(this.#name, under(this.#key, id), options)) as Doc<C, N> | null;
  }

  /** Documents in the order of their ids; null where one is not there. */
  getMany(ids: readonly string[], options?: AskOptions): Promise<(Doc<C, N> | null)[]> {
    return Promise.all(ids.map((id) => this.get(id, options)));
  }

  /** Creates a document, and answers its id. */
  insert(document: Insert<C, N>, precondition?: Precondition<C, N>): string {
    const { id = newId(this.#key) } = document as { id?: string };
    this.#write("insert", id, { body: document }, precondition);
    return id;
  }

  /** Replaces a document, or creates it. */
  replace(id: string, document: Insert<C, N>, precondition?: Precondition<C, N>): void {
    this.#write("replace", id, { body: document }, precondition);
  }

  /** Changes parts of a document. */
  patch(id: string, set: Values<C, N>, options: Precondition<C, N> & PatchRest<C, N> = {}): void {
    this.#write("patch", id, patchMembers(set, options as object), options);
  }

  /** Adds to numbers, by path. */
  increment(id: string, by: Increments<C, N>, precondition?: Precondition<C, N>): void {
    this.#write("patch", id, { increment: by }, precondition);
  }

  /** Deletes a document. */
  delete(id: string, precondition?: Precondition<C, N>): void {
    this.#write("delete", id, {}, precondition);
  }

  /** Changes nothing; the condition must hold of the document at the end, after what was written before it. */
  check(id: string, where: Condition<Doc<C, N>, C, N>): void {
    this.#write("check", id, { where });
  }

  #write(kind: Kind, id: string, members: object, precondition?: object): void {
    this.#journal.write(kind, this.#name, under(this.#key, id), members, precondition);
  }
}

/** A transaction's collections, by name. */
export type TransactionCollections<C> = {
  readonly [N in keyof C & string as N extends keyof TransactionOwn<Collections> ? never : N]: TransactionCollection<
    C,
    N
  >;
};

/** What a transaction has beside its collections. */
export interface TransactionOwn<C> {
  /** A collection by name, whatever it is called. */
  collection<N extends keyof C & string>(name: N): TransactionCollection<C, N>;
  /** The same transaction, working under a key. */
  key(key: string): Transaction<C>;
  /** The answer to a plain tree. */
  query<const T extends PlainTree>(
    tree: T & CheckedTree<C, T>,
    options?: AskOptions,
  ): Promise<QueryAnswer<RowOfTree<C, T>>>;
}

/** What the function of a transaction is given. */
export type Transaction<C> = TransactionOwn<C> & TransactionCollections<C>;
