/** What of each document, and in which order. */
import type { Show } from "../schema/infer.js";
import type { Paths, ValueAt } from "../schema/paths.js";

/** Paths under new names. */
export type Aliases<V> = { readonly [alias: string]: Paths<V> };

/** A list of paths, each kept in its place, and of aliases; or aliases alone. */
export type Select<V> = readonly (Paths<V> | Aliases<V>)[] | Aliases<V>;

/** One term of an order. */
export type OrderTerm<V> = Paths<V> | readonly [path: Paths<V>, direction?: "asc" | "desc"];

type Kept<V, Path> = Path extends keyof V
  ? Pick<V, Path>
  : Path extends `${infer Head}.${infer Rest}`
    ? Head extends keyof V
      ? Nested<V, Head, Rest>
      : { [Name in Head]?: unknown }
    : unknown;

type Nested<V, Head extends keyof V, Rest> = { [Name in Head]: Kept<NonNullable<V[Name]>, Rest> } extends infer Inner
  ? null extends V[Head]
    ? Partial<Inner>
    : undefined extends V[Head]
      ? Partial<Inner>
      : Inner
  : never;

/** What is not there is left out, so what may be null may be missing. */
type Renamed<V, A> = Show<
  {
    -readonly [Alias in keyof A as null extends ValueAt<V, A[Alias] & string> ? never : Alias]: ValueAt<
      V,
      A[Alias] & string
    >;
  } & {
    -readonly [Alias in keyof A as null extends ValueAt<V, A[Alias] & string> ? Alias : never]?: ValueAt<
      V,
      A[Alias] & string
    >;
  }
>;

type SelectedOne<V, One> = One extends string ? Kept<V, One> : Renamed<V, One>;

type Together<V, List> = List extends readonly [infer First, ...infer Rest]
  ? SelectedOne<V, First> & Together<V, Rest>
  : unknown;

type Deep<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? unknown extends T
      ? T
      : { [Member in keyof T]: Deep<T[Member]> }
    : T;

/** A row of which `S` was selected; without a selection the whole document. */
export type Selected<V, S> = [S] extends [undefined]
  ? V
  : S extends readonly unknown[]
    ? number extends S["length"]
      ? Partial<V>
      : Deep<Together<V, S>>
    : Renamed<V, S>;
