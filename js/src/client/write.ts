/** Operations of a batch: what writes are made of. */
import type { Condition } from "../query/condition.js";
import type { Doc, FieldsOf } from "../query/scope.js";
import type { AnyFields, InsertOf, StoredFields, WritableFields } from "../schema/infer.js";
import type { Paths, ValueAt } from "../schema/paths.js";

/** What must hold for a write to happen. */
export interface Precondition<C, N> {
  /** Only if the document has this version, null: only if it is not there; else the write fails with `conflict`. */
  readonly ifVersion?: number | null;
  /** Only if this holds of the document as it is. */
  readonly if?: Condition<Doc<C, N>, C, N>;
}

/** A document as `insert` and `replace` take it. */
export type Insert<C, N> = FieldsOf<C, N> extends infer F extends AnyFields ? InsertOf<F> : never;

type Stored<C, N> = StoredFields<WritableFields<FieldsOf<C, N>>>;

type Taking<V, Wanted> = {
  [Path in Paths<V>]: unknown extends ValueAt<V, Path>
    ? Path
    : NonNullable<ValueAt<V, Path>> extends Wanted
      ? Path
      : never;
}[Paths<V>];

/** New values by path. */
export type Values<C, N, V = Stored<C, N>> = { readonly [Path in Paths<V>]?: ValueAt<V, Path> };

/** Numbers to add by path. */
export type Increments<C, N, V = Stored<C, N>> = { readonly [Path in Taking<V, number>]?: number };

/** The rest of a patch, beside new values. */
export interface PatchRest<C, N, V = Stored<C, N>> {
  /** Paths to remove. */
  readonly unset?: readonly Paths<V>[];
  /** Numbers to add by path. */
  readonly increment?: Increments<C, N>;
  /** Values to append to arrays by path. */
  readonly append?: { readonly [Path in Taking<V, readonly unknown[]>]?: NonNullable<ValueAt<V, Path>> };
}

/** The kinds of operations. */
export type Kind = "insert" | "replace" | "patch" | "delete" | "check";

/** One operation as it travels. */
export function operation(
  kind: Kind,
  collection: string,
  id: string,
  members: object,
  precondition: { readonly ifVersion?: number | null; readonly if?: unknown } = {},
): object {
  return {
    [kind]: `${collection}/${id}`,
    ...members,
    ...(precondition.ifVersion !== undefined && { version: precondition.ifVersion }),
    ...(precondition.if !== undefined && { if: precondition.if }),
  };
}

/** The members of a patch; what is empty is left out. */
export function patchMembers(set: object, { unset, increment, append }: PatchRest<never, never> = {}): object {
  const isEmpty = Object.keys(set).length === 0;
  return {
    ...(!isEmpty && { set }),
    ...(unset && { unset }),
    ...(increment && { increment }),
    ...(append && { append }),
  };
}
