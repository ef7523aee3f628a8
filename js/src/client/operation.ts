/** One operation on its way: from being asked to being settled, once. */
import { failure, local, type SelvedgeError } from "./errors.js";
import type { Request } from "./transport.js";

/** How long to wait, and when to stop waiting. */
export interface AskOptions {
  /** Gives up when aborted: the promise rejects with the signal's reason. A write that was sent may still happen. */
  readonly signal?: AbortSignal;
  /** Milliseconds until a `Timeout`, sending again included; 30,000 by default. */
  readonly timeout?: number;
}

/** An operation that waits for its answer. */
export class Operation {
  readonly text: string;
  readonly isWrite: boolean;
  /** Whether it asks the whole database: the router sends such a query on its way by itself. */
  readonly isWhole: boolean;
  /** The body of the answer. */
  readonly answer: Promise<unknown>;
  /** Whether nobody waits for it any more. */
  settled = false;
  /** Whether a sending is under way. */
  sent = false;
  /** Whether a sending was lost, so that a write may have happened. */
  lost = false;
  /** Told once it is settled. */
  onSettled: () => void = () => {};

  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.reject(this.#signal?.reason);
  #resolve!: (body: unknown) => void;
  #reject!: (error: unknown) => void;

  constructor(
    readonly request: Request,
    { signal, timeout }: AskOptions & { readonly timeout: number },
  ) {
    this.text = JSON.stringify(request);
    this.isWrite = "tx" in request;
    this.isWhole = "query" in request && !("key" in request.query);
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = setTimeout(() => {
      this.refuse(local("timeout", `There was no answer within ${timeout} ms.`));
    }, timeout);
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  resolve(body: unknown): void {
    if (this.#settle()) this.#resolve(body);
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#reject(error);
  }

  /** Rejects with what a problem stands for, and with what is known of the write's fate. */
  refuse(problem: Parameters<typeof failure>[0], cause?: unknown): void {
    this.reject(failure(problem, { cause, uncertain: this.#isUncertain(problem.code) }));
  }

  /** Rejects with the error that ended the sending, which others share. */
  fail(error: SelvedgeError): void {
    this.refuse(error.problem, error.cause);
  }

  #isUncertain(code: string): boolean {
    const unanswered = code === "offline" || code === "timeout" || code === "closed" || code === "unexpected_answer";
    // Whoever is not known is told so before a batch is looked at: an earlier sending may have done it.
    const isUnknown = code === "unauthenticated" && this.lost;
    return this.isWrite && ((unanswered && (this.sent || this.lost)) || isUnknown);
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
    this.onSettled();
    return true;
  }
}
