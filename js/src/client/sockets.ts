/** Requests over sockets that stay open, one to the home of each key: a frame costs a fraction of an HTTP request. */
import type { Credential } from "./credential.js";
import { failure, local, SelvedgeError } from "./errors.js";
import { Http, isOfStranger, type Reach, resultsOf, withWait } from "./http.js";
import { SOCKET_IDLE_MS, SOCKET_OPEN_MS, SOCKET_REST_MS, SOCKETS } from "./limits.js";
import { base64url, type Socket, type SocketClass } from "./platform.js";
import type { Answers, Result, Sending, Transport } from "./transport.js";

const PROTOCOL = "selvedge.v1";

/** `readyState` of a socket that frames can be sent over. */
const OPEN = 1;

/** Milliseconds to wait before what the server has no room for is asked again. */
const RETRY_AFTER_MS = 1_000;

/**
 * The transport where the runtime holds sockets. What a socket does not carry, or where none can be opened, goes over
 * HTTP. A socket that breaks loses nothing: what was under way is lost as an HTTP request can be, and sent again.
 */
export class Sockets implements Transport {
  // Over one socket frames are carried out as they come, and none after one that has to be sent again. HTTP has no order,
  // nor is it known before a socket is open which of them it will be.
  readonly ordered = (key: string) => this.#lines.get(key)?.isOpen ?? false;
  readonly #reach: Reach;
  readonly #credential: Credential;
  readonly #http: Http;
  readonly #Class: SocketClass;
  /** By key, the one that was used last at the end. */
  readonly #lines = new Map<string, Line>();
  /** When sockets are tried again after one could not be opened. */
  #restsUntil = 0;

  constructor(reach: Reach, credential: Credential, Class: SocketClass) {
    this.#reach = reach;
    this.#credential = credential;
    this.#http = new Http(reach, credential);
    this.#Class = Class;
  }

  async send(sending: Sending): Promise<Answers> {
    const line = sending.requests.some(isWhole) ? undefined : await this.#line(sending);
    if (!line) return this.#http.send(sending);
    const opened = await line.opened;
    sending.signal.throwIfAborted();
    if (!opened) return this.#http.send(sending);
    const answers = await line.send(sending);
    if (!isOfStranger(answers)) return answers;
    // A socket is of who opened it: the next one is opened with another key.
    line.close();
    return this.#http.sendAfter(line.bearer, sending, answers);
  }

  close(): void {
    for (const line of this.#lines.values()) line.close();
  }

  /** The line to a key's home, if there is one or room for one. */
  async #line({ key, signal }: Sending): Promise<Line | undefined> {
    let line = this.#lines.get(key);
    if (!line) {
      if (Date.now() < this.#restsUntil || !this.#hasRoom()) return undefined;
      const bearer = await this.#credential.fresh(signal);
      // Others may have waited for the same.
      line = this.#lines.get(key) ?? this.#open(key, bearer);
    }
    if (!line) return undefined;
    this.#lines.delete(key);
    this.#lines.set(key, line);
    return line;
  }

  #open(key: string, bearer: string | undefined): Line | undefined {
    if (!this.#hasRoom()) return undefined;
    if (this.#lines.size >= SOCKETS) this.#idle()?.close();
    const url = `${this.#reach.url.replace(/^http/, "ws")}/v1/${this.#reach.db}/_sync?key=${encodeURIComponent(key)}`;
    const protocols = bearer === undefined ? [PROTOCOL] : [PROTOCOL, `bearer.${base64url(bearer)}`];
    return new Line(bearer, () => new this.#Class(url, protocols), {
      refused: () => {
        this.#restsUntil = Date.now() + SOCKET_REST_MS;
      },
      over: (gone) => {
        if (this.#lines.get(key) === gone) this.#lines.delete(key);
      },
    });
  }

  /** Whether there is room for one more, or for one in the place of one that carries nothing. */
  #hasRoom(): boolean {
    return this.#lines.size < SOCKETS || this.#idle() !== undefined;
  }

  /** Of the lines that carry nothing the one that was used least lately. */
  #idle(): Line | undefined {
    for (const line of this.#lines.values()) if (line.isIdle) return line;
    return undefined;
  }
}

/** A query of the whole database has no home. */
const isWhole = (request: Sending["requests"][number]) => "query" in request && !("key" in request.query);

interface Pending {
  readonly count: number;
  readonly resolve: (answers: Answers) => void;
  readonly reject: (error: unknown) => void;
}

interface Ends {
  /** It could not be opened. */
  readonly refused: () => void;
  /** It carries nothing any more. */
  readonly over: (line: Line) => void;
}

/** One socket. */
class Line {
  /** Whether it came to be open. */
  readonly opened: Promise<boolean>;
  readonly #ends: Ends;
  #socket: Socket | undefined;
  #wasOpen = false;
  #isOver = false;
  #last = 0;
  #seen = 0;
  readonly #pending = new Map<number, Pending>();
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(
    /** Who opens it. */
    readonly bearer: string | undefined,
    make: () => Socket,
    ends: Ends,
  ) {
    this.#ends = ends;
    this.opened = new Promise((resolve) => {
      const fail = () => {
        clearTimeout(late);
        if (!this.#isOver && !this.#wasOpen) ends.refused();
        this.#end();
        resolve(false);
      };
      const late = setTimeout(fail, SOCKET_OPEN_MS);
      try {
        const socket = make();
        this.#socket = socket;
        socket.addEventListener("open", () => {
          clearTimeout(late);
          this.#wasOpen = true;
          this.#rest();
          resolve(true);
        });
        socket.addEventListener("message", ({ data }) => this.#hear(data));
        // Both may come, in this order; before it is open, either says that it will not be.
        socket.addEventListener("error", () => fail());
        socket.addEventListener("close", () => fail());
      } catch {
        fail();
      }
    });
  }

  get isIdle(): boolean {
    return this.#pending.size === 0;
  }

  get isOpen(): boolean {
    return !this.#isOver && this.#socket?.readyState === OPEN;
  }

  send({ texts, signal }: Sending): Promise<Answers> {
    return new Promise((resolve, reject) => {
      const socket = this.#socket;
      if (!socket || !this.isOpen) return reject(broken());
      this.#last += 1;
      const id = this.#last;
      const settle = () => {
        signal.removeEventListener("abort", abort);
        this.#pending.delete(id);
        this.#rest();
      };
      const abort = () => {
        settle();
        reject(signal.reason);
        // A line on which nothing comes back may be dead: the next try takes another.
        if (signal.reason instanceof SelvedgeError && signal.reason.code === "timeout") this.#end();
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#pending.set(id, {
        count: texts.length,
        resolve: (answers) => {
          settle();
          resolve(answers);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      socket.send(`{"id":${id},"seen":${this.#seen},"requests":[${texts.join()}]}`);
    });
  }

  close(): void {
    this.#end();
  }

  #hear(data: unknown): void {
    const answer = read(data);
    if (!answer) {
      this.#end();
      return;
    }
    this.#seen = answer.id;
    const pending = this.#pending.get(answer.id);
    try {
      pending?.resolve({ results: answersOf(answer, pending.count), token: answer.token ?? null });
    } catch (error) {
      pending?.reject(error);
      // It will be sent again, and nothing after it may come before it.
      this.#end();
    }
    if (answer.last) this.#end();
  }

  /** Closes it when it has not been used for a while: an open socket keeps a Node process alive. */
  #rest(): void {
    clearTimeout(this.#idle);
    if (!this.#isOver && this.isIdle) this.#idle = setTimeout(() => this.#end(), SOCKET_IDLE_MS);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#idle);
    this.#ends.over(this);
    for (const pending of [...this.#pending.values()]) pending.reject(broken());
    try {
      this.#socket?.close();
    } catch {
      // It is closed already, or was never open.
    }
  }
}

const broken = () => failure(local("offline", "The socket broke before the answer came."));

interface AnswerFrame {
  readonly id: number;
  readonly status: number;
  readonly body: unknown;
  readonly token?: string;
  /** Something in it is to be sent again, and no frame after it is carried out. */
  readonly last?: boolean;
}

/** A frame that answers; nothing if it is none, or refuses what we sent as no frame of ours. */
function read(data: unknown): AnswerFrame | undefined {
  try {
    const frame: unknown = JSON.parse(String(data));
    const isAnswer = typeof frame === "object" && frame !== null && "id" in frame && typeof frame.id === "number";
    return isAnswer ? (frame as AnswerFrame) : undefined;
  } catch {
    return undefined;
  }
}

function answersOf({ status, body }: AnswerFrame, count: number): readonly Result[] {
  if (status === 200) return resultsOf(body, count).map(withPause);
  // The frame was refused: so was everything in it.
  return Array.from({ length: count }, () => withPause(withWait({ status, body })));
}

/**
 * What a 503 lacks that HTTP says in a header is the same for all. What a principal asks too much says when it may ask
 * again; too many of something is too many a moment later as well.
 */
const withPause = (result: Result): Result =>
  result.status === 503 ? { retryAfter: RETRY_AFTER_MS, ...result } : result;
