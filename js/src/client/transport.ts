/** How requests travel: the one seam between what is asked and what carries it. */

/** A read of one document, a query, or a batch, as `_many` takes them. */
export type Request =
  | { readonly get: string; readonly at?: string }
  | { readonly query: object }
  | { readonly tx: { readonly id: string; readonly reads?: readonly object[]; readonly ops: readonly object[] } };

/** What one request was answered. */
export interface Result {
  readonly status: number;
  readonly body: unknown;
  /** Milliseconds to wait before the same is asked again. */
  readonly retryAfter?: number;
}

/** Requests that travel together: all of one key, in order. */
export interface Sending {
  /** The key that all of them are of; that of a query of the whole database is empty. */
  readonly key: string;
  readonly requests: readonly Request[];
  /** The requests as JSON, each. */
  readonly texts: readonly string[];
  /** What the caller has seen. */
  readonly token: string;
  /** Given up when aborted. */
  readonly signal: AbortSignal;
}

/** Answers in the order of the requests. */
export interface Answers {
  readonly results: readonly Result[];
  /** What has been seen with them. */
  readonly token: string | null;
}

/**
 * Carries requests. It rejects with a {@link SelvedgeError} where nothing came back that could be read, and with the
 * signal's reason when it is aborted; refusals of single requests are results.
 */
export interface Transport {
  /**
   * Whether what is sent to a key next arrives after what is under way to it, and is not carried out if any of that is to
   * be sent again: its sending rejects then. If so, several sendings with writes may be under way to it.
   */
  readonly ordered: boolean | ((key: string) => boolean);
  send(sending: Sending): Promise<Answers>;
  close(): void;
}
