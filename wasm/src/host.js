/**
 * What is done on JavaScript's side of the border: work that would otherwise cross it piece by piece.
 *
 * Everything here may throw; every binding in `host.rs` catches.
 */

/** Thrown to make the platform roll back, and never seen outside. */
const UNDO = new Error("undo");

/**
 * Runs one statement and drains it, whatever becomes of the rows: an open cursor is an error to what the actor does next.
 * @param {{ exec(text: string, ...cells: unknown[]): any }} sql
 * @param {string} text
 * @param {unknown[]} cells
 * @param {number} most bytes of all texts and blobs, taking a character for one
 * @returns {unknown[] | undefined} rows read, rows written, columns, then the cells of all rows; nothing if they are too
 *   large to hold
 */
export function run(sql, text, cells, most) {
  const cursor = sql.exec(text, ...cells);
  const drained = [0, 0, 0];
  let room = most;
  for (const row of cursor.raw()) {
    drained[2] = row.length;
    for (const cell of row) {
      room -= cell?.length ?? cell?.byteLength ?? 0;
      if (room >= 0) drained.push(cell);
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
 * Sends a request to the durable actor `name`, over a new stub: one that broke never mends. Sends it once more if the
 * platform failed and the body can be sent again: every request to an actor may come twice.
 * @param {{ getByName(name: string): { fetch(url: string, init: object): Promise<Response> } }} actors
 * @param {string} name
 * @param {string} envelope
 * @param {unknown} body
 * @param {(message: string) => Response} lost the answer if it cannot be reached
 */
export async function send(actors, name, envelope, body, lost) {
  const init = { method: "POST", headers: { "selvedge-envelope": envelope }, body };
  for (let again = !(body instanceof ReadableStream); ; again = false) {
    try {
      return await actors.getByName(name).fetch("https://actor/", init);
    } catch (thrown) {
      // An actor that has too many requests is not sent one more.
      if (!again || thrown.overloaded) return lost(String(thrown.message));
    }
  }
}

/**
 * Sends a caller's request on, its body as a stream, or held back so that it can be sent again.
 * @param {Request} request
 * @param {boolean} hold
 * @param {Parameters<typeof send>[0]} actors
 * @param {string} name
 * @param {string} envelope
 * @param {(message: string) => Response} lost
 */
export async function pass(request, hold, actors, name, envelope, lost) {
  return send(actors, name, envelope, hold ? await request.arrayBuffer() : request.body, lost);
}

/**
 * Reads a body whose length is known, and answers with what `serve` makes of it.
 * @param {Request} request
 * @param {string} envelope
 * @param {(envelope: string, body: ArrayBuffer) => Response | Promise<Response>} serve
 */
export async function whole(request, envelope, serve) {
  return serve(envelope, await request.arrayBuffer());
}

/**
 * A response from bytes in the memory of WebAssembly, which are copied.
 * @param {number} status
 * @param {string} headers names and values in turn, a line each
 * @param {Uint8Array} body
 */
export function respond(status, headers, body) {
  /** @type {Record<string, string>} */
  const fields = {};
  const lines = headers.split("\n");
  for (let at = 0; at + 1 < lines.length; at += 2) fields[lines[at]] = lines[at + 1];
  return new Response(body.length ? body.slice() : null, { status, headers: fields });
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
