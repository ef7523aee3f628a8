/** Paths into documents (`paid.at`), and what stands there. */

/** What paths do not enter. */
type Leaf = null | undefined | string | number | boolean | readonly unknown[];

/** Whether a type is one of which nothing is known, such as `Json`: any path may lead into it. */
type IsOpen<T> = unknown extends T ? true : string[] extends T ? true : string extends keyof T ? true : false;

/** The paths of an object, six levels deep at most: types, like people, lose track further down. */
export type Paths<T, Depth extends readonly unknown[] = []> = Depth["length"] extends 6
  ? never
  : IsOpen<T> extends true
    ? string
    : { [Name in keyof T & string]: Name | Below<Name, NonNullable<T[Name]>, Depth> }[keyof T & string];

type Below<Name extends string, T, Depth extends readonly unknown[]> =
  IsOpen<T> extends true ? `${Name}.${string}` : T extends Leaf ? never : `${Name}.${Paths<T, [...Depth, unknown]>}`;

/** The value at a path; with null where it, or something on the way to it, may be missing. */
export type ValueAt<T, Path extends string> =
  IsOpen<T> extends true
    ? unknown
    : Path extends keyof T
      ? undefined extends T[Path]
        ? Exclude<T[Path], undefined> | null
        : T[Path]
      : Path extends `${infer Head}.${infer Rest}`
        ? Head extends keyof T
          ?
              | ValueAt<NonNullable<T[Head]>, Rest>
              | (null extends T[Head] ? null : undefined extends T[Head] ? null : never)
          : never
        : never;
