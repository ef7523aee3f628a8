/** Settings: put, got without secrets, refused where they are none; API keys that expire; the trail of acts. */
import { expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { AUDIENCE, ISSUER, mint, newKey } from "./lib/issuer.js";
import { type Json, objects } from "./lib/json.js";

const client = useServer();
const another = names("db");

async function database(): Promise<string> {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  return db;
}

const issuer = (more: Record<string, Json>) => ({ issuer: ISSUER, audience: AUDIENCE, ...more });

test("a new database has none, and what is put is what is there", async () => {
  const db = await database();
  const none = { issuers: [], cors: { origins: [] }, quotas: {} };
  const first = await client.get(`/v1/${db}/_settings`);
  expect(first.body).toEqual({ version: 0, settings: none, fetched: [] });
  expect(first.headers.etag).toBe('"0"');
  const { jwk } = await newKey("RS256", "one");
  const settings: Json = {
    issuers: [
      issuer({ keys: [jwk], algorithms: ["RS256"], skew: 5 }),
      { issuer: "other", audience: ["a", "b"], jwks: "https://x.example/k" },
    ],
    cors: { origins: ["https://app.example", "http://localhost:3000"], maxAge: 60 },
    quotas: { requestsPerSecond: 10, burst: 20, rowsPerSecond: 30 },
  };
  const put = await client.put(`/v1/${db}/_settings`, settings);
  expect(put).toMatchObject({ status: 200, body: { version: 1 } });
  expect(put.headers.etag).toBe('"1"');
  const { body } = await client.get(`/v1/${db}/_settings`);
  const { alg: _, use: __, ...shown } = jwk;
  expect(body).toEqual({
    version: 1,
    fetched: [],
    settings: {
      ...settings,
      issuers: [
        issuer({ audience: [AUDIENCE], keys: [shown], algorithms: ["RS256"], skew: 5 }),
        { issuer: "other", audience: ["a", "b"], jwks: "https://x.example/k", skew: 60 },
      ],
    },
  });
  // The same again is no change, nor is what was got.
  expect((await client.put(`/v1/${db}/_settings`, settings)).body.version).toBe(1);
  expect((await client.put(`/v1/${db}/_settings`, body.settings)).body.version).toBe(1);
});

test("settings are put over the version that was read", async () => {
  const db = await database();
  const put = (origins: string[], version: number) =>
    client.put(`/v1/${db}/_settings`, { cors: { origins } }, { headers: { "if-match": `"${version}"` } });
  expect((await put(["https://a.example"], 0)).status).toBe(200);
  expect(await put(["https://b.example"], 0)).toMatchObject({ status: 412, body: { version: 1 } });
  expect((await put(["https://b.example"], 1)).body).toEqual({ version: 2 });
});

test("a secret is never shown, and stays where it is left out", async () => {
  const db = await database();
  const key = await newKey("HS256", "shared");
  await client.put(`/v1/${db}/_settings`, { issuers: [issuer({ keys: [key.jwk] })] });
  const got = await client.get(`/v1/${db}/_settings`);
  expect(got.text).not.toContain(String(key.jwk.k));
  const settings = got.body.settings as Record<string, Json>;
  expect(settings.issuers).toMatchObject([{ keys: [{ kty: "oct", kid: "shared" }] }]);
  await client.put(`/v1/${db}/notes/n1`, {});
  const known = async () => (await client.get(`/v1/${db}/notes/n1`, { token: await mint(key) })).status;
  await client.put(`/v1/${db}/_settings`, { ...settings, cors: { origins: ["https://app.example"] } });
  expect(await known()).toBe(404);
  // Under another name there is none to stay, nor for another issuer.
  const path = "/issuers/0/keys/0/k";
  for (const other of [
    issuer({ keys: [{ kty: "oct", kid: "new" }] }),
    { ...issuer({ keys: [{ kty: "oct", kid: "shared" }] }), issuer: "x" },
  ]) {
    const refused = await client.put(`/v1/${db}/_settings`, { issuers: [other] });
    expect(refused).toMatchObject({ status: 422, body: { code: "invalid_settings", path } });
  }
  expect(await known()).toBe(404);
  expect((await client.get(`/v1/${db}/_audit`)).text).not.toContain(String(key.jwk.k));
});

const secret = { kty: "oct", k: "A".repeat(43) };

test.each<[Json, string]>([
  [{ other: 1 }, "/other"],
  [{ issuers: {} }, "/issuers"],
  [{ issuers: Array.from({ length: 9 }, (_, n) => ({ ...issuer({ keys: [secret] }), issuer: `i${n}` })) }, "/issuers"],
  [{ issuers: [{}] }, "/issuers/0/issuer"],
  [{ issuers: [issuer({ keys: [secret], more: 1 })] }, "/issuers/0/more"],
  [{ issuers: [issuer({ keys: [secret], issuer: "i".repeat(513) })] }, "/issuers/0/issuer"],
  [{ issuers: [issuer({ keys: [secret], audience: [] })] }, "/issuers/0/audience"],
  [{ issuers: [issuer({ keys: [secret], audience: null })] }, "/issuers/0/audience"],
  [{ issuers: [issuer({})] }, "/issuers/0"],
  [{ issuers: [issuer({ keys: [secret], jwks: "https://x.example/k" })] }, "/issuers/0"],
  [{ issuers: [issuer({ keys: [secret] }), issuer({ keys: [secret] })] }, "/issuers/1"],
  [{ issuers: [issuer({ keys: [secret], skew: 301 })] }, "/issuers/0/skew"],
  [{ issuers: [issuer({ keys: [secret], skew: -1 })] }, "/issuers/0/skew"],
  [{ issuers: [issuer({ keys: [secret], algorithms: ["none"] })] }, "/issuers/0/algorithms/0"],
  [{ issuers: [issuer({ keys: [secret], algorithms: ["RS512"] })] }, "/issuers/0/algorithms/0"],
  [{ issuers: [issuer({ keys: [] })] }, "/issuers/0/keys"],
  [{ issuers: [issuer({ keys: [secret, secret] })] }, "/issuers/0/keys/1"],
  [{ issuers: [issuer({ keys: [{ ...secret, k: "AAAA" }] })] }, "/issuers/0/keys/0/k"],
  [{ issuers: [issuer({ keys: [{ ...secret, k: "++++" }] })] }, "/issuers/0/keys/0/k"],
  [{ issuers: [issuer({ keys: [{ ...secret, alg: "RS256" }] })] }, "/issuers/0/keys/0/alg"],
  [{ issuers: [issuer({ keys: [{ ...secret, use: "enc" }] })] }, "/issuers/0/keys/0/use"],
  [{ issuers: [issuer({ keys: [{ ...secret, key_ops: ["sign"] }] })] }, "/issuers/0/keys/0/key_ops"],
  [{ issuers: [issuer({ keys: [{ kty: "RSA", n: "A".repeat(170), e: "AQAB" }] })] }, "/issuers/0/keys/0/n"],
  [{ issuers: [issuer({ keys: [{ kty: "EC", crv: "P-384", x: "AA", y: "AA" }] })] }, "/issuers/0/keys/0/kty"],
  [{ issuers: [issuer({ keys: [{ kty: "OKP", crv: "Ed25519", x: "A".repeat(43), d: "A" }] })] }, "/issuers/0/keys/0/d"],
  [{ cors: { origins: ["https://app.example/"] } }, "/cors/origins/0"],
  [{ cors: { origins: ["https://App.example"] } }, "/cors/origins/0"],
  [{ cors: { origins: ["https://app.example:443"] } }, "/cors/origins/0"],
  [{ cors: { origins: ["null"] } }, "/cors/origins/0"],
  [{ cors: { origins: ["https://*.example"] } }, "/cors/origins/0"],
  [{ cors: { origins: ["https://a.example\r\nx: y"] } }, "/cors/origins/0"],
  [{ cors: { origins: Array.from({ length: 33 }, (_, n) => `https://a${n}.example`) } }, "/cors/origins"],
  [{ cors: { maxAge: 86_401 } }, "/cors/maxAge"],
  [{ cors: { credentials: true } }, "/cors/credentials"],
  [{ quotas: { requestsPerSecond: 0 } }, "/quotas/requestsPerSecond"],
  [{ quotas: { requestsPerSecond: 1.5 } }, "/quotas/requestsPerSecond"],
  [{ quotas: { burst: 5 } }, "/quotas/burst"],
  [{ quotas: { rowsPerSecond: 1_000_001 } }, "/quotas/rowsPerSecond"],
  [[], ""],
])("%j is refused at %s", async (settings, path) => {
  const db = await database();
  const refused = await client.put(`/v1/${db}/_settings`, JSON.stringify(settings));
  expect(refused).toMatchObject({ status: 422, body: { code: "invalid_settings", path } });
  expect((await client.get(`/v1/${db}/_settings`)).body.version).toBe(0);
});

test("settings have a size", async () => {
  const db = await database();
  const origins = Array.from({ length: 70_000 }, () => "*");
  const refused = await client.put(`/v1/${db}/_settings`, { cors: { origins } });
  expect(refused).toMatchObject({ status: 413, body: { code: "too_large" } });
});

test("only administrators see and put settings", async () => {
  const db = await database();
  const { key } = (await client.post(`/v1/${db}/_keys`, { name: "web", role: "write" })).body;
  for (const [method, path] of [
    ["GET", "_settings"],
    ["PUT", "_settings"],
    ["GET", "_audit"],
  ] as const) {
    const body = method === "PUT" ? {} : undefined;
    expect((await client.call(method, `/v1/${db}/${path}`, { token: String(key), body })).status).toBe(403);
    expect((await client.call(method, `/v1/${db}/${path}`, { token: null, body })).status).toBe(401);
  }
});

const soon = (ahead: number) => new Date(Date.now() + ahead).toISOString();
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("a key expires, everywhere at once, and says so", async () => {
  const db = await database();
  const expires = soon(3_000);
  const made = await client.post(`/v1/${db}/_keys`, { name: "guest", role: "write", expires, roles: ["clerk", "vip"] });
  expect(made).toMatchObject({ status: 201, body: { roles: ["clerk", "vip"] } });
  expect(Date.parse(String(made.body.expires))).toBe(Date.parse(expires));
  const { key, ...listed } = made.body;
  expect((await client.get(`/v1/${db}/_keys`)).body).toEqual({ keys: [listed] });
  const token = String(key);
  for (const id of ["n1", "a/n1"]) expect((await client.put(`/v1/${db}/notes/${id}`, {}, { token })).status).toBe(201);
  await sleep(Date.parse(expires) - Date.now() + 50);
  for (const id of ["n1", "a/n1", "b/n1"]) {
    const refused = await client.get(`/v1/${db}/notes/${id}`, { token });
    expect(refused).toMatchObject({
      status: 401,
      body: { code: "unauthenticated", detail: expect.stringMatching(/expired/) },
    });
  }
  expect((await client.get(`/v1/${db}/_schema`, { token })).status).toBe(401);
  expect((await client.get(`/v1/${db}/_keys`)).body).toEqual({ keys: [listed] });
});

test.each<[Json, string]>([
  [{ expires: "2020-01-01T00:00:00Z" }, "invalid_request"],
  [{ expires: "2999-01-01T00:00:00Z" }, "invalid_request"],
  [{ expires: "tomorrow" }, "invalid_request"],
  [{ expires: 1_900_000_000 }, "invalid_request"],
  [{ expires: null }, "invalid_request"],
  [{ roles: "clerk" }, "invalid_request"],
  [{ roles: [""] }, "invalid_request"],
  [{ roles: ["a b"] }, "invalid_request"],
  [{ roles: [7] }, "invalid_request"],
  [{ roles: Array.from({ length: 17 }, (_, n) => `r${n}`) }, "invalid_request"],
])("no key is made with %j", async (more, code) => {
  const db = await database();
  const refused = await client.post(`/v1/${db}/_keys`, { name: "web", role: "read", ...(more as object) });
  expect(refused).toMatchObject({ status: 400, body: { code } });
  expect((await client.get(`/v1/${db}/_keys`)).body).toEqual({ keys: [] });
});

test("administrative acts leave a trail: who, what, when", async () => {
  const db = await database();
  const { key } = (await client.post(`/v1/${db}/_keys`, { name: "boss", role: "admin" })).body;
  const token = String(key);
  await client.put(`/v1/${db}/_schema`, { collections: { notes: { fields: { n: { type: "int" } } } } }, { token });
  await client.put(`/v1/${db}/notes/n1`, { n: 1 }, { token });
  await client.put(`/v1/${db}/_schema`, { collections: { notes: { fields: { n: { type: "string" } } } } });
  await client.put(`/v1/${db}/_settings`, { cors: { origins: ["*"] } }, { token });
  await client.post(`/v1/${db}/_keys`, { name: "web", role: "read" }, { token });
  await client.delete(`/v1/${db}/_keys/web`, { token });
  // What is refused, or asks for nothing new, is no act.
  await client.post(`/v1/${db}/_keys`, { name: "boss", role: "read" });
  await client.put(`/v1/${db}/_settings`, { cors: { origins: ["*"] } });
  await client.delete(`/v1/${db}/_keys/web`);
  const { text, body } = await client.get(`/v1/${db}/_audit`);
  expect(objects(body.acts).map(({ no, by, act }) => [no, by, act])).toEqual([
    [1, "root", "database.create"],
    [2, "root", "key.create"],
    [3, "key:boss", "schema.put"],
    [4, "key:boss", "schema.enact"],
    [5, "root", "schema.put"],
    [6, "system", "schema.refuse"],
    [7, "key:boss", "settings.put"],
    [8, "key:boss", "key.create"],
    [9, "key:boss", "key.revoke"],
  ]);
  expect(objects(body.acts)[7]?.about).toMatchObject({ name: "web", role: "read" });
  expect(objects(body.acts)[6]?.about).toEqual({ version: 1 });
  expect(body.next).toBeUndefined();
  expect(text).not.toContain(token);
  const later = await client.get(`/v1/${db}/_audit?after=7`);
  expect(objects(later.body.acts).map(({ no }) => no)).toEqual([8, 9]);
});

test("the trail comes in pages", async () => {
  const db = await database();
  for (let count = 0; count < 60; count += 1) {
    await client.post(`/v1/${db}/_keys`, { name: "web", role: "read" });
    await client.delete(`/v1/${db}/_keys/web`);
  }
  const first = await client.get(`/v1/${db}/_audit`);
  expect(objects(first.body.acts)).toHaveLength(100);
  const rest = await client.get(`/v1/${db}/_audit?after=${first.body.next}`);
  expect(objects(rest.body.acts).map(({ no }) => no)).toEqual(Array.from({ length: 21 }, (_, n) => 101 + n));
  expect(rest.body.next).toBeUndefined();
  for (const after of ["x", "-1", "1.5"])
    expect((await client.get(`/v1/${db}/_audit?after=${after}`)).status).toBe(400);
});
