/** Latency, one request at a time, in partitions of different sizes: an actor must not slow down as it fills. */
import { expect } from "./client.mjs";
import { devices, id, reading } from "./data.mjs";
import { median } from "./figures.mjs";
import { load, SCHEMA } from "./load.mjs";
import { Random } from "./random.mjs";

/** Documents in the partitions that are compared. */
export const SIZES = [1_000, 10_000, 100_000, 1_000_000];
/** Most that the largest may take, as a multiple of the smallest. */
export const GROWTH_TARGET = 1.5;

/** @typedef {import("./subjects.mjs").Subject} Subject */

/**
 * @typedef {object} Kind
 * @property {string} name
 * @property {number} status
 * @property {(subject: Subject, db: string, size: number, random: Random) => import("./client.mjs").Request} next
 */

/** @type {Kind[]} */
export const KINDS = [
  {
    name: "point read",
    status: 200,
    next: (subject, db, size, random) => subject.read(db, "readings", id("readings", random.below(size))),
  },
  {
    name: "insert",
    status: 201,
    next: (subject, db, size, random) =>
      subject.insert(db, "readings", reading(random, random.below(devices(size)), random.below(size))),
  },
  {
    name: "indexed query",
    status: 200,
    next: (subject, db, size, random) => subject.readings(db, `d${random.below(devices(size))}`),
  },
];

/**
 * Fills a partition for each size, then measures all of them in turns.
 * @param {Subject} subject
 * @param {number[]} sizes
 * @param {{ rounds: number, requests: number }} extent requests of each kind in a round
 * @returns {Promise<number[][]>} for each kind, the median latency at each size, in microseconds
 */
export async function grow(subject, sizes, { rounds, requests }) {
  const random = new Random(11);
  /** @type {{ size: number, db: string, connection: import("./client.mjs").Connection, latencies: number[][] }[]} */
  const partitions = [];
  for (const size of sizes) {
    const db = `grown${size}`;
    await subject.create(db, SCHEMA);
    await load(subject, db, "readings", size);
    partitions.push({
      size,
      db,
      connection: subject.connect(db),
      latencies: KINDS.map(() => /** @type {number[]} */ ([])),
    });
  }
  for (let round = 0; round <= rounds; round += 1) {
    for (const { size, db, connection, latencies } of partitions) {
      for (const [at, kind] of KINDS.entries()) {
        for (let request = 0; request < requests; request += 1) {
          const wanted = kind.next(subject, db, size, random);
          const start = performance.now();
          expect(await connection.ask(wanted), kind.status);
          // The first round warms up.
          if (round > 0) latencies[at]?.push(performance.now() - start);
        }
      }
    }
  }
  for (const { connection } of partitions) connection.close();
  return KINDS.map((_, at) => partitions.map(({ latencies }) => median(latencies[at] ?? []) * 1_000));
}
