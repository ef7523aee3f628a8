/**
 * What is done on JavaScript's side of the border: work that would otherwise cross it piece by piece.
 *
 * Everything here may throw; every binding in `host.rs` catches.
 */

const encoder = new TextEncoder();

/** Characters from which on a text crosses as bytes: bound by wasm-bindgen they would be copied one by one. */
const LONG = 256;

/** Thrown to make the platform roll back, and never seen outside. */
const UNDO = new Error("undo");

/**
 * Runs one statement and drains it, whatever becomes of the rows: an open cursor is an error to what the actor does next.
 * @param {{ exec(text: string, ...cells: unknown[]): any }} sql
 * @param {string} text
 * @param {string} bound the cells that are bound, as JSON: one by one they would cost more than the statement
 * @param {unknown[] | undefined} apart those that do not cross as JSON, each after its place among the others
 * @param {boolean} answers whether it has rows: making sure costs as much as a short one does
 * @param {number} most bytes of all texts and blobs, taking a character for one
 * @param {Float64Array} told what is told besides: rows read, rows written, columns
 * @returns {unknown[] | undefined} the cells of all rows, long texts as `Uint8Array`, blobs as `ArrayBuffer`; nothing if
 *   there are none, or, with -1 columns, if they are too large to hold
 */
export function run(sql, text, bound, apart, answers, most, told) {
  const cells = JSON.parse(bound);
  for (let at = 0; apart && at < apart.length; at += 2) cells[Number(apart[at])] = apart[at + 1];
  const cursor = sql.exec(text, ...cells);
  const drained = answers ? drain(cursor, most, told) : undefined;
  told[0] = cursor.rowsRead;
  told[1] = cursor.rowsWritten;
  return drained;
}

/**
 * @param {{ raw(): Iterable<any[]> }} cursor
 * @param {number} most
 * @param {Float64Array} told
 */
function drain(cursor, most, told) {
  const drained = [];
  let room = most;
  for (const row of cursor.raw()) {
    told[2] = row.length;
    for (const cell of row) {
      room -= cell?.length ?? cell?.byteLength ?? 0;
      if (room >= 0) drained.push(cell?.length > LONG ? encoder.encode(cell) : cell);
    }
  }
  if (room >= 0) return drained;
  told[2] = -1;
  return undefined;
}

/**
 * Runs `work` as one unit, undone if it returns false.
 * @param {{ transactionSync(work: () => void): void }} storage
 * @param {() => boolean} work
 */
export function atomically(storage, work) {
  try {
    storage.transactionSync(() => {
      if (!work()) throw UNDO;
    });
  } catch (thrown) {
    if (thrown !== UNDO) throw thrown;
  }
}

/**
 * What an actor says: status, headers as JSON, body.
 * @typedef {[status: number, headers: string, body: Uint8Array]} Said
 *
 * @typedef {{ ask(envelope: string, body: Uint8Array | undefined): Promise<Said> }} Actor
 */

/**
 * Asks the durable actor `name`, over a new stub: one that broke never mends. Asks once more if the platform failed:
 * every request to an actor may come twice.
 * @param {{ getByName(name: string): Actor }} actors
 * @param {string} name
 * @param {string} envelope
 * @param {Uint8Array | undefined} body
 * @param {(message: string) => Said} lost what is said if it cannot be reached
 */
export async function send(actors, name, envelope, body, lost) {
  for (let again = true; ; again = false) {
    try {
      return await actors.getByName(name).ask(envelope, body);
    } catch (thrown) {
      // An actor that has too many requests is not sent one more.
      if (!again || thrown.overloaded) return lost(String(thrown.message));
    }
  }
}

/**
 * As `send`, with what the actor says as a response.
 * @param {Parameters<typeof send>} asked
 */
export async function pass(...asked) {
  const [status, headers, body] = await send(...asked);
  return response(status, headers, body);
}

/**
 * Asks the durable actor `name` for a socket. That travels as an HTTP request, the envelope as its one header; nothing of
 * the caller's request does.
 * @param {{ getByName(name: string): { fetch(url: string, init: object): Promise<Response> } }} actors
 * @param {string} name
 * @param {string} envelope
 * @param {(message: string) => Said} lost
 */
export async function open(actors, name, envelope, lost) {
  const headers = { upgrade: "websocket", "selvedge-envelope": encodeURIComponent(envelope) };
  try {
    return await actors.getByName(name).fetch("https://actor/", { headers });
  } catch (thrown) {
    return response(...lost(String(thrown.message)));
  }
}

/**
 * Reads a body whose length is known, and goes on with it.
 * @param {Request} request
 * @param {{ resume(body: unknown): unknown }} waiting
 */
export async function whole(request, waiting) {
  /** @type {unknown} */
  let body;
  try {
    body = new Uint8Array(await request.arrayBuffer());
  } catch (thrown) {
    body = thrown;
  }
  return waiting.resume(body);
}

/**
 * @param {number} status
 * @param {string} headers
 * @param {Uint8Array} body
 */
function response(status, headers, body) {
  return new Response(body.length ? body : null, { status, headers: JSON.parse(headers) });
}

/**
 * A response from bytes in the memory of WebAssembly, which are copied.
 * @param {Said} said
 */
export function respond(...[status, headers, body]) {
  return response(status, headers, body.slice());
}

/**
 * What an actor says, from bytes in the memory of WebAssembly, which are copied.
 * @param {Said} said
 * @returns {Said}
 */
export function say(...[status, headers, body]) {
  return [status, headers, body.slice()];
}

/**
 * A response whose body is pulled: `next` gives bytes, or undefined at the end.
 * @param {string} headers as JSON
 * @param {() => Promise<Uint8Array | undefined>} next
 */
export function stream(headers, next) {
  const body = new ReadableStream({
    async pull(controller) {
      const bytes = await next();
      if (bytes) controller.enqueue(bytes);
      else controller.close();
    },
  });
  return new Response(body, { headers: JSON.parse(headers) });
}

/** What WebCrypto calls the algorithms: how a key is imported, how a signature is checked. */
const ALGORITHMS = {
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }],
  ES256: [
    { name: "ECDSA", namedCurve: "P-256" },
    { name: "ECDSA", hash: "SHA-256" },
  ],
  EdDSA: [{ name: "Ed25519" }],
  HS256: [{ name: "HMAC", hash: "SHA-256" }],
};

/**
 * Whether a signature is good. One that cannot be checked, by a key that is none, is not.
 * @param {keyof typeof ALGORITHMS} algorithm
 * @param {string} key a JSON Web Key
 * @param {string} signed
 * @param {Uint8Array} signature in the memory of WebAssembly
 */
export async function verify(algorithm, key, signed, signature) {
  const [imported, checked = imported] = ALGORITHMS[algorithm];
  const bytes = signature.slice();
  try {
    const made = await crypto.subtle.importKey("jwk", JSON.parse(key), imported, false, ["verify"]);
    return await crypto.subtle.verify(checked, made, bytes, encoder.encode(signed));
  } catch {
    return false;
  }
}

/**
 * What a server answers to a GET, as far as it is whole, short and soon. Redirects are not followed: whoever set the URL
 * meant that one.
 * @param {string} url
 * @param {number} most bytes
 * @param {number} milliseconds
 */
export async function download(url, most, milliseconds) {
  const signal = AbortSignal.timeout(milliseconds);
  const late = new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error(`It did not answer within ${milliseconds} ms.`)));
  });
  // Whoever loses the race is still heard.
  late.catch(() => {});
  const answer = await Promise.race([
    fetch(url, { redirect: "manual", headers: { accept: "application/json" }, signal }),
    late,
  ]);
  if (answer.status !== 200) {
    await answer.body?.cancel();
    throw new Error(`It answered ${answer.status}.`);
  }
  const reader = answer.body?.getReader();
  const bytes = new Uint8Array(most);
  let length = 0;
  for (;;) {
    const piece = await Promise.race([reader?.read(), late]);
    if (!piece || piece.done) return bytes.slice(0, length);
    if (length + piece.value.length > most) {
      await reader?.cancel();
      throw new Error(`It answered more than ${most} bytes.`);
    }
    bytes.set(piece.value, length);
    length += piece.value.length;
  }
}

/**
 * Random bytes.
 * @param {number} count
 */
export function random(count) {
  return crypto.getRandomValues(new Uint8Array(count));
}
