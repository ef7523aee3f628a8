/** Requests over HTTP: one by itself at its own address, several as `_many`. */
import { failure, local, problemOf } from "./errors.js";
import type { Answer, Fetch } from "./platform.js";
import type { Answers, Request, Result, Sending, Transport } from "./transport.js";

/** Where a database is, and how it is reached. */
export interface Reach {
  readonly fetch: Fetch;
  /** Without a final slash. */
  readonly url: string;
  readonly db: string;
  /** The API key, or the root key. */
  readonly key: string;
}

/** Sends one HTTP request under the database's address. */
export async function call(
  reach: Reach,
  method: string,
  path: string,
  init: { body?: string; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Answer> {
  const headers: Record<string, string> = { authorization: `Bearer ${reach.key}`, ...init.headers };
  if (init.body !== undefined) headers["content-type"] ??= "application/json";
  try {
    return await reach.fetch(`${reach.url}/v1/${reach.db}${path}`, { ...init, method, headers });
  } catch (cause) {
    throw unreached(cause, init.signal);
  }
}

/** The body of an answer, read as JSON; text where it is none. */
export async function bodyOf(answer: Answer, signal?: AbortSignal): Promise<unknown> {
  let text: string;
  try {
    text = await answer.text();
  } catch (cause) {
    throw unreached(cause, signal);
  }
  if (!/json/.test(answer.headers.get("content-type") ?? "")) return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw failure(local("unexpected_answer", "The answer is cut short or is not JSON.", answer.status), { cause });
  }
}

function unreached(cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  return failure(local("offline", "The server could not be reached, or the line broke."), { cause });
}

/** A document's address: every segment encoded, so that a slash in an id stays one. */
const address = (document: string) => `/${document.split("/").map(encodeURIComponent).join("/")}`;

function single(request: Request, text: string): { method: string; path: string; body?: string } {
  if ("get" in request) {
    const at = request.at === undefined ? "" : `?at=${encodeURIComponent(request.at)}`;
    return { method: "GET", path: address(request.get) + at };
  }
  // The text of `{"query": tree}` and of `{"tx": batch}` holds the body of the single request.
  return "query" in request
    ? { method: "POST", path: "/_query", body: text.slice(9, -1) }
    : { method: "POST", path: "/_tx", body: text.slice(6, -1) };
}

/** The transport that works anywhere. Two requests on two connections may overtake each other. */
export class Http implements Transport {
  readonly ordered = false;
  readonly #reach: Reach;

  constructor(reach: Reach) {
    this.#reach = reach;
  }

  async send({ requests, texts, token, signal }: Sending): Promise<Answers> {
    const headers: Record<string, string> = token === "" ? {} : { "selvedge-token": token };
    const [request, text] = [requests[0], texts[0]];
    const alone = texts.length === 1 && request && text !== undefined ? single(request, text) : undefined;
    const { method, path, ...body } = alone ?? {
      method: "POST",
      path: "/_many",
      body: `{"requests":[${texts.join()}]}`,
    };
    const answer = await call(this.#reach, method, path, { ...body, headers, signal });
    const content = await bodyOf(answer, signal);
    const seen = answer.headers.get("selvedge-token");
    if (alone) return { results: [{ status: answer.status, body: content, ...waiting(answer) }], token: seen };
    if (answer.status === 200) return { results: resultsOf(content, texts.length), token: seen };
    // The envelope was refused: so was everything in it.
    const refused = { status: answer.status, body: content, ...waiting(answer) };
    return { results: texts.map(() => refused), token: seen };
  }

  close(): void {}
}

function waiting(answer: Answer): { retryAfter?: number } {
  const seconds = Number(answer.headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? { retryAfter: seconds * 1_000 } : {};
}

/** The results in the body of `_many`. */
export function resultsOf(body: unknown, count: number): readonly Result[] {
  const results = typeof body === "object" && body !== null && "results" in body ? body.results : undefined;
  if (Array.isArray(results) && results.length === count && results.every(isResult)) return results;
  throw failure(problemOf(200, body));
}

const isResult = (value: unknown): value is Result =>
  typeof value === "object" &&
  value !== null &&
  "status" in value &&
  typeof value.status === "number" &&
  "body" in value;
