/** Requests as the tests make them, every answer of which is held against the OpenAPI document. */
import { afterAll, beforeAll } from "vitest";
import { Contract } from "./contract.js";
import { isMembers, type Json, type Members } from "./json.js";
import { ROOT_KEY, type Server, startServer } from "./server.js";
import { type Body, exchange, isStream, type Reply, type Sent } from "./wire.js";

export interface Options {
  /** JSON, or text, bytes or a stream that go as they are. */
  body?: Json | Uint8Array | AsyncIterable<string | Uint8Array>;
  headers?: Record<string, string | string[]>;
  /** The bearer token; the root key by default, none with null. */
  token?: string | null;
}

export interface Answer extends Reply {
  /** The JSON of the body; empty where it is no object. */
  body: Members;
}

export class Client {
  constructor(
    readonly url: string,
    readonly contract: Contract,
  ) {}

  /** Sends a request. Throws if the answer is a failure of the server, or not as the document says. */
  async call(method: string, path: string, options: Options = {}): Promise<Answer> {
    const answer = await this.attempt(method, path, options);
    if (answer.status >= 500)
      throw new Error(`The server failed: ${method} ${path}\n→ ${outcome(answer)} ${answer.text}`);
    return answer;
  }

  /** Sends a request. Throws if the answer is not as the document says, which knows of failures, too. */
  async attempt(method: string, path: string, options: Options = {}): Promise<Answer> {
    const sent = written(method, path, options);
    const reply = await exchange(this.url, sent);
    const about = () => `${method} ${path}\n→ ${reply.status} ${reply.text.slice(0, 1_000)}`;
    const departures = this.contract.departures(sent, reply);
    if (departures.length > 0) throw new Error(`Not as described: ${departures.join("; ")}\n${about()}`);
    const json = String(reply.headers["content-type"]).includes("json") && reply.text !== "";
    const ndjson = reply.headers["content-type"] === "application/x-ndjson";
    const value: Json = json && !ndjson ? JSON.parse(reply.text) : {};
    return { ...reply, body: isMembers(value) ? value : {} };
  }

  get = (path: string, options?: Options) => this.call("GET", path, options);
  put = (path: string, body: Options["body"], options?: Options) => this.call("PUT", path, { body, ...options });
  post = (path: string, body: Options["body"], options?: Options) => this.call("POST", path, { body, ...options });
  patch = (path: string, body: Options["body"], options?: Options) => this.call("PATCH", path, { body, ...options });
  delete = (path: string, options?: Options) => this.call("DELETE", path, options);
}

function written(method: string, path: string, { body, headers, token = ROOT_KEY }: Options): Sent {
  const authorization: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  const sent: Sent = { method, path, headers: { ...authorization, ...headers } };
  if (body === undefined) return sent;
  const raw = typeof body === "string" || body instanceof Uint8Array || isStream(body);
  return { ...sent, body: raw ? (body as Body) : JSON.stringify(body) };
}

/** How a request was answered, in short: its status, and the code of its problem. */
export const outcome = ({ status, body }: Answer): string =>
  typeof body.code === "string" ? `${status} ${body.code}` : String(status);

/** A server for the tests of a file, with a client of its own. To be called at the top of the file. */
export function useServer(): Client {
  let server: Server | undefined;
  const holder: { client?: Client } = {};
  beforeAll(async () => {
    server = await startServer();
    const reply = await exchange(server.url, { method: "GET", path: "/v1/openapi.json", headers: {} });
    holder.client = new Client(server.url, new Contract(JSON.parse(reply.text)));
  }, 600_000);
  afterAll(() => server?.stop());
  return new Proxy({} as Client, {
    get: (_, name) => Reflect.get(holder.client ?? {}, name),
  });
}

/** Names of databases, each another one. */
export function names(prefix: string): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}${count}`;
  };
}
