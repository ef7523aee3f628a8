/** Tokens of a database's issuers: which are accepted, and every way in which one is not. */
import { createHmac } from "node:crypto";
import { exportSPKI, importJWK } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { AUDIENCE, ISSUER, mint, newKey, part, type SigningKey, seconds } from "./lib/issuer.js";
import type { Json } from "./lib/json.js";

const client = useServer();
const another = names("db");
const keys: Record<string, SigningKey> = {};

beforeAll(async () => {
  for (const alg of ["HS256", "RS256", "ES256", "EdDSA"]) keys[alg] = await newKey(alg, `${alg}-1`);
});

function key(alg: string): SigningKey {
  const found = keys[alg];
  if (!found) throw new Error(`No key for ${alg}.`);
  return found;
}

const issuer = (all: Json[]) => ({ issuer: ISSUER, audience: AUDIENCE, keys: all });

/** A database that accepts tokens signed with these keys, and has a document. */
async function database(all: Json[] = Object.values(keys).map(({ jwk }) => jwk)): Promise<string> {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  await client.put(`/v1/${db}/notes/n1`, { text: "a" });
  expect((await client.put(`/v1/${db}/_settings`, { issuers: [issuer(all)] })).status).toBe(200);
  return db;
}

/** What somebody with a token is told: 404 where rules let nobody see anything, 401 where he is not known. */
const ask = (db: string, token: string, path = "notes/n1") => client.get(`/v1/${db}/${path}`, { token });

test.each(["HS256", "RS256", "ES256", "EdDSA"])("a token signed %s is known", async (alg) => {
  const db = await database();
  expect(await ask(db, await mint(key(alg)))).toMatchObject({ status: 404, body: { code: "not_found" } });
});

test("what a token may do is for rules to say: without one, nothing", async () => {
  const db = await database();
  const token = await mint(key("ES256"));
  const forbidden = { status: 403, body: { code: "forbidden" } };
  const absent = { status: 404, body: { code: "not_found" } };
  const at = `/v1/${db}`;
  expect(await client.put(`${at}/notes/n2`, {}, { token })).toMatchObject(forbidden);
  expect(await client.patch(`${at}/notes/n1`, { text: "b" }, { token })).toMatchObject(absent);
  expect(await client.delete(`${at}/notes/n1`, { token })).toMatchObject(absent);
  expect(await client.post(`${at}/notes`, {}, { token })).toMatchObject(forbidden);
  expect(await client.post(`${at}/_tx`, { ops: [{ delete: "notes/n1" }] }, { token })).toMatchObject(absent);
  const rows = await client.post(`${at}/_query`, { from: "notes" }, { token });
  expect(rows).toMatchObject({ status: 200, body: { rows: [] } });
  const together: Json = { requests: [{ get: "notes/n1" }, { tx: { ops: [{ insert: "notes/new/n1", body: {} }] } }] };
  const many = await client.post(`${at}/_many`, together, { token });
  expect(many.body.results).toMatchObject([{ status: 404 }, { status: 403 }]);
  expect((await client.get(`${at}/notes/n1`)).body.text).toBe("a");
  expect((await client.get(`${at}/notes/new/n1`)).status).toBe(404);
});

test("a token is no key: neither the schema nor settings nor keys are its holder's, nor documents in bulk", async () => {
  const db = await database();
  const token = await mint(key("RS256"));
  for (const [method, path, body] of [
    ["GET", "_schema", undefined],
    ["PUT", "_schema", { collections: {} }],
    ["GET", "_settings", undefined],
    ["PUT", "_settings", {}],
    ["GET", "_audit", undefined],
    ["GET", "_keys", undefined],
    ["POST", "_keys", { name: "mine", role: "admin" }],
    ["POST", "_import", '["notes",{"id":"n2"}]\n'],
    ["GET", "_export", undefined],
  ] as const) {
    const answer = await client.call(method, `/v1/${db}/${path}`, { body, token });
    expect(answer, `${method} ${path}`).toMatchObject({ status: 403, body: { code: "forbidden" } });
  }
  expect((await client.put("/v1/mine", undefined, { token })).status).toBe(403);
});

/** Every one of these is refused, each for its own reason, whatever the rest of it says. */
describe("the table of attacks", () => {
  let db: string;
  const good = () => mint(key("RS256"));
  const refused = async (token: string, detail: RegExp) => {
    const answer = await ask(db, token);
    expect(answer).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
    expect(answer.body.detail).toMatch(detail);
    // Nor does it come through by itself where a good one just did, over what it may have been mistaken for.
    expect((await ask(db, await good())).status).toBe(404);
  };
  const UNKNOWN = /^No issuer in this database's settings signed this JWT/;
  const claims = () => ({ iss: ISSUER, aud: AUDIENCE, sub: "ada", exp: seconds(300) });

  beforeAll(async () => {
    db = await database();
  });

  test.each(["none", "None", "NONE", "nOnE", ""])("alg %j: nobody signed it", async (alg) => {
    await refused(`${part({ alg, kid: "RS256-1" })}.${part(claims())}.`, /`alg` is none of/);
    const [, , signature] = (await good()).split(".");
    await refused(`${part({ alg, kid: "RS256-1" })}.${part(claims())}.${signature}`, /`alg` is none of/);
  });

  test("no alg at all, or one of another type", async () => {
    for (const alg of [undefined, null, 7, ["RS256"], { name: "RS256" }]) {
      await refused(`${part({ alg, kid: "RS256-1" })}.${part(claims())}.c2ln`, /`alg` is none of/);
    }
  });

  test("HS256 with the public key as its secret, in every form in which one may have it", async () => {
    const { jwk } = key("RS256");
    const pem = await exportSPKI((await importJWK(jwk, "RS256")) as Parameters<typeof exportSPKI>[0]);
    for (const text of [pem, pem.trim(), JSON.stringify(jwk), String(jwk.n)]) {
      const secret = new TextEncoder().encode(text);
      for (const kid of ["RS256-1", "HS256-1", undefined]) {
        await refused(await mint({ ...key("HS256"), secret }, { header: { kid } }), UNKNOWN);
      }
    }
  });

  test("an algorithm that the named key is not for", async () => {
    for (const [alg, kid] of [
      ["RS256", "ES256-1"],
      ["ES256", "RS256-1"],
      ["EdDSA", "ES256-1"],
      ["HS256", "RS256-1"],
    ] as const) {
      await refused(await mint(key(alg), { header: { kid } }), UNKNOWN);
    }
  });

  test.each([
    "../../../../dev/null",
    "/proc/self/environ",
    "' OR '1'='1",
    "RS256-1' UNION SELECT 'c2VjcmV0",
    "RS256-1\n",
    "rs256-1",
    "",
    "__proto__",
    "k".repeat(512),
  ])("a kid that is no key's: %j", async (kid) => {
    const outsider = await newKey("RS256", kid);
    await refused(await mint(outsider), UNKNOWN);
    await refused(await mint(key("RS256"), { header: { kid } }), UNKNOWN);
  });

  test("a kid that is huge or no text", async () => {
    for (const kid of ["k".repeat(513), 7, null, ["RS256-1"], { kid: "RS256-1" }]) {
      await refused(await mint(key("RS256"), { header: { kid } }), /`kid` is no string/);
    }
  });

  test("no kid, where several keys might have signed it", async () => {
    const two = await newKey("RS256", "RS256-2");
    const several = await database([key("RS256").jwk, two.jwk, key("ES256").jwk]);
    const bare = { header: { kid: undefined } };
    expect((await ask(several, await mint(key("RS256"), bare))).status).toBe(401);
    // Of its kind there is but one.
    expect((await ask(several, await mint(key("ES256"), bare))).status).toBe(404);
  });

  test("a key that the token brings along", async () => {
    const mine = await newKey("RS256", "RS256-1");
    await refused(await mint(mine), UNKNOWN);
    for (const header of [
      { jwk: mine.jwk },
      { jku: "https://evil.example/jwks.json" },
      { x5u: "https://evil.example/cert.pem" },
      { x5c: ["MIIB"] },
    ]) {
      const [name] = Object.keys(header);
      await refused(await mint(mine, { header }), new RegExp(`its header holds \`${name}\``));
      await refused(await mint(key("RS256"), { header }), new RegExp(`its header holds \`${name}\``));
    }
  });

  test("what the reader must understand, and does not", async () => {
    const [, payload, signature] = (await good()).split(".");
    const header = { alg: "RS256", kid: "RS256-1", crit: ["exp"] };
    await refused(`${part(header)}.${payload}.${signature}`, /its header holds `crit`/);
    await refused(await mint(key("RS256"), { header: { typ: "logout+jwt" } }), /`typ` is of another kind/);
  });

  test.each(["https://login.example/", "HTTPS://login.example", "https://login.example.evil", ""])(
    "the issuer %j",
    async (iss) => refused(await mint(key("RS256"), { claims: { iss } }), UNKNOWN),
  );

  test("no issuer, or one that is no text", async () => {
    await refused(await mint(key("RS256"), { claims: { iss: undefined } }), /it has no `iss`/);
    for (const iss of [[ISSUER], 7, null]) {
      const token = mint(key("RS256"), { claims: { iss: iss as unknown as string } });
      await refused(await token, /`iss` is no string/);
    }
  });

  test.each([undefined, "shop2", "", "Shop", ["other"], []])("the audience %j", async (aud) =>
    refused(await mint(key("RS256"), { claims: { aud } }), /another audience/),
  );

  test("one of several audiences is enough", async () => {
    const token = await mint(key("RS256"), { claims: { aud: ["other", AUDIENCE] } });
    expect((await ask(db, token)).status).toBe(404);
  });

  test("expired, and within the skew not yet", async () => {
    await refused(await mint(key("RS256"), { claims: { exp: seconds(-90) } }), /has expired/);
    await refused(await mint(key("RS256"), { claims: { exp: 0 } }), /has expired/);
    expect((await ask(db, await mint(key("RS256"), { claims: { exp: seconds(-20) } }))).status).toBe(404);
  });

  test("no expiry, or one that is no time", async () => {
    await refused(await mint(key("RS256"), { claims: { exp: undefined } }), /it has no `exp`/);
    for (const exp of ["9999999999", null, true, [seconds(300)]]) {
      const token = mint(key("RS256"), { claims: { exp: exp as unknown as number } });
      await refused(await token, /`exp` is no number of seconds/);
    }
  });

  test.each(["nbf", "iat"])("%s is to come, and within the skew it may", async (name) => {
    await refused(await mint(key("RS256"), { claims: { [name]: seconds(120) } }), /not in force yet/);
    expect((await ask(db, await mint(key("RS256"), { claims: { [name]: seconds(30) } }))).status).toBe(404);
  });

  test("a claim that stands twice", async () => {
    const { secret } = key("HS256");
    const twice = (name: string, first: string, second: string) => {
      const { exp, ...rest } = claims();
      const [open] = JSON.stringify({ ...rest, exp }).split(/}$/);
      return `${open},"${name}":${first},"${name}":${second}}`;
    };
    for (const payload of [twice("sub", '"eve"', '"ada"'), twice("exp", "1", "9999999999")]) {
      const signed = `${part({ alg: "HS256", kid: "HS256-1" })}.${part(payload)}`;
      const signature = createHmac("sha256", secret as Uint8Array)
        .update(signed)
        .digest("base64url");
      await refused(`${signed}.${signature}`, /claims cannot be read \(duplicate_member\)/);
    }
    const header = '{"alg":"none","alg":"HS256","kid":"HS256-1"}';
    const signed = `${part(header)}.${part(claims())}`;
    const signature = createHmac("sha256", secret as Uint8Array)
      .update(signed)
      .digest("base64url");
    await refused(`${signed}.${signature}`, /header cannot be read \(duplicate_member\)/);
  });

  test("claims that were changed, or taken from another token", async () => {
    const [header, , signature] = (await good()).split(".");
    await refused(`${header}.${part({ ...claims(), sub: "eve" })}.${signature}`, UNKNOWN);
    const [, payload] = (await mint(key("RS256"), { claims: { sub: "eve" } })).split(".");
    await refused(`${header}.${payload}.${signature}`, UNKNOWN);
  });

  test("signatures cut short, made longer, or written otherwise", async () => {
    for (const alg of ["HS256", "RS256", "ES256", "EdDSA"]) {
      const [header, payload, signature = ""] = (await mint(key(alg))).split(".");
      const last = signature.at(-1) === "A" ? "B" : "A";
      for (const other of [
        "",
        signature.slice(0, 4),
        `${signature}AAAA`,
        `${signature}=`,
        signature.slice(0, -1) + last,
      ]) {
        const answer = await ask(db, `${header}.${payload}.${other}`);
        expect(answer.status, `${alg} ${other}`).toBe(401);
      }
    }
    // A signature of ECDSA in the form of ASN.1 is none of a token's.
    await refused((await mint(key("ES256"))).replace(/[^.]+$/, "MAYCAQECAQE"), UNKNOWN);
    // Nor is one of zeros, which some libraries took for any text's (CVE-2022-21449).
    await refused((await mint(key("ES256"))).replace(/[^.]+$/, Buffer.alloc(64).toString("base64url")), UNKNOWN);
  });

  test("a token with more bytes than one may have", async () => {
    const roomy = await mint(key("RS256"), { claims: { note: "n".repeat(5_000) } });
    expect((await ask(db, roomy)).status).toBe(404);
    const oversized = await mint(key("RS256"), { claims: { note: "n".repeat(7_000) } });
    await refused(oversized, /with a JWT of at most 8192/);
  });

  test("more parts, fewer, empty ones", async () => {
    const [header, payload, signature] = (await good()).split(".");
    for (const token of [
      `${header}.${payload}`,
      `${header}.${payload}.${signature}.`,
      `${header}.${payload}.${signature}.${signature}`,
      `.${payload}.${signature}`,
      `${header}..${signature}`,
      `${header}.${payload}.${signature} `.replace(" ", "\t"),
      "..",
      "a.b.c",
    ]) {
      const status = (await ask(db, token)).status;
      expect(status, token).toBe(token.endsWith("\t") ? 404 : 401);
    }
  });

  test("a token of another database", async () => {
    const theirs = another();
    await client.put(`/v1/${theirs}`, undefined);
    const other = { issuer: ISSUER, audience: "their-shop", keys: [key("RS256").jwk] };
    await client.put(`/v1/${theirs}/_settings`, { issuers: [other] });
    const token = await mint(key("RS256"), { claims: { aud: "their-shop" } });
    expect((await ask(theirs, token)).status).toBe(404);
    await refused(token, /another audience/);
    expect((await ask(theirs, await good())).status).toBe(401);
  });

  test("a guess teaches nothing: the same words where there is no such database", async () => {
    const outsider = await newKey("RS256", "RS256-1");
    const token = await mint(outsider);
    const here = await ask(db, token);
    const nowhere = await ask("neverMade", token);
    expect([nowhere.status, nowhere.text]).toEqual([here.status, here.text]);
    const wrong = await mint(outsider, { claims: { aud: "other", exp: 1 } });
    expect((await ask(db, wrong)).text).toBe(here.text);
  });
});

test("a token's signature is checked by what is in force, not by what was", async () => {
  const db = await database([key("RS256").jwk, key("ES256").jwk]);
  const [one, two] = [await mint(key("RS256")), await mint(key("ES256"))];
  const ids = ["n1", "a/n1", "b/n1"];
  for (const id of ids.slice(1)) await client.put(`/v1/${db}/notes/${id}`, {});
  const statuses = async (token: string) =>
    Promise.all(ids.map(async (id) => (await ask(db, token, `notes/${id}`)).status));
  expect(await statuses(one)).toEqual([404, 404, 404]);
  expect(await statuses(two)).toEqual([404, 404, 404]);
  // A key goes, and with it what it signed; at once, and everywhere.
  await client.put(`/v1/${db}/_settings`, { issuers: [issuer([key("ES256").jwk])] });
  expect(await statuses(one)).toEqual([401, 401, 401]);
  expect(await statuses(two)).toEqual([404, 404, 404]);
  // The algorithm of a key that stays is no longer accepted.
  await client.put(`/v1/${db}/_settings`, { issuers: [{ ...issuer([key("ES256").jwk]), algorithms: ["RS256"] }] });
  expect(await statuses(two)).toEqual([401, 401, 401]);
  // The audience is another.
  await client.put(`/v1/${db}/_settings`, { issuers: [{ ...issuer([key("ES256").jwk]), audience: ["else"] }] });
  expect(await statuses(two)).toEqual([401, 401, 401]);
  await client.put(`/v1/${db}/_settings`, { issuers: [issuer([key("ES256").jwk])] });
  expect(await statuses(two)).toEqual([404, 404, 404]);
  // The issuer goes.
  await client.put(`/v1/${db}/_settings`, {});
  expect(await statuses(two)).toEqual([401, 401, 401]);
});

test("keys that exchange their names do not exchange what they signed", async () => {
  const [one, two] = [await newKey("ES256", "a"), await newKey("ES256", "b")];
  const db = await database([one.jwk, two.jwk]);
  const token = await mint(one);
  expect((await ask(db, token)).status).toBe(404);
  await client.put(`/v1/${db}/_settings`, {
    issuers: [
      issuer([
        { ...one.jwk, kid: "b" },
        { ...two.jwk, kid: "a" },
      ]),
    ],
  });
  expect((await ask(db, token)).status).toBe(401);
  await client.put(`/v1/${db}/_settings`, { issuers: [issuer([one.jwk, two.jwk])] });
  expect((await ask(db, token)).status).toBe(404);
});

test("nobody in particular is somebody where the schema says so, and bad credentials never are", async () => {
  const db = await database();
  const at = `/v1/${db}`;
  const nobody = { token: null };
  expect((await client.get(`${at}/notes/n1`, nobody)).status).toBe(401);
  expect((await client.put(`${at}/_schema`, { collections: {}, anonymous: true })).status).toBe(200);
  expect((await client.get(`${at}/notes/n1`, nobody)).status).toBe(404);
  expect((await client.get(`${at}/notes/other/n1`, nobody)).status).toBe(404);
  expect((await client.put(`${at}/notes/n2`, {}, nobody)).status).toBe(403);
  expect((await client.put(`${at}/notes/other/n2`, {}, nobody)).status).toBe(403);
  const many = await client.post(`${at}/_many`, { requests: [{ get: "notes/n1" }] }, nobody);
  expect(many.body.results).toMatchObject([{ status: 404 }]);
  for (const path of ["_schema", "_settings", "_keys", "_audit", "_export"])
    expect((await client.get(`${at}/${path}`, nobody)).status, path).toBe(401);
  expect((await client.post(`${at}/_import`, '["notes",{"id":"n2"}]\n', nobody)).status).toBe(401);
  for (const authorization of ["Bearer", "Bearer ", "Basic YTpi", `Bearer ${"x".repeat(300)}`, "Bearer sv_stranger"])
    expect(
      (await client.get(`${at}/notes/n1`, { token: null, headers: { authorization } })).status,
      authorization,
    ).toBe(401);
  expect((await client.put(`${at}/_schema`, { collections: {} })).status).toBe(200);
  expect((await client.get(`${at}/notes/n1`, nobody)).status).toBe(401);
});
