/** Numbers that look random and are the same in every run. */

/** Marsaglia's xorshift with 32 bits of state. */
export class Random {
  #state;

  /** @param {number} seed not 0 */
  constructor(seed) {
    this.#state = seed | 0;
  }

  /**
   * A whole number from 0 to below `bound`.
   * @param {number} bound
   */
  below(bound) {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % bound;
  }

  /**
   * One of the items.
   * @template T
   * @param {readonly T[]} items
   * @returns {T}
   */
  pick(items) {
    return /** @type {T} */ (items[this.below(items.length)]);
  }
}
