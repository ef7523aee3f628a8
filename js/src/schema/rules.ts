/** Rules: who may do what with the documents of a collection. */
import type { Condition, Givens, RuleGivens } from "../query/condition.js";
import type { Doc, FieldsOf } from "../query/scope.js";
import { type Words, words } from "../query/words.js";
import type { PlainCondition, RuleJson, RulesJson } from "./json.js";
import type { Paths } from "./paths.js";

/** A condition, or a function of its words that answers one; or whether all or none of the documents. */
export type Rule<V, C, N, G extends Givens> =
  | boolean
  | Condition<V, C, N, G>
  | ((q: Words<V, C, N, G>) => Condition<V, C, N, G>);

type RuleOn<C, N, Roles extends string> = Rule<Doc<C, N>, C, N, RuleGivens<Roles>>;
type UpdateRuleOn<C, N, Roles extends string> = Rule<Doc<C, N>, C, N, RuleGivens<Roles, Paths<Doc<C, N>>>>;

/**
 * Who has a role: somebody of whom a document `from` a collection tells, or whose claims do. Without a membership it is
 * for API keys that were made with it.
 */
export type Role<C> =
  | {
      [N in keyof C & string]: { readonly from: N; readonly membership: Rule<Doc<C, N>, C, N, RuleGivens<never>> };
    }[keyof C & string]
  | { readonly from?: never; readonly membership?: Rule<null, C, never, RuleGivens<never>> };

/**
 * The rules of a collection as they are put together. Every method answers new ones. What no rule allows, nobody may
 * but API keys with the role `admin`.
 */
export class Allow<C, N, Roles extends string> {
  /** @param json the rules as they travel */
  constructor(readonly json: RulesJson = {}) {}

  /** Which documents may be seen. Of others nothing says that they are there. */
  read(rule: RuleOn<C, N, Roles>): Allow<C, N, Roles> {
    return new Allow({ ...this.json, read: plainRule(rule) });
  }

  /** Which documents may be made, as they will be. */
  insert(rule: RuleOn<C, N, Roles>): Allow<C, N, Roles> {
    return new Allow({ ...this.json, insert: plainRule(rule) });
  }

  /** Which documents may be changed: it holds of them as they were and as they will be, or compares the two by `old`. */
  update(rule: UpdateRuleOn<C, N, Roles>): Allow<C, N, Roles> {
    return new Allow({ ...this.json, update: plainRule(rule) });
  }

  /** Which documents may be deleted. */
  delete(rule: RuleOn<C, N, Roles>): Allow<C, N, Roles> {
    return new Allow({ ...this.json, delete: plainRule(rule) });
  }

  /** In which of those documents one field may be seen, or set to what its default is not. */
  field(
    name: keyof FieldsOf<C, N> & string,
    { read, update }: { readonly read?: RuleOn<C, N, Roles>; readonly update?: UpdateRuleOn<C, N, Roles> },
  ): Allow<C, N, Roles> {
    const rules = {
      ...(read !== undefined && { read: plainRule(read) }),
      ...(update !== undefined && { update: plainRule(update) }),
    };
    return new Allow({ ...this.json, fields: { ...this.json.fields, [name]: rules } });
  }
}

/** A rule as it travels. */
export function plainRule(rule: unknown): RuleJson {
  return (typeof rule === "function" ? rule(words) : rule) as boolean | PlainCondition;
}
