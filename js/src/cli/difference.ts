/** What changes from one schema to another. */

/** One change: what was there, what will be; undefined where there is nothing. */
export interface Change {
  /** The names that lead there. */
  readonly path: readonly string[];
  readonly before: unknown;
  readonly after: unknown;
}

/** The changes from `before` to `after`, by name. Objects are entered, all else is compared as a whole. */
export function difference(before: unknown, after: unknown, path: readonly string[] = []): Change[] {
  if (!isObject(before) || !isObject(after)) {
    return canonical(before) === canonical(after) ? [] : [{ path, before, after }];
  }
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => difference(before[name], after[name], [...path, name]));
}

/** One line for a change: `+` comes, `-` goes, `~` becomes another. */
export function line({ path, before, after }: Change): string {
  const place = path.join(".");
  if (before === undefined) return `+ ${place}: ${JSON.stringify(after)}`;
  if (after === undefined) return `- ${place}: ${JSON.stringify(before)}`;
  return `~ ${place}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** JSON in which the order of members says nothing. */
function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1))) : part,
  );
}
