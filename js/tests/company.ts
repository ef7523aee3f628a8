/** What operations that travel together must do, whatever carries them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { build } from "../../scripts/lib/build.mjs";
import { type Server, startWorkerd } from "../../scripts/lib/workerd.mjs";
import { type ConnectOptions, connect, Offline } from "../src/index.js";
import { newDatabase } from "./server.js";
import { shop } from "./shop.js";

/** The shop's database. */
export const openShop = (where: Omit<ConnectOptions<never>, "schema">) => connect({ ...where, schema: shop });

type Shop = ReturnType<typeof openShop>;

/** The first natural numbers. */
export const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);

/** A server with a database of the shop that can be killed and started again. */
export class Mortal {
  server!: Server;
  name!: string;
  #data = "";

  constructor() {
    beforeAll(async () => {
      this.#data = mkdtempSync(join(tmpdir(), "selvedge-mortal-"));
      this.server = await startWorkerd({ modules: await build("quick"), data: this.#data });
      this.name = await newDatabase(this.server, shop);
    });
    afterAll(async () => {
      await this.server.kill();
      rmSync(this.#data, { recursive: true, force: true });
    });
  }

  /** Kills it, without a word, and starts it at the same address. */
  async restart() {
    const port = Number(new URL(this.server.url).port);
    await this.server.kill("SIGKILL");
    this.server = await startWorkerd({ modules: await build("quick"), data: this.#data, port });
  }
}

/** Writes and reads of one key, asked at once: each has its own result or error, and sees what came before it. */
export async function eachItsOwn(db: Shop, key: string) {
  const outcome = await Promise.allSettled([
    db.products.insert({ id: `${key}/tea`, title: "tea", price: 1, stock: 1 }),
    db.products.insert({ id: `${key}/tea`, title: "again", price: 1 }),
    db.products.increment(`${key}/tea`, { stock: -1 }),
    db.products.increment(`${key}/tea`, { stock: -1 }),
    db.products.get(`${key}/tea`),
    db.key(key).products.where(["=", "title", "tea"]).select("stock").page(),
    db.products.get(`${key}/none`),
  ]);
  expect(outcome).toMatchObject([
    { value: { id: `${key}/tea` } },
    { reason: { code: "exists" } },
    { value: { id: `${key}/tea` } },
    { reason: { code: "check_failed" } },
    { value: { stock: 0, title: "tea" } },
    { value: { rows: [{ stock: 0 }] } },
    { value: null },
  ]);
}

/** Reads a product of a megabyte 40 times at once, of which 16 fit into one answer, with a write among them. */
export async function readsMoreThanFits(db: Shop, id: string) {
  const title = "x".repeat(1_000_000);
  await db.products.insert({ id, title, price: 1, stock: 0 });
  const some = (count: number) => db.products.getMany(numbers(count).map(() => id));
  const [before, written, after] = await Promise.all([some(20), db.products.increment(id, { stock: 1 }), some(20)]);
  for (const read of [before, after]) expect(read.map((product) => product?.title === title)).not.toContain(false);
  expect(after.map((product) => product?.stock)).toEqual(numbers(20).map(() => 1));
  expect(written.version).toBeGreaterThan(0);
}

/** Eight workers add to a product's stock, 60 times each, while the server is restarted twice. */
export async function addThroughRestarts(db: Shop, id: string, restart: () => Promise<void>) {
  const [workers, rounds] = [8, 60];
  await db.products.insert({ id, title: "n", price: 1, stock: 0 });
  let done = 0;
  const worker = async () => {
    for (let round = 0; round < rounds; round += 1) {
      await db.products.increment(id, { stock: 1 });
      done += 1;
    }
  };
  const all = Promise.all(numbers(workers).map(worker));
  for (const part of [0.2, 0.5]) {
    while (done < part * workers * rounds) await new Promise((resolve) => setTimeout(resolve, 1));
    await restart();
  }
  await all;
  expect((await db.products.get(id))?.stock).toBe(workers * rounds);
}

/**
 * Appends numbers to the list of one document, a number of them in flight, some given up if there is chance. Each that
 * was acknowledged is there once, none twice, in the order in which they were asked; and reads between them see all that
 * was acknowledged.
 */
export async function appendInOrder(
  db: Shop,
  id: string,
  options: { count: number; inFlight: number; chance?: () => number; calm?: () => unknown },
) {
  const { count, inFlight, chance = () => 1 } = options;
  const [key = ""] = id.split("/");
  await db.customers.replace(`${key}/c`, { name: "c", email: `${id}@example.com` });
  await db.orders.insert({ id, customer: `${key}/c`, tags: [] });
  const acknowledged: string[] = [];
  const givenUp = new Set<string>();
  let next = 0;
  const worker = async (number: number) => {
    for (let round = number; next < count; round += 1) {
      // Not all at once, so that there are several frames under way.
      for (let ticks = round % 4; ticks > 0; ticks -= 1) await new Promise((resolve) => setImmediate(resolve));
      const tag = String(next);
      next += 1;
      const giveUp = new AbortController();
      const append = db.orders.patch(id, {}, { append: { tags: [tag] }, signal: giveUp.signal });
      if (chance() < 0.02) setTimeout(() => giveUp.abort(), 20 * chance());
      try {
        await append;
        acknowledged.push(tag);
      } catch (error) {
        if (!giveUp.signal.aborted && !(error instanceof Offline)) throw error;
        givenUp.add(tag);
      }
      if (!givenUp.has(tag) && chance() < 0.05) expect((await db.orders.get(id))?.tags).toContain(tag);
    }
  };
  await Promise.all(numbers(inFlight).map(worker));
  await options.calm?.();
  const tags = (await db.orders.get(id))?.tags ?? [];
  expect(new Set(tags).size).toBe(tags.length);
  const kept = tags.filter((tag) => !givenUp.has(tag));
  expect(kept).toEqual(kept.toSorted((a, b) => Number(a) - Number(b)));
  expect(new Set(kept)).toEqual(new Set(acknowledged));
}
