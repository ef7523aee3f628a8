/** Both sides must answer right before anything is timed, and still have every coin afterwards. */
import { isDeepStrictEqual } from "node:util";
import { Failure } from "../../scripts/lib/run.mjs";
import { expect } from "./client.mjs";
import { BALANCE, COUNTS, documents, id, KEY } from "./data.mjs";
import { LIMIT } from "./subjects.mjs";
import { freshLines, someOrders, someTransfer } from "./workloads.mjs";

/** @typedef {import("./subjects.mjs").Subject} Subject */
/** @typedef {import("./client.mjs").Connection} Connection */

/**
 * Fails unless a subject that holds the data answers every kind of request right.
 * @param {Subject} subject
 * @param {string} db
 */
export async function verify(subject, db) {
  const connection = subject.connect(db);
  const get = reader(subject, connection, db);
  const [first] = documents("notes", COUNTS.notes);
  same(subject, "point read", await get("notes", id("notes", 0)), first);

  const given = { id: `${KEY}/given`, title: "a note" };
  expect(await connection.ask(subject.insert(db, "notes", given)), 201);
  same(subject, "insert", await get("notes", given.id), given);
  const made = expect(await connection.ask(subject.insert(db, "notes", { title: "no id" })), 201);
  const { id: madeId } = JSON.parse(made.body);
  same(subject, "insert without an id", await get("notes", madeId), { id: madeId, title: "no id" });

  const lines = freshLines(3);
  expect(await connection.ask(subject.import(db, `${lines.join("\n")}\n`)), 200);
  for (const line of lines) {
    const [, document] = JSON.parse(line);
    same(subject, "import", await get("notes", document.id), document);
  }

  for (let time = 0; time < 10; time += 1) {
    const wanted = someOrders();
    const { rows } = JSON.parse(expect(await connection.ask(subject.orders(db, wanted)), 200).body);
    same(subject, "query", rows.map(plain), expectedOrders(wanted));
  }

  const transfer = someTransfer();
  const before = [await get("accounts", transfer.from), await get("accounts", transfer.to)];
  expect(await connection.ask(subject.transfer(db, transfer)), 200);
  const after = [await get("accounts", transfer.from), await get("accounts", transfer.to)];
  const moved = before.map((account, at) => ({
    ...account,
    balance: account.balance + (at === 0 ? -transfer.amount : transfer.amount),
  }));
  same(subject, "transaction", after, moved);
  expect(await connection.ask(subject.transfer(db, { ...transfer, amount: 2 * BALANCE })), 409);
  same(
    subject,
    "refused transaction",
    [await get("accounts", transfer.from), await get("accounts", transfer.to)],
    moved,
  );
  connection.close();
}

/**
 * Fails unless all accounts together hold what they held in the beginning.
 * @param {Subject} subject
 * @param {string} db
 */
export async function verifyBalances(subject, db) {
  const connection = subject.connect(db);
  const get = reader(subject, connection, db);
  let sum = 0;
  for (let number = 0; number < COUNTS.accounts; number += 1)
    sum += (await get("accounts", id("accounts", number))).balance;
  same(subject, "sum of all balances", sum, COUNTS.accounts * BALANCE);
  connection.close();
}

/**
 * @param {Subject} subject
 * @param {Connection} connection
 * @param {string} db
 */
function reader(subject, connection, db) {
  return async (/** @type {string} */ collection, /** @type {string} */ documentId) =>
    plain(JSON.parse(expect(await connection.ask(subject.read(db, collection, documentId)), 200).body));
}

/**
 * A document without the system's members, its own and those of documents inside.
 * @param {any} value
 * @returns {any}
 */
function plain(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const own = Object.entries(value).filter(([name]) => !name.startsWith("_"));
  return Object.fromEntries(own.map(([name, inner]) => [name, plain(inner)]));
}

/**
 * What the query must find, worked out from the documents themselves.
 * @param {import("./subjects.mjs").OrdersQuery} wanted
 */
function expectedOrders({ status, above }) {
  const customers = new Map([...documents("customers", COUNTS.customers)].map((customer) => [customer.id, customer]));
  const later = (/** @type {any} */ left, /** @type {any} */ right) =>
    left.placed === right.placed ? (left.id < right.id ? 1 : -1) : left.placed < right.placed ? 1 : -1;
  return [...documents("orders", COUNTS.orders)]
    .filter((/** @type {any} */ order) => order.status === status && order.total > above)
    .sort(later)
    .slice(0, LIMIT)
    .map((/** @type {any} */ order) => ({ ...order, customer: customers.get(order.customer) }));
}

/**
 * @param {Subject} subject
 * @param {string} what
 * @param {unknown} actual
 * @param {unknown} expected
 */
function same(subject, what, actual, expected) {
  if (isDeepStrictEqual(actual, expected)) return;
  const excerpt = (/** @type {unknown} */ value) => JSON.stringify(value)?.slice(0, 500);
  throw new Failure(`${subject.name}, ${what}: expected ${excerpt(expected)}, got ${excerpt(actual)}`);
}
