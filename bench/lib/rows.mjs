/** Rows that SQLite reads and writes for one operation each, as the partition itself counts them. */
import { Failure } from "../../scripts/lib/run.mjs";
import { expect, header } from "./client.mjs";
import { id, KEY, note, reading } from "./data.mjs";
import { Random } from "./random.mjs";
import { freshLines, someTransfer } from "./workloads.mjs";

/** @typedef {import("./subjects.mjs").Subject} Subject */
/** @typedef {{ read: number, written: number }} Cost */
/** @typedef {{ name: string, most?: number, cost: Cost }} Counted */

const random = new Random(13);

/** Times that each operation is asked: the first of a kind may have something to set up. */
const TIMES = 4;
/** Notes that nothing else reads, one to be deleted each time. */
const SPARE = freshLines(TIMES);

/**
 * What is counted.
 * @type {{ name: string, most?: number, next: (subject: Subject, db: string) => import("./client.mjs").Request }[]}
 */
const OPERATIONS = [
  { name: "point read", next: (subject, db) => subject.read(db, "notes", id("notes", 17)) },
  { name: "insert, no index", most: 4, next: (subject, db) => subject.insert(db, "notes", note(random)) },
  { name: "insert, one index", next: (subject, db) => subject.insert(db, "readings", reading(random, 1, 1)) },
  {
    name: "insert, one index and one reference",
    next: (subject, db) =>
      subject.insert(db, "orders", {
        status: "open",
        total: 7,
        placed: "2026-01-01T00:00:00.000Z",
        customer: id("customers", 3),
      }),
  },
  { name: "replace, no index", next: write("PUT", () => note(random)) },
  { name: "patch, no index", next: write("PATCH", () => ({ stars: random.below(1_000) })) },
  { name: "transaction over two documents", next: (subject, db) => subject.transfer(db, someTransfer()) },
  {
    name: "query: filter, include, order, limit 20",
    next: (subject, db) => subject.orders(db, { status: "sent", above: 250 }),
  },
  {
    name: "delete, no index",
    next: (_, db) => ({ method: "DELETE", path: `/v1/${db}/notes/${JSON.parse(SPARE.pop() ?? "")[1].id}` }),
  },
];

/**
 * @param {string} method
 * @param {() => object} body
 * @returns {(subject: Subject, db: string) => import("./client.mjs").Request}
 */
function write(method, body) {
  return (_, db) => ({ method, path: `/v1/${db}/notes/${KEY}/n18`, body: JSON.stringify(body()) });
}

/**
 * @param {Subject} subject
 * @param {string} db
 * @returns {Promise<Counted[]>}
 */
export async function countRows(subject, db) {
  const connection = subject.connect(db);
  expect(await connection.ask(subject.import(db, SPARE.join("\n"))), 200);
  const counted = [];
  for (const { name, most, next } of OPERATIONS) {
    const costs = [];
    for (let time = 0; time < TIMES; time += 1)
      costs.push(cost(expect(await connection.ask(next(subject, db)), 200, 201)));
    const [, first, ...others] = costs;
    if (!first || others.some((other) => other.read !== first.read || other.written !== first.written))
      throw new Failure(`${name} does not cost the same each time: ${JSON.stringify(costs)}`);
    counted.push({ name, most, cost: first });
  }
  connection.close();
  return counted;
}

/**
 * What a partition says an answer cost.
 * @param {import("./client.mjs").Reply} reply
 * @returns {Cost}
 */
function cost(reply) {
  const match = /^read=(\d+);written=(\d+)$/.exec(header(reply, "selvedge-cost") ?? "");
  if (!match) throw new Failure(`The answer does not say what it cost:\n${reply.head}`);
  return { read: Number(match[1]), written: Number(match[2]) };
}
