/** `selvedge push` and `selvedge diff`. */
import { setTimeout as sleep } from "node:timers/promises";
import { failure, SelvedgeError } from "../client/errors.js";
import type { Caller } from "../client/http.js";
import type { SchemaJson } from "../schema/json.js";
import { type Change, difference, line } from "./difference.js";
import { createDatabase, getSchema, putSchema, type SchemaState } from "./server.js";

/** Milliseconds between two looks at a schema that is being checked against the documents. */
const LOOK_MS = 200;

/** How a command speaks with whoever runs it. */
export interface Terminal {
  say(text: string): void;
  /** Whether to go on. */
  confirm(question: string): Promise<boolean>;
}

/** Shows what would change; answers whether anything would. */
export async function diff(reach: Caller, schema: SchemaJson, terminal: Terminal): Promise<boolean> {
  const { version, schema: present } = await getSchema(reach);
  return show(difference(present, schema), version, terminal);
}

/** Shows what changes, asks, sends, and waits until it is in force; answers whether it is. */
export async function push(reach: Caller, schema: SchemaJson, terminal: Terminal, create = false): Promise<boolean> {
  const present = await stateOf(reach, create, terminal);
  if (!show(difference(present.schema, schema), present.version, terminal)) return true;
  if (!(await terminal.confirm("Send it?"))) return false;
  const version = await putSchema(reach, schema, present.version);
  for (let said = ""; ; ) {
    const now = await getSchema(reach);
    if (now.version >= version) break;
    if (now.refused?.version === version) throw failure({ ...now.refused.problem, status: 422 });
    const progress = now.staged ? `Checked ${now.staged.checked} of ${now.staged.of} partitions.` : said;
    if (progress !== said) terminal.say(progress);
    said = progress;
    await sleep(LOOK_MS);
  }
  terminal.say(`Version ${version} is in force.`);
  return true;
}

async function stateOf(reach: Caller, create: boolean, terminal: Terminal): Promise<SchemaState> {
  try {
    return await getSchema(reach);
  } catch (error) {
    if (!create || !(error instanceof SelvedgeError) || error.code !== "unknown_database") throw error;
    await createDatabase(reach);
    terminal.say(`Created the database ${reach.db}.`);
    return getSchema(reach);
  }
}

function show(changes: readonly Change[], version: number, terminal: Terminal): boolean {
  if (changes.length === 0) terminal.say(`Nothing changes: version ${version} is this schema.`);
  for (const change of changes) terminal.say(line(change));
  return changes.length > 0;
}
