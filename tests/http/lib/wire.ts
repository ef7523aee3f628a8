/** HTTP as it is written: nothing is normalised, added or followed on the way. */

import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";

export type Body = string | Uint8Array | AsyncIterable<string | Uint8Array>;

export interface Sent {
  method: string;
  /** With the query string, as it goes on the line. */
  path: string;
  headers: Record<string, string | string[]>;
  /** Sent in chunks if it is a stream; with its length otherwise. */
  body?: Body;
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export function isStream(body: unknown): body is AsyncIterable<string | Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

/** Bytes that are sent at a time, so that an answer that comes early is heard between them. */
const PIECE = 64 << 10;

/**
 * A connection for each request: what miniflare puts in front of workerd closes one whose request was answered before
 * its body was read.
 */
const agent = new Agent({ keepAlive: false, maxSockets: 64 });

/** Sends a request and takes the whole answer. */
export function exchange(origin: string, sent: Sent): Promise<Reply> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    let answered = false;
    const { method, path, headers, body } = sent;
    const whole = body === undefined || isStream(body) ? undefined : Buffer.from(body);
    const stream = isStream(body) ? body : whole && whole.length > PIECE ? pieces(whole) : undefined;
    const length = whole ? { "content-length": String(whole.length) } : {};
    const outgoing = request(
      { agent, hostname, port, method, path, headers: { ...length, ...headers } },
      (incoming) => {
        answered = true;
        const pieces: Buffer[] = [];
        incoming.on("data", (piece: Buffer) => pieces.push(piece));
        incoming.on("error", reject);
        incoming.on("end", () => {
          // Nobody waits for the rest of a body that was answered before its end.
          if (!outgoing.writableEnded) outgoing.destroy();
          const text = Buffer.concat(pieces).toString("utf8");
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
        });
      },
    );
    // A server may answer before it has read everything, and then take no more.
    outgoing.on("error", (error) => answered || reject(error));
    if (!stream) outgoing.end(whole);
    else
      pour(stream, outgoing).catch((error) => {
        outgoing.destroy(error);
        reject(error);
      });
  });
}

async function* pieces(whole: Buffer) {
  for (let at = 0; at < whole.length; at += PIECE) yield whole.subarray(at, at + PIECE);
}

async function pour(body: AsyncIterable<string | Uint8Array>, into: import("node:http").ClientRequest) {
  for await (const piece of body) {
    if (into.destroyed) return;
    if (!into.write(piece)) await Promise.race([once(into, "drain"), once(into, "close")]);
    await nextTurn();
  }
  into.end();
}

function once(emitter: NodeJS.EventEmitter, event: string) {
  return new Promise<void>((resolve) => {
    emitter.once(event, () => resolve());
  });
}
