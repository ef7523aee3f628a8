/** A whole schema. */
import type { Collection } from "./collection.js";
import type { Fields } from "./field.js";
import type { ReferenceAt, References } from "./infer.js";
import type { RoleJson, RulesJson, SchemaJson } from "./json.js";
import { Allow, plainRule, type Role } from "./rules.js";

/** Collections by name: what all types of the client are made of. */
export interface Collections {
  readonly [name: string]: Collection;
}

/** Where the collections of a schema are kept. It exists in types alone. */
export declare const collections: unique symbol;

/** A schema: as a value exactly the JSON that the server takes, as a type all that the client knows. */
export interface Schema<C extends Collections = Collections> extends SchemaJson {
  readonly [collections]?: C;
}

/** Puts an explanation where a type does not hold together. */
type Explained<What extends string> = { readonly problem: What };

type CheckedField<C, F, Name extends keyof References<F & Fields>> = References<F & Fields>[Name] extends keyof C
  ? unknown
  : Explained<`The field "${Name & string}" refers to a collection that the schema does not name.`>;

type CheckedFields<C, F> = { readonly [Name in keyof References<F & Fields>]: CheckedField<C, F, Name> };

type CheckedRelations<C, Own, Relations> = {
  readonly [Name in keyof Relations]: Relations[Name] extends {
    readonly from: infer From extends keyof C;
    readonly by: infer By extends string;
  }
    ? C[From] extends { readonly fields: infer F }
      ? Own extends ReferenceAt<F, By>
        ? unknown
        : Explained<`"${By}" of "${From & string}" is no reference to "${Own & string}".`>
      : unknown
    : Explained<"`from` is no collection of the schema.">;
};

/** What holds between collections: references and relations lead somewhere. */
type Checked<C> = {
  readonly [Name in keyof C]: C[Name] extends Collection<infer F, infer Relations>
    ? { readonly fields: CheckedFields<C, F>; readonly relations: CheckedRelations<C, Name, Relations> }
    : unknown;
};

/** Who may do what. Without rules of its own a collection is for API keys alone. */
export interface Access<C, Roles extends string> {
  /** The rules of collections: `orders: (allow) => allow.read((q) => q.eq("owner", q.auth("sub")))`. */
  readonly rules?: { readonly [N in keyof C]?: (allow: Allow<C, N, Roles>) => Allow<C, N, Roles> };
  /** Roles by name, for rules. API keys may be made with them as well. */
  readonly roles?: { readonly [Name in Roles]: Role<C> };
  /** Whether rules are asked of who has no credentials, too. */
  readonly anonymous?: boolean;
}

/** A schema of these collections. It is the JSON that travels: `JSON.stringify` of it is what is pushed. */
export function schema<const C extends Collections, const Roles extends string = never>(
  named: C & Checked<C>,
  access: Access<C, Roles> = {},
): Schema<C> {
  const rules = rulesOf(access.rules ?? {});
  const entries = Object.entries(named as Collections).map(([name, { json }]) => {
    const own = rules.get(name);
    return [name, own ? { ...json, rules: own } : json];
  });
  return {
    collections: Object.fromEntries(entries),
    ...(access.roles && { roles: rolesOf<C>(access.roles) }),
    ...(access.anonymous !== undefined && { anonymous: access.anonymous }),
  };
}

function rulesOf(rules: object): ReadonlyMap<string, RulesJson> {
  type Make = (allow: Allow<unknown, never, never>) => { readonly json: RulesJson };
  const made: [string, Make][] = Object.entries(rules);
  return new Map(made.map(([name, make]) => [name, make(new Allow()).json]));
}

function rolesOf<C>(roles: { readonly [name: string]: Role<C> }): { [name: string]: RoleJson } {
  const plain = ({ membership, ...rest }: Role<C>): RoleJson =>
    membership === undefined ? rest : { ...rest, membership: plainRule(membership) };
  return Object.fromEntries(Object.entries(roles).map(([name, role]) => [name, plain(role)]));
}
