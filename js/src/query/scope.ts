/** What a query sees: the document of its collection, and the joined ones beside it. */
import type { AnyFields, DocumentOf } from "../schema/infer.js";

/** The fields of a collection. */
export type FieldsOf<C, N> = N extends keyof C ? (C[N] extends { readonly fields: infer F } ? F : never) : never;

/** The relations that a collection names. */
export type RelationsOf<C, N> = N extends keyof C ? (C[N] extends { readonly relations: infer R } ? R : never) : never;

/** A document of a collection. */
export type Doc<C, N> = FieldsOf<C, N> extends infer F extends AnyFields ? DocumentOf<F> : never;

/** The document and what is joined to it: a join's name hides a field of the same name. */
export type Scope<C, N, Joins> = Omit<Doc<C, N>, keyof Joins> & Joins extends infer S
  ? { [Member in keyof S]: S[Member] }
  : never;

/** Whether nothing is known of the schema. */
export type IsLoose<C> = string extends keyof C ? true : false;
