/** One field: its JSON, and what the type system knows of it. */
import type { FieldJson, Json, PlainCondition } from "./json.js";

/** What the types know of a field. */
export interface FieldTraits {
  /** Its value where it is present. */
  value: unknown;
  /** Whether it may be missing or null. */
  optional: boolean;
  /** Whether an insert names it (`given`), may (`defaulted`) or must not (`computed`). */
  source: "given" | "defaulted" | "computed";
  /** The collection that it refers to. */
  ref: string | null;
  /** Its own fields, if it is an object. */
  fields: Fields | null;
  /** Whether it may stand inside an object or array too, where values and invariants have no place. */
  plain: boolean;
}

type With<S extends FieldTraits, Change extends Partial<FieldTraits>> = Omit<S, keyof Change> &
  Change extends infer Next
  ? Next extends FieldTraits
    ? { [Trait in keyof FieldTraits]: Next[Trait] }
    : never
  : never;

/** What makes a default at commit: the time, or a new id. */
export type MadeDefault = { readonly now: true } | { readonly id: true };

/** Where the traits of a field are kept. It exists in types alone. */
export declare const traits: unique symbol;

/** A field of a collection. Every method answers a new field. */
export class Field<out S extends FieldTraits = FieldTraits> {
  declare readonly [traits]: S;

  /** @param json the field as it travels */
  constructor(readonly json: FieldJson) {}

  /** It may be missing or null. */
  optional(): Field<With<S, { optional: true }>> {
    return this.#with({ optional: true });
  }

  /** What it becomes on insert or replace where it is missing. `{ now: true }` is for timestamps, `{ id: true }` for strings. */
  default(
    value: S["value"] | MadeDefault | (S["optional"] extends true ? null : never),
  ): Field<With<S, { source: "defaulted"; plain: false }>> {
    return this.#with({ default: value as Json });
  }

  /** No two documents of a key have the same value; null and missing do not count. */
  unique(): Field<With<S, { plain: false }>> {
    return this.#with({ unique: true });
  }

  /** Only a transaction at the home changes it: it never merges. `unique`, references and checks imply it. */
  guarded(): Field<With<S, { plain: false }>> {
    return this.#with({ guarded: true });
  }

  /** A condition on the document that holds wherever the field is present and not null. */
  check(condition: PlainCondition): Field<With<S, { plain: false }>> {
    return this.#with({ check: condition });
  }

  // The traits exist in types alone, so no value can prove that the JSON has them.
  #with<T extends FieldTraits>(members: FieldJson): Field<T> {
    return new Field<T>({ ...this.json, ...members });
  }
}

/** The fields of a collection or object, by name. */
export interface Fields {
  readonly [name: string]: Field;
}

/** What the types know of a field. */
export type TraitsOf<F> = F extends Field<infer S> ? S : never;
