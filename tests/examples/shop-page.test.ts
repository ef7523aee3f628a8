/**
 * The shop from a page: two customers with tokens of their own, in a real browser, with nothing between them and the
 * database. Each sees and changes what is theirs, and neither can do otherwise.
 */
import { createServer, type Server as Web } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build as bundle } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { audit } from "../../examples/shop/audit.mjs";
import { openShops, shopSchema } from "../../examples/shop/schema.mjs";
import { Shop } from "../../examples/shop/shop.mjs";
import { newDatabase, root, useServer } from "../../js/tests/server.js";
import { chromium as program } from "../../scripts/lib/chromium.mjs";
import { ROOT } from "../../scripts/lib/paths.mjs";
import { AUDIENCE, ISSUER, mint, newKey, type SigningKey, seconds } from "../http/lib/issuer.js";

/** What Debian's Chromium needs as root and without a network. */
const FLAGS =
  "--no-sandbox --disable-quic --disable-background-networking --disable-component-update --disable-sync --no-first-run";

const PAGE = '<!doctype html><meta charset="utf-8"><title>Shop</title><script type="module" src="/page.js"></script>';

/** What the page is made of: the example as it stands, and its user's token, asked of whoever let the user in. */
const SCRIPT = `
  import { SelvedgeError } from "selvedge";
  import { openShops } from "./schema.mjs";
  import { Shop } from "./shop.mjs";
  const key = async () => (await fetch("/token" + location.search)).text();
  Object.assign(globalThis, {
    /** The database, the shop "north" in it, and what becomes of something that is tried. */
    open(where) {
      const db = openShops({ key, ...where });
      return { db, north: db.key("north"), shop: new Shop(db, "north") };
    },
    async tried(act) {
      try {
        return ["done", await act()];
      } catch (error) {
        if (!(error instanceof SelvedgeError)) throw error;
        return [error.code, error.collection, error.rule, error.field].filter((part) => part !== undefined);
      }
    },
  });
`;

const server = useServer();
let browser: Browser;
/** Serves the page, and tokens to whom it takes for signed in: no request for a document comes here. */
let web: Web;
let issued: string[] = [];
let signing: SigningKey;
let db: string;
/** The shop as its staff sees it. */
let staff: Shop;
/** A page of each of two customers. */
let ada: Page;
let bob: Page;

beforeAll(async () => {
  signing = await newKey("ES256", "one");
  const { outputFiles } = await bundle({
    stdin: { contents: SCRIPT, resolveDir: join(ROOT, "examples", "shop"), loader: "js" },
    alias: { selvedge: join(ROOT, "js", "src", "index.ts") },
    bundle: true,
    write: false,
    format: "esm",
  });
  const script = outputFiles[0]?.text;
  web = createServer(async (incoming, outgoing) => {
    const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://page");
    if (pathname === "/page.js") return void outgoing.setHeader("content-type", "text/javascript").end(script);
    if (pathname !== "/token") return void outgoing.setHeader("content-type", "text/html").end(PAGE);
    const sub = searchParams.get("user") ?? "";
    issued.push(sub);
    outgoing.end(await mint(signing, { claims: { sub, exp: seconds(Number(searchParams.get("for") ?? 300)) } }));
  });
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  browser = await chromium.launch({ executablePath: program(), args: FLAGS.split(" ") });

  db = await newDatabase(server(), shopSchema);
  const issuers = [{ issuer: ISSUER, audience: AUDIENCE, keys: [signing.jwk], skew: 0 }];
  await root(server(), "PUT", `${db}/_settings`, { issuers, cors: { origins: [origin()] } });
  const { key } = (await root(server(), "POST", `${db}/_keys`, { name: "till", role: "write", roles: ["staff"] })) as {
    key: string;
  };
  staff = new Shop(openShops({ url: server().url, db, key, socket: false }), "north");
  await staff.deliver("tea", { title: "Tea", price: 450, pieces: 10 });
  await staff.deliver("cup", { title: "Cup", price: 1_200, pieces: 10 });
  [ada, bob] = await Promise.all([visit("ada"), visit("bob")]);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  web?.closeAllConnections();
  web?.close();
});

const origin = () => `http://127.0.0.1:${(web.address() as AddressInfo).port}`;

/** A page of somebody's own browser, with the shop open over sockets and, as `plain`, over HTTP. */
async function visit(user: string, query = ""): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${origin()}/?user=${user}${query}`);
  await page.waitForFunction("'tried' in globalThis");
  const where = JSON.stringify({ url: server().url, db });
  await page.evaluate(`{
    Object.assign(globalThis, open(${where}));
    globalThis.plain = open({ ...${where}, socket: false });
  }`);
  return page;
}

/** What becomes of something that a page tries: of its connection over sockets and over HTTP alike. */
async function tries(page: Page, act: string): Promise<unknown> {
  const [first, second] = (await page.evaluate(`(async () => {
    const act = async ({ db, north, shop }) => ${act};
    return [await tried(() => act(globalThis)), await tried(() => act(plain))];
  })()`)) as unknown[];
  expect(second, act).toEqual(first);
  return first;
}

test("each registers, sees the shelf, says what they want, and sees what comes of it", async () => {
  const orders: Record<string, string> = {};
  for (const [user, page] of [
    ["ada", ada],
    ["bob", bob],
  ] as const) {
    orders[user] = (await page.evaluate(`(async () => {
      const customer = await shop.register("${user}", "${user}@example.com", "${user}");
      const [cup, tea] = await shop.shelf();
      return shop.want(customer, [{ product: tea.id, quantity: 2 }, { product: cup.id, quantity: 1 }]);
    })()`)) as string;
  }
  const { ada: adas = "", bob: bobs = "" } = orders;
  expect(await ada.evaluate(`shop.receipt("${adas}")`)).toMatchObject({ status: "wanted", total: 0 });
  // The shop accepts one: at a till, with an API key.
  expect(await staff.accept(adas)).toBe(true);
  expect(await ada.evaluate(`shop.receipt("${adas}")`)).toMatchObject({
    status: "placed",
    total: 2_100,
    customer: { name: "ada", user: "ada" },
    lines: expect.arrayContaining([
      expect.objectContaining({ sum: 900, product: expect.objectContaining({ stock: 8 }) }),
    ]),
  });
  // Somebody of the staff accepts the other, from a page like anybody's: the token says so.
  const token = await mint(signing, { claims: { sub: "eve", roles: ["staff"] } });
  const eve = new Shop(openShops({ url: server().url, db, key: token, socket: false }), "north");
  expect(await eve.accept(bobs)).toBe(true);
  expect(await audit(eve, 10)).toEqual({ left: 14, taken: 6 });

  // One takes back what was not accepted yet, and changes it before.
  const again = await bob.evaluate(`(async () => {
    const [customer] = await north.customers.all();
    const id = await shop.want(customer.id, [{ product: "north/tea", quantity: 99 }]);
    const [line] = await north.lines.where(["=", "order", id]).all();
    await north.lines.patch(line.id, { quantity: 98 });
    return id;
  })()`);
  expect(await staff.accept(String(again))).toBe(false);
  const gone = await bob.evaluate(`(async () => {
    const [customer] = await north.customers.all();
    const id = await shop.want(customer.id, [{ product: "north/tea", quantity: 1 }]);
    await shop.forgo(id);
    return [await shop.receipt(id), (await north.lines.where(["=", "order", id]).all()).length];
  })()`);
  expect(gone).toEqual([null, 0]);
});

/** What there is of ada's, as an administrator sees it: ids, versions and all. */
async function adas(): Promise<Record<"customer" | "order" | "line", { id: string; [field: string]: unknown }>> {
  const ask = async (from: string, where: unknown) => {
    const { rows } = (await root(server(), "POST", `${db}/_query`, { from, where, limit: 1 })) as { rows: never[] };
    return rows[0] ?? { id: "none" };
  };
  return {
    customer: await ask("customers", ["=", "user", "ada"]),
    order: await ask("orders", ["=", "customer.user", "ada"]),
    line: await ask("lines", ["=", "order.customer.user", "ada"]),
  };
}

test("what is another's is not there, however one asks", async () => {
  const { customer, order, line } = await adas();
  for (const [collection, { id }] of Object.entries({ customers: customer, orders: order, lines: line })) {
    expect(await tries(bob, `db.${collection}.get("${id}")`)).toEqual(["done", null]);
    expect(await tries(bob, `north.${collection}.where(["=", "id", "${id}"]).all()`)).toEqual(["done", []]);
    expect(await tries(bob, `(await north.${collection}.all()).some(({ id }) => id === "${id}")`)).toEqual([
      "done",
      false,
    ]);
    const counted = await tries(
      bob,
      `north.${collection}.where(["=", "id", "${id}"]).aggregate({ n: ["count"] }).all()`,
    );
    expect(counted).toEqual(["done", [{ n: 0 }]]);
  }
  expect(await tries(bob, `shop.receipt("${order.id}")`)).toEqual(["done", null]);
  // Neither on the way from what everybody sees, nor beside it.
  expect(
    await tries(
      bob,
      `(await north.products.include({ lines: { from: "lines", by: "product" } }).all())
        .flatMap(({ lines }) => lines).some(({ id }) => id === "${line.id}")`,
    ),
  ).toEqual(["done", false]);
  expect(
    await tries(
      bob,
      `(await north.products.join("line", { from: "lines", on: [["id", "product"]] }).all())
        .some(({ line }) => line.id === "${line.id}")`,
    ),
  ).toEqual(["done", false]);
  const sums = await tries(bob, `north.lines.aggregate({ pieces: ["sum", "quantity"] }).all()`);
  expect(sums).toEqual(["done", [{ pieces: 101 }]]);
  const behind = `north.products.where(["exists", { from: "lines", by: "product" }, ["=", "id", "${line.id}"]]).all()`;
  expect(await tries(bob, behind)).toEqual(["done", []]);
});

test("what is another's cannot be changed, nor anything done in another's name", async () => {
  const before = await adas();
  const { customer, order, line } = before;
  const forbidden = (collection: string) => ["forbidden", collection, "insert"];
  for (const [act, refused] of [
    [`db.customers.patch("${customer.id}", { name: "Eve" })`, ["not_found"]],
    [`db.customers.replace("${customer.id}", { name: "Eve", email: "eve@example.com", user: "bob" })`, ["exists"]],
    [`db.customers.delete("${customer.id}")`, ["not_found"]],
    [`db.orders.patch("${order.id}", { total: 1 })`, ["not_found"]],
    [`db.orders.delete("${order.id}")`, ["not_found"]],
    [`db.lines.patch("${line.id}", { quantity: 9 })`, ["not_found"]],
    [`db.lines.delete("${line.id}")`, ["not_found"]],
    [`shop.register("Ada", "other@example.com", "ada")`, forbidden("customers")],
    [`shop.want("${customer.id}", [{ product: "north/tea", quantity: 1 }])`, forbidden("orders")],
    [`north.lines.insert({ order: "${order.id}", product: "north/cup", quantity: 5 })`, forbidden("lines")],
  ] as const) {
    expect(await tries(bob, act), act).toEqual(refused);
  }
  expect(await adas()).toEqual(before);
});

test("what is one's own is changed as far as the shop lets: no price, no total, no status, no piece off the shelf", async () => {
  const own = (await bob.evaluate(`(async () => {
    const [customer] = await north.customers.all();
    const order = await shop.want(customer.id, [{ product: "north/tea", quantity: 1 }]);
    const [line] = await north.lines.where(["=", "order", order]).all();
    return { customer: customer.id, order, line: line.id };
  })()`)) as Record<"customer" | "order" | "line", string>;
  const shelf = await staff.shelf();
  for (const [act, ...refused] of [
    [`north.orders.insert({ customer: "${own.customer}", total: 1 })`, "orders", "insert", "total"],
    [`north.orders.insert({ customer: "${own.customer}", status: "placed" })`, "orders", "insert", "status"],
    [
      `north.orders.insert({ customer: "${own.customer}", placed: "2020-01-01T00:00:00Z" })`,
      "orders",
      "insert",
      "placed",
    ],
    [
      `north.lines.insert({ order: "${own.order}", product: "north/cup", quantity: 1, price: 1 })`,
      "lines",
      "insert",
      "price",
    ],
    [`db.lines.patch("${own.line}", { price: 1 })`, "lines", "update", "price"],
    [`db.orders.patch("${own.order}", { status: "placed" })`, "orders", "update"],
    [`db.orders.patch("${own.order}", { total: 1 })`, "orders", "update"],
    [`db.customers.patch("${own.customer}", { user: "ada" })`, "customers", "update"],
    [`db.customers.delete("${own.customer}")`, "customers", "delete"],
    [`db.products.increment("north/tea", { stock: -1 })`, "products", "update"],
    [`db.products.patch("north/tea", { price: 1 })`, "products", "update"],
    [`north.products.insert({ title: "Gold", price: 1 })`, "products", "insert"],
    [`db.products.delete("north/tea")`, "products", "delete"],
    [`shop.order("${own.customer}", [{ product: "north/tea", quantity: 1 }])`],
    [`shop.accept("${own.order}")`],
  ] as const) {
    const answer = (await tries(bob, act)) as string[];
    expect(answer.slice(0, 1 + refused.length), act).toEqual(["forbidden", ...refused]);
  }
  expect(await staff.shelf()).toEqual(shelf);
  expect(await bob.evaluate(`shop.receipt("${own.order}")`)).toMatchObject({
    status: "wanted",
    total: 0,
    lines: [{ price: 0 }],
  });
  // What was accepted is settled.
  const [placed] = (await bob.evaluate(
    `north.orders.where(["=", "status", "placed"]).include({ lines: {} }).all()`,
  )) as {
    id: string;
    lines: { id: string }[];
  }[];
  for (const act of [
    `shop.forgo("${placed?.id}")`,
    `db.lines.patch("${placed?.lines[0]?.id}", { quantity: 1 })`,
    `db.lines.delete("${placed?.lines[0]?.id}")`,
  ]) {
    expect(((await tries(bob, act)) as string[])[0], act).toBe("forbidden");
  }
});

test("neither the schema, nor settings, nor keys, nor documents in bulk are a customer's", async () => {
  const statuses = await bob.evaluate(`(async () => {
    const authorization = "Bearer " + (await (await fetch("/token" + location.search)).text());
    const ask = async (method, path, body) =>
      (await fetch("${server().url}/v1/${db}" + path, { method, body, headers: { authorization } })).status;
    return Promise.all([
      ask("GET", "/_schema"),
      ask("PUT", "/_schema", '{"collections":{}}'),
      ask("PUT", "/_settings", "{}"),
      ask("POST", "/_keys", '{"name":"mine","role":"admin"}'),
      ask("GET", "/_export"),
      ask("DELETE", ""),
    ]);
  })()`);
  expect(statuses).toEqual([403, 403, 403, 403, 403, 403]);
});

test("whoever is not signed in, or by somebody else's word, sees nothing at all", async () => {
  const other = await mint(await newKey("ES256", "one"), { claims: { sub: "ada" } });
  for (const key of ["undefined", JSON.stringify(other)]) {
    const asked = await bob.evaluate(`(async () => {
      const { north } = open({ url: "${server().url}", db: "${db}", key: ${key} });
      return Promise.all([tried(() => north.products.all()), tried(() => north.orders.all())]);
    })()`);
    expect(asked).toEqual([["unauthenticated"], ["unauthenticated"]]);
  }
});

test("a token that runs out is another's to give: the page goes on", async () => {
  issued = [];
  const page = await visit("ada", "&for=2");
  const seen = await page.evaluate(`(async () => {
    const seen = [];
    for (const began = Date.now(); Date.now() - began < 4_500; ) {
      const both = await Promise.all([north.orders.all(), plain.north.orders.all()]);
      seen.push(...both.map((orders) => orders.length));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return new Set(seen).size === 1 && seen[0] > 0;
  })()`);
  expect(seen).toBe(true);
  expect(issued.length).toBeGreaterThanOrEqual(4);
  expect(new Set(issued)).toEqual(new Set(["ada"]));
});
