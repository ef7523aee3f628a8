/** Requests over HTTP: one by itself at its own address, several as `_many`. */
import type { Credential } from "./credential.js";
import { failure, local, problemOf } from "./errors.js";
import type { Answer, Fetch } from "./platform.js";
import type { Answers, Request, Result, Sending, Transport } from "./transport.js";

/** Where a database is, and how it is reached. */
export interface Reach {
  readonly fetch: Fetch;
  /** Without a final slash. */
  readonly url: string;
  readonly db: string;
}

/** Who asks there: an API key, the root key, a token, or nobody in particular. */
export interface Caller extends Reach {
  readonly key: string | undefined;
}

/** Sends one HTTP request under the database's address. */
export async function call(
  { fetch, url, db, key }: Caller,
  method: string,
  path: string,
  { body, headers, signal }: { body?: string; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Answer> {
  const all: Record<string, string> = { ...headers };
  if (key !== undefined) all.authorization = `Bearer ${key}`;
  if (body !== undefined) all["content-type"] = "application/json";
  try {
    return await fetch(`${url}/v1/${db}${path}`, { method, headers: all, body, signal });
  } catch (cause) {
    throw unreached(cause, signal);
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
const address = (document: string) => `/${encodeURIComponent(document).replaceAll("%2F", "/")}`;

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
  readonly #credential: Credential;

  constructor(reach: Reach, credential: Credential) {
    this.#reach = reach;
    this.#credential = credential;
  }

  async send(sending: Sending): Promise<Answers> {
    const key = await this.#credential.get(sending.signal);
    const answers = await this.#sendAs(key, sending);
    return isOfStranger(answers) ? this.sendAfter(key, sending, answers) : answers;
  }

  /** Sends with what comes after a key that the server did not know; without another, what it answered is the answer. */
  async sendAfter(unknown: string | undefined, sending: Sending, answers: Answers): Promise<Answers> {
    const key = await this.#credential.after(unknown, sending.signal);
    return key === unknown ? answers : this.#sendAs(key, sending);
  }

  async #sendAs(key: string | undefined, { requests, texts, token, signal }: Sending): Promise<Answers> {
    const headers: Record<string, string> = token === "" ? {} : { "selvedge-token": token };
    const [request, text] = [requests[0], texts[0]];
    const alone = texts.length === 1 && request && text !== undefined ? single(request, text) : undefined;
    const { method, path, body } = alone ?? { method: "POST", path: "/_many", body: `{"requests":[${texts.join()}]}` };
    const answer = await call({ ...this.#reach, key }, method, path, { body, headers, signal });
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
  if (answer.status < 400) return {};
  const seconds = Number(answer.headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? { retryAfter: seconds * 1_000 } : {};
}

/** Whether the server did not know who asked. */
export const isOfStranger = ({ results }: Answers): boolean =>
  results.length > 0 && results.every(({ status }) => status === 401);

/** The results in the body of `_many`. */
export function resultsOf(body: unknown, count: number): readonly Result[] {
  const results = typeof body === "object" && body !== null && "results" in body ? body.results : undefined;
  if (Array.isArray(results) && results.length === count && results.every(isResult)) return results.map(withWait);
  throw failure(problemOf(200, body));
}

/** What a problem says of when to ask again, in seconds. */
export function withWait(result: Result): Result {
  const { body } = result;
  const seconds = typeof body === "object" && body !== null && "retryAfter" in body ? body.retryAfter : undefined;
  return typeof seconds === "number" ? { ...result, retryAfter: seconds * 1_000 } : result;
}

const isResult = (value: unknown): value is Result =>
  typeof value === "object" &&
  value !== null &&
  "status" in value &&
  typeof value.status === "number" &&
  "body" in value;
