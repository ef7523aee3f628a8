/** A page of another origin in a real browser: what it may ask, and what it is kept from. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { chromium as program } from "../../scripts/lib/chromium.mjs";
import { useServer } from "./lib/client.js";
import { AUDIENCE, ISSUER, mint, newKey } from "./lib/issuer.js";

/** What Debian's Chromium needs as root and without a network. */
const FLAGS =
  "--no-sandbox --disable-quic --disable-background-networking --disable-component-update --disable-sync --no-first-run";

const client = useServer();
let browser: Browser;
let web: Server;
let origin: string;
let page: Page;
let token: string;

beforeAll(async () => {
  web = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html><p>Shop"));
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  browser = await chromium.launch({ executablePath: program(), args: FLAGS.split(" ") });
  const key = await newKey("ES256", "one");
  await client.put("/v1/shop", undefined);
  await client.put("/v1/shop/notes/n1", { text: "a" });
  const issuers = [{ issuer: ISSUER, audience: AUDIENCE, keys: [key.jwk] }];
  await client.put("/v1/shop/_settings", { issuers, cors: { origins: [origin], maxAge: 0 } });
  token = await mint(key);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  web?.closeAllConnections();
  web?.close();
});

beforeEach(async () => {
  page = await browser.newPage();
});

/** What the page hears of a request: status and headers that it may read, or why it hears nothing. */
const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
  page.evaluate(
    async ([url, init]) => {
      try {
        const answer = await fetch(url, init);
        const read = ["etag", "selvedge-token", "selvedge-cost", "location", "retry-after"];
        return { status: answer.status, headers: read.filter((name) => answer.headers.has(name)) };
      } catch (thrown) {
        return String(thrown);
      }
    },
    [`${client.url}/v1/shop/${path}`, { method, headers, body }] as const,
  );

/** How a socket that the page opens ends: open, or not. */
const socket = () =>
  page.evaluate(
    ([url, bearer]) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(url, ["selvedge.v1", bearer]);
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
      }),
    [
      `${client.url.replace("http", "ws")}/v1/shop/_sync?key=`,
      `bearer.${Buffer.from(token).toString("base64url")}`,
    ] as const,
  );

const bearer = () => ({ authorization: `Bearer ${token}` });

test("a page whose origin is named asks everything, and reads what it needs to", async () => {
  await page.goto(origin);
  expect(await ask("GET", "notes/n1", bearer())).toMatchObject({ status: 404 });
  const body = JSON.stringify({ text: "b" });
  const json = { ...bearer(), "content-type": "application/json", "if-match": '"1"' };
  for (const method of ["PUT", "PATCH", "DELETE"]) {
    const headers = { ...json, "idempotency-key": method };
    const answer = await ask(method, "notes/n1", headers, method === "DELETE" ? undefined : body);
    expect(answer, method).toMatchObject({ status: 412 });
  }
  // A refusal is seen as any other answer, also one for a batch id of another request.
  const reused = await ask("DELETE", "notes/n1", { ...json, "idempotency-key": "PUT" });
  expect(reused).toEqual({ status: 409, headers: ["selvedge-token"] });
  expect(await ask("POST", "_query", bearer(), "{")).toMatchObject({ status: 400 });
  expect(await ask("GET", "notes/n1", { authorization: "Bearer sv_stranger" })).toMatchObject({ status: 401 });
  const made = await client.post("/v1/shop/_keys", { name: "page", role: "read" });
  const read = await ask("GET", "notes/n1", { authorization: `Bearer ${made.body.key}` });
  expect(read).toEqual({ status: 200, headers: ["etag", "selvedge-token", "selvedge-cost"] });
  expect(await socket()).toBe("open");
});

test("a page of another origin hears nothing, with or without credentials", async () => {
  // The same server under another name is another origin.
  await page.goto(origin.replace("127.0.0.1", "localhost"));
  for (const headers of [{}, bearer()]) {
    expect(await ask("GET", "notes/n1", headers)).toMatch(/Failed to fetch/);
    expect(await ask("PUT", "notes/n1", headers, "{}")).toMatch(/Failed to fetch/);
    expect(await ask("POST", "_query", headers, '{"from":"notes"}')).toMatch(/Failed to fetch/);
  }
  expect(await socket()).toBe("refused");
  expect((await client.get("/v1/shop/notes/n1")).body.text).toBe("a");
});
