/**
 * An HTTP client that costs as little as one can: it shares the machine with what it measures. Requests are bytes
 * made beforehand, connections are kept, one request is under way on each.
 */
import { connect } from "node:net";
import { Failure } from "../../scripts/lib/run.mjs";

/**
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path
 * @property {string} [body]
 *
 * @typedef {object} Reply
 * @property {number} status
 * @property {string} head status line and headers
 * @property {string} body
 */

/** Milliseconds after which a connection is not used again: workerd closes one that is idle for 5 seconds. */
const IDLE = 2_500;

const END_OF_HEAD = Buffer.from("\r\n\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/** A connection that is kept, for one request after the other; opened anew if it was idle for long. */
export class Connection {
  #url;
  #head;
  /** @type {import("node:net").Socket | undefined} */
  #socket;
  /** @type {Buffer} */
  #received = Buffer.alloc(0);
  /** @type {{ resolve: (reply: Reply) => void, reject: (wrong: Error) => void } | undefined} */
  #waiting;
  #lastUse = 0;

  /**
   * @param {string} url of the server
   * @param {Record<string, string>} headers that every request carries
   */
  constructor(url, headers) {
    this.#url = new URL(url);
    this.#head = Object.entries({ host: this.#url.host, ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
  }

  /**
   * @param {Request} request
   * @returns {Promise<Reply>}
   */
  ask({ method, path, body = "" }) {
    const length = body === "" ? "" : `content-length: ${Buffer.byteLength(body)}\r\n`;
    return new Promise((resolve, reject) => {
      if (performance.now() - this.#lastUse > IDLE) this.close();
      this.#waiting = { resolve, reject };
      this.#socket ??= this.#open();
      this.#socket.write(`${method} ${path} HTTP/1.1\r\n${this.#head}${length}\r\n${body}`);
    });
  }

  close() {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #open() {
    const socket = connect({ host: this.#url.hostname, port: Number(this.#url.port), noDelay: true });
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("error", (wrong) => this.#fail(wrong));
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#fail(new Failure("The server closed the connection before it answered."));
    });
    return socket;
  }

  /** @param {Buffer} bytes */
  #receive(bytes) {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    const end = this.#received.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = this.#received.toString("latin1", 0, end);
    const body = read(head, this.#received.subarray(end + END_OF_HEAD.length));
    if (body === undefined) return;
    this.#received = Buffer.alloc(0);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#lastUse = performance.now();
    waiting?.resolve({ status: Number(head.slice(9, 12)), head, body });
  }

  /** @param {Error} wrong */
  #fail(wrong) {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(wrong);
  }
}

/**
 * The body behind a head, once all of it is there.
 * @param {string} head
 * @param {Buffer} rest
 */
function read(head, rest) {
  if (/\r\ntransfer-encoding: chunked/i.test(head))
    return rest.subarray(-5).equals(LAST_CHUNK) ? joined(rest) : undefined;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
  return rest.length < length ? undefined : rest.toString("utf8");
}

/**
 * A chunked body without its chunk sizes.
 * @param {Buffer} chunked
 */
function joined(chunked) {
  /** @type {Buffer[]} */
  const parts = [];
  for (let at = 0; ; ) {
    const start = chunked.indexOf("\r\n", at) + 2;
    const size = Number.parseInt(chunked.toString("latin1", at, start), 16);
    if (!(size > 0)) return Buffer.concat(parts).toString("utf8");
    parts.push(chunked.subarray(start, start + size));
    at = start + size + 2;
  }
}

/**
 * The value of a header, if it is there.
 * @param {Reply} reply
 * @param {string} name
 */
export const header = (reply, name) => new RegExp(`\\r\\n${name}: ([^\\r]*)`, "i").exec(reply.head)?.[1];

/**
 * A reply that must have a status.
 * @param {Reply} reply
 * @param {number[]} statuses
 */
export function expect(reply, ...statuses) {
  if (statuses.includes(reply.status)) return reply;
  throw new Failure(`Expected ${statuses.join(" or ")}, got ${reply.status}: ${reply.body.slice(0, 1_000)}`);
}
