/** The types of fields. */
import type { Expression } from "./expression.js";
import { Field, type Fields, type FieldTraits, type TraitsOf } from "./field.js";
import type { StoredFields } from "./infer.js";
import type { FieldJson, Json, OnDelete } from "./json.js";

type Plain<Value, Ref extends string | null = null, Inner extends Fields | null = null> = Field<{
  value: Value;
  optional: false;
  source: "given";
  ref: Ref;
  fields: Inner;
  plain: true;
}>;

/** A field that may stand inside an object. */
type Inner = Field<FieldTraits & { plain: true }>;
/** A field that may stand inside an array: neither optional nor a reference. */
type Item = Field<FieldTraits & { plain: true; optional: false; ref: null }>;

const plain = <F>(json: FieldJson): F => new Field(json) as F;

/** The types of fields, as in `t.string().optional()`. */
export const t = {
  /** A string. */
  string: () => plain<Plain<string>>({ type: "string" }),
  /** A whole number of 64 bits. JavaScript's numbers are exact up to 2^53. */
  int: () => plain<Plain<number>>({ type: "int" }),
  /** Any finite number. */
  float: () => plain<Plain<number>>({ type: "float" }),
  /** true or false. */
  bool: () => plain<Plain<boolean>>({ type: "bool" }),
  /** Anything JSON carries, or the type that is named here; nothing checks it. */
  json: <Value = Json>() => plain<Plain<Value>>({ type: "json" }),
  /** Bytes, as base64 with padding. */
  bytes: () => plain<Plain<string>>({ type: "bytes" }),
  /** An RFC 3339 time, kept in UTC to the millisecond, as `Date.toISOString` writes it. */
  timestamp: () => plain<Plain<string>>({ type: "timestamp" }),
  /** One of these strings. */
  enum: <const Values extends readonly [string, ...string[]]>(...values: Values) =>
    plain<Plain<Values[number]>>({ type: "enum", values }),
  /** The id of a document of another collection, or of the same. */
  ref: <const Target extends string>(collection: Target, options: { readonly onDelete?: OnDelete } = {}) =>
    plain<Plain<string, Target>>({ ref: collection, ...options }),
  /** An array of one type. */
  array: <F extends Item>(items: F) => plain<Plain<TraitsOf<F>["value"][]>>({ type: "array", items: items.json }),
  /** An object with these fields; `closed` refuses others. */
  object: <const F extends { readonly [name: string]: Inner }>(
    fields: F,
    options: { readonly closed?: boolean } = {},
  ) => plain<Plain<StoredFields<F>, null, F>>({ type: "object", fields: fieldsJson(fields), ...options }),
  /**
   * A field that every write computes from the others; callers never set it. It fails to fit where the expression
   * comes to null, unless its type is optional.
   */
  computed: <S extends FieldTraits & { source: "given" }>(type: Field<S>, expression: Expression) =>
    plain<Field<Omit<S, "source" | "plain"> & { source: "computed"; plain: false }>>({
      ...type.json,
      computed: expression as Json,
    }),
};

/** Fields as they travel. */
export function fieldsJson(fields: Fields): { [name: string]: FieldJson } {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.json]));
}
