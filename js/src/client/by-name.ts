/** Collections as members: `db.orders`. */

/**
 * An object with the members of `own` and, under every other name, what `make` makes of it, once. `then` stays free:
 * who awaits the object would be answered by a collection.
 */
export function byName<Own extends object, All extends Own>(own: Own, make: (name: string) => unknown): All {
  const made = new Map<string, unknown>();
  return new Proxy(own, {
    get(target, name) {
      if (name in target) {
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      }
      if (typeof name === "symbol" || name === "then" || name === "toJSON") return undefined;
      if (!made.has(name)) made.set(name, make(name));
      return made.get(name);
    },
  }) as All;
}
