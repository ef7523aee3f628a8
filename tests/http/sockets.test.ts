/** Who may open a socket, and for how long what opened it lasts. */
import { afterEach, expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { AUDIENCE, ISSUER, mint, newKey, type SigningKey, seconds } from "./lib/issuer.js";
import { type Json, type Members, objects } from "./lib/json.js";
import { type Opened, type Opening, openSocket } from "./lib/socket.js";

const client = useServer();
const another = names("db");
const opened: Opened[] = [];

afterEach(() => {
  for (const socket of opened.splice(0)) socket.close();
});

async function database(settings: Json = {}): Promise<string> {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  await client.put(`/v1/${db}/notes/n1`, { text: "a" });
  await client.put(`/v1/${db}/_settings`, settings);
  return db;
}

const trusting = (key: SigningKey, more: object = {}): Json => ({
  issuers: [{ issuer: ISSUER, audience: AUDIENCE, keys: [key.jwk], skew: 0 }],
  ...more,
});

async function open(db: string, opening: Opening = {}, key = ""): Promise<Opened> {
  const socket = await openSocket(client.url, db, key, opening);
  opened.push(socket);
  return socket;
}

const get = { get: "notes/n1" };

/** The statuses of what is answered to a frame. */
const statuses = async (socket: Opened, ...requests: Parameters<Opened["ask"]>) => {
  const answer = await socket.ask(...requests);
  const body = answer.body as { results?: Json };
  return objects(body.results).map(({ status }) => status);
};

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("a token opens a socket, and ends with its time though the socket stays", async () => {
  const key = await newKey("ES256", "one");
  const db = await database(trusting(key));
  const exp = seconds(3);
  const socket = await open(db, { token: await mint(key, { claims: { exp } }) });
  expect(await statuses(socket, get)).toEqual([404]);
  await sleep(exp * 1_000 - Date.now() + 50);
  const answer = await socket.ask(get, get);
  expect(objects((answer.body as { results: Json }).results)).toMatchObject([
    { status: 401, body: { code: "unauthenticated", detail: expect.stringMatching(/expired/) } },
    { status: 401 },
  ]);
  await expect(open(db, { token: await mint(key, { claims: { exp } }) })).rejects.toThrow("401");
});

test("a token's issuer goes while a socket is open: nothing is answered to its holder any more", async () => {
  const key = await newKey("ES256", "one");
  const db = await database(trusting(key));
  const socket = await open(db, { token: await mint(key) });
  expect(await statuses(socket, get)).toEqual([404]);
  await client.put(`/v1/${db}/_settings`, {});
  expect(await statuses(socket, get)).toEqual([401]);
});

test("a key is revoked while a socket is open, or expires", async () => {
  const db = await database();
  const expires = new Date(Date.now() + 3_000).toISOString();
  const wanted: Members[] = [{ name: "a" }, { name: "b", expires }];
  const [forGood, forNow] = await Promise.all(
    wanted.map(async (more) => {
      const made = await client.post(`/v1/${db}/_keys`, { role: "write", ...more });
      return open(db, { token: String(made.body.key) });
    }),
  );
  if (!forGood || !forNow) throw new Error("Not opened.");
  expect([await statuses(forGood, get), await statuses(forNow, get)]).toEqual([[200], [200]]);
  await client.delete(`/v1/${db}/_keys/a`);
  expect(await statuses(forGood, get)).toEqual([401]);
  await sleep(Date.parse(expires) - Date.now() + 50);
  expect(await statuses(forNow, get, get)).toEqual([401, 401]);
});

test("frames are answered in order, though the first waits for a signature", async () => {
  const key = await newKey("RS256", "one");
  const db = await database(trusting(key));
  // Another database's catalog has not been asked by this key's partition yet, so the first frame waits twice.
  const socket = await open(db, { token: await mint(key) }, "fresh");
  const order: number[] = [];
  const frames = Array.from({ length: 20 }, async (_, n) => {
    const answered = await statuses(socket, { get: `notes/fresh/n${n}` });
    order.push(n);
    return answered;
  });
  expect(await Promise.all(frames)).toEqual(Array(20).fill([404]));
  expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n));
});

test("a token too long to be kept beside a socket opens none, and serves over HTTP", async () => {
  const key = await newKey("ES256", "one");
  const db = await database(trusting(key));
  const long = await mint(key, { claims: { note: "n".repeat(1_000) } });
  expect(long.length).toBeGreaterThan(1_400);
  await expect(open(db, { token: long })).rejects.toThrow("413");
  expect((await client.get(`/v1/${db}/notes/n1`, { token: long })).status).toBe(404);
  // As long as one may be, with a key as long as there is room for; beyond that it is refused, and nothing breaks.
  let fitting = "";
  for (let count = 700; fitting.length < 1_398; count += 1)
    fitting = await mint(key, { claims: { note: "n".repeat(count) } });
  expect(fitting.length).toBeLessThanOrEqual(1_400);
  const socket = await open(db, { token: fitting }, "k".repeat(400));
  expect(await statuses(socket, { get: `notes/${"k".repeat(400)}/n1` })).toEqual([404]);
  await expect(open(db, { token: fitting }, "k".repeat(500))).rejects.toThrow("413");
  await expect(open(db, { token: fitting }, "字".repeat(100))).rejects.toThrow("413");
});

test("nobody in particular opens a socket where the schema says so", async () => {
  const db = await database();
  await expect(open(db)).rejects.toThrow("401");
  await client.put(`/v1/${db}/_schema`, { collections: {}, anonymous: true });
  const socket = await open(db);
  const insert = { tx: { ops: [{ insert: "notes/n2", body: {} }] } };
  expect(await statuses(socket, get, insert)).toEqual([404, 403]);
  await client.put(`/v1/${db}/_schema`, { collections: {} });
  expect(await statuses(socket, get)).toEqual([401]);
});

test("a page of a foreign origin opens no socket, whatever it has", async () => {
  const db = await database({ cors: { origins: ["https://app.example"] } });
  const token = String((await client.post(`/v1/${db}/_keys`, { name: "web", role: "read" })).body.key);
  const from = (origin: string) => open(db, { token, headers: { origin } });
  for (const origin of [
    "https://evil.example",
    "null",
    "https://app.example.evil",
    "http://app.example",
    "x".repeat(5_000),
  ])
    await expect(from(origin), origin).rejects.toThrow("403");
  // One that is named, and ours.
  for (const origin of ["https://app.example", client.url])
    expect(await statuses(await from(origin), get)).toEqual([200]);
});

test("an envelope from outside opens nothing", async () => {
  const db = await database();
  const envelope = { db, key: "", bearer: "root", batch: "b1", named: false, call: "sync" };
  for (const text of [JSON.stringify(envelope), encodeURIComponent(JSON.stringify(envelope))]) {
    await expect(open(db, { headers: { "selvedge-envelope": text } })).rejects.toThrow("401");
    await expect(open(db, { token: "sv_nobody", headers: { "selvedge-envelope": text } })).rejects.toThrow("401");
  }
});
