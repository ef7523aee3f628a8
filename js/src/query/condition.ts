/** Conditions: arrays, operator first, then a path, then a value. The tree itself is what travels. */
import type { Paths, ValueAt } from "../schema/paths.js";
import type { RelationName, SpelledRelation, TargetOf } from "./related.js";
import type { Doc } from "./scope.js";

/** A path where a value would stand: another field. Segments may be listed, for names that hold dots. */
export interface PathRef<Path extends string = string> {
  readonly path: Path | readonly string[];
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

type Texts<T> = unknown extends T ? true : Extract<T, string> extends never ? false : true;
type Held<T> = unknown extends T
  ? unknown
  : T extends readonly (infer Item)[]
    ? Operand<Item>
    : T extends string
      ? string
      : never;

type At<V, Path extends string, T = ValueAt<V, Path>> =
  | readonly [Equality, Path, Operand<T> | null | PathRef<Paths<V>>]
  | readonly [Ordering, Path, Operand<NonNullable<T>> | PathRef<Paths<V>>]
  | readonly ["in", Path, readonly (Operand<T> | null)[] | { readonly value: readonly T[] }]
  | readonly ["null", Path]
  | (Texts<T> extends true ? readonly ["like" | "prefix", Path, string] : never)
  | (Held<T> extends never ? never : readonly ["contains", Path, Held<T>]);

/** `["exists", relation, condition]`. An interface, since the types of conditions along relations go round in circles. */
interface Exists<C, Relation, Target> extends ReadonlyArray<unknown> {
  readonly 0: "exists";
  readonly 1: Relation;
  readonly 2?: Condition<Doc<C, Target>, C, Target>;
  readonly length: 2 | 3;
}

type Along<C, N> =
  | { [R in RelationName<C, N>]: Exists<C, R, TargetOf<C, N, R>> }[RelationName<C, N>]
  | { [T in keyof C & string]: Exists<C, SpelledRelation<C, N, T>, T> }[keyof C & string];

/**
 * A condition on documents of the type `V`. With `C` and `N`, the schema and the collection's name, `exists` may
 * look along its relations.
 */
export type Condition<V, C = never, N = never> =
  | readonly ["and" | "or", ...Condition<V, C, N>[]]
  | readonly ["not", Condition<V, C, N>]
  | { [Path in Paths<V>]: At<V, Path> }[Paths<V>]
  | readonly [Equality | Ordering | "in" | "like" | "prefix" | "contains", SegmentPath, unknown]
  | readonly ["null", SegmentPath]
  | ([C] extends [never] ? never : Along<C, N>);
