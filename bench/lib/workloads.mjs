/** What is measured: requests of each kind, made anew for each turn. */
import { COUNTS, id, KEY, note, STATUSES, TOTALS } from "./data.mjs";
import { Random } from "./random.mjs";

/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} unit what the rate counts
 * @property {number} target least share of the baseline's rate
 * @property {number} connections
 * @property {number} weight how much one request counts
 * @property {number} status that every answer must have
 * @property {(subject: import("./subjects.mjs").Subject, db: string) => import("./client.mjs").Request} next
 */

const CONNECTIONS = 32;
/** Imports are large requests: a few in flight keep the server busy. */
const IMPORTS = 4;
const IMPORT_LINES = 1_000;

const random = new Random(7);
let turn = 0;

/** @returns {import("./subjects.mjs").OrdersQuery} */
export const someOrders = () => ({
  status: random.pick(STATUSES),
  above: TOTALS / 4 + random.below(TOTALS / 4),
});

/** @returns {import("./subjects.mjs").Transfer} */
export function someTransfer() {
  const from = random.below(COUNTS.accounts);
  const to = (from + 1 + random.below(COUNTS.accounts - 1)) % COUNTS.accounts;
  return { from: id("accounts", from), to: id("accounts", to), amount: 1 + random.below(5) };
}

/** Texts of notes from behind the id on, made once: the client shares the machine with the servers. */
const TEXTS = Array.from({ length: IMPORT_LINES }, () => JSON.stringify(note(random)).slice(1));

/** Lines of notes under ids that were never used before. */
export function freshLines(count = IMPORT_LINES) {
  turn += 1;
  return TEXTS.slice(0, count).map((text, number) => `["notes",{"id":"${KEY}/i${turn}-${number}",${text}]`);
}

/** @type {Workload[]} */
export const WORKLOADS = [
  {
    name: "point read",
    unit: "reads/s",
    target: 0.8,
    connections: CONNECTIONS,
    weight: 1,
    status: 200,
    next: (subject, db) => subject.read(db, "notes", id("notes", random.below(COUNTS.notes))),
  },
  {
    name: "insert",
    unit: "inserts/s",
    target: 0.7,
    connections: CONNECTIONS,
    weight: 1,
    status: 201,
    next: (subject, db) => subject.insert(db, "notes", note(random)),
  },
  {
    name: "query",
    unit: "queries/s",
    target: 0.8,
    connections: CONNECTIONS,
    weight: 1,
    status: 200,
    next: (subject, db) => subject.orders(db, someOrders()),
  },
  {
    name: "transaction",
    unit: "transactions/s",
    target: 0.6,
    connections: CONNECTIONS,
    weight: 1,
    status: 200,
    next: (subject, db) => subject.transfer(db, someTransfer()),
  },
  {
    name: "import",
    unit: "documents/s",
    target: 0.5,
    connections: IMPORTS,
    weight: IMPORT_LINES,
    status: 200,
    next: (subject, db) => subject.import(db, `${freshLines().join("\n")}\n`),
  },
];
