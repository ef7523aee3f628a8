/** Who asks: a key that stays the same, or one that is asked for again when it will not do any more. */
import { failure, local, SelvedgeError } from "./errors.js";
import { unlessAborted } from "./platform.js";

/** An API key or a token; nothing is nobody in particular. */
type Known = string | undefined;

/**
 * An API key, or a function that has one: of a page whose user's token expires, say. It is asked before the first
 * request, before a socket is opened, and once for requests that were answered 401, so it does well to remember.
 */
export type Key = Known | (() => Known | Promise<Known>);

/** One asking of the function, which all share that want it meanwhile. */
interface Asked {
  readonly answer: Promise<Known>;
  isOver: boolean;
}

/** The credential of a connection. */
export class Credential {
  readonly #key: Key;
  #asked: Asked | undefined;

  constructor(key: Key) {
    this.#key = key;
  }

  /** What is sent along. */
  async get(signal: AbortSignal): Promise<Known> {
    if (typeof this.#key !== "function") return this.#key;
    this.#asked ??= this.#ask(this.#key);
    const asked = this.#asked;
    try {
      return await unlessAborted(asked.answer, signal);
    } catch (error) {
      // What did not come in time or failed is asked for again by whoever comes next.
      if (this.#asked === asked) this.#asked = undefined;
      throw error;
    }
  }

  /** What is sent along from now on: the function is asked, if it is not being asked already. */
  fresh(signal: AbortSignal): Promise<Known> {
    if (this.#asked?.isOver) this.#asked = undefined;
    return this.get(signal);
  }

  /** What comes after one that the server did not know; the same if there is no other. */
  async after(unknown: Known, signal: AbortSignal): Promise<Known> {
    const known = await this.get(signal);
    return known === unknown ? this.fresh(signal) : known;
  }

  #ask(key: () => Known | Promise<Known>): Asked {
    const asked: Asked = { answer: answerOf(key), isOver: false };
    const over = () => {
      asked.isOver = true;
    };
    asked.answer.then(over, over);
    return asked;
  }
}

async function answerOf(key: () => Known | Promise<Known>): Promise<Known> {
  try {
    return await key();
  } catch (cause) {
    throw failure(local("unauthenticated", "The function that is to have the key failed."), { cause });
  }
}

/** Whether an error says that no key could be had, so that nothing was sent. */
export const isKeyless = (error: unknown): error is SelvedgeError =>
  error instanceof SelvedgeError && error.code === "unauthenticated";
