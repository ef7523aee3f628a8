/** Conditions in words, for who likes them better than arrays: each answers the array itself. */
import type { AuthRef, OldRef, PathRef } from "./condition.js";

const comparison =
  <const Operator extends string>(operator: Operator) =>
  <const Path extends string | AuthRef | OldRef, const Value>(
    path: Path,
    value: Value,
  ): readonly [Operator, Path, Value] => [operator, path, value];

/** The values are equal, whatever their types. */
export const eq = /* @__PURE__ */ comparison("=");
/** The values are not equal. */
export const ne = /* @__PURE__ */ comparison("!=");
/** Less, by number, string or boolean. */
export const lt = /* @__PURE__ */ comparison("<");
/** Less or equal. */
export const lte = /* @__PURE__ */ comparison("<=");
/** Greater. */
export const gt = /* @__PURE__ */ comparison(">");
/** Greater or equal. */
export const gte = /* @__PURE__ */ comparison(">=");
/** A string that starts so. */
export const prefix = /* @__PURE__ */ comparison("prefix");
/** A string that matches: `%` is any run of characters, `_` any one. */
export const like = /* @__PURE__ */ comparison("like");
/** An array that holds the value, or a string that holds the string. */
export const contains = /* @__PURE__ */ comparison("contains");
/** Equal to one of these values. */
export const oneOf = /* @__PURE__ */ comparison("in");

/** null or missing. */
export const isNull = <const Path extends string | AuthRef | OldRef>(path: Path): readonly ["null", Path] => [
  "null",
  path,
];

/** All hold; none at all holds too. */
export const and = <const All extends readonly unknown[]>(...all: All): readonly ["and", ...All] => ["and", ...all];

/** One holds; none at all does not. */
export const or = <const Any extends readonly unknown[]>(...any: Any): readonly ["or", ...Any] => ["or", ...any];

/** It does not hold. */
export const not = <const One>(one: One): readonly ["not", One] => ["not", one];

/** There is a related document, of which the condition holds. */
export function exists<const Relation>(relation: Relation): readonly ["exists", Relation];
export function exists<const Relation, const Where>(
  relation: Relation,
  where: Where,
): readonly ["exists", Relation, Where];
export function exists(...operands: unknown[]): readonly unknown[] {
  return ["exists", ...operands];
}

/** Another field, where a value would stand. */
export const field = <const Path extends string>(path: Path): PathRef<Path> => ({ path });

/** What is known of who asks: a claim of its token, or the `key` and `role` of an API key. */
export const auth = <const Claim extends string>(claim: Claim): { readonly auth: Claim } => ({ auth: claim });

/** A field of the document as it was, in a rule of updates. */
export const old = <const Path extends string>(path: Path): { readonly old: Path } => ({ old: path });

/** Whoever asks has this role: in rules. */
export const role = <const Name extends string>(name: Name): readonly ["role", Name] => ["role", name];

/** An object as a value. */
export const value = <const Value>(value: Value): { readonly value: Value } => ({ value });
