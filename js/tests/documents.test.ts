/** Documents, queries and transactions through the client, on a real server. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { and, connect, eq, exists, type Fetch, gt, Offline, SelvedgeError } from "../src/index.js";
import { newDatabase, root, useServer } from "./server.js";
import { shop } from "./shop.js";

const server = useServer();
let name: string;

beforeAll(async () => {
  name = await newDatabase(server(), shop);
});

/** A connection to the database of this file, by default with the root key. */
const open = (options: { db?: string; key?: string; fetch?: Fetch; token?: string } = {}) =>
  connect({ url: server().url, db: name, key: server().key, schema: shop, ...options });

/** What a promise was rejected with. */
async function refusal(promise: Promise<unknown>): Promise<SelvedgeError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SelvedgeError) return error;
  throw new Error(`Expected a SelvedgeError, not ${String(error)}.`);
}

describe("documents", () => {
  test("what is inserted is read again, with the system's members and defaults", async () => {
    const db = open();
    const { id, version, time } = await db.products.insert({ title: "tea", price: 3.5 });
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(await db.products.get(id)).toEqual({
      id,
      _version: version,
      _time: time,
      title: "tea",
      price: 3.5,
      stock: 0,
    });
  });

  test("what is not there is null, and getMany keeps the order of its ids", async () => {
    const db = open().key("many");
    await db.products.insert({ id: "many/a", title: "a", price: 1 });
    await db.products.insert({ id: "many/b", title: "b", price: 2 });
    const found = await db.products.getMany(["many/b", "many/none", "many/a"]);
    expect(found.map((product) => product?.title)).toEqual(["b", undefined, "a"]);
    expect(await db.products.get("many/none")).toBeNull();
  });

  test("replace, patch, increment and delete do what they say, at the version that was seen", async () => {
    const db = open();
    await db.products.insert({ id: "p/tea", title: "tea", price: 3, stock: 10 });
    const replaced = await db.products.replace("p/tea", { title: "green tea", price: 4, stock: 10 });
    const patched = await db.products.patch("p/tea", { price: 5 }, { ifVersion: replaced.version });
    expect(patched.version).toBeGreaterThan(replaced.version);
    const late = await refusal(db.products.patch("p/tea", { price: 6 }, { ifVersion: replaced.version }));
    expect(late).toMatchObject({ code: "conflict", status: 409, document: "products/p/tea" });
    expect(late.problem.version).toBe(patched.version);
    await db.products.increment("p/tea", { stock: -4 });
    expect(await db.products.get("p/tea")).toMatchObject({ title: "green tea", price: 5, stock: 6 });
    const short = await refusal(db.products.increment("p/tea", { stock: -1 }, { if: [">", "stock", 6] }));
    expect(short.code).toBe("check_failed");
    expect(await db.products.delete("p/tea")).toMatchObject({ id: "p/tea", version: null });
    expect(await db.products.get("p/tea")).toBeNull();
    expect((await refusal(db.products.replace("p/tea", { title: "x", price: 1 }, { ifVersion: 1 }))).code).toBe(
      "conflict",
    );
    expect((await refusal(db.products.delete("p/tea"))).code).toBe("not_found");
  });

  test("a patch sets, removes, adds and appends by path", async () => {
    const db = open();
    await db.customers.insert({ id: "patch/ada", name: "Ada", email: "ada@patch" });
    await db.orders.insert({ id: "patch/o1", customer: "patch/ada", tags: ["gift"], extra: { deep: 1 } });
    const rest = { append: { tags: ["rush"] }, increment: { total: 12 }, unset: ["extra"] } as const;
    await db.orders.patch("patch/o1", { "paid.at": "2026-01-31T12:00:00Z" }, { ...rest, append: { tags: ["rush"] } });
    const order = await db.orders.get("patch/o1");
    expect(order).toMatchObject({ paid: { at: "2026-01-31T12:00:00.000Z" }, tags: ["gift", "rush"], total: 12 });
    expect(order).not.toHaveProperty("extra");
  });

  test("an odd id survives its journey", async () => {
    const db = open();
    const id = "odd/ü?#% &+/x";
    await db.products.insert({ id, title: "odd", price: 1 });
    expect((await db.products.get(id))?.title).toBe("odd");
  });

  test("an id never leads out of its collection", async () => {
    const asked: string[] = [];
    const db = open({
      fetch: (url, init) => {
        asked.push(url);
        return fetch(url, init);
      },
    });
    for (const id of ["../_schema", "a/../../_schema", "./a", "..", "", "a//b", "a/"]) {
      expect((await refusal(db.products.get(id))).code).toBe("invalid_id");
    }
    expect((await refusal(db.collection("../x" as "products").get("a"))).code).toBe("invalid_name");
    expect(asked).toEqual([]);
    expect(await db.products.get("%2e%2e/..x/.../x?y#z")).toBeNull();
  });

  test("an earlier state is read with `at`", async () => {
    const db = open();
    const { time } = await db.products.insert({ id: "at/tea", title: "tea", price: 1 });
    await db.products.patch("at/tea", { price: 2 });
    expect((await db.products.get("at/tea", { at: time }))?.price).toBe(1);
  });

  test("a refusal carries the server's code and what it concerns", async () => {
    const db = open();
    await db.customers.insert({ id: "r/ada", name: "Ada", email: "ada@r" });
    const twice = await refusal(db.customers.insert({ id: "r/bob", name: "Bob", email: "ada@r" }));
    expect(twice).toMatchObject({ code: "unique_violation", status: 409, uncertain: false });
    const unfit = await refusal(db.customers.insert({ id: "r/cy", name: 7 as unknown as string, email: "c" }));
    expect(unfit).toMatchObject({ code: "invalid_document", status: 422, path: "name" });
    const again = await refusal(db.customers.insert({ id: "r/ada", name: "Ada", email: "other" }));
    expect(again.code).toBe("exists");
    expect((await refusal(open({ key: "sv_wrong" }).customers.get("r/ada"))).code).toBe("unauthenticated");
    expect((await refusal(open({ db: "nowhere" }).customers.get("r/ada"))).code).toBe("unknown_database");
  });

  test("a role that is too low is told so", async () => {
    const made = (await root(server(), "POST", `${name}/_keys`, { name: "reader", role: "read" })) as { key: string };
    const db = open({ key: made.key });
    expect(await db.products.get("none")).toBeNull();
    expect((await refusal(db.products.insert({ title: "x", price: 1 }))).code).toBe("forbidden");
  });

  test("a clock that is wrong stops no write", async () => {
    const hour = 3_600_000;
    for (const [index, skew] of [2 * hour, -30 * 24 * hour].entries()) {
      const asked: string[] = [];
      const db = open({
        fetch: (url, init) => {
          asked.push(url);
          return fetch(url, init);
        },
      });
      const now = Date.now.bind(Date);
      const clock = vi.spyOn(Date, "now").mockImplementation(() => now() + skew);
      try {
        const insert = db.products.insert({ id: `clock${index}/a`, title: "a", price: 1 });
        await Promise.all([insert, db.products.insert({ id: `clock${index}/b`, title: "b", price: 1 })]);
        await db.products.increment(`clock${index}/a`, { stock: 1 });
      } finally {
        clock.mockRestore();
      }
      expect(asked.length).toBeLessThanOrEqual(3);
      expect((await db.products.get(`clock${index}/a`))?.stock).toBe(1);
    }
  });

  test("a write named by its caller is done once, however often it is sent", async () => {
    const db = open();
    await db.products.insert({ id: "once/tea", title: "tea", price: 1, stock: 5 });
    const first = await db.products.increment("once/tea", { stock: -1 }, { batch: "order-1" });
    expect(await db.products.increment("once/tea", { stock: -1 }, { batch: "order-1" })).toEqual(first);
    expect((await db.products.get("once/tea"))?.stock).toBe(4);
    const reused = await refusal(db.products.increment("once/tea", { stock: -2 }, { batch: "order-1" }));
    expect(reused.code).toBe("batch_reused");
  });
});

describe("under a key", () => {
  test("new ids begin with it, queries stay under it, other ids are refused", async () => {
    const acme = open().key("acme");
    const { id } = await acme.products.insert({ title: "tea", price: 1 });
    expect(id).toMatch(/^acme\//);
    await open().key("zeta").products.insert({ title: "cup", price: 2 });
    expect((await acme.products.all()).map(({ title }) => title)).toEqual(["tea"]);
    expect((await acme.query({ from: "products", aggregate: { n: ["count"] } })).rows).toEqual([{ n: 1 }]);
    expect(acme.id("o1")).toBe("acme/o1");
    expect((await refusal(acme.products.get("zeta/x"))).code).toBe("several_keys");
    expect((await refusal(acme.query({ from: "products", key: "zeta" }))).code).toBe("several_keys");
  });
});

describe("queries", () => {
  const db = () => open().key("q");

  beforeAll(async () => {
    const { customers, products, orders, lines } = open().key("q");
    await customers.insert({ id: "q/ada", name: "Ada", email: "ada@q", region: "eu" });
    await customers.insert({ id: "q/bo", name: "Bo", email: "bo@q" });
    await products.insert({ id: "q/tea", title: "tea", price: 3, stock: 9 });
    await orders.insert({ id: "q/o1", customer: "q/ada", total: 30, tags: ["gift"] });
    await orders.insert({ id: "q/o2", customer: "q/ada", total: 10 });
    await orders.insert({ id: "q/o3", customer: "q/bo", total: 20, status: "shipped" });
    await lines.insert({ id: "q/l1", order: "q/o1", product: "q/tea", quantity: 10, price: 3 });
  });

  test("filter, order, select and limit", async () => {
    const rows = await db()
      .orders.where(["=", "status", "open"])
      .where(gt("total", 5))
      .select("id", { sum: "total" })
      .orderBy(["total", "desc"])
      .limit(5)
      .all();
    expect(rows).toEqual([
      { id: "q/o1", sum: 30 },
      { id: "q/o2", sum: 10 },
    ]);
  });

  test("includes in both directions, computed fields in them", async () => {
    const row = await db()
      .orders.where(and(eq("customer", "q/ada"), exists("lines", ["=", "product", "q/tea"])))
      .select("id")
      .include({ customer: { select: ["name"] } })
      .include({ lines: { select: ["sum"], include: { product: { select: ["title"] } } } })
      .first();
    expect(row).toEqual({ id: "q/o1", customer: { name: "Ada" }, lines: [{ sum: 30, product: { title: "tea" } }] });
    expect(await db().orders.exists("customer", ["=", "region", "us"]).first()).toBeNull();
  });

  test("joins and groups", async () => {
    const joined = await db()
      .orders.join("buyer", { from: "customers", on: [["customer", "id"]], where: ["=", "region", "eu"] })
      .select("total", { name: "buyer.name" })
      .orderBy("total")
      .all();
    expect(joined.map(({ total, name, buyer }) => [total, name, buyer.email])).toEqual([
      [10, "Ada", "ada@q"],
      [30, "Ada", "ada@q"],
    ]);
    const groups = await db()
      .orders.groupBy("customer")
      .aggregate({ n: ["count"], sum: ["sum", "total"] })
      .orderBy(["sum", "desc"])
      .all();
    expect(groups).toEqual([
      { customer: "q/ada", n: 2, sum: 40 },
      { customer: "q/bo", n: 1, sum: 20 },
    ]);
  });

  test("pages follow each other without a gap, and `all` follows them", async () => {
    const sizes: number[] = [];
    const ids: string[] = [];
    for await (const { rows } of db().orders.orderBy("total").pages({ size: 2 })) {
      sizes.push(rows.length);
      ids.push(...rows.map(({ id }) => id));
    }
    expect([sizes, ids]).toEqual([
      [2, 1],
      ["q/o2", "q/o3", "q/o1"],
    ]);
    const many = open().key("pages");
    await Promise.all(Array.from({ length: 7 }, (_, n) => many.products.insert({ title: `t${n}`, price: n })));
    const limited = [];
    for await (const { rows } of many.products.orderBy("price").limit(5).pages({ size: 2 })) limited.push(rows.length);
    expect(limited).toEqual([2, 2, 1]);
    expect(await many.products.all()).toHaveLength(7);
  });

  test("the plain tree, its cost and its plan", async () => {
    const answer = await db().query({ from: "orders", where: ["contains", "tags", "gift"], select: ["id"] });
    expect(answer.rows).toEqual([{ id: "q/o1" }]);
    expect(answer.cost).toMatchObject({ actors: 1, rowsWritten: 0 });
    const { plan } = await db().orders.where(["=", "status", "open"]).explain();
    expect(plan.join("\n")).toMatch(/USING INDEX/);
  });

  test("what stands in a value's place is a value", async () => {
    const hostile = "' OR 1=1 --";
    expect(await db().customers.where(eq("name", hostile)).all()).toEqual([]);
  });

  test("a query that makes no sense is refused with the reason", async () => {
    const loose = connect({ url: server().url, db: name, key: server().key }).key("q");
    const error = await refusal(
      loose
        .collection("orders")
        .where(["~", "total", 1] as never)
        .all(),
    );
    expect(error).toMatchObject({ code: "unknown_operator", status: 400 });
  });
});

describe("tokens", () => {
  test("carry what was seen from one connection to another", async () => {
    const server1 = open();
    await server1.products.insert({ id: "tok/a", title: "a", price: 1 });
    await server1.products.get("other/none");
    const token = server1.token();
    expect(token).toMatch(/^tok@\d+,other@\d+$|^tok@\d+/);
    const sent: string[] = [];
    const browser = open({
      token,
      fetch: (url, init) => {
        sent.push(init.headers["selvedge-token"] ?? "");
        return fetch(url, init);
      },
    });
    expect(await browser.products.get("tok/a")).not.toBeNull();
    expect(sent[0]).toContain(token.split(",")[0]);
  });
});

describe("reaching the server", () => {
  test("a server that is not there is told apart from one that refuses", async () => {
    const nowhere = connect({ url: "http://127.0.0.1:9", db: name, key: "sv_none", schema: shop });
    const error = await refusal(nowhere.products.get("a"));
    expect(error).toBeInstanceOf(Offline);
    expect(error).toMatchObject({ code: "offline", status: 0, uncertain: false });
  });

  test("a binding stands in for the network", async () => {
    const asked: string[] = [];
    const binding = {
      fetch(url: string, init: RequestInit) {
        asked.push(new URL(url).pathname);
        return fetch(url.replace("https://selvedge", server().url), init);
      },
    };
    const db = connect({ binding, db: name, key: server().key, schema: shop });
    expect(await db.products.get("none")).toBeNull();
    expect(asked).toEqual([`/v1/${name}/products/none`]);
  });

  test("a database can be awaited and printed like any value", async () => {
    const db = open();
    expect(await Promise.resolve(db)).toBe(db);
    expect(() => JSON.stringify(db)).not.toThrow();
  });
});
