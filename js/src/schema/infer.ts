/** From fields to the shapes of documents. */
import type { Field, Fields, TraitsOf } from "./field.js";

/** Flattens an intersection, so that editors show its members. */
export type Show<T> = { [Member in keyof T]: T[Member] } & {};

/** The members whose field has such traits. */
type Having<F, Wanted> = { [Name in keyof F]: TraitsOf<F[Name]> extends Wanted ? Name : never }[keyof F];

type Value<F> = TraitsOf<F>["value"];
type OptionalNames<F> = Having<F, { optional: true }>;
type ComputedNames<F> = Having<F, { source: "computed" }>;
type Leavable<F> = Exclude<OptionalNames<F> | Having<F, { source: "defaulted" }>, ComputedNames<F>>;

/** Fields as they are stored: what is optional may be missing or null. */
export type StoredFields<F> = Show<
  { -readonly [Name in Exclude<keyof F, OptionalNames<F>>]: Value<F[Name]> } & {
    -readonly [Name in OptionalNames<F>]?: Value<F[Name]> | null;
  }
>;

type Nullable<F> = TraitsOf<F> extends { optional: true } ? Value<F> | null : Value<F>;

/** Fields as an insert gives them: computed ones are absent, defaults may be left out. */
export type InsertFields<F> = Show<
  { [Name in Exclude<keyof F, Leavable<F> | ComputedNames<F>>]: Value<F[Name]> } & {
    [Name in Leavable<F>]?: Nullable<F[Name]>;
  }
>;

/** What the system adds to every document. */
export interface System {
  /** The id, its key included: `acme/o1`. */
  id: string;
  /** The version: another one after every change. */
  _version: number;
  /** When it was committed: RFC 3339 in UTC, with microseconds. */
  _time: string;
}

/** A document as reads answer it. */
export type DocumentOf<F> = Show<System & StoredFields<F>>;

/** A document as `insert` and `replace` take it. */
export type InsertOf<F> = Show<{ id?: string } & InsertFields<F>>;

/** The names of the reference fields, each with the collection that it refers to. */
export type References<F extends Fields> = {
  [Name in keyof F as TraitsOf<F[Name]>["ref"] extends string ? Name : never]: TraitsOf<F[Name]>["ref"];
};

/** The collection that the field at a path refers to. */
export type ReferenceAt<F, Path extends string> = Path extends keyof F
  ? TraitsOf<F[Path]>["ref"]
  : Path extends `${infer Head}.${infer Rest}`
    ? Head extends keyof F
      ? ReferenceAt<TraitsOf<F[Head]>["fields"], Rest>
      : null
    : null;

/** Fields that callers may write: not the computed ones. */
export type WritableFields<F> = { [Name in Exclude<keyof F, ComputedNames<F>>]: F[Name] };

export type AnyFields = { readonly [name: string]: Field };
