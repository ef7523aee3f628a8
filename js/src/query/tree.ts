/** The whole tree as it travels, for who prefers it to the builder, and the rows that it answers. */
import type { Show } from "../schema/infer.js";
import type { PlainCondition } from "../schema/json.js";
import type { Paths } from "../schema/paths.js";
import type { Aggregates, Group } from "./aggregate.js";
import type { Condition } from "./condition.js";
import type { AnyIncludes, CheckedIncludes, WithIncludes } from "./related.js";
import type { Doc, IsLoose, Scope } from "./scope.js";
import type { OrderTerm, Select, Selected } from "./select.js";

/** A query as it travels, whatever the schema. */
export interface PlainTree {
  readonly from: string;
  readonly key?: string;
  readonly where?: PlainCondition;
  readonly join?: { readonly [name: string]: PlainJoin };
  readonly include?: AnyIncludes;
  readonly select?: readonly (string | { readonly [alias: string]: string })[] | { readonly [alias: string]: string };
  readonly orderBy?: readonly (string | readonly [string, ("asc" | "desc")?])[];
  readonly limit?: number;
  readonly after?: string;
  readonly groupBy?: readonly string[];
  readonly aggregate?: { readonly [name: string]: readonly [string, string?] };
  readonly at?: string;
  readonly explain?: boolean;
}

/** A join as it travels. */
export interface PlainJoin {
  readonly from: string;
  readonly on: readonly (readonly [here: string, there: string])[];
  readonly where?: PlainCondition;
  readonly optional?: boolean;
}

type Known<C, N, T> = {
  readonly where?: Condition<Doc<C, N>, C, N>;
  readonly select?: Select<Doc<C, N>>;
  readonly orderBy?: T extends { readonly aggregate: unknown } | { readonly groupBy: unknown }
    ? unknown
    : readonly OrderTerm<Doc<C, N>>[];
  readonly groupBy?: readonly Paths<Doc<C, N>>[];
  readonly aggregate?: Aggregates<Doc<C, N>>;
};

/** What a tree must be under a schema. Where something is joined, the paths are the server's to check. */
export type CheckedTree<C, T> =
  IsLoose<C> extends true
    ? unknown
    : T extends { readonly from: infer N extends keyof C }
      ? (T extends { readonly join: unknown } ? unknown : Known<C, N, T>) & {
          readonly include?: T extends { readonly include: infer I } ? CheckedIncludes<C, N, I> : unknown;
        }
      : { readonly from: keyof C };

type Joined<C, J> = {
  -readonly [Name in keyof J]: J[Name] extends { readonly from: infer From }
    ? J[Name] extends { readonly optional: true }
      ? Doc<C, From> | null
      : Doc<C, From>
    : never;
};

type MemberOf<T, Name extends string, Otherwise> = T extends { readonly [M in Name]: infer Value } ? Value : Otherwise;

/** What the rows of a query depend on. */
export interface QueryShape {
  /** The joined documents, by name. */
  joins: object;
  select: unknown;
  includes: unknown;
  groups: readonly string[] | undefined;
  aggregates: unknown;
}

/** The shape of a query that nothing was said to but its collection. */
export interface WholeDocuments extends QueryShape {
  // biome-ignore lint/complexity/noBannedTypes: no join at all is exactly this
  joins: {};
  select: undefined;
  includes: undefined;
  groups: undefined;
  aggregates: undefined;
}

/** The shape of a tree. */
export type ShapeOf<C, T> = {
  // biome-ignore lint/complexity/noBannedTypes: no join at all is exactly this
  joins: Joined<C, MemberOf<T, "join", {}>>;
  select: MemberOf<T, "select", undefined>;
  includes: MemberOf<T, "include", undefined>;
  groups: MemberOf<T, "groupBy", undefined> extends infer G extends readonly string[] ? G : undefined;
  aggregates: MemberOf<T, "aggregate", undefined>;
};

type Groups<S extends QueryShape> = S["groups"] extends readonly string[] ? S["groups"] : [];
type Computed<S extends QueryShape> = S["aggregates"] extends undefined ? unknown : S["aggregates"];

/** A row that a query of this shape answers. */
export type Row<C, N, S extends QueryShape> = [S["groups"], S["aggregates"]] extends [undefined, undefined]
  ? WithIncludes<C, N, RowWithJoins<C, N, S>, S["includes"]>
  : Group<Scope<C, N, S["joins"]>, Groups<S>, Computed<S>>;

type RowWithJoins<C, N, S extends QueryShape> = keyof S["joins"] extends never
  ? Selected<Doc<C, N>, S["select"]>
  : Show<Omit<Selected<Scope<C, N, S["joins"]>, S["select"]>, keyof S["joins"]> & S["joins"]>;

/** A row that a tree answers. */
export type RowOfTree<C, T> = T extends { readonly from: infer N } ? Row<C, N, ShapeOf<C, T>> : never;
