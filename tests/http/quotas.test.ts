/** Quotas: how much one principal may ask of one key, and what he is told beyond that. */
import { expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { AUDIENCE, ISSUER, mint, newKey, type SigningKey } from "./lib/issuer.js";
import { type Json, objects } from "./lib/json.js";
import { openSocket } from "./lib/socket.js";

const client = useServer();
const another = names("db");

/** A database with quotas, and the keys of two who use it. The rates are low, so that nothing comes back while a test runs. */
async function database(quotas: Json, signing?: SigningKey) {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  for (const id of ["n1", "a/n1"]) await client.put(`/v1/${db}/notes/${id}`, { text: "a" });
  const issuers = signing ? [{ issuer: ISSUER, audience: AUDIENCE, keys: [signing.jwk] }] : [];
  await client.put(`/v1/${db}/_settings`, { issuers, quotas });
  const key = async (name: string) => String((await client.post(`/v1/${db}/_keys`, { name, role: "write" })).body.key);
  return { db, one: await key("one"), two: await key("two") };
}

/** How many of very many requests were answered otherwise than with 429. */
async function served(db: string, token: string, id = "n1", count = 250): Promise<number> {
  const requests = Array.from({ length: count }, () => ({ get: `notes/${id}` }));
  const many = await client.post(`/v1/${db}/_many`, { requests }, { token });
  return objects(many.body.results).filter(({ status }) => status !== 429).length;
}

test("requests beyond the burst are refused, with when to try again", async () => {
  const { db, one } = await database({ requestsPerSecond: 1, burst: 100 });
  const [first, all] = [await served(db, one), await served(db, one)];
  expect(first).toBeGreaterThanOrEqual(100);
  expect(first).toBeLessThan(250);
  expect(all).toBeLessThan(100);
  await served(db, one);
  const requests = Array.from({ length: 250 }, () => ({ get: "notes/n1" }));
  const { body } = await client.post(`/v1/${db}/_many`, { requests }, { token: one });
  const last = objects(body.results).at(-1);
  expect(last).toMatchObject({ status: 429, body: { code: "too_many_requests", retryAfter: 1 } });
});

test("a single request beyond them says so in its header", async () => {
  const { db, one } = await database({ requestsPerSecond: 1, burst: 1 });
  const answers = await Promise.all(Array.from({ length: 40 }, () => client.get(`/v1/${db}/notes/n1`, { token: one })));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  for (const { headers, body } of refused) {
    expect(headers["retry-after"]).toBe("1");
    expect(body.code).toBe("too_many_requests");
  }
});

test("each principal has his own, and each key its own; an administrator's use is not counted", async () => {
  const { db, one, two } = await database({ requestsPerSecond: 1, burst: 100 });
  expect(await served(db, one)).toBeLessThan(250);
  expect(await served(db, two)).toBeGreaterThanOrEqual(100);
  expect(await served(db, one, "a/n1")).toBeGreaterThanOrEqual(100);
  const admin = String((await client.post(`/v1/${db}/_keys`, { name: "admin", role: "admin" })).body.key);
  expect(await served(db, admin)).toBe(250);
});

test("tokens of one subject share, and those of two do not; nobody in particular is one", async () => {
  const key = await newKey("ES256", "one");
  const { db } = await database({ requestsPerSecond: 1, burst: 100 }, key);
  await client.put(`/v1/${db}/_schema`, { collections: {}, anonymous: true });
  const token = (sub: string, jti: string) => mint(key, { claims: { sub, jti } });
  expect(await served(db, await token("ada", "1"))).toBeLessThan(250);
  expect(await served(db, await token("ada", "2"))).toBeLessThan(100);
  expect(await served(db, await token("eve", "1"))).toBeGreaterThanOrEqual(100);
});

test("frames of a socket count, request by request", async () => {
  const { db, one } = await database({ requestsPerSecond: 1, burst: 100 });
  const socket = await openSocket(client.url, db, "", { token: one });
  const requests = Array.from({ length: 250 }, () => ({ get: "notes/n1" }));
  const answer = await socket.ask(...requests);
  const results = objects((answer.body as { results: Json }).results);
  expect(results.filter(({ status }) => status === 429).length).toBeGreaterThan(100);
  expect(results[0]?.status).toBe(200);
  socket.close();
});

test("rows are charged after they were read, and paid off before more are", async () => {
  const { db, one, two } = await database({ rowsPerSecond: 10 });
  const lines = Array.from({ length: 400 }, (_, n) => `${JSON.stringify(["many", { id: `m${n}` }])}\n`).join("");
  await client.post(`/v1/${db}/_import`, lines);
  const query = (token: string) => client.post(`/v1/${db}/_query`, { from: "many", key: "", limit: 400 }, { token });
  expect((await query(one)).status).toBe(200);
  const refused = await query(one);
  expect(refused).toMatchObject({ status: 429, body: { code: "too_many_requests" } });
  // Some 400 rows at 10 a second.
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(20);
  expect(refused.body.retryAfter).toBe(Number(refused.headers["retry-after"]));
  expect((await query(two)).status).toBe(200);
  expect((await query(two)).status).toBe(429);
});

test("quotas that are lifted are lifted", async () => {
  const { db, one } = await database({ requestsPerSecond: 1, burst: 1 });
  expect(await served(db, one)).toBeLessThan(250);
  await client.put(`/v1/${db}/_settings`, {});
  expect(await served(db, one)).toBe(250);
});
