/** The documents that both sides hold, made the same in every run. All of them live under one key. */
import { Random } from "./random.mjs";

/** The key. */
export const KEY = "acme";
export const STATUSES = /** @type {const} */ (["open", "paid", "sent", "returned"]);
/** Totals of orders are below this. */
export const TOTALS = 1_000;

export const COUNTS = { notes: 10_000, customers: 1_000, orders: 10_000, accounts: 1_000 };
/** Balance that every account starts with. */
export const BALANCE = 1_000_000;
/** Readings of one device: what an indexed query finds is the same however many devices there are. */
const READINGS_PER_DEVICE = 50;

const WORDS = "weft warp loom thread shuttle heddle reed bobbin twill satin plain fringe hem border yarn dye".split(
  " ",
);

/** @typedef {Record<string, unknown> & { id: string }} Document */

/**
 * @param {string} collection
 * @param {number} number
 */
export const id = (collection, number) => `${KEY}/${collection.slice(0, 1)}${number}`;

/**
 * @param {Random} random
 * @param {number} count
 */
const words = (random, count) => Array.from({ length: count }, () => random.pick(WORDS)).join(" ");

/** @param {number} minutes */
const time = (minutes) => new Date(Date.UTC(2026, 0, 1, 0, minutes)).toISOString();

/** @type {Record<string, (random: Random, number: number) => object>} */
const MAKERS = {
  notes: note,
  customers: (random, number) => ({
    name: words(random, 2),
    city: random.pick(WORDS),
    email: `c${number}@example.com`,
    address: { street: `${words(random, 1)} ${random.below(200)}`, code: String(10_000 + random.below(90_000)) },
  }),
  orders: (random) => ({
    status: random.pick(STATUSES),
    total: random.below(TOTALS),
    placed: time(random.below(500_000)),
    customer: id("customers", random.below(COUNTS.customers)),
    lines: Array.from({ length: 1 + random.below(3) }, () => ({
      article: random.pick(WORDS),
      pieces: 1 + random.below(9),
    })),
  }),
  accounts: () => ({ owner: "somebody", balance: BALANCE }),
  readings: (random, number) => reading(random, Math.floor(number / READINGS_PER_DEVICE), number),
};

/**
 * A plain document of about 200 bytes.
 * @param {Random} random
 */
export function note(random) {
  return {
    title: words(random, 3),
    text: words(random, 16),
    stars: random.below(6),
    tags: [words(random, 1), words(random, 1)],
  };
}

/**
 * @param {Random} random
 * @param {number} device
 * @param {number} minute
 */
export function reading(random, device, minute) {
  return { device: `d${device}`, at: time(minute), value: random.below(1_000_000) / 1_000, note: words(random, 6) };
}

/**
 * Devices that so many readings come from.
 * @param {number} count
 */
export const devices = (count) => Math.max(1, Math.floor(count / READINGS_PER_DEVICE));

/**
 * The first `count` documents of a collection.
 * @param {string} collection
 * @param {number} count
 * @returns {Generator<Document>}
 */
export function* documents(collection, count) {
  const random = new Random(count + collection.length);
  const make = MAKERS[collection];
  if (!make) throw new Error(`no documents are made for ${collection}`);
  for (let number = 0; number < count; number += 1) yield { id: id(collection, number), ...make(random, number) };
}
