/** What is to be run, as the command line says it. */
import { parseArgs } from "node:util";
import { Failure } from "../../scripts/lib/run.mjs";
import { SIZES } from "./growth.mjs";
import { WORKLOADS } from "./workloads.mjs";

export const USAGE = `npm run bench -- [parts] [options]

Parts; all of them if none is named:
  --rates            rates under load against the baseline
  --growth           latency in partitions of 1,000 to 1,000,000 documents
  --rows             rows read and written by each operation
  --size             size of the build
  --rules            rates under rules against rates without
  --clients          the client library: against Postgres 15 (where it is installed), and one at a time

Options:
  --quick            a short run: fewer and shorter rounds, growth to 10,000 documents
  --only <name>      rates of one workload: ${WORKLOADS.map(({ name }) => JSON.stringify(name)).join(", ")}
  --max <documents>  bounds the largest partition of --growth
  --write            puts the tables into docs/benchmarks.md`;

/**
 * @typedef {object} Options
 * @property {Set<string>} parts
 * @property {import("./workloads.mjs").Workload[]} workloads
 * @property {number[]} sizes of the partitions that grow
 * @property {{ rounds: number, seconds: number }} rates
 * @property {{ rounds: number, requests: number }} growth
 * @property {boolean} write
 */

const PARTS = /** @type {const} */ (["rates", "growth", "rows", "size", "clients", "rules"]);

/**
 * @param {string[]} args
 * @returns {Options | undefined} nothing if help is asked for
 */
export function readOptions(args) {
  const { values } = parse(args);
  if (values.help) return undefined;
  const named = PARTS.filter((part) => values[part]);
  const workloads = WORKLOADS.filter(({ name }) => values.only === undefined || name === values.only);
  if (workloads.length === 0) throw new Failure(`There is no workload ${JSON.stringify(values.only)}.\n\n${USAGE}`);
  const max = Number(values.max ?? (values.quick ? 10_000 : SIZES.at(-1)));
  const sizes = SIZES.filter((size) => size <= max);
  if (sizes.length === 0) throw new Failure(`--max is a number, ${SIZES[0]} or more.`);
  return {
    parts: new Set(named.length > 0 ? named : values.only === undefined ? PARTS : ["rates"]),
    workloads,
    sizes,
    rates: values.quick ? { rounds: 3, seconds: 1 } : { rounds: 9, seconds: 2 },
    growth: values.quick ? { rounds: 3, requests: 50 } : { rounds: 10, requests: 100 },
    write: values.write ?? false,
  };
}

/** @param {string[]} args */
function parse(args) {
  const flag = { type: /** @type {const} */ ("boolean") };
  const text = { type: /** @type {const} */ ("string") };
  const options = {
    rates: flag,
    growth: flag,
    rows: flag,
    size: flag,
    clients: flag,
    rules: flag,
    quick: flag,
    write: flag,
    help: flag,
    only: text,
    max: text,
  };
  try {
    return parseArgs({ args, options });
  } catch (error) {
    throw new Failure(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
}
