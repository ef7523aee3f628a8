/** How a computed field is computed. */
import type { Json, PlainCondition } from "./json.js";

/**
 * A string is a path, a number or boolean itself, `{ value }` any value, an array an operator and what it takes.
 * Null in, null out, except for `coalesce` and `if`.
 */
export type Expression =
  | string
  | number
  | boolean
  | { readonly value: Json }
  | readonly ["+" | "-" | "*" | "/", Expression, Expression, ...Expression[]]
  | readonly ["concat" | "coalesce", Expression, ...Expression[]]
  | readonly ["lower" | "upper" | "trim" | "length", Expression]
  | readonly ["if", PlainCondition, Expression, Expression];
