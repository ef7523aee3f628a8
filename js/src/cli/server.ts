/** The server as the commands see it. */
import { failure, problemOf } from "../client/errors.js";
import { bodyOf, type Caller, call } from "../client/http.js";
import type { SchemaJson } from "../schema/json.js";

/** The schema in force, and what became of the last that was not put in force at once. */
export interface SchemaState {
  readonly version: number;
  readonly schema: SchemaJson;
  readonly staged?: { readonly version: number; readonly checked: number; readonly of: number };
  readonly refused?: { readonly version: number; readonly problem: { readonly code: string; readonly detail: string } };
}

async function ask(
  reach: Caller,
  method: string,
  path: string,
  init: Parameters<typeof call>[3] = {},
): Promise<unknown> {
  const answer = await call(reach, method, path, init);
  const body = await bodyOf(answer);
  if (answer.status < 300) return body;
  throw failure(problemOf(answer.status, body));
}

/** The schema and what goes on with it. */
export const getSchema = async (reach: Caller) => (await ask(reach, "GET", "/_schema")) as SchemaState;

/** Puts a schema if `version` is still in force; answers the version it has or will have. */
export async function putSchema(reach: Caller, schema: SchemaJson, version: number): Promise<number> {
  const init = { body: JSON.stringify(schema), headers: { "if-match": `"${version}"` } };
  return ((await ask(reach, "PUT", "/_schema", init)) as { version: number }).version;
}

/** Creates the database. */
export const createDatabase = (reach: Caller) => ask(reach, "PUT", "");
