/** Pages of other origins: which may ask, and what they are let see. */
import { beforeAll, describe, expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import type { Json } from "./lib/json.js";
import { ROOT_KEY } from "./lib/server.js";
import { exchange } from "./lib/wire.js";

const client = useServer();
const another = names("db");
const OURS = "https://app.example";
const FOREIGN = "https://evil.example";

async function database(origins: string[] = [OURS], more: Record<string, Json> = {}): Promise<string> {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  await client.put(`/v1/${db}/notes/n1`, { text: "a" });
  await client.put(`/v1/${db}/_settings`, { cors: { origins, ...more } });
  return db;
}

const preflight = (path: string, origin: string, headers: Record<string, string> = {}) =>
  exchange(client.url, {
    method: "OPTIONS",
    path,
    headers: { origin, "access-control-request-method": "PUT", ...headers },
  });

/** The headers that let a page do something. */
const leave = (headers: Record<string, unknown>) =>
  Object.keys(headers).filter((name) => name.startsWith("access-control-"));

const PATHS = [
  "notes/n1",
  "notes",
  "_query",
  "_tx",
  "_many",
  "_sync",
  "_schema",
  "_settings",
  "_keys",
  "_import",
  "_export",
];

describe("a preflight", () => {
  test("is answered from the settings, on every path of a database, without credentials", async () => {
    const db = await database();
    for (const path of ["", ...PATHS.map((path) => `/${path}`), "/_nothing", "/notes/%ff"]) {
      const answer = await preflight(`/v1/${db}${path}`, OURS, { "access-control-request-headers": "authorization" });
      expect(answer.status, path).toBe(204);
      expect(answer.headers, path).toMatchObject({
        "access-control-allow-origin": OURS,
        "access-control-allow-methods": "GET, HEAD, PUT, POST, PATCH, DELETE",
        "access-control-allow-headers": expect.stringContaining("Authorization"),
        "access-control-max-age": "600",
        vary: "origin",
      });
      expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
    }
  });

  test("says nothing to a foreign origin, just as where there is no database", async () => {
    const db = await database();
    const nowhere = await preflight("/v1/neverMade/notes/n1", OURS);
    expect([nowhere.status, nowhere.text, leave(nowhere.headers)]).toEqual([204, "", []]);
    for (const origin of [
      FOREIGN,
      "null",
      "http://app.example",
      `${OURS}:8443`,
      `${OURS}.evil.example`,
      "HTTPS://APP.EXAMPLE",
      "*",
      "",
    ]) {
      const answer = await preflight(`/v1/${db}/notes/n1`, origin);
      if (origin === "") continue;
      expect([answer.status, answer.text, leave(answer.headers)], origin).toEqual([204, "", []]);
      expect(answer.headers.vary).toBe(nowhere.headers.vary);
    }
  });

  test("lasts as long as the settings say", async () => {
    const db = await database([OURS], { maxAge: 5 });
    expect((await preflight(`/v1/${db}/notes/n1`, OURS)).headers["access-control-max-age"]).toBe("5");
  });

  test("is nothing else: OPTIONS without what makes it one is a method that is not there", async () => {
    const db = await database();
    const bare = await exchange(client.url, {
      method: "OPTIONS",
      path: `/v1/${db}/notes/n1`,
      headers: { origin: OURS, authorization: `Bearer ${ROOT_KEY}` },
    });
    expect([bare.status, bare.headers.allow]).toEqual([405, "GET, HEAD, PUT, PATCH, DELETE"]);
  });
});

describe("an answer", () => {
  let db: string;
  beforeAll(async () => {
    db = await database();
  });

  /** Answers of partitions, of the catalog, of the router itself; good ones, and refusals of each kind. */
  const ASKED: [method: string, path: string, body: string | undefined, status: number, token?: string | null][] = [
    ["GET", "notes/n1", undefined, 200],
    ["GET", "notes/none", undefined, 404],
    ["GET", "notes/fresh/n1", undefined, 404],
    ["GET", "notes/n1", undefined, 401, "sv_stranger"],
    ["GET", "notes/n1", undefined, 401, null],
    ["PUT", "notes/n2", "{", 400],
    ["PUT", "notes/n2", "{}", 201],
    ["POST", "notes", "{}", 201],
    ["POST", "notes", "{", 400],
    ["POST", "_query", '{"from":"notes"}', 200],
    ["POST", "_query", "[", 400],
    ["POST", "_tx", '{"ops":[{"patch":"notes/n1","set":{"text":"b"}}]}', 200],
    ["POST", "_many", '{"requests":[{"get":"notes/n1"}]}', 200],
    ["POST", "_import", '["notes",{"id":"n3"}]\n', 200],
    ["GET", "_export", undefined, 200],
    ["GET", "_schema", undefined, 200],
    ["GET", "_settings", undefined, 200],
    ["GET", "_keys", undefined, 401, "sv_stranger"],
    ["GET", "_keys", undefined, 401, null],
    ["GET", "_nothing", undefined, 404],
    ["PATCH", "_query", "{}", 405],
    ["GET", "notes/n1?at=never", undefined, 400],
  ];

  test.each(ASKED)(
    "%s %s with %s (%i) is seen by a page that may, and by no other",
    async (method, path, body, status, token) => {
      const from = (origin: string) => client.call(method, `/v1/${db}/${path}`, { body, token, headers: { origin } });
      const seen = await from(OURS);
      expect(seen.status === 200 && status === 201 ? 201 : seen.status).toBe(status);
      expect(seen.headers["access-control-allow-origin"]).toBe(OURS);
      expect(seen.headers.vary).toMatch(/origin/);
      expect(seen.headers["access-control-expose-headers"]).toMatch(/ETag.*Selvedge-Token/);
      expect(seen.headers["access-control-allow-credentials"]).toBeUndefined();
      expect(leave((await from(FOREIGN)).headers)).toEqual([]);
      expect(leave((await from("x".repeat(5_000))).headers)).toEqual([]);
    },
  );

  test("to a page of our own origin, or to no page, says nothing of origins", async () => {
    for (const headers of [undefined, { origin: client.url }]) {
      expect(leave((await client.get(`/v1/${db}/notes/n1`, { headers })).headers)).toEqual([]);
    }
  });

  test("is for any page, where any may ask", async () => {
    const open = await database(["*"]);
    for (const origin of [FOREIGN, "null"]) {
      const { headers } = await client.get(`/v1/${open}/notes/n1`, { headers: { origin } });
      expect(headers["access-control-allow-origin"]).toBe("*");
      expect(headers["access-control-allow-credentials"]).toBeUndefined();
    }
  });

  test("is for nobody any more from when the settings say so, in every partition", async () => {
    const changing = await database();
    await client.put(`/v1/${changing}/notes/a/n1`, {});
    const paths = [`/v1/${changing}/notes/n1`, `/v1/${changing}/notes/a/n1`];
    const seen = async () =>
      Promise.all(
        paths.map(async (path) => leave((await client.get(path, { headers: { origin: OURS } })).headers).length > 0),
      );
    expect(await seen()).toEqual([true, true]);
    await client.put(`/v1/${changing}/_settings`, { cors: { origins: [FOREIGN] } });
    expect(await seen()).toEqual([false, false]);
  });
});
