/** The flights example as a reader runs it, its answers held against ones computed here from the same files. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "../../scripts/lib/build.mjs";
import { ROOT } from "../../scripts/lib/paths.mjs";
import { startWorkerd } from "../../scripts/lib/workerd.mjs";

/** @typedef {Record<string, any>} Row */

const PACKAGE = dirname(dirname(createRequire(import.meta.url).resolve("vega-datasets")));
/** @param {string} file */
const read = (file) => readFileSync(join(PACKAGE, "data", file), "utf8");
/** @type {Row[]} */
const airports = parse(read("airports.csv"), { columns: true });
/** @type {Row[]} */
const routes = parse(read("flights-airport.csv"), { columns: true });
/** @type {Row[]} */
const flights = JSON.parse(read("flights-5k.json"));

const byCode = new Map(airports.map((airport) => [airport.iata, airport]));
const origins = new Set(routes.map((route) => route.origin));
const destinations = new Set(routes.map((route) => route.destination));
/** @param {string} code */
const state = (code) => byCode.get(code)?.state;
/** @param {string} code */
const place = (code) => {
  const airport = byCode.get(code);
  return airport?.state === "NA" ? airport.name : `${airport?.city}, ${airport?.state}`;
};
/** @param {string} left @param {string} right */
const byText = (left, right) => (left < right ? -1 : Number(left > right));

/** @type {string} */
let data;
/** @type {import("../../scripts/lib/workerd.mjs").Server} */
let server;
/** @type {string} */
let printed;
/** @type {Record<string, Row[]>} */
let answers;

/** @param {string[]} args */
async function example(...args) {
  const { stdout } = await promisify(execFile)("node", ["examples/flights/run.mjs", ...args], {
    cwd: ROOT,
    env: { ...process.env, SELVEDGE_URL: server.url, SELVEDGE_ROOT_KEY: server.key },
  });
  return stdout;
}

/**
 * @param {string} path
 * @param {object} body
 * @returns {Promise<{ status: number, body: any }>}
 */
async function request(path, body) {
  const response = await fetch(`${server.url}/v1/flights/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { authorization: `Bearer ${server.key}` },
  });
  return { status: response.status, body: await response.json() };
}

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), "selvedge-flights-"));
  server = await startWorkerd({ modules: await build("quick"), data });
  printed = await example();
  answers = JSON.parse(await example("--json"));
});

afterAll(async () => {
  await server?.kill();
  rmSync(data, { recursive: true, force: true });
});

test("it says what it imported and prints every answer", () => {
  expect(printed).toContain("`flights`");
  expect(printed).toContain(`Imported ${airports.length} airports.`);
  expect(printed).toContain(`Imported ${routes.length} routes.`);
  expect(printed).toContain(`Imported ${flights.length} flights.`);
  expect(printed).toContain("Cheyenne, WY");
});

test("run twice, every document is there once", async () => {
  for (const [collection, { length }] of Object.entries({ airports, routes, flights })) {
    const { body } = await request("_query", { from: collection, aggregate: { n: ["count"] } });
    expect(body.rows, collection).toEqual([{ n: length }]);
  }
});

test("the busiest routes, with the names of both cities", () => {
  const expected = routes
    .map(({ origin, destination, count }) => ({ id: `${origin}-${destination}`, origin, destination, flights: +count }))
    .sort((left, right) => right.flights - left.flights || byText(left.id, right.id))
    .slice(0, 10)
    .map((route) => ({
      ...route,
      origin: { place: place(route.origin) },
      destination: { place: place(route.destination) },
    }));
  expect(answers.busiestRoutes).toHaveLength(10);
  expect(answers.busiestRoutes).toMatchObject(expected);
});

test("the airports that are flown to but not from", () => {
  const expected = airports
    .filter(({ iata }) => destinations.has(iata) && !origins.has(iata))
    .sort((left, right) => byText(left.iata, right.iata))
    .map(({ iata, name }) => ({
      id: iata,
      name,
      place: place(iata),
      arrivals: routes
        .filter((route) => route.destination === iata)
        .map((route) => ({ origin: route.origin, flights: Number(route.count) }))
        .sort((left, right) => right.flights - left.flights || byText(left.origin, right.origin))
        .slice(0, 3),
    }));
  expect(expected.length).toBeGreaterThan(0);
  expect(answers.withoutDepartures).toEqual(expected);
});

test("the airports without departures, counted in all and by state", () => {
  const quiet = airports.filter(({ iata }) => !origins.has(iata));
  expect(answers.quietAirports).toEqual([{ airports: quiet.length }]);
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { state } of quiet) if (state !== "NA") counts.set(state, (counts.get(state) ?? 0) + 1);
  const expected = [...counts]
    .sort(([left, most], [right, more]) => more - most || byText(left, right))
    .slice(0, 10)
    .map(([state, airports]) => ({ state, airports }));
  expect(answers.quietStates).toEqual(expected);
});

test("the delays by state of departure", () => {
  /** @type {Map<string, number[]>} */
  const delays = new Map();
  for (const { origin, delay } of flights) {
    const from = state(origin);
    if (from !== "NA") delays.set(from, [...(delays.get(from) ?? []), delay]);
  }
  /** @param {number[]} numbers */
  const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const expected = [...delays]
    .map(([from, minutes]) => ({
      "airport.state": from,
      flights: minutes.length,
      delay: mean(minutes),
      worst: Math.max(...minutes),
      late: mean(minutes.map((delay) => Number(delay >= 15))),
    }))
    .sort((left, right) => right.delay - left.delay || byText(left["airport.state"], right["airport.state"]))
    .slice(0, 10);
  expect(answers.delaysByState).toEqual(expected);
});

test("what the schema promises holds: no route to nowhere, none twice, no airport lost while it is referred to", async () => {
  const nowhere = await request("routes", { origin: "ATL", destination: "nowhere", flights: 1 });
  expect(nowhere).toMatchObject({ status: 409, body: { code: "ref_violation" } });
  const again = await request("routes", { origin: "ABE", destination: "ATL", flights: 1 });
  expect(again).toMatchObject({ status: 409, body: { code: "unique_violation" } });
  const round = await request("routes", { origin: "ATL", destination: "ATL", flights: 1 });
  expect(round).toMatchObject({ status: 409, body: { code: "check_failed" } });
  const batch = await request("_tx", { ops: [{ delete: "airports/ATL" }] });
  expect(batch).toMatchObject({ status: 409, body: { code: "ref_violation" } });
});
