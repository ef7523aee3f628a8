/** Transactions through the client, on a real server: all or nothing, and as if alone. */
import { beforeAll, describe, expect, test } from "vitest";
import { connect, type Fetch, type SelvedgeError } from "../src/index.js";
import { newDatabase, useServer } from "./server.js";
import { shop } from "./shop.js";

const server = useServer();
let name: string;

beforeAll(async () => {
  name = await newDatabase(server(), shop);
});

const open = (options: { fetch?: Fetch } = {}) =>
  connect({ url: server().url, db: name, key: server().key, schema: shop, ...options });

describe("a transaction", () => {
  test("commits what it wrote as one, and answers what its function answered", async () => {
    const db = open().key("a");
    await db.customers.insert({ id: "a/ada", name: "Ada", email: "ada@a" });
    await db.products.insert({ id: "a/tea", title: "tea", price: 3, stock: 5 });
    const id = await db.transaction(async (tx) => {
      const tea = await tx.products.get("a/tea");
      if (!tea) throw new Error("There is no tea.");
      const order = tx.orders.insert({ customer: "a/ada", total: 2 * tea.price });
      tx.lines.insert({ order, product: tea.id, quantity: 2, price: tea.price });
      tx.products.increment(tea.id, { stock: -2 });
      tx.products.check(tea.id, [">=", "stock", 0]);
      return order;
    });
    expect(
      await db.orders
        .where(["=", "id", id])
        .include({ lines: { select: ["sum"] } })
        .first(),
    ).toMatchObject({
      total: 6,
      lines: [{ sum: 6 }],
    });
    expect((await db.products.get("a/tea"))?.stock).toBe(3);
  });

  test("that fails leaves nothing behind, and says at which operation", async () => {
    const db = open().key("b");
    await db.products.insert({ id: "b/tea", title: "tea", price: 3, stock: 1 });
    const failed = await db
      .transaction((tx) => {
        tx.products.patch("b/tea", { title: "gone" });
        tx.products.increment("b/tea", { stock: -2 });
      })
      .catch((error: SelvedgeError) => error);
    expect(failed).toMatchObject({ code: "check_failed", operation: 1 });
    expect(await db.products.get("b/tea")).toMatchObject({ title: "tea", stock: 1 });
  });

  test("whose function throws sends nothing", async () => {
    const db = open().key("c");
    const failing = db.transaction((tx) => {
      tx.products.insert({ id: "c/tea", title: "tea", price: 3 });
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await db.products.get("c/tea")).toBeNull();
  });

  test("runs again when a document that it read has changed, or come", async () => {
    const db = open().key("d");
    await db.products.insert({ id: "d/tea", title: "tea", price: 1, stock: 1 });
    let runs = 0;
    await db.transaction(async (tx) => {
      runs += 1;
      const [tea, cup] = await tx.products.getMany(["d/tea", "d/cup"]);
      if (runs === 1) await db.products.patch("d/tea", { stock: 10 });
      if (runs === 2) await db.products.insert({ id: "d/cup", title: "cup", price: 1, stock: 100 });
      tx.products.patch("d/tea", { stock: (tea?.stock ?? 0) + (cup?.stock ?? 0) + 1 });
    });
    expect(runs).toBe(3);
    expect((await db.products.get("d/tea"))?.stock).toBe(111);
  });

  test("runs again when a query that it asked would answer otherwise: no phantom slips in", async () => {
    const db = open().key("e");
    let runs = 0;
    const count = await db.transaction(async (tx) => {
      runs += 1;
      const cheap = await tx.products.where(["<", "price", 5]).all();
      if (runs === 1) await db.products.insert({ title: "phantom", price: 1 });
      tx.products.insert({ id: "e/count", title: String(cheap.length), price: 100 });
      return cheap.length;
    });
    expect([runs, count]).toEqual([2, 1]);
    expect((await db.products.get("e/count"))?.title).toBe("1");
  });

  test("gives up after as many runs as it was allowed", async () => {
    const db = open().key("f");
    await db.products.insert({ id: "f/tea", title: "tea", price: 1 });
    let runs = 0;
    const failed = await db
      .transaction(
        async (tx) => {
          runs += 1;
          await tx.products.get("f/tea");
          await db.products.increment("f/tea", { stock: 1 });
          tx.products.patch("f/tea", { title: "mine" });
        },
        { tries: 3 },
      )
      .catch((error: SelvedgeError) => error);
    expect(failed).toMatchObject({ code: "conflict", read: 0 });
    expect(runs).toBe(3);
    expect(await db.products.get("f/tea")).toMatchObject({ title: "tea", stock: 3 });
  });

  test("does not run again for a version that was asked for and is not there", async () => {
    const db = open().key("k");
    await db.products.insert({ id: "k/tea", title: "tea", price: 1 });
    let runs = 0;
    const failed = await db
      .transaction((tx) => {
        runs += 1;
        tx.products.patch("k/tea", { title: "x" }, { ifVersion: 99 });
      })
      .catch((error: SelvedgeError) => error);
    expect(failed).toMatchObject({ code: "conflict", operation: 0 });
    expect(runs).toBe(1);
  });

  test("that only reads sees one state of several documents", async () => {
    const db = open().key("g");
    await db.products.insert({ id: "g/a", title: "a", price: 1, stock: 5 });
    await db.products.insert({ id: "g/b", title: "b", price: 1, stock: 5 });
    let runs = 0;
    const sum = await db.transaction(async (tx) => {
      runs += 1;
      const a = await tx.products.get("g/a");
      if (runs === 1) {
        await db.transaction((other) => {
          other.products.increment("g/a", { stock: -3 });
          other.products.increment("g/b", { stock: 3 });
        });
      }
      const b = await tx.products.get("g/b");
      return (a?.stock ?? 0) + (b?.stock ?? 0);
    });
    expect([runs, sum]).toEqual([2, 10]);
  });

  test("tells misuse apart: reading what it wrote, or going on after its end", async () => {
    const db = open().key("h");
    const blind = db.transaction(async (tx) => {
      tx.products.insert({ id: "h/tea", title: "tea", price: 1 });
      await tx.products.get("h/tea");
    });
    await expect(blind).rejects.toMatchObject({ code: "invalid_request" });
    let later = () => {};
    await db.transaction((tx) => {
      later = () => tx.products.patch("h/tea", { title: "lost" });
    });
    expect(later).toThrow(/over/);
  });

  test("counters that many increase at once through reads lose nothing", async () => {
    const db = open().key("i");
    await db.products.insert({ id: "i/n", title: "n", price: 1, stock: 0 });
    const once = () =>
      db.transaction(
        async (tx) => {
          const document = await tx.products.get("i/n");
          tx.products.patch("i/n", { stock: (document?.stock ?? 0) + 1 });
        },
        { tries: 100 },
      );
    for (let round = 0; round < 4; round += 1) await Promise.all([once(), once()]);
    expect((await db.products.get("i/n"))?.stock).toBe(8);
  });

  test("whose answer is lost is sent again under the same id, and happens once", async () => {
    const sent: string[] = [];
    let isLost = false;
    const db = open({
      fetch: async (url, init) => {
        const answer = await fetch(url, init);
        if (!url.endsWith("/_tx")) return answer;
        sent.push((JSON.parse(init.body ?? "") as { id: string }).id);
        if (isLost) return answer;
        isLost = true;
        throw new TypeError("the line broke");
      },
    }).key("j");
    await db.products.insert({ id: "j/tea", title: "tea", price: 1, stock: 5 });
    await db.transaction((tx) => {
      tx.products.increment("j/tea", { stock: -1 });
    });
    expect((await db.products.get("j/tea"))?.stock).toBe(4);
    expect(sent).toHaveLength(3);
    expect(sent[0]).toBe(sent[1]);
    expect(sent[2]).not.toBe(sent[1]);
  });
});
