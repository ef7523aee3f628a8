/** From operations to sendings: what one tick asks of one key travels together. */
import { failure, local } from "./errors.js";
import { Lane, type Taken } from "./lane.js";
import { OPERATION_MS, OPERATIONS_WAITING, SENDINGS_UNDER_WAY } from "./limits.js";
import { type AskOptions, Operation } from "./operation.js";
import { afterTick } from "./platform.js";
import { carry } from "./sending.js";
import type { Seen } from "./token.js";
import type { Request, Transport } from "./transport.js";

/** How much is sent at a time, and how long is waited. */
export interface DispatchOptions {
  /** Milliseconds for an operation; 30,000 by default. */
  readonly timeout?: number;
  /** Sendings under way at a time; 6 by default. */
  readonly maxSendings?: number;
  /** Operations waiting or under way; beyond these they fail with `Overload`. 10,000 by default. */
  readonly maxOperations?: number;
}

/** Gathers operations by key and sends them, within bounds. */
export class Dispatcher {
  readonly #transport: Transport;
  readonly #seen: Seen;
  readonly #timeout: number;
  readonly #maxSendings: number;
  readonly #maxOperations: number;
  /** Keys with something to do, the one whose turn comes next first. */
  readonly #lanes = new Map<string, Lane>();
  /** All that wait for an answer, sent or not. */
  readonly #operations = new Set<Operation>();
  #sendings = 0;
  #isScheduled = false;
  #isClosed = false;

  constructor(transport: Transport, seen: Seen, options: DispatchOptions) {
    this.#transport = transport;
    this.#seen = seen;
    this.#timeout = options.timeout ?? OPERATION_MS;
    this.#maxSendings = options.maxSendings ?? SENDINGS_UNDER_WAY;
    this.#maxOperations = options.maxOperations ?? OPERATIONS_WAITING;
  }

  /** Asks something of a key. Resolves to the body of the answer; rejects with what went wrong with it alone. */
  async ask(key: string, request: Request, options: AskOptions = {}): Promise<unknown> {
    options.signal?.throwIfAborted();
    if (this.#isClosed) throw failure(local("closed", "The connection was closed."));
    if (this.#operations.size >= this.#maxOperations) {
      const detail = `${this.#operations.size} operations wait already: wait for some of them before asking for more.`;
      throw failure(local("overload", detail));
    }
    const operation = new Operation(request, { ...options, timeout: options.timeout ?? this.#timeout });
    this.#operations.add(operation);
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = new Lane(key, this.#transport);
      this.#lanes.set(key, lane);
    }
    lane.add(operation);
    this.#schedule();
    try {
      return await operation.answer;
    } finally {
      this.#operations.delete(operation);
    }
  }

  /** Fails whatever waits, sent or not, and sends no more. */
  close(): void {
    this.#isClosed = true;
    for (const operation of this.#operations) operation.refuse(local("closed", "The connection was closed."));
    this.#transport.close();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    afterTick(() => {
      this.#isScheduled = false;
      this.#send();
    });
  }

  #send(): void {
    for (const [key, lane] of this.#lanes) {
      if (this.#sendings >= this.#maxSendings) return;
      const taken = lane.take();
      if (taken) this.#carry(key, lane, taken);
      else if (lane.isIdle) this.#lanes.delete(key);
    }
  }

  #carry(key: string, lane: Lane, taken: Taken): void {
    this.#sendings += 1;
    // To the end of the round: other keys have their turn first.
    this.#lanes.delete(key);
    this.#lanes.set(key, lane);
    const over = () => {
      this.#sendings -= 1;
      taken.done();
      this.#schedule();
    };
    carry(key, taken, this.#transport, this.#seen).then(over, (error: unknown) => {
      for (const operation of taken.operations) operation.reject(error);
      over();
    });
  }
}
