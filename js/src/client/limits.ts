/** Every bound of the client, with its unit and its reason. */

/** Requests that one sending carries: what `_many` takes. */
export const SENDING_REQUESTS = 256;

/** UTF-16 units of one sending: at three bytes each it stays under the server's 8 MiB for a body. */
export const SENDING_UNITS = 2 << 20;

/** Sendings under way at a time, all keys together: the connections that a Worker or browser opens at once. */
export const SENDINGS_UNDER_WAY = 6;

/** Sendings that are under way for one key at a time. */
export const LANE_SENDINGS = 4;

/** Operations that wait to be sent. Past it they fail at once: memory has a bound, too. */
export const OPERATIONS_WAITING = 10_000;

/** Milliseconds for an operation, sending again included. */
export const OPERATION_MS = 30_000;

/** Milliseconds for one sending; then it is given up as lost, and sent again. */
export const SENDING_MS = 10_000;

/** Times that a sending is tried: with the waits between, some seconds, in which a server that is started anew is back. */
export const SENDING_TRIES = 8;

/** Milliseconds that a retry waits at most: the first, and any. Each waits a random part of it. */
export const RETRY_FIRST_MS = 50;
export const RETRY_MS = 2_000;

/** Sockets open at a time, one to each key; other keys are reached over HTTP. */
export const SOCKETS = 8;

/** Results that are handed out at once; of more in one answer, over a socket that carries nothing else, half come first. */
export const RESULTS_AT_ONCE = 8;

/** Milliseconds for a socket to open; then HTTP serves. */
export const SOCKET_OPEN_MS = 5_000;

/** Milliseconds after which a socket that carries nothing is closed. */
export const SOCKET_IDLE_MS = 10_000;

/** Milliseconds for which no socket is tried after one could not be opened. */
export const SOCKET_REST_MS = 30_000;

/** Times that a transaction is run. */
export const TRANSACTION_TRIES = 10;

/** Milliseconds that a transaction waits at most before it is run again: the first time, and any. */
export const CONFLICT_FIRST_MS = 10;
export const CONFLICT_MS = 1_000;

/** Keys in a token: it travels in a header, and servers refuse long ones. */
export const TOKEN_KEYS = 64;
