/** Rates of both sides under load, in turns: whatever drifts on the machine drifts for both. */
import { expect } from "./client.mjs";
import { median } from "./figures.mjs";

/** @typedef {import("./subjects.mjs").Subject} Subject */
/** @typedef {import("./workloads.mjs").Workload} Workload */

/**
 * @typedef {object} Rate
 * @property {Workload} workload
 * @property {number} baseline median rate
 * @property {number} selvedge median rate
 * @property {number} ratio median of the ratios of neighbouring rounds
 */

/**
 * @param {{ selvedge: Subject, baseline: Subject }} subjects
 * @param {string} db
 * @param {Workload} workload
 * @param {{ rounds: number, seconds: number }} extent rounds of each side, and how long one lasts
 * @returns {Promise<Rate>}
 */
export async function compare({ selvedge, baseline }, db, workload, { rounds, seconds }) {
  const sides = [baseline, selvedge].map((subject) => ({
    subject,
    connections: Array.from({ length: workload.connections }, () => subject.connect(db)),
    /** @type {number[]} */
    rates: [],
  }));
  for (let round = 0; round <= rounds; round += 1) {
    // Whoever goes first now goes second next.
    for (const { subject, connections, rates } of round % 2 === 0 ? sides : sides.toReversed()) {
      const rate = await pump(subject, connections, db, workload, seconds);
      // The first round warms up.
      if (round > 0) rates.push(rate);
    }
  }
  for (const { connections } of sides) for (const connection of connections) connection.close();
  const [floor = [], ours = []] = sides.map(({ rates }) => rates);
  return {
    workload,
    baseline: median(floor),
    selvedge: median(ours),
    ratio: median(ours.map((rate, round) => rate / (floor[round] ?? Number.NaN))),
  };
}

/**
 * Keeps every connection busy for some seconds; returns the rate.
 * @param {Subject} subject
 * @param {import("./client.mjs").Connection[]} connections
 * @param {string} db
 * @param {Workload} workload
 * @param {number} seconds
 */
async function pump(subject, connections, db, workload, seconds) {
  const start = performance.now();
  const end = start + seconds * 1_000;
  let answered = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (performance.now() < end) {
        expect(await connection.ask(workload.next(subject, db)), workload.status);
        answered += 1;
      }
    }),
  );
  return (answered * workload.weight * 1_000) / (performance.now() - start);
}
