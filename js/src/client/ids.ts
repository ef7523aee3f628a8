/** Ids of documents, and the keys that they begin with. */

import { failure, local } from "./errors.js";
import { uuidv7 } from "./uuid.js";

/** The part of an id before its first slash: where the document lives. */
export function keyOf(id: string): string {
  const slash = id.indexOf("/");
  return slash < 0 ? "" : id.slice(0, slash);
}

/** A new id under a key. */
export const newId = (key: string | undefined): string => (key ? `${key}/${uuidv7()}` : uuidv7());

/**
 * The id as it is, if it lives under the key to stay under. A `.` or `..` between its slashes is refused here: in an
 * address it would lead elsewhere before the server sees it.
 */
export function under(key: string | undefined, id: string): string {
  if (/(^|\/)\.{0,2}(\/|$)/.test(id)) {
    throw failure(local("invalid_id", `"${id}" has an empty, "." or ".." segment.`, 400));
  }
  if (key === undefined || keyOf(id) === key) return id;
  const detail = `"${id}" does not live under the key "${key}": ids are written whole, "${key ? `${key}/` : ""}…".`;
  throw failure(local("several_keys", detail, 400));
}
