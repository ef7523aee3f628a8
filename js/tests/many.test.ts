/** Operations that travel together, on a real server: counted, lost, and killed in mid-stream. */
import { describe, expect, test } from "vitest";
import type { Fetch } from "../src/index.js";
import { addThroughRestarts, eachItsOwn, Mortal, numbers, openShop, readsMoreThanFits } from "./company.js";

const mortal = new Mortal();

function open(send: Fetch = fetch) {
  const asked: string[] = [];
  const db = openShop({
    url: mortal.server.url,
    db: mortal.name,
    key: mortal.server.key,
    fetch: (url, init) => {
      asked.push(url.slice(url.lastIndexOf("/")));
      return send(url, init);
    },
  });
  return { db, asked };
}

describe("over HTTP", () => {
  test("a hundred inserts of one key are one request, and so are a hundred reads", async () => {
    const { db, asked } = open();
    const written = await Promise.all(
      numbers(100).map((n) => db.products.insert({ id: `a/${n}`, title: `t${n}`, price: n })),
    );
    expect(new Set(written.map(({ version }) => version)).size).toBe(100);
    const read = await db.products.getMany(numbers(100).map((n) => `a/${n}`));
    expect(read.map((product) => product?.price)).toEqual(numbers(100));
    expect(asked).toEqual(["/_many", "/_many"]);
  });

  test("each has its own result or error, and reads see the writes before them", async () => {
    const { db, asked } = open();
    await eachItsOwn(db, "b");
    expect(asked).toEqual(["/_many"]);
    expect(db.token()).toMatch(/^b@\d+$/);
  });

  test("reads whose answers do not fit into one come all the same", async () => {
    const { db, asked } = open();
    await readsMoreThanFits(db, "large/x");
    expect(asked).toEqual(["/_tx", "/_many", "/_many", "/_many"]);
  });

  test("an answer that is lost is asked for again, and nothing happens twice", async () => {
    let isLost = false;
    const { db, asked } = open(async (url, init) => {
      const answer = await fetch(url, init as RequestInit);
      if (isLost || !url.endsWith("/_many")) return answer;
      isLost = true;
      throw new TypeError("the line broke");
    });
    await db.products.insert({ id: "c/tea", title: "tea", price: 1, stock: 0 });
    await Promise.all(numbers(20).map(() => db.products.increment("c/tea", { stock: 1 })));
    expect((await db.products.get("c/tea"))?.stock).toBe(20);
    expect(asked).toEqual(["/_tx", "/_many", "/_many", "/tea"]);
  });

  test("concurrent orders never take more than there is", async () => {
    const { db } = open();
    await db.products.insert({ id: "d/tea", title: "tea", price: 2, stock: 50 });
    await db.customers.insert({ id: "d/ada", name: "Ada", email: "ada@d" });
    const outcomes = await Promise.allSettled(
      numbers(120).map(() =>
        db.key("d").transaction((tx) => {
          const order = tx.orders.insert({ customer: "d/ada" });
          tx.lines.insert({ order, product: "d/tea", quantity: 1, price: 2 });
          tx.products.increment("d/tea", { stock: -1 });
        }),
      ),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(50);
    expect((await db.products.get("d/tea"))?.stock).toBe(0);
    const [sums] = await db
      .key("d")
      .lines.aggregate({ n: ["count"], sum: ["sum", "sum"] })
      .all();
    expect(sums).toEqual({ n: 50, sum: 100 });
  });

  test("a server killed in mid-stream and started again: every write happens once, every promise settles", async () => {
    const { db } = open();
    await addThroughRestarts(db, "e/n", () => mortal.restart());
  });
});
