/** Bringing documents in, and what Selvedge is told about them. */
import { Failure } from "../../scripts/lib/run.mjs";
import { expect } from "./client.mjs";
import { documents, STATUSES } from "./data.mjs";

/** Lines of one import. */
const LINES = 5_000;

/** The collections of the comparison; the baseline has the same in its tables. */
export const SCHEMA = {
  collections: {
    customers: { fields: { name: { type: "string" }, email: { type: "string" } } },
    orders: {
      fields: {
        status: { type: "enum", values: STATUSES },
        total: { type: "int" },
        placed: { type: "timestamp" },
        customer: { ref: "customers" },
      },
      indexes: [["status", "placed"]],
    },
    accounts: { fields: { balance: { type: "int", guarded: true, check: [">=", "balance", 0] } } },
    readings: { fields: { device: { type: "string" }, at: { type: "timestamp" } }, indexes: [["device", "at"]] },
  },
};

/**
 * Imports the first `count` documents of a collection.
 * @param {import("./subjects.mjs").Subject} subject
 * @param {string} db
 * @param {string} collection
 * @param {number} count
 */
export async function load(subject, db, collection, count) {
  const connection = subject.connect(db);
  /** @type {string[]} */
  let lines = [];
  const send = async () => {
    await imported(subject, connection, db, lines);
    lines = [];
  };
  for (const document of documents(collection, count)) {
    lines.push(JSON.stringify([collection, document]));
    if (lines.length === LINES) await send();
  }
  if (lines.length > 0) await send();
  connection.close();
}

/**
 * Imports lines, all of which must be taken.
 * @param {import("./subjects.mjs").Subject} subject
 * @param {import("./client.mjs").Connection} connection
 * @param {string} db
 * @param {string[]} lines
 */
async function imported(subject, connection, db, lines) {
  const reply = expect(await connection.ask(subject.import(db, `${lines.join("\n")}\n`)), 200);
  if (JSON.parse(reply.body).imported !== lines.length)
    throw new Failure(`${subject.name} did not take all of ${lines.length} lines: ${reply.body.slice(0, 1_000)}`);
}
