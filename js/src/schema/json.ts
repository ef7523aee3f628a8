/** A schema as it travels: what `PUT /v1/{db}/_schema` takes, member for member. */

/** Anything JSON carries. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [member: string]: Json };

/** A condition as it travels. The typed form of it is `Condition`. */
export type PlainCondition = readonly [operator: string, ...operands: readonly unknown[]];

/** What deleting a document does to those that refer to it. */
export type OnDelete = "restrict" | "cascade" | "clear";

/** A field's type and all that may stand beside it. */
export interface FieldJson {
  readonly type?: "string" | "int" | "float" | "bool" | "json" | "bytes" | "timestamp" | "enum" | "array" | "object";
  readonly values?: readonly string[];
  readonly items?: FieldJson;
  readonly fields?: { readonly [name: string]: FieldJson };
  readonly closed?: boolean;
  readonly ref?: string;
  readonly onDelete?: OnDelete;
  readonly optional?: boolean;
  readonly default?: Json;
  readonly guarded?: boolean;
  readonly unique?: boolean;
  readonly check?: PlainCondition;
  readonly computed?: Json;
}

/** A reference seen from the other end. */
export interface RelationJson {
  readonly from: string;
  readonly by: string;
}

/** A step that rewrites the documents of a collection, once. */
export type MigrationJson =
  | { readonly rename: readonly [from: string, to: string] }
  | { readonly drop: string }
  | { readonly fill: readonly [name: string, value: Json] };

/** Who may do something: of which documents that is true, or whether it is of all or none. */
export type RuleJson = boolean | PlainCondition;

/** Who may do what with a collection's documents; what is not named, nobody may. */
export interface RulesJson {
  readonly read?: RuleJson;
  readonly insert?: RuleJson;
  readonly update?: RuleJson;
  readonly delete?: RuleJson;
  readonly fields?: { readonly [field: string]: { readonly read?: RuleJson; readonly update?: RuleJson } };
}

/** A role: who has it, by what is known of who asks, or by a document of a collection. */
export interface RoleJson {
  readonly from?: string;
  readonly membership?: RuleJson;
}

/** A collection. */
export interface CollectionJson {
  readonly fields?: { readonly [name: string]: FieldJson };
  readonly indexes?: readonly (string | readonly string[])[];
  readonly unique?: readonly (string | readonly string[])[];
  readonly checks?: { readonly [name: string]: PlainCondition };
  readonly closed?: boolean;
  readonly ttl?: string;
  readonly relations?: { readonly [name: string]: RelationJson };
  readonly migrate?: readonly MigrationJson[];
  readonly rules?: RulesJson;
}

/** A whole schema. */
export interface SchemaJson {
  readonly collections: { readonly [name: string]: CollectionJson };
  readonly roles?: { readonly [name: string]: RoleJson };
  readonly anonymous?: boolean;
}
