/** `selvedge export` and `selvedge import`: documents in bulk, streamed. */
import { createReadStream, createWriteStream } from "node:fs";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { failure, local, problemOf } from "../client/errors.js";
import { bodyOf, type Caller } from "../client/http.js";
import type { Terminal } from "./push.js";

/** What an import was answered. */
interface Imported {
  readonly imported: number;
  readonly failed: number;
  readonly errors: readonly { readonly line: number; readonly code: string; readonly detail: string }[];
}

/** Bodies are streamed, which the client's own `call` has no use for. */
async function stream(reach: Caller, path: string, init: RequestInit): Promise<Response> {
  const headers = { authorization: `Bearer ${reach.key}`, "content-type": "application/x-ndjson" };
  let answer: Response;
  try {
    answer = await fetch(`${reach.url}/v1/${reach.db}${path}`, { ...init, headers });
  } catch (cause) {
    throw failure(local("offline", `${reach.url} could not be reached.`), { cause });
  }
  if (answer.ok) return answer;
  throw failure(problemOf(answer.status, await bodyOf(answer)));
}

/** Writes every document, a line each. */
export async function exportTo(reach: Caller, output: Writable, collection: string | undefined): Promise<void> {
  const only = collection === undefined ? "" : `?collection=${encodeURIComponent(collection)}`;
  const { body } = await stream(reach, `/_export${only}`, {});
  if (body) await pipeline(Readable.fromWeb(body as ReadableStream), output);
}

/** Puts every document of the lines; answers whether all of them fitted. */
export async function importFrom(reach: Caller, input: Readable, terminal: Terminal): Promise<boolean> {
  const body = Readable.toWeb(input);
  const answer = await stream(reach, "/_import", { method: "POST", body, duplex: "half" } as RequestInit);
  const { imported, failed, errors } = (await answer.json()) as Imported;
  for (const { line, code, detail } of errors) terminal.say(`line ${line}: ${code}: ${detail}`);
  terminal.say(`${imported} imported, ${failed} failed.`);
  return failed === 0;
}

/** The file, or standard output. */
export const outputOf = (file: string | undefined): Writable =>
  file === undefined ? process.stdout : createWriteStream(file);

/** The file, or standard input. */
export const inputOf = (file: string | undefined): Readable =>
  file === undefined ? process.stdin : createReadStream(file);
