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
 * @param {unknown[]} cells
 * @param {number} most bytes of all texts and blobs, taking a character for one
 * @returns {unknown[] | undefined} rows read, rows written, columns, then the cells of all rows, long texts as
 *   `Uint8Array`, blobs as `ArrayBuffer`; nothing if they are too large to hold
 */
export function run(sql, text, cells, most) {
  const cursor = sql.exec(text, ...cells);
  const drained = [0, 0, 0];
  let room = most;
  for (const row of cursor.raw()) {
    drained[2] = row.length;
    for (const cell of row) {
      room -= cell?.length ?? cell?.byteLength ?? 0;
      if (room >= 0) drained.push(cell?.length > LONG ? encoder.encode(cell) : cell);
    }
  }
  drained[0] = cursor.rowsRead;
  drained[1] = cursor.rowsWritten;
  return room < 0 ? undefined : drained;
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
 * @param {string} type
 * @param {() => Promise<Uint8Array | undefined>} next
 */
export function stream(type, next) {
  const body = new ReadableStream({
    async pull(controller) {
      const bytes = await next();
      if (bytes) controller.enqueue(bytes);
      else controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": type } });
}

/**
 * Random bytes.
 * @param {number} count
 */
export function random(count) {
  return crypto.getRandomValues(new Uint8Array(count));
}
