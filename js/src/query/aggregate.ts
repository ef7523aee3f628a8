/** Groups instead of documents. */
import type { Show } from "../schema/infer.js";
import type { Paths, ValueAt } from "../schema/paths.js";

/** What is computed of a group. */
export type Aggregate<V> = readonly ["count"] | readonly ["count" | "sum" | "avg" | "min" | "max", Paths<V>];

/** What to compute, by name. */
export type Aggregates<V> = { readonly [name: string]: Aggregate<V> };

type Computed<V, A> = A extends readonly ["count" | "sum", ...unknown[]]
  ? number
  : A extends readonly ["avg", unknown]
    ? number | null
    : A extends readonly ["min" | "max", infer Path extends string]
      ? NonNullable<ValueAt<V, Path>> | null
      : unknown;

/** A group: its paths, each a member called as the path is written, and what was computed of it. */
export type Group<V, Groups extends readonly string[], Named> = Show<
  { [Path in Groups[number]]: ValueAt<V, Path> } & { -readonly [Name in keyof Named]: Computed<V, Named[Name]> }
>;
