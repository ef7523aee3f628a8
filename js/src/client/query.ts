/** The query builder. Every method answers a new query; nothing is asked before `all`, `first`, `page` and the like. */
import type { Aggregates } from "../query/aggregate.js";
import type { Condition } from "../query/condition.js";
import type { AnyIncludes, CheckedIncludes, RelationName, TargetOf } from "../query/related.js";
import type { Doc, Scope } from "../query/scope.js";
import type { Aliases } from "../query/select.js";
import type { PlainJoin, PlainTree, QueryShape, Row } from "../query/tree.js";
import type { PlainCondition } from "../schema/json.js";
import type { Paths } from "../schema/paths.js";
import type { AskOptions } from "./operation.js";
import type { Plan, QueryAnswer, Source } from "./source.js";

/** Rows of one answer at most; the server's own bound. */
const PAGE_ROWS = 1_000;

type Change<S extends QueryShape, With extends Partial<QueryShape>> = {
  [Part in keyof QueryShape]: Part extends keyof With ? With[Part] : S[Part];
};

type Also<Known, More> = Known extends undefined ? More : Known & More;

type Seen<C, N, S extends QueryShape> = Scope<C, N, S["joins"]>;

/** What rows may be ordered by: paths; of groups their members. */
type OrderPath<C, N, S extends QueryShape> = [S["groups"], S["aggregates"]] extends [undefined, undefined]
  ? Paths<Seen<C, N, S>>
  : keyof Row<C, N, S> & string;

type Order<Path> = Path | readonly [path: Path, direction?: "asc" | "desc"];

/** What is joined, and how. */
export interface Join<C, N, S extends QueryShape, From extends string, Optional extends boolean> {
  readonly from: From;
  /** Pairs that are equal: a path of the row so far, a path of the joined document. */
  readonly on: readonly (readonly [here: Paths<Seen<C, N, S>>, there: Paths<Doc<C, From>>])[];
  /** Which documents are joined. */
  readonly where?: Condition<Doc<C, From>, C, From>;
  /** Keep rows without a match, with null beside them. */
  readonly optional?: Optional;
}

/** A query over the collection `N` of the schema `C`; `S` is what its rows depend on. */
export class Query<C, N, S extends QueryShape> {
  /** The tree as it travels. */
  readonly tree: PlainTree;
  protected readonly source: Source;

  constructor(source: Source, tree: PlainTree) {
    this.source = source;
    this.tree = tree;
  }

  /** Only rows of which the condition holds, and those before it. */
  where(condition: Condition<Seen<C, N, S>, C, N>): Query<C, N, S> {
    const { where } = this.tree;
    const plain = condition as readonly unknown[] as PlainCondition;
    return this.#with({ where: where ? ["and", where, plain] : plain });
  }

  /** Only documents that have a related one, of which the condition holds. */
  exists<R extends RelationName<C, N>>(
    relation: R,
    where?: Condition<Doc<C, TargetOf<C, N, R>>, C, TargetOf<C, N, R>>,
  ): Query<C, N, S> {
    const condition = where ? ["exists", relation, where] : ["exists", relation];
    return this.where(condition as readonly unknown[] as Condition<Seen<C, N, S>, C, N>);
  }

  /** Related documents inside each row: an object or null along a reference, an array the other way. */
  include<const I extends AnyIncludes>(
    include: I & CheckedIncludes<C, N, I>,
  ): Query<C, N, Change<S, { includes: Also<S["includes"], I> }>> {
    return this.#with({ include: { ...this.tree.include, ...include } });
  }

  /** Documents of another collection beside each row, one row for every match. */
  join<const Name extends string, const From extends keyof C & string, const Optional extends boolean = false>(
    name: Name,
    join: Join<C, N, S, From, Optional>,
  ): Query<
    C,
    N,
    Change<S, { joins: S["joins"] & { [Joined in Name]: Optional extends true ? Doc<C, From> | null : Doc<C, From> } }>
  > {
    return this.#with({ join: { ...this.tree.join, [name]: join as unknown as PlainJoin } });
  }

  /** What of each document: paths, each kept in its place, or under new names. */
  select<const L extends readonly (Paths<Seen<C, N, S>> | Aliases<Seen<C, N, S>>)[]>(
    ...paths: L
  ): Query<C, N, Change<S, { select: L }>> {
    return this.#with({ select: paths });
  }

  /** The order; ties are broken by id. */
  orderBy(...terms: Order<OrderPath<C, N, S>>[]): Query<C, N, S> {
    return this.#with({ orderBy: terms });
  }

  /** How many rows altogether. */
  limit(rows: number): Query<C, N, S> {
    return this.#with({ limit: rows });
  }

  /** Goes on after the cursor of an earlier page. */
  after(cursor: string): Query<C, N, S> {
    return this.#with({ after: cursor });
  }

  /** Asks of an earlier time: RFC 3339. */
  at(time: string): Query<C, N, S> {
    return this.#with({ at: time });
  }

  /** Groups instead of documents. */
  groupBy<const G extends readonly Paths<Seen<C, N, S>>[]>(...paths: G): Query<C, N, Change<S, { groups: G }>> {
    return this.#with({ groupBy: paths });
  }

  /** What to compute of each group; without `groupBy` there is one. */
  aggregate<const A extends Aggregates<Seen<C, N, S>>>(aggregates: A): Query<C, N, Change<S, { aggregates: A }>> {
    return this.#with({ aggregate: aggregates as PlainTree["aggregate"] });
  }

  /** Every row, or as many as `limit` says, in as many requests as that takes. */
  async all(options?: AskOptions): Promise<Row<C, N, S>[]> {
    const rows: Row<C, N, S>[] = [];
    for await (const page of this.pages(options)) for (const row of page.rows) rows.push(row);
    return rows;
  }

  /** The first row; null if there is none. */
  async first(options?: AskOptions): Promise<Row<C, N, S> | null> {
    const { rows } = await this.limit(1).page(options);
    return rows[0] ?? null;
  }

  /** One answer as the server gives it: at most 1,000 rows, 100 without a `limit`. */
  async page(options?: AskOptions): Promise<QueryAnswer<Row<C, N, S>>> {
    return (await this.source.query(this.tree, options)) as QueryAnswer<Row<C, N, S>>;
  }

  /** Page after page, until there is no more or `limit` is reached. `size` is of a page: 1,000 by default and at most. */
  async *pages(options: AskOptions & { readonly size?: number } = {}): AsyncGenerator<QueryAnswer<Row<C, N, S>>> {
    const size = Math.min(options.size ?? PAGE_ROWS, PAGE_ROWS);
    let left = this.tree.limit ?? Number.POSITIVE_INFINITY;
    let query: Query<C, N, S> = this;
    while (left > 0) {
      const page = await query.limit(Math.min(size, left)).page(options);
      yield page;
      left -= page.rows.length;
      if (page.cursor === undefined) return;
      query = query.after(page.cursor);
    }
  }

  /** How the query would run. */
  async explain(options?: AskOptions): Promise<Plan> {
    return (await this.source.query({ ...this.tree, explain: true }, options)) as Plan;
  }

  #with<Next extends QueryShape>(members: Partial<PlainTree>): Query<C, N, Next> {
    return new Query(this.source, { ...this.tree, ...members });
  }
}
