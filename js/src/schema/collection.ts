/** A collection of a schema. */
import type { Condition } from "../query/condition.js";
import type { Fields } from "./field.js";
import type { StoredFields } from "./infer.js";
import type { CollectionJson, MigrationJson, RelationJson } from "./json.js";
import type { Paths } from "./paths.js";
import { fieldsJson } from "./t.js";

type PathOf<F> = Paths<StoredFields<F>>;

/** What a collection may have beside its fields. */
export interface CollectionOptions<F extends Fields> {
  /** Secondary indexes: paths, in order. */
  readonly indexes?: readonly (PathOf<F> | readonly PathOf<F>[])[];
  /** Sets of paths whose values no two documents of a key share. */
  readonly unique?: readonly (PathOf<F> | readonly PathOf<F>[])[];
  /** Conditions that every document satisfies, by name. */
  readonly checks?: { readonly [name: string]: Condition<StoredFields<F>> };
  /** Fields that are not named are refused. */
  readonly closed?: boolean;
  /** The timestamp field at whose time a document is deleted. */
  readonly ttl?: PathOf<F>;
  /** Names for references that point here. */
  readonly relations?: { readonly [name: string]: RelationJson };
  /** All steps since the first version; those that are new are carried out once, when the schema is put. */
  readonly migrate?: readonly MigrationJson[];
}

/** A collection: its JSON, and the types that its fields and relations have. */
export interface Collection<
  F extends Fields = Fields,
  Relations extends { readonly [name: string]: RelationJson } = { readonly [name: string]: RelationJson },
> {
  readonly fields: F;
  readonly relations: Relations;
  readonly json: CollectionJson;
}

/** A collection with these fields. */
export function collection<
  const F extends Fields,
  // biome-ignore lint/complexity/noBannedTypes: no relation at all is exactly this
  const Relations extends { readonly [name: string]: RelationJson } = {},
>(fields: F, options: CollectionOptions<F> & { readonly relations?: Relations } = {}): Collection<F, Relations> {
  return {
    fields,
    relations: (options.relations ?? {}) as Relations,
    json: { fields: fieldsJson(fields), ...options },
  };
}
