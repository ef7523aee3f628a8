/** What waits for one key, in order. */
import { LANE_SENDINGS, RESULTS_AT_ONCE, SENDING_REQUESTS, SENDING_UNITS } from "./limits.js";
import type { Operation } from "./operation.js";
import type { Transport } from "./transport.js";

/** Operations that were taken out of a lane, to travel together. */
export interface Taken {
  readonly operations: readonly Operation[];
  /**
   * Whether half of the results are to be handed out before the rest. Whoever asks the next thing upon each answer keeps a
   * number of operations in flight: handed out at once, all of them would travel together again, and each side would wait
   * while the other works.
   */
  inHalves(): boolean;
  /**
   * To be called before they are sent again: nothing new is taken until they are over, and it resolves once all that was
   * taken before them is.
   */
  again(): Promise<unknown>;
  /** To be called once, when all of them are settled. */
  done(): void;
}

interface UnderWay {
  readonly reads: boolean;
  readonly writes: boolean;
  isAgain: boolean;
}

/**
 * The operations of one key. Each sees what was asked before it and nothing that was asked after it. So
 *
 * - a write does not follow reads that are under way: one that is lost and sent again must not find it;
 * - anything else follows the writes before it only where the transport keeps the order;
 * - what is sent again waits for all before it, and nothing new is sent meanwhile.
 */
export class Lane {
  readonly #isOrdered: () => boolean;
  #waiting: Operation[] = [];
  /** In the order in which they were taken, each with its end. */
  readonly #underWay = new Map<UnderWay, Promise<void>>();

  constructor(key: string, { ordered }: Pick<Transport, "ordered">) {
    this.#isOrdered = typeof ordered === "boolean" ? () => ordered : () => ordered(key);
  }

  /** Whether nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#underWay.size === 0;
  }

  add(operation: Operation): void {
    this.#waiting.push(operation);
  }

  /** The operations to send now, taken out; nothing if it is not their turn. */
  take(): Taken | undefined {
    this.#waiting = this.#waiting.filter(({ settled }) => !settled);
    const operations = this.#waiting.splice(0, this.#fitting());
    if (operations.length === 0) return undefined;
    const writes = operations.some(({ isWrite }) => isWrite);
    const sending = { reads: operations.some(({ isWrite }) => !isWrite), writes, isAgain: false };
    const before = [...this.#underWay.values()];
    let end = () => {};
    this.#underWay.set(
      sending,
      new Promise((resolve) => {
        end = resolve;
      }),
    );
    return {
      operations,
      inHalves: () => operations.length > RESULTS_AT_ONCE && this.#underWay.size === 1 && this.#isOrdered(),
      again: () => {
        sending.isAgain = true;
        // Reads before reads hold nothing up.
        return writes || this.#isWriting ? Promise.all(before) : Promise.resolve();
      },
      done: () => {
        this.#underWay.delete(sending);
        end();
      },
    };
  }

  get #isWriting(): boolean {
    return [...this.#underWay.keys()].some(({ writes }) => writes);
  }

  /** How many of those that wait may travel together now. */
  #fitting(): number {
    const underWay = [...this.#underWay.keys()];
    const isAfterWrites = underWay.some(({ writes }) => writes);
    const mayFollow = !isAfterWrites || (this.#isOrdered() && !underWay.some(({ isAgain }) => isAgain));
    if (underWay.length >= LANE_SENDINGS || !mayFollow) return 0;
    const mayWrite =
      underWay.length === 0 || (this.#isOrdered() && !underWay.some(({ reads, isAgain }) => reads || isAgain));
    let units = 0;
    let [isWriting, isWhole] = [false, false];
    for (const [count, operation] of this.#waiting.entries()) {
      units += operation.text.length + 1;
      isWriting ||= operation.isWrite;
      isWhole ||= operation.isWhole;
      const isFull = count === SENDING_REQUESTS || (count > 0 && units > SENDING_UNITS);
      // A query of the whole database does not stay in line with the writes beside it.
      if (isFull || (isWriting && (!mayWrite || isWhole)) || (isWhole && isAfterWrites)) return count;
    }
    return this.#waiting.length;
  }
}
