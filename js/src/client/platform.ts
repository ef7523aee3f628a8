/** What the client needs of where it runs. Structural, so that browsers', Node's and Workers' own types fit. */

/** As much of `Response` as is used. */
export interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}

/** As much of `fetch` as is used. */
export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; signal?: AbortSignal },
) => Promise<Answer>;

/** A service binding of a Worker. */
export interface Binding {
  fetch: Fetch;
}

type Runtime = {
  readonly setImmediate?: (run: () => void) => unknown;
  readonly MessageChannel?: new () => {
    readonly port1: { onmessage: (() => void) | null; close(): void };
    readonly port2: { postMessage(message: null): void };
  };
};

/**
 * Runs `act` when the present tick is over. Without `setImmediate`, after a few rounds of microtasks: timers are
 * throttled in hidden pages.
 */
export function afterTick(act: () => void): void {
  const { setImmediate } = globalThis as unknown as Runtime;
  if (setImmediate) setImmediate(act);
  else Promise.resolve().then(() => Promise.resolve().then(() => Promise.resolve().then(act)));
}

/**
 * Runs `act` when all is done that `afterTick` was told in the present tick. Without `setImmediate` a message to ourselves
 * comes after every microtask.
 */
export function afterThat(act: () => void): void {
  const { setImmediate, MessageChannel } = globalThis as unknown as Runtime;
  if (setImmediate || !MessageChannel) {
    afterTick(() => afterTick(act));
    return;
  }
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    act();
  };
  port2.postMessage(null);
}

/** Waits; rejects with the signal's reason when it is aborted. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** What a promise comes to; rejects with the signal's reason if it is aborted before. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = () => reject(signal.reason);
    const over = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).then(over);
  });
}

/** A random part of a span that doubles with every try ("full jitter": Brooker, "Exponential Backoff And Jitter"). */
export const jitter = (tried: number, first: number, most: number): number =>
  Math.random() * Math.min(most, first * 2 ** tried);

/** As much of `WebSocket` as is used. */
export interface Socket {
  readonly readyState: number;
  addEventListener(type: "open" | "close" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  send(text: string): void;
  close(): void;
}

/** A `WebSocket` class: the runtime's own, or that of a package. */
export type SocketClass = new (url: string, protocols: string[]) => Socket;

/**
 * The runtime's `WebSocket`, where a socket can outlive the request that opened it: not in Workers, which end what a
 * request began with the request.
 */
export function socketClass(): SocketClass | undefined {
  const { navigator, WebSocket } = globalThis as {
    readonly navigator?: { readonly userAgent?: string };
    readonly WebSocket?: SocketClass;
  };
  return navigator?.userAgent === "Cloudflare-Workers" ? undefined : WebSocket;
}

/** Text in base64url without padding (RFC 4648 section 5). */
export function base64url(text: string): string {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte));
  return btoa(bytes.join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
