/** The words of conditions, knowing what they speak of: they complete paths, and say at the word what is wrong. */
import type { Paths, ValueAt } from "../schema/paths.js";
import * as plain from "./build.js";
import type { AuthRef, Condition, Givens, Held, OldRef, Operand, PathRef, Texts } from "./condition.js";
import type { Reached, RelationName, SpelledRelation, TargetOf } from "./related.js";
import type { Doc } from "./scope.js";

type PathOf<Pair> = Pair extends readonly [infer Path extends string, unknown] ? Path : never;

/** Paths of the document, and along its references. */
type AnyPath<V, C, N> = Paths<V> | ([N] extends [never] ? never : PathOf<Reached<C, N>>);

type Value<V, C, N, Path> =
  Path extends Paths<V> ? ValueAt<V, Path> : Extract<Reached<C, N>, readonly [Path, unknown]>[1];

type TextPath<V, C, N> = {
  [Path in AnyPath<V, C, N>]: Texts<Value<V, C, N, Path>> extends true ? Path : never;
}[AnyPath<V, C, N>];

/** What a path may be held against; what is given has no type that is known. */
type Other<V, C, N, G extends Givens, Path> = Path extends string
  ? Operand<Value<V, C, N, Path>> | null | G["value"] | (Path extends Paths<V> ? PathRef<Paths<V>> : never)
  : unknown;

type Compare<V, C, N, G extends Givens> = <const Path extends AnyPath<V, C, N> | G["value"]>(
  path: Path,
  value: Other<V, C, N, G, Path>,
) => Condition<V, C, N, G>;

type Match<V, C, N, G extends Givens> = (path: TextPath<V, C, N>, text: string) => Condition<V, C, N, G>;

/** The words of conditions on documents of the type `V`, as `Condition` has it. */
export interface Words<V, C, N, G extends Givens> {
  /** The values are equal, whatever their types. */
  readonly eq: Compare<V, C, N, G>;
  /** The values are not equal. */
  readonly ne: Compare<V, C, N, G>;
  /** Less, by number, string or boolean. */
  readonly lt: Compare<V, C, N, G>;
  /** Less or equal. */
  readonly lte: Compare<V, C, N, G>;
  /** Greater. */
  readonly gt: Compare<V, C, N, G>;
  /** Greater or equal. */
  readonly gte: Compare<V, C, N, G>;
  /** A string that starts so. */
  readonly prefix: Match<V, C, N, G>;
  /** A string that matches: `%` is any run of characters, `_` any one. */
  readonly like: Match<V, C, N, G>;
  /** Equal to one of these values, or of the list that is given. */
  oneOf<const Path extends AnyPath<V, C, N> | G["value"]>(
    path: Path,
    values: readonly (Path extends string ? Operand<Value<V, C, N, Path>> | null : unknown)[] | G["value"],
  ): Condition<V, C, N, G>;
  /** An array that holds the value, or a string that holds the string. */
  contains<const Path extends AnyPath<V, C, N> | G["value"]>(
    path: Path,
    value: Path extends string ? Held<Value<V, C, N, Path>> | G["value"] : unknown,
  ): Condition<V, C, N, G>;
  /** null or missing. */
  isNull(path: AnyPath<V, C, N> | G["value"]): Condition<V, C, N, G>;
  /** All hold; none at all holds too. */
  and(...all: Condition<V, C, N, G>[]): Condition<V, C, N, G>;
  /** One holds; none at all does not. */
  or(...any: Condition<V, C, N, G>[]): Condition<V, C, N, G>;
  /** It does not hold. */
  not(one: Condition<V, C, N, G>): Condition<V, C, N, G>;
  /** There is a related document, of which the condition holds. */
  exists<R extends RelationName<C, N>>(relation: R, where?: Within<C, TargetOf<C, N, R>, G>): Condition<V, C, N, G>;
  exists<T extends keyof C & string>(
    relation: { readonly from: T } & SpelledRelation<C, N, T>,
    where?: Within<C, T, G>,
  ): Condition<V, C, N, G>;
  /** Another field, where a value would stand. */
  field<const Path extends Paths<V>>(path: Path): PathRef<Path>;
  /** What is known of who asks: a claim of its token, or the `key` and `role` of an API key. */
  auth(claim: string): AuthRef;
  /** A field of the document as it was; in rules of updates alone. */
  readonly old: <const Path extends OldPath<G>>(path: Path) => OldRef<Path>;
  /** Whoever asks has this role. */
  role(name: G["role"]): Condition<V, C, N, G>;
}

type OldPath<G extends Givens> = Extract<G["value"], OldRef> extends OldRef<infer Path> ? Path : never;

type Within<C, Target, G extends Givens> =
  | Condition<Doc<C, Target>, C, Target, G>
  | ((q: Words<Doc<C, Target>, C, Target, G>) => Condition<Doc<C, Target>, C, Target, G>);

// The types of the words exist for what they speak of; what they answer is the same of anything.
const {
  and,
  auth,
  contains,
  eq,
  exists,
  field,
  gt,
  gte,
  isNull,
  like,
  lt,
  lte,
  ne,
  not,
  old,
  oneOf,
  or,
  prefix,
  role,
} = plain;

/** The words of any condition. */
export const words = {
  ...{ and, auth, contains, eq, field, gt, gte, isNull, like, lt, lte, ne, not, old, oneOf, or, prefix, role },
  exists: (relation: unknown, ...where: readonly unknown[]): readonly unknown[] =>
    exists(relation, ...(where.map((one) => (typeof one === "function" ? one(words) : one)) as [unknown])),
};
