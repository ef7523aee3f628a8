/**
 * The documents, made from three files of the npm package `vega-datasets`: airports of the United States and its
 * territories, how often each route between them was flown in 2008, and 5,000 flights of early 2001 with their delays.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parse } from "csv-parse/sync";

const PACKAGE = dirname(dirname(createRequire(import.meta.url).resolve("vega-datasets")));

/** @param {string} file */
const text = (file) => readFileSync(join(PACKAGE, "data", file), "utf8");

/**
 * @param {string} file
 * @returns {Record<string, string>[]} a row each, by the names in the first line
 */
const csv = (file) => parse(text(file), { columns: true });

/**
 * A member that the file may not know. It writes that as `NA`.
 * @param {string} name
 * @param {string | undefined} value
 */
const known = (name, value) => (value && value !== "NA" ? { [name]: value } : {});

/** The airports; their id is the IATA code. */
export const airports = () =>
  csv("airports.csv").map(({ iata, name, city, state, country, latitude, longitude }) => ({
    id: iata,
    name,
    ...known("city", city),
    ...known("state", state),
    country,
    latitude: Number(latitude),
    longitude: Number(longitude),
  }));

/** The routes of 2008, one for each origin and destination. */
export const routes = () =>
  csv("flights-airport.csv").map(({ origin, destination, count }) => ({
    id: `${origin}-${destination}`,
    origin,
    destination,
    flights: Number(count),
  }));

/** Flights of January to March 2001. They have no number of their own, so their place in the file is their id. */
export function flights() {
  /** @type {{ date: string, delay: number, distance: number, origin: string, destination: string }[]} */
  const rows = JSON.parse(text("flights-5k.json"));
  return rows.map(({ date, delay, distance, origin, destination }, index) => ({
    id: String(index + 1).padStart(4, "0"),
    origin,
    destination,
    // "2001/01/01 01:10", in the airport's own time: no instant, so a text that sorts like one.
    departure: date.replaceAll("/", "-").replace(" ", "T"),
    delay,
    distance,
  }));
}
