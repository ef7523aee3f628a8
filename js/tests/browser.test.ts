/** The client in a page, in a real browser: over a socket, over HTTP, and with the line cut. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, request, type Server as Web } from "node:http";
import { type AddressInfo, connect as dial, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build as bundle } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { chromium as program } from "../../scripts/lib/chromium.mjs";
import { newDatabase, useServer } from "./server.js";
import { shop } from "./shop.js";

const PAGE =
  '<!doctype html><meta charset="utf-8"><title>Selvedge</title><script type="module" src="/page.js"></script>';

/** What Debian's Chromium needs as root and without a network. */
const FLAGS =
  "--no-sandbox --disable-quic --disable-background-networking --disable-component-update --disable-sync --no-first-run";

const server = useServer();
const folder = mkdtempSync(join(tmpdir(), "selvedge-page-"));
let browser: Browser;
let web: Web;
let page: Page;
let db: string;
/** Sockets of the page that go through to the server. */
let lines: Socket[] = [];
/** Paths that were asked over HTTP. */
let asked: string[] = [];

beforeAll(async () => {
  const outfile = join(folder, "page.js");
  const contents = `import * as selvedge from "./src/index.js"; import { shop } from "./tests/shop.js";
    Object.assign(globalThis, { selvedge, shop });`;
  const resolveDir = join(import.meta.dirname, "..");
  await bundle({ stdin: { contents, resolveDir, loader: "ts" }, outfile, bundle: true, format: "esm" });
  const script = readFileSync(outfile);
  // The page and the database have one origin here.
  web = createServer((incoming, outgoing) => {
    const path = incoming.url ?? "/";
    if (!path.startsWith("/v1/")) {
      const isScript = path === "/page.js";
      outgoing.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      return void outgoing.end(isScript ? script : PAGE);
    }
    asked.push(path);
    const { method, headers } = incoming;
    const through = request(server().url + path, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    through.on("error", () => outgoing.destroy());
    incoming.pipe(through);
  });
  web.on("upgrade", (incoming, near: Socket) => {
    const { hostname, port } = new URL(server().url);
    const far = dial(Number(port), hostname, () => {
      const headers = Object.entries(incoming.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      far.write(`GET ${incoming.url} HTTP/1.1\r\n${headers.join("")}\r\n`);
      far.pipe(near).pipe(far);
    });
    for (const end of [near, far]) end.on("error", () => {});
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
    lines.push(near);
  });
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  browser = await chromium.launch({ executablePath: program(), args: FLAGS.split(" ") });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  web?.closeAllConnections();
  web?.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  db = await newDatabase(server(), shop);
  [lines, asked] = [[], []];
  page = await browser.newPage();
  const { port } = web.address() as AddressInfo;
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.waitForFunction(() => "selvedge" in globalThis);
  const given = JSON.stringify({ db, key: server().key });
  await page.evaluate(`{
    globalThis.open = (more) => selvedge.connect({ url: location.origin, schema: shop, ...${given}, ...more });
    globalThis.db = open({});
  }`);
});

test("a page inserts, reads, asks with an include, and commits, over one socket", async () => {
  const seen = await page.evaluate(`(async () => {
    const acme = db.key("acme");
    await Promise.all([
      db.customers.insert({ id: "acme/ada", name: "Ada", email: "ada@acme" }),
      db.products.insert({ id: "acme/tea", title: "tea", price: 2, stock: 5 }),
    ]);
    await acme.transaction((tx) => {
      const order = tx.orders.insert({ id: "acme/o1", customer: "acme/ada" });
      tx.lines.insert({ order: "acme/o1", product: "acme/tea", quantity: 2, price: 2 });
      tx.products.increment("acme/tea", { stock: -2 });
    });
    const rows = await acme.orders.include({ customer: {}, lines: {} }).all();
    const missing = await db.orders.get("acme/none");
    const refused = await acme.products.increment("acme/tea", { stock: -9 }).catch((error) => error.code);
    return { rows, missing, refused, stock: (await db.products.get("acme/tea")).stock };
  })()`);
  expect(seen).toMatchObject({
    rows: [{ id: "acme/o1", customer: { name: "Ada" }, lines: [{ sum: 4 }] }],
    missing: null,
    refused: "check_failed",
    stock: 3,
  });
  expect([lines.length, asked]).toEqual([1, []]);
});

test("a loop that keeps many in flight keeps the page and the server at work in turns", async () => {
  const seen = await page.evaluate(`(async () => {
    const sizes = [];
    class Counted extends WebSocket {
      send(frame) {
        sizes.push(JSON.parse(frame).requests.length);
        super.send(frame);
      }
    }
    const db = open({ socket: Counted });
    await db.products.insert({ id: "acme/tea", title: "tea", price: 2, stock: 0 });
    const worker = async () => {
      for (let round = 0; round < 4; round += 1) await db.products.increment("acme/tea", { stock: 1 });
    };
    await Promise.all(Array.from({ length: 32 }, worker));
    return { sizes, stock: (await db.products.get("acme/tea")).stock };
  })()`);
  expect(seen).toMatchObject({ stock: 128 });
  expect((seen as { sizes: number[] }).sizes.slice(0, 3)).toEqual([1, 32, 16]);
});

test("the same over HTTP, where a page wants no socket", async () => {
  const seen = await page.evaluate(`(async () => {
    const db = open({ socket: false });
    await Promise.all([1, 2, 3].map((n) => db.products.insert({ id: "acme/" + n, title: "t" + n, price: n })));
    return (await db.products.getMany(["acme/1", "acme/3", "acme/9"])).map((product) => product?.price ?? null);
  })()`);
  expect(seen).toEqual([1, 3, null]);
  expect([lines.length, asked.map((path) => path.slice(path.lastIndexOf("/")))]).toEqual([0, ["/_many", "/_many"]]);
});

test("a line that is cut in mid-stream loses nothing and repeats nothing", async () => {
  const all = page.evaluate(`(async () => {
    await db.products.insert({ id: "acme/n", title: "n", price: 1, stock: 0 });
    const worker = async () => {
      for (let round = 0; round < 60; round += 1) {
        await db.products.increment("acme/n", { stock: 1 });
        done += 1;
      }
    };
    globalThis.done = 0;
    await Promise.all(Array.from({ length: 8 }, worker));
    return (await db.products.get("acme/n")).stock;
  })()`);
  for (const part of [100, 250]) {
    await page.waitForFunction(`globalThis.done >= ${part}`);
    for (const line of lines) line.destroy();
  }
  expect(await all).toBe(480);
  expect(lines.length).toBeGreaterThanOrEqual(3);
  expect(asked).toEqual([]);
});

test("what one connection has seen is carried to another, and whoever is unknown is told so", async () => {
  const seen = await page.evaluate(`(async () => {
    await db.products.insert({ id: "acme/x", title: "x", price: 1 });
    const other = open({ token: db.token() });
    const nobody = open({ key: "sv_nobody" });
    const refused = await nobody.products.get("acme/x").catch((error) => [error.name, error.code]);
    return { title: (await other.products.get("acme/x")).title, refused };
  })()`);
  expect(seen).toEqual({ title: "x", refused: ["SelvedgeError", "unauthenticated"] });
});
