/** Carrying operations until each is settled: sent together, sent again where that is of use. */
import { isKeyless } from "./credential.js";
import { failure, local, problemOf, SelvedgeError } from "./errors.js";
import type { Taken } from "./lane.js";
import { RETRY_FIRST_MS, RETRY_MS, SENDING_MS, SENDING_TRIES } from "./limits.js";
import type { Operation } from "./operation.js";
import { afterThat, jitter, pause } from "./platform.js";
import type { Seen } from "./token.js";
import type { Answers, Result, Transport } from "./transport.js";

/**
 * Sends operations until each is settled. All are repeatable: reads by nature, writes by their batch id, under which
 * the server answers the first outcome again. They are sent again in their turn.
 */
export async function carry(key: string, taken: Taken, transport: Transport, seen: Seen): Promise<void> {
  const { operations, again } = taken;
  let left = operations;
  for (let tried = 0; ; ) {
    left = left.filter((operation) => !operation.settled);
    if (left.length === 0) return;
    const isLast = tried + 1 >= SENDING_TRIES;
    let wait = jitter(tried, RETRY_FIRST_MS, RETRY_MS);
    try {
      const sent = left;
      const { results, token } = await attempt(key, sent, transport, seen.toString());
      if (token) seen.learn(token);
      const settled = (operation: Operation, index: number) =>
        settle(operation, results[index], sent.length > 1, isLast);
      if (taken.inHalves() && !results.some(isSentAgain)) {
        sent.slice(0, sent.length / 2).forEach(settled);
        // Whoever stops waiting now must not hear that nothing was sent.
        for (const operation of sent) operation.sent = true;
        // What is asked upon these is sent first.
        await new Promise<void>(afterThat);
      }
      left = sent.filter((operation, index) => !settled(operation, index));
      if (left.length === 0) return;
      // Where only room was lacking, what is left goes on at once.
      if (left.length < sent.length && results.some(lacksRoom)) {
        await again();
        continue;
      }
      wait = Math.max(wait, ...results.map(({ retryAfter }) => retryAfter ?? 0));
    } catch (error) {
      if (!(error instanceof SelvedgeError)) throw error;
      if (isLast || error.code === "closed" || isKeyless(error)) for (const operation of left) operation.fail(error);
    }
    tried += 1;
    const turn = again();
    await rest(left, wait);
    await turn;
  }
}

/** Waits before the next try, but not longer than anybody waits for it. */
async function rest(operations: readonly Operation[], ms: number): Promise<void> {
  const enough = new AbortController();
  const release = whenSettled(operations, () => enough.abort());
  // An abort is an end of the rest like any other.
  await pause(ms, enough.signal).catch(() => {});
  release();
}

/** Calls `act` once all operations are settled, unless it is released before. */
function whenSettled(operations: readonly Operation[], act: () => void): () => void {
  let waited = operations.filter(({ settled }) => !settled).length;
  if (waited === 0) act();
  for (const operation of operations) {
    operation.onSettled = () => {
      waited -= 1;
      if (waited === 0) act();
    };
  }
  return () => {
    for (const operation of operations) operation.onSettled = () => {};
  };
}

/** One try. Rejects with a {@link SelvedgeError}, or settles the operations itself. */
async function attempt(
  key: string,
  operations: readonly Operation[],
  transport: Transport,
  token: string,
): Promise<Answers> {
  const giveUp = new AbortController();
  const late = () => giveUp.abort(failure(local("timeout", `There was no answer within ${SENDING_MS} ms.`)));
  const timer = setTimeout(late, SENDING_MS);
  for (const operation of operations) operation.sent = true;
  const release = whenSettled(operations, () => {
    giveUp.abort(failure(local("closed", "Nobody waits for the answer any more.")));
  });
  try {
    return await transport.send({
      key,
      requests: operations.map(({ request }) => request),
      texts: operations.map(({ text }) => text),
      token,
      signal: giveUp.signal,
    });
  } catch (cause) {
    if (!isKeyless(cause)) for (const operation of operations) operation.lost = true;
    if (cause instanceof SelvedgeError) throw cause;
    throw failure(local("offline", "The request could not be made."), { cause });
  } finally {
    clearTimeout(timer);
    release();
    for (const operation of operations) operation.sent = false;
  }
}

/** Settles an operation by its result; answers false where it is to be sent again. */
function settle(operation: Operation, result: Result | undefined, isAmongOthers: boolean, isLast: boolean): boolean {
  if (operation.settled) return true;
  if (!result) {
    operation.refuse(local("unexpected_answer", "The server did not answer this request."));
  } else if (result.status < 300) {
    operation.resolve(result.body);
  } else if (!isLast && (isPassing(result) || (isAmongOthers && lacksRoom(result)))) {
    return false;
  } else {
    operation.refuse(problemOf(result.status, result.body));
  }
  return true;
}

const isSentAgain = (result: Result) => isPassing(result) || lacksRoom(result);

/** Whether the same request may fare better a moment later. */
const isPassing = ({ status, retryAfter }: Result) =>
  status === 502 || status === 503 || status === 504 || (status === 429 && retryAfter !== undefined);

/** Whether the answers before it left no room for this one. */
const lacksRoom = ({ status, body }: Result) => status === 413 && problemOf(status, body).code === "answer_too_large";
