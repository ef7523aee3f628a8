/** Keys of issuers that are fetched: from a server that works, and from ones that do not. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { AUDIENCE, ISSUER, mint, newKey } from "./lib/issuer.js";
import { objects } from "./lib/json.js";
import { Jwks } from "./lib/jwks.js";

const client = useServer();
const another = names("db");
let jwks: Jwks;

beforeEach(async () => {
  jwks = await Jwks.start();
});
afterEach(() => jwks.stop());

/** A database that fetches its issuer's keys. */
async function database(): Promise<string> {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  await client.put(`/v1/${db}/notes/n1`, { text: "a" });
  await settle(db, { jwks: jwks.url });
  return db;
}

const settle = (db: string, keys: { jwks: string }) =>
  client.put(`/v1/${db}/_settings`, { issuers: [{ issuer: ISSUER, audience: AUDIENCE, ...keys }] });

/** What somebody with a token is told: 404 where rules let nobody see anything, 401 where he is not known. */
const ask = (db: string, token: string, path = "notes/n1") => client.attempt("GET", `/v1/${db}/${path}`, { token });

const state = async (db: string) => objects((await client.get(`/v1/${db}/_settings`)).body.fetched)[0];

test("keys are fetched once, for all tokens and keys of the database", async () => {
  const [one, two] = [await newKey("RS256", "one"), await newKey("ES256", "two")];
  jwks.lists(one.jwk, two.jwk);
  const db = await database();
  const tokens = [await mint(one), await mint(two), await mint(one, { claims: { sub: "eve" } })];
  const paths = ["notes/n1", "notes/a/n1", "notes/b/n1"];
  const asked = tokens.flatMap((token) => paths.map((path) => ask(db, token, path)));
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(9).fill(404));
  expect(jwks.asked).toBe(1);
  expect(await state(db)).toMatchObject({ jwks: jwks.url, keys: [{ kid: "one" }, { kid: "two" }] });
});

test("a kid that is not listed is looked for, once in a while", async () => {
  const [one, two] = [await newKey("ES256", "one"), await newKey("ES256", "two")];
  jwks.lists(one.jwk);
  const db = await database();
  expect((await ask(db, await mint(one))).status).toBe(404);
  // Whoever makes kids up makes nobody fetch anything.
  for (let count = 0; count < 20; count += 1) {
    const forged = await mint(two, { header: { kid: `made-up-${count}` } });
    expect((await ask(db, forged, `notes/k${count % 3}/n1`)).status).toBe(401);
  }
  expect(jwks.asked).toBe(1);
  expect((await ask(db, await mint(one))).status).toBe(404);
});

test("keys that are no public ones of a kind that is known are passed over", async () => {
  const [good, secret] = [await newKey("EdDSA", "good"), await newKey("HS256", "secret")];
  const odd = { kty: "EC", crv: "P-521", x: "AA", y: "AA", kid: "odd" };
  const short = { ...(await newKey("ES256", "short")).jwk, x: "AA" };
  const encrypts = { ...(await newKey("RS256", "encrypts")).jwk, use: "enc" };
  jwks.lists(secret.jwk, odd, short, encrypts, {}, good.jwk);
  const db = await database();
  expect((await ask(db, await mint(good))).status).toBe(404);
  expect((await ask(db, await mint(secret))).status).toBe(401);
  expect(objects((await state(db))?.keys)).toHaveLength(1);
});

test("of very many keys the first ones are kept", async () => {
  const { jwk } = await newKey("EdDSA", "k");
  const [first, last] = [await newKey("EdDSA", "first"), await newKey("EdDSA", "last")];
  const many = Array.from({ length: 100 }, (_, n) => ({ ...jwk, kid: `k${n}` }));
  jwks.lists(first.jwk, ...many, last.jwk);
  const db = await database();
  expect((await ask(db, await mint(first))).status).toBe(404);
  expect((await ask(db, await mint(last))).status).toBe(401);
  expect(objects((await state(db))?.keys)).toHaveLength(16);
});

/** Servers that do not answer a JWK Set, and why the settings say that no keys are known. */
const BROKEN: [string, (jwks: Jwks) => void, RegExp][] = [
  ["fails", (jwks) => jwks.says("no", 500), /^It answered 500/],
  ["is not there", (jwks) => jwks.says("no", 404), /^It answered 404/],
  ["redirects", (jwks) => jwks.says("", 302, { location: "http://127.0.0.1:1/else" }), /^It answered 302/],
  ["answers no JSON", (jwks) => jwks.says("<html>"), /^Not JSON/],
  ["answers JSON of another shape", (jwks) => jwks.says('{"keys":7}'), /no JWK Set/],
  ["answers null", (jwks) => jwks.says("null"), /no JWK Set/],
  ["lists nothing", (jwks) => jwks.lists(), /lists no key/],
  ["says a member twice", (jwks) => jwks.says('{"keys":[],"keys":[]}'), /stands twice/],
  ["answers no UTF-8", (jwks) => (jwks.answer = (response) => response.end(Buffer.from([0xff, 0xfe]))), /UTF-8/],
  ["answers too much", (jwks) => jwks.says(`{"keys":[],"more":"${"x".repeat(70_000)}"}`), /more than 65536 bytes/],
  ["never stops", endless, /more than 65536 bytes/],
  ["hangs up", (jwks) => (jwks.answer = (response) => response.destroy()), /./],
];

function endless(jwks: Jwks): void {
  jwks.answer = (response) => {
    const more = () => {
      if (response.destroyed) return;
      response.write("x".repeat(10_000), more);
    };
    more();
  };
}

test.each(BROKEN)("a server that %s: try again, and nothing is broken", async (_, breakIt, failure) => {
  const key = await newKey("ES256", "one");
  breakIt(jwks);
  const db = await database();
  const token = await mint(key);
  const refused = await ask(db, token);
  expect(refused).toMatchObject({ status: 503, body: { code: "unavailable" } });
  expect(refused.headers["retry-after"]).toBe("30");
  // It is not asked again at once, whoever asks us.
  for (const path of ["notes/n1", "notes/a/n1"]) expect((await ask(db, token, path)).status).toBe(503);
  expect(jwks.asked).toBe(1);
  const failed = await state(db);
  expect(failed).toMatchObject({ keys: [] });
  expect(String(failed?.failure)).toMatch(failure);
  // Others are served as ever.
  expect((await client.get(`/v1/${db}/notes/n1`)).status).toBe(200);
});

test("a server that is silent holds up its own tokens alone, and not for ever", async () => {
  const key = await newKey("ES256", "one");
  jwks.answer = () => {};
  const db = await database();
  const waiting = ask(db, await mint(key));
  expect((await client.get(`/v1/${db}/notes/n1`)).status).toBe(200);
  expect((await client.put(`/v1/${db}/notes/n2`, {})).status).toBe(201);
  expect((await waiting).status).toBe(503);
  expect(String((await state(db))?.failure)).toMatch(/within 5000 ms/);
});

test("a server that stops in the middle of its answer is given up, too", async () => {
  const key = await newKey("ES256", "one");
  jwks.answer = (response) => response.write('{"keys":[');
  const db = await database();
  expect((await ask(db, await mint(key))).status).toBe(503);
  expect(String((await state(db))?.failure)).toMatch(/within 5000 ms/);
});

test("a server that is down: nothing listens there", async () => {
  const key = await newKey("ES256", "one");
  const db = await database();
  jwks.stop();
  expect((await ask(db, await mint(key))).status).toBe(503);
  expect(await state(db)).toMatchObject({ keys: [], failure: expect.any(String) });
});

test("another URL is another server: its keys are in force, and the former's are not", async () => {
  const [one, two] = [await newKey("ES256", "one"), await newKey("ES256", "two")];
  jwks.lists(one.jwk);
  const db = await database();
  expect((await ask(db, await mint(one))).status).toBe(404);
  const other = await Jwks.start();
  try {
    other.lists(two.jwk);
    expect((await settle(db, { jwks: other.url })).status).toBe(200);
    expect((await ask(db, await mint(two))).status).toBe(404);
    expect((await ask(db, await mint(one))).status).toBe(401);
    expect(await state(db)).toMatchObject({ jwks: other.url, keys: [{ kid: "two" }] });
  } finally {
    other.stop();
  }
});

test.each([
  "http://login.example/jwks.json",
  "ftp://localhost/jwks.json",
  "file:///etc/passwd",
  "https://",
  "https:///jwks.json",
  "//login.example/jwks.json",
  "http://localhost.evil.example/jwks.json",
  "http://localhost@evil.example/jwks.json",
  "http://127.0.0.1.evil.example/",
  "http://[::2]/jwks.json",
  "https://user:password@login.example/jwks.json",
  "https://login.example/jwks.json#fragment",
  "https://login.example\\@evil.example/",
  "https://login.example/a b",
  "javascript:alert(1)",
  "",
])("%j is no URL that keys are fetched from", async (url) => {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  const refused = await settle(db, { jwks: url });
  expect(refused).toMatchObject({ status: 422, body: { code: "invalid_settings", path: "/issuers/0/jwks" } });
});
