/** Batches on their way to a decision. */
import type { Dispatcher } from "./dispatch.js";
import { SelvedgeError } from "./errors.js";
import type { AskOptions } from "./operation.js";
import { randomId, uuidv7 } from "./uuid.js";

/** What a batch was answered. */
export interface BatchAnswer {
  readonly time: string;
  readonly results: readonly { readonly id: string; readonly version: number | null }[];
}

/** Commits batches, each under an id that makes it repeatable. */
export class Batches {
  readonly #dispatcher: Dispatcher;
  #isClockWrong = false;

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher;
  }

  /** Commits a batch; without an `id` under a new one. */
  async commit(
    key: string,
    id: string | undefined,
    batch: { readonly reads?: readonly object[]; readonly ops: readonly object[] },
    options?: AskOptions,
  ): Promise<BatchAnswer> {
    const isTimed = !this.#isClockWrong;
    const made = isTimed ? uuidv7() : randomId();
    try {
      return (await this.#dispatcher.ask(key, { tx: { id: id ?? made, ...batch } }, options)) as BatchAnswer;
    } catch (error) {
      if (id !== undefined || !isTimed || !isUntimely(error)) throw error;
    }
    // Ids that carry a time are kinder to the server's index; this machine does not know the time.
    this.#isClockWrong = true;
    return this.commit(key, id, batch, options);
  }
}

/** Whether an id was refused, undecided, for the time that it carries. */
const isUntimely = (error: unknown) =>
  error instanceof SelvedgeError && (error.code === "batch_expired" || error.code === "invalid_batch_id");
