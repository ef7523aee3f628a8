/**
 * What is done on JavaScript's side of the border: work that would otherwise cross it piece by piece.
 *
 * Everything here may throw; every binding in `host.rs` catches.
 */

/** Thrown to make the platform roll back, and never seen outside. */
const UNDO = new Error("undo");

/**
 * Runs one statement and drains it: an open cursor is an error to whatever the actor does next.
 * @param {{ exec(text: string, ...cells: unknown[]): any }} sql
 * @param {string} text
 * @param {unknown[]} cells
 * @returns {unknown[]} rows read, rows written, columns, then the cells of all rows
 */
export function run(sql, text, cells) {
  const cursor = sql.exec(text, ...cells);
  const rows = cursor.raw().toArray();
  return [cursor.rowsRead, cursor.rowsWritten, rows.length ? rows[0].length : 0].concat(rows.flat());
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
 * Sends a request to the durable actor `name`, over a new stub: one that broke never mends.
 * @param {{ getByName(name: string): { fetch(url: string, init: object): Promise<Response> } }} actors
 * @param {string} name
 * @param {string} envelope
 * @param {unknown} [body]
 */
export function send(actors, name, envelope, body) {
  const headers = { "selvedge-envelope": envelope };
  return actors.getByName(name).fetch("https://actor/", { method: "POST", headers, body });
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

/** A random 128-bit number, as bytes. */
export function random() {
  return crypto.getRandomValues(new Uint8Array(16));
}
