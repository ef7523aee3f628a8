/** The benchmarks: Selvedge against what the platform costs at the least. `npm run bench -- --help` */
import { main, say } from "../scripts/lib/run.mjs";
import { againstPostgres, oneAtATime } from "./lib/clients.mjs";
import { COUNTS } from "./lib/data.mjs";
import { grow } from "./lib/growth.mjs";
import { load, SCHEMA } from "./lib/load.mjs";
import { machine, sizes } from "./lib/machine.mjs";
import { readOptions, USAGE } from "./lib/options.mjs";
import { hasPostgres } from "./lib/postgres.mjs";
import { compare } from "./lib/rates.mjs";
import { clientsTable, growthTable, ratesTable, rowsTable, sizesTable, write } from "./lib/report.mjs";
import { countRows } from "./lib/rows.mjs";
import { withRules } from "./lib/ruled.mjs";
import { startBaseline, startSelvedge } from "./lib/subjects.mjs";
import { verify, verifyBalances } from "./lib/verify.mjs";

const DB = "bench";

/** @typedef {{ selvedge: import("./lib/subjects.mjs").Subject, baseline: import("./lib/subjects.mjs").Subject }} Subjects */
/** @typedef {import("./lib/options.mjs").Options} Options */

/**
 * @param {Subjects} subjects
 * @param {Options} options
 */
async function rates(subjects, options) {
  const measured = [];
  for (const workload of options.workloads) {
    say(workload.name);
    measured.push(await compare(subjects, DB, workload, options.rates));
  }
  for (const subject of Object.values(subjects)) await verifyBalances(subject, DB);
  return ratesTable(measured);
}

/**
 * @param {Subjects} subjects
 * @param {Options} options
 */
async function growth({ selvedge, baseline }, { sizes, growth }) {
  const measured = [];
  for (const subject of [selvedge, baseline]) {
    say(`growth of ${subject.name} to ${sizes.at(-1)} documents`);
    measured.push({ name: subject.name, latencies: await grow(subject, sizes, growth), judged: subject === selvedge });
  }
  return growthTable(sizes, measured);
}

/** @param {Subjects} subjects */
async function fill(subjects) {
  for (const subject of Object.values(subjects)) {
    say(`data for ${subject.name}`);
    await subject.create(DB, SCHEMA);
    for (const [collection, count] of Object.entries(COUNTS)) await load(subject, DB, collection, count);
    await verify(subject, DB);
  }
}

// Leaving by the front door stops the servers and takes their data away.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

await main(async () => {
  const options = readOptions(process.argv.slice(2));
  if (!options) return console.log(USAGE);
  /** @type {Map<string, string>} */
  const parts = new Map();
  const wanted = (/** @type {string} */ part) => options.parts.has(part);
  if (wanted("size")) parts.set("size", sizesTable(sizes()));
  if (wanted("rates") || wanted("rows") || wanted("growth") || wanted("clients") || wanted("rules")) {
    const selvedge = await startSelvedge();
    const baseline = await startBaseline();
    const subjects = { selvedge, baseline };
    try {
      if (wanted("rates") || wanted("rows") || wanted("clients")) await fill(subjects);
      if (wanted("rows")) parts.set("rows", rowsTable(await countRows(selvedge, DB)));
      if (wanted("rates")) parts.set("rates", await rates(subjects, options));
      if (wanted("clients")) {
        say("one at a time");
        parts.set("one", clientsTable("baseline", await oneAtATime(subjects, DB, options.rates)));
        if (hasPostgres()) {
          say("Postgres");
          parts.set("postgres", clientsTable("Postgres", await againstPostgres(selvedge, DB, options.rates)));
        } else say("Postgres 15 is not installed: left out");
      }
      if (wanted("rules")) {
        say("rules");
        parts.set("rules", clientsTable("without rules", await withRules(selvedge, options.rates), "with rules"));
      }
      if (wanted("growth")) parts.set("growth", await growth(subjects, options));
    } finally {
      await Promise.all([selvedge.stop(), baseline.stop()]);
    }
  }
  console.log(`\n${machine()}`);
  for (const part of parts.values()) console.log(`\n${part}`);
  if (options.write) write(parts);
});
