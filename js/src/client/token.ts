/** Tokens: the times that a caller has seen, one for each key, as `<percent-encoded key>@<microseconds>,…`. */
import { TOKEN_KEYS } from "./limits.js";

/** What one caller has seen. It only rises; of many keys it remembers those seen last. */
export class Seen {
  readonly #times = new Map<string, number>();
  /** The last token that was taken in: of reads in a row all bring the same. */
  #learnt = "";

  /** @param token as `toString` wrote it; what is not understood is passed over */
  constructor(token = "") {
    this.learn(token);
  }

  /** Takes in a token. */
  learn(token: string): void {
    if (token === this.#learnt) return;
    this.#learnt = token;
    for (const part of token.split(",")) {
      const split = part.lastIndexOf("@");
      const time = Number(part.slice(split + 1));
      if (split < 0 || !Number.isSafeInteger(time)) continue;
      const key = part.slice(0, split);
      const known = this.#times.get(key) ?? 0;
      this.#times.delete(key);
      this.#times.set(key, Math.max(known, time));
    }
    for (const key of this.#times.keys()) {
      if (this.#times.size <= TOKEN_KEYS) break;
      this.#times.delete(key);
    }
  }

  /** The token to carry elsewhere. */
  toString(): string {
    return Array.from(this.#times, ([key, time]) => `${key}@${time}`).join(",");
  }
}
