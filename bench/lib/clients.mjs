/** The client library against Postgres, and one at a time against the baseline: what an application sees. */
import WebSocket from "ws";
import { Failure } from "../../scripts/lib/run.mjs";
import { COUNTS, id, KEY } from "./data.mjs";
import { median } from "./figures.mjs";
import { library } from "./library.mjs";
import * as postgres from "./postgres.mjs";
import { Random } from "./random.mjs";
import { ordersQuery } from "./subjects.mjs";
import { someOrders, someTransfer } from "./workloads.mjs";

/** Operations in flight. */
const IN_FLIGHT = 32;

const random = new Random(11);
const someNote = () => id("notes", random.below(COUNTS.notes));
const someAccount = () => id("accounts", random.below(COUNTS.accounts));

/**
 * @typedef {object} Side
 * @property {string} name
 * @property {() => Promise<unknown>} act one operation
 *
 * @typedef {object} Comparison
 * @property {string} name
 * @property {number} target
 * @property {number} lanes operations in flight
 * @property {Side} theirs
 * @property {Side} ours
 */

/**
 * Rates of both sides in turns.
 * @param {Comparison} comparison
 * @param {{ rounds: number, seconds: number }} extent
 */
async function compare({ lanes, theirs, ours }, { rounds, seconds }) {
  const sides = [theirs, ours].map((side) => ({ ...side, rates: /** @type {number[]} */ ([]) }));
  for (let round = 0; round <= rounds; round += 1) {
    for (const { act, rates } of round % 2 === 0 ? sides : sides.toReversed()) {
      const start = performance.now();
      const end = start + seconds * 1_000;
      let done = 0;
      const lane = async () => {
        while (performance.now() < end) {
          await act();
          done += 1;
        }
      };
      await Promise.all(Array.from({ length: lanes }, lane));
      // The first round warms up.
      if (round > 0) rates.push((done * 1_000) / (performance.now() - start));
    }
  }
  const [floor = [], own = []] = sides.map(({ rates }) => rates);
  return {
    theirs: median(floor),
    ours: median(own),
    ratio: median(own.map((rate, at) => rate / (floor[at] ?? Number.NaN))),
  };
}

/** @param {string} body */
function found(body) {
  if (!body) throw new Failure("nothing was found");
}

/**
 * @param {import("./subjects.mjs").Subject} selvedge
 * @param {string} db
 * @param {{ rounds: number, seconds: number }} extent
 */
export async function againstPostgres(selvedge, db, extent) {
  const { connect } = await library();
  const { pool, stop } = await postgres.startPostgres();
  const shop = connect({ url: selvedge.server.url, db, key: selvedge.server.key, socket: WebSocket });
  const own = /** @type {any} */ (shop);
  const move = (/** @type {import("./subjects.mjs").Transfer} */ { from, to, amount }) =>
    own.key(KEY).transaction((/** @type {any} */ tx) => {
      tx.accounts.increment(from, { balance: -amount });
      tx.accounts.increment(to, { balance: amount });
    });
  const read = async () => found(await own.notes.get(someNote()));
  const update = () => own.accounts.increment(someAccount(), { balance: 1 });
  const ask = async () => found((await own.query(ordersQuery(someOrders()))).rows[0]);
  const pairs = [
    { name: "point read", target: 1, ours: read, theirs: async () => found(await postgres.readNote(pool, someNote())) },
    { name: "durable update by id", target: 1, ours: update, theirs: () => postgres.deposit(pool, someAccount()) },
    {
      name: "transfer",
      target: 1,
      ours: () => move(someTransfer()),
      theirs: () => postgres.transfer(pool, someTransfer()),
    },
    {
      name: "query with a join, 20 rows",
      target: 0.5,
      ours: ask,
      theirs: async () => found((await postgres.orders(pool, someOrders()))[0]),
    },
  ];
  const measured = [];
  try {
    for (const { name, target, ours, theirs } of pairs) {
      const comparison = {
        name,
        target,
        lanes: IN_FLIGHT,
        theirs: { name: "Postgres", act: theirs },
        ours: { name: "Selvedge", act: ours },
      };
      measured.push({ name, target, ...(await compare(comparison, extent)) });
    }
  } finally {
    shop.close();
    await stop();
  }
  return measured;
}

/**
 * One at a time over HTTP: the client library against plain requests to the baseline, both by `fetch`.
 * @param {{ selvedge: import("./subjects.mjs").Subject, baseline: import("./subjects.mjs").Subject }} subjects
 * @param {string} db
 * @param {{ rounds: number, seconds: number }} extent
 */
export async function oneAtATime({ selvedge, baseline }, db, extent) {
  const { connect } = await library();
  const shop = connect({ url: selvedge.server.url, db, key: selvedge.server.key, socket: false });
  const own = /** @type {any} */ (shop);
  const plain = async (/** @type {import("./client.mjs").Request} */ { method, path, body }) => {
    const answer = await fetch(baseline.server.url + path, body === undefined ? { method } : { method, body });
    return JSON.parse(await answer.text());
  };
  const pairs = [
    {
      name: "point read",
      ours: async () => found(await own.notes.get(someNote())),
      theirs: async () => found(await plain(baseline.read(db, "notes", someNote()))),
    },
    {
      name: "transfer",
      ours: () => {
        const { from, to, amount } = someTransfer();
        return own.key(KEY).transaction((/** @type {any} */ tx) => {
          tx.accounts.increment(from, { balance: -amount });
          tx.accounts.increment(to, { balance: amount });
        });
      },
      theirs: () => plain(baseline.transfer(db, someTransfer())),
    },
  ];
  const measured = [];
  for (const { name, ours, theirs } of pairs) {
    const comparison = {
      name,
      target: 0.8,
      lanes: 1,
      theirs: { name: "baseline", act: theirs },
      ours: { name: "Selvedge", act: ours },
    };
    measured.push({ name, target: 0.8, ...(await compare(comparison, extent)) });
  }
  shop.close();
  return measured;
}
