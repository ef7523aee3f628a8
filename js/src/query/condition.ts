/** Conditions: arrays, operator first, then a path, then a value. The tree itself is what travels. */
import type { Paths, ValueAt } from "../schema/paths.js";
import type { Reached, RelationName, SpelledRelation, TargetOf } from "./related.js";
import type { Doc } from "./scope.js";

/** A path where a value would stand: another field. Segments may be listed, for names that hold dots. */
export interface PathRef<Path extends string = string> {
  readonly path: Path | readonly string[];
}

/** What is known of who asks: a claim of its token (`sub`, `org.plan`), or the `key` and `role` of an API key. */
export interface AuthRef {
  readonly auth: string | readonly string[];
}

/** A field of the document as it was, in a rule of updates. */
export interface OldRef<Path extends string = string> {
  readonly old: Path | readonly string[];
}

/** What a condition may ask for beside documents. */
export interface Givens {
  /** What may stand in a value's place. */
  value: AuthRef | OldRef;
  /** The roles that it may ask for. */
  role: string;
}

/** What a query may ask for: who asks. */
export interface QueryGivens extends Givens {
  value: AuthRef;
  role: never;
}

/** What a rule may ask for: who asks, which roles that gives, and in a rule of updates the document before. */
export interface RuleGivens<Roles extends string, Old extends string = never> extends Givens {
  value: AuthRef | ([Old] extends [never] ? never : OldRef<Old>);
  role: Roles;
}

/** What holds whoever asks may ask for nothing. */
export interface NoGivens extends Givens {
  value: never;
  role: never;
}

/** A path in segments, in a path's place. Nothing is known of what it leads to. */
type SegmentPath = { readonly path: readonly string[] };

/** A value as it stands in a condition: objects are wrapped, so that they are not mistaken for paths. */
export type Operand<T> = T extends readonly (infer Item)[]
  ? readonly Item[]
  : T extends object
    ? { readonly value: T }
    : T;

type Equality = "=" | "!=" | "is";
type Ordering = "<" | "<=" | ">" | ">=";

/** Whether a value may be a text. */
export type Texts<T> = unknown extends T ? true : Extract<T, string> extends never ? false : true;

/** What a value may hold: an array its items, a text another. */
export type Held<T> = unknown extends T
  ? unknown
  : T extends readonly (infer Item)[]
    ? Operand<Item>
    : T extends string
      ? string
      : never;

/** Conditions on the value `T` at a path, held against a value or what may stand `Beside` it. */
type At<T, Path extends string, Fields, Given> =
  | readonly [Equality, Path, Operand<T> | null | Fields | Given]
  | readonly [Ordering, Path, Operand<NonNullable<T>> | Fields | Given]
  | readonly ["in", Path, readonly (Operand<T> | null)[] | { readonly value: readonly T[] } | Given]
  | readonly ["null", Path]
  | (Texts<T> extends true ? readonly ["like" | "prefix", Path, string] : never)
  | (Held<T> extends never ? never : readonly ["contains", Path, Held<T> | Given]);

/** Along a reference a field compares with a value alone. */
type AtReached<Pair, Given> = Pair extends readonly [infer Path extends string, infer T]
  ? At<T, Path, never, Given>
  : never;

/** Conditions on what is given, which has no type that is known here. */
type OfGiven<Given> = [Given] extends [never]
  ? never
  : readonly [Equality | Ordering | "in" | "contains", Given, unknown] | readonly ["null", Given];

/** `["exists", relation, condition]`. An interface, since the types of conditions along relations go round in circles. */
interface Exists<C, Relation, Target, G extends Givens> extends ReadonlyArray<unknown> {
  readonly 0: "exists";
  readonly 1: Relation;
  readonly 2?: Condition<Doc<C, Target>, C, Target, G>;
  readonly length: 2 | 3;
}

type Along<C, N, G extends Givens> =
  | { [R in RelationName<C, N>]: Exists<C, R, TargetOf<C, N, R>, G> }[RelationName<C, N>]
  | { [T in keyof C & string]: Exists<C, SpelledRelation<C, N, T>, T, G> }[keyof C & string]
  | AtReached<Reached<C, N>, G["value"]>;

/**
 * A condition on documents of the type `V`. With `C` and `N`, the schema and the collection's name, it may look along
 * relations: by `exists`, and by paths like `customer.name`. `G` is what it may ask for beside documents.
 */
export type Condition<V, C = never, N = never, G extends Givens = [C] extends [never] ? NoGivens : QueryGivens> =
  | readonly ["and" | "or", ...Condition<V, C, N, G>[]]
  | readonly ["not", Condition<V, C, N, G>]
  | { [Path in Paths<V>]: At<ValueAt<V, Path>, Path, PathRef<Paths<V>>, G["value"]> }[Paths<V>]
  | readonly [Equality | Ordering | "in" | "like" | "prefix" | "contains", SegmentPath, unknown]
  | readonly ["null", SegmentPath]
  | OfGiven<G["value"]>
  | ([G["role"]] extends [never] ? never : readonly ["role", G["role"]])
  | ([C] extends [never] ? never : [N] extends [never] ? never : Along<C, N, G>);
