/** Relations between collections, by name or spelled out, and the includes that follow them. */
import type { Fields } from "../schema/field.js";
import type { ReferenceAt, References, Show } from "../schema/infer.js";
import type { Paths, ValueAt } from "../schema/paths.js";
import type { Condition, PathRef } from "./condition.js";
import type { Doc, FieldsOf, IsLoose, RelationsOf } from "./scope.js";
import type { OrderTerm, Select, Selected } from "./select.js";

type ReferencesOf<C, N> = FieldsOf<C, N> extends infer F extends Fields ? References<F> : never;

/** The names of a collection's relations: its reference fields, and what its schema names. */
export type RelationName<C, N> = (keyof ReferencesOf<C, N> | keyof RelationsOf<C, N>) & string;

/** The collection at the other end of a named relation. */
export type TargetOf<C, N, Name> = Name extends keyof ReferencesOf<C, N>
  ? ReferencesOf<C, N>[Name]
  : Name extends keyof RelationsOf<C, N>
    ? RelationsOf<C, N>[Name] extends { readonly from: infer From }
      ? From
      : never
    : never;

/** A relation to the collection `T` spelled out, for `exists`. */
export type SpelledRelation<C, N, T extends string> =
  | { readonly from: T; readonly by: Paths<Doc<C, T>> | PathRef }
  | { readonly from: T; readonly ref: Paths<Doc<C, N>> | PathRef };

/** The paths of a collection's references, wherever they stand in its documents. */
type ReferencePath<C, N> = {
  [Path in Paths<Doc<C, N>>]: ReferenceAt<FieldsOf<C, N>, Path> extends string ? Path : never;
}[Paths<Doc<C, N>>];

/** The paths of a collection's documents under a prefix, each beside the value there. */
type Prefixed<C, N, Prefix extends string> = {
  [Path in Paths<Doc<C, N>>]: readonly [`${Prefix}${Path}`, ValueAt<Doc<C, N>, Path>];
}[Paths<Doc<C, N>>];

/** The same of what its references lead to. */
type Referred<C, N, Prefix extends string> = {
  [Path in ReferencePath<C, N>]: Prefixed<C, ReferenceAt<FieldsOf<C, N>, Path>, `${Prefix}${Path}.`>;
}[ReferencePath<C, N>];

/**
 * Paths along references (`customer.name`), each beside the value there. Two references on at most: types get slow
 * beyond, and `exists` goes further.
 */
export type Reached<C, N> =
  IsLoose<C> extends true
    ? never
    :
        | Referred<C, N, "">
        | {
            [Path in ReferencePath<C, N>]: Referred<C, ReferenceAt<FieldsOf<C, N>, Path>, `${Path}.`>;
          }[ReferencePath<C, N>];

/** Whether a relation leads to one document or comes back from many, and which collection is there. */
type Leads<Many extends boolean, Target> = { many: Many; target: Target };

/** The relation that an include follows: what it spells out, else what its name says. */
export type SpelledTarget<C, N, Name, S> = S extends { readonly from: infer From; readonly by: unknown }
  ? Leads<true, From>
  : S extends { readonly from: infer From; readonly ref: unknown }
    ? Leads<false, From>
    : S extends { readonly ref: infer Path extends string }
      ? Leads<false, ReferenceAt<FieldsOf<C, N>, Path>>
      : Name extends keyof ReferencesOf<C, N>
        ? Leads<false, ReferencesOf<C, N>[Name]>
        : Name extends keyof RelationsOf<C, N>
          ? Leads<true, TargetOf<C, N, Name>>
          : Leads<boolean, null>;

/** Any includes, before they are held against a schema. */
export interface AnyIncludes {
  readonly [name: string]: AnyInclude;
}

/** Any include, before it is held against a schema. */
export interface AnyInclude {
  readonly from?: string;
  readonly by?: string | PathRef;
  readonly ref?: string | PathRef;
  readonly where?: readonly unknown[];
  readonly select?: readonly (string | { readonly [alias: string]: string })[] | { readonly [alias: string]: string };
  readonly orderBy?: readonly (string | readonly [string, ("asc" | "desc")?])[];
  readonly limit?: number;
  readonly include?: AnyIncludes;
}

type Spelling = { readonly from?: unknown; readonly by?: unknown; readonly ref?: unknown };

type Body<C, T, S> = {
  readonly where?: Condition<Doc<C, T>, C, T>;
  readonly select?: Select<Doc<C, T>>;
  readonly include?: S extends { readonly include: infer Inner } ? CheckedIncludes<C, T, Inner> : unknown;
};

type Listed<C, T> = { readonly orderBy?: readonly OrderTerm<Doc<C, T>>[]; readonly limit?: number };

type Only<S, Allowed> = { readonly [Member in Exclude<keyof S, keyof Allowed>]?: never };

type Exactly<S, Allowed> = Allowed & Only<S, Allowed>;

type CheckedInclude<C, N, Name, S> =
  SpelledTarget<C, N, Name, S> extends Leads<infer Many, infer Target>
    ? Target extends keyof C & string
      ? Many extends true
        ? Exactly<S, Spelling & Body<C, Target, S> & Listed<C, Target>>
        : Exactly<S, Spelling & Body<C, Target, S>>
      : { readonly problem: `"${Name & string}" is no relation of "${N & string}", and spells none out.` }
    : never;

/** What includes of documents of the collection `N` must be. */
export type CheckedIncludes<C, N, I> =
  IsLoose<C> extends true ? unknown : { readonly [Name in keyof I]: CheckedInclude<C, N, Name, I[Name]> };

type Member<S, Name extends string> = S extends { readonly [M in Name]: infer Value } ? Value : undefined;

/** One row with its includes. */
export type WithIncludes<C, N, Row, I> = [I] extends [undefined]
  ? Show<Row>
  : Show<Omit<Row, keyof I> & { -readonly [Name in keyof I]: Included<C, N, Name, I[Name]> }>;

type Included<C, N, Name, S> =
  IsLoose<C> extends true
    ? unknown
    : SpelledTarget<C, N, Name, S> extends Leads<infer Many, infer Target>
      ? Many extends true
        ? IncludedRow<C, Target, S>[]
        : IncludedRow<C, Target, S> | null
      : never;

type IncludedRow<C, T, S> = WithIncludes<C, T, Selected<Doc<C, T>, Member<S, "select">>, Member<S, "include">>;
