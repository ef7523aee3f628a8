/** The server as `npm start` runs it: its own workerd, its data on disk. */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { build } from "../../scripts/lib/build.mjs";
import { startWorkerd } from "../../scripts/lib/workerd.mjs";
import { AUDIENCE, ISSUER, mint, newKey } from "../http/lib/issuer.js";
import { Jwks } from "../http/lib/jwks.js";

/** @type {string} */
let data;
/** @type {import("../../scripts/lib/workerd.mjs").Server[]} */
let servers;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "selvedge-test-"));
  servers = [];
});

afterEach(async () => {
  await Promise.all(servers.map((server) => server.kill()));
  rmSync(data, { recursive: true, force: true });
});

/** @param {Partial<import("../../scripts/lib/workerd.mjs").StartOptions>} [options] */
async function start(options) {
  const server = await startWorkerd({ modules: await build("quick"), data, ...options });
  servers.push(server);
  return server;
}

test("a started server says that it is healthy, and which version it is", async () => {
  const { url } = await start();
  const response = await fetch(`${url}/v1/health`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  const { version } = JSON.parse(readFileSync(new URL("../../js/package.json", import.meta.url), "utf8"));
  expect(await response.json()).toEqual({ status: "ok", version });
});

test("the root key is made once, is readable by its owner alone, and survives the server", async () => {
  const first = await start();
  expect(first.key).toMatch(/^sv_root_[\w-]{43}$/);
  expect(statSync(join(data, "root-key")).mode & 0o777).toBe(0o600);
  await first.stop();
  const second = await start();
  expect(second.key).toBe(first.key);
});

test("after a kill the same folder is served again", async () => {
  const first = await start();
  expect(await first.kill("SIGKILL")).toEqual({ code: null, signal: "SIGKILL" });
  await expect(fetch(`${first.url}/v1/health`)).rejects.toThrow();
  const second = await start({ port: Number(new URL(first.url).port) });
  expect(second.url).toBe(first.url);
  expect((await fetch(`${second.url}/v1/health`)).status).toBe(200);
});

test("keys of an issuer on this machine are fetched, and kept when the server is killed", async () => {
  const key = await newKey("RS256", "one");
  const jwks = await Jwks.start();
  jwks.lists(key.jwk);
  try {
    const first = await start();
    /** @param {string} method @param {string} path @param {string} token @param {unknown} [body] */
    const ask = async (method, path, token, body, url = first.url) => {
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${url}/v1/shop${path}`, { method, headers, body: JSON.stringify(body) })).status;
    };
    expect(await ask("PUT", "", first.key)).toBe(201);
    const issuers = [{ issuer: ISSUER, audience: AUDIENCE, jwks: jwks.url }];
    expect(await ask("PUT", "/_settings", first.key, { issuers })).toBe(200);
    expect(await ask("PUT", "/notes/n1", first.key, {})).toBe(201);
    const token = await mint(key);
    expect(await ask("GET", "/notes/n1", token)).toBe(404);
    expect(await ask("GET", "/notes/n1", `${token.slice(0, -4)}AAAA`)).toBe(401);
    await first.kill("SIGKILL");
    const second = await start();
    expect(await ask("GET", "/notes/n1", token, undefined, second.url)).toBe(404);
    expect(jwks.asked).toBe(1);
  } finally {
    jwks.stop();
  }
});

test("a folder that is being served is refused to a second server", async () => {
  const { pid } = await start();
  await expect(start()).rejects.toThrow(`process ${pid}`);
});

test("a taken port is named", async () => {
  const taken = createServer();
  /** @type {number} */
  const port = await new Promise((resolve) => {
    taken.listen(0, "127.0.0.1", () => {
      const address = taken.address();
      resolve(typeof address === "object" && address ? address.port : 0);
    });
  });
  try {
    await expect(start({ port })).rejects.toThrow(`Port ${port} is taken`);
  } finally {
    taken.close();
  }
});
