/** What waits for one key, in order. */
import { READS_UNDER_WAY, SENDING_REQUESTS, SENDING_UNITS } from "./limits.js";
import type { Operation } from "./operation.js";
import type { Transport } from "./transport.js";

/**
 * The operations of one key. Each sees what was asked before it and nothing that was asked after it. So, unless the
 * transport keeps the order itself, a sending with a write travels alone; reads overlap.
 */
export class Lane {
  readonly #isOrdered: boolean;
  readonly #readsTogether: number;
  #waiting: Operation[] = [];
  #underWay = 0;
  #isWriting = false;

  constructor({ ordered, readsTogether }: Pick<Transport, "ordered" | "readsTogether">) {
    this.#isOrdered = ordered;
    this.#readsTogether = readsTogether ?? SENDING_REQUESTS;
  }

  /** Whether nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#underWay === 0;
  }

  add(operation: Operation): void {
    this.#waiting.push(operation);
  }

  /** The operations to send now, taken out; none if it is not their turn. Every taking is followed by one `done`. */
  take(): readonly Operation[] {
    this.#waiting = this.#waiting.filter(({ settled }) => !settled);
    const isFree = this.#underWay === 0 || this.#isOrdered;
    if (this.#underWay >= READS_UNDER_WAY || (!isFree && this.#isWriting)) return [];
    const count = this.#fitting(isFree);
    const taken = this.#waiting.splice(0, count);
    if (taken.length > 0) this.#underWay += 1;
    if (taken.some(({ isWrite }) => isWrite)) this.#isWriting = true;
    return taken;
  }

  /** How many of those that wait may travel together now. */
  #fitting(mayWrite: boolean): number {
    let units = 0;
    let [isWriting, isWhole] = [false, false];
    for (const [count, operation] of this.#waiting.entries()) {
      units += operation.text.length + 1;
      isWriting ||= operation.isWrite;
      isWhole ||= operation.isWhole;
      const isFull =
        count === (isWriting ? SENDING_REQUESTS : this.#readsTogether) || (count > 0 && units > SENDING_UNITS);
      // A query of the whole database does not stay in line with the writes beside it.
      if (isFull || (isWriting && (!mayWrite || isWhole))) return count;
    }
    return this.#waiting.length;
  }

  /** A sending is over. */
  done(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#isWriting = false;
  }
}
