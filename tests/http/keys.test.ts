/** API keys: made, listed, revoked, and what each role may do. */
import { beforeAll, describe, expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { objects } from "./lib/json.js";

const client = useServer();
const another = names("db");

async function database() {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  return db;
}

test("a key is shown once, listed without its secret, and works until it is revoked", async () => {
  const db = await database();
  const made = await client.post(`/v1/${db}/_keys`, { name: "web", role: "write" });
  expect(made).toMatchObject({ status: 201, body: { name: "web", role: "write", created: expect.any(String) } });
  const token = String(made.body.key);
  expect(token).toMatch(/^sv_[\w-]{43}$/);
  expect((await client.put(`/v1/${db}/notes/n1`, { text: "a" }, { token })).status).toBe(201);
  const list = await client.get(`/v1/${db}/_keys`);
  expect(list.body).toEqual({ keys: [{ name: "web", role: "write", created: made.body.created }] });
  expect(list.text).not.toContain(token);
  expect((await client.delete(`/v1/${db}/_keys/web`)).status).toBe(204);
  expect((await client.get(`/v1/${db}/_keys`)).body).toEqual({ keys: [] });
  expect((await client.get(`/v1/${db}/notes/n1`, { token })).status).toBe(401);
  expect((await client.put(`/v1/${db}/notes/n2`, { text: "b" }, { token })).status).toBe(401);
  expect((await client.get(`/v1/${db}/_schema`, { token })).status).toBe(401);
});

test("a revoked key is refused at once by every partition that knew it", async () => {
  const db = await database();
  const { key } = (await client.post(`/v1/${db}/_keys`, { name: "web", role: "write" })).body;
  const token = String(key);
  const ids = ["n1", "a/n1", "b/n1", "c/n1"];
  for (const id of ids) expect((await client.put(`/v1/${db}/notes/${id}`, {}, { token })).status, id).toBe(201);
  await client.delete(`/v1/${db}/_keys/web`);
  for (const id of ids) expect((await client.get(`/v1/${db}/notes/${id}`, { token })).status, id).toBe(401);
});

test("a key made after a partition is in use is known there", async () => {
  const db = await database();
  await client.put(`/v1/${db}/notes/n1`, {});
  expect((await client.get(`/v1/${db}/notes/n1`, { token: "sv_stranger" })).status).toBe(401);
  const { key } = (await client.post(`/v1/${db}/_keys`, { name: "late", role: "read" })).body;
  expect((await client.get(`/v1/${db}/notes/n1`, { token: String(key) })).status).toBe(200);
});

test("a name is given once, and again after it was revoked", async () => {
  const db = await database();
  const first = await client.post(`/v1/${db}/_keys`, { name: "web", role: "read" });
  const again = await client.post(`/v1/${db}/_keys`, { name: "web", role: "admin" });
  expect(again).toMatchObject({ status: 409, body: { code: "exists" } });
  await client.delete(`/v1/${db}/_keys/web`);
  const second = await client.post(`/v1/${db}/_keys`, { name: "web", role: "read" });
  expect(second.status).toBe(201);
  expect(second.body.key).not.toBe(first.body.key);
  expect((await client.get(`/v1/${db}/_schema`, { token: String(first.body.key) })).status).toBe(401);
  expect((await client.get(`/v1/${db}/_schema`, { token: String(second.body.key) })).status).toBe(200);
});

test("a key that is not there cannot be revoked", async () => {
  const db = await database();
  const answer = await client.delete(`/v1/${db}/_keys/nothing`);
  expect(answer).toMatchObject({ status: 404, body: { code: "unknown_route" } });
});

test.each([
  ["{}", "invalid_request"],
  ['{"name":"web"}', "invalid_request"],
  ['{"role":"read"}', "invalid_request"],
  ['{"name":"web","role":"owner"}', "invalid_request"],
  ['{"name":"web","role":"READ"}', "invalid_request"],
  ['{"name":"web","role":null}', "invalid_request"],
  ['{"name":7,"role":"read"}', "invalid_request"],
  ['{"name":"web","role":"read","key":"sv_mine"}', "invalid_request"],
  ['{"name":"a b","role":"read"}', "invalid_name"],
  ['{"name":"","role":"read"}', "invalid_name"],
  ['{"name":"web","role":"read"', "invalid_json"],
  ['{"name":"web","name":"bew","role":"read"}', "duplicate_member"],
  ["", "invalid_json"],
])("%s makes no key", async (body, code) => {
  const db = await database();
  const answer = await client.post(`/v1/${db}/_keys`, body);
  expect(answer).toMatchObject({ status: 400, body: { code } });
  expect((await client.get(`/v1/${db}/_keys`)).body).toEqual({ keys: [] });
});

describe("what a role may do", () => {
  let db: string;
  const tokens: Record<string, string> = {};
  const ROLES = ["read", "write", "admin"];

  beforeAll(async () => {
    db = await database();
    for (const role of ROLES) {
      tokens[role] = String((await client.post(`/v1/${db}/_keys`, { name: role, role })).body.key);
    }
    await client.put(`/v1/${db}/notes/n1`, { n: 1 });
  });

  test.each([
    ["GET", "notes/n1", undefined, "read"],
    ["GET", "_schema", undefined, "read"],
    ["GET", "_export", undefined, "read"],
    ["POST", "_query", { from: "notes" }, "read"],
    ["PUT", "notes/n2", { n: 2 }, "write"],
    ["PATCH", "notes/n1", { n: 3 }, "write"],
    ["POST", "notes", { n: 4 }, "write"],
    ["POST", "_tx", { ops: [{ patch: "notes/n1", increment: { n: 1 } }] }, "write"],
    ["POST", "_import", '["notes",{"id":"n3"}]\n', "write"],
    ["DELETE", "notes/n2", undefined, "write"],
    ["GET", "_keys", undefined, "admin"],
    ["PUT", "_schema", { collections: {} }, "admin"],
    ["DELETE", "_keys/nothing", undefined, "admin"],
  ] as const)("%s %s", async (method, path, body, least) => {
    for (const role of ROLES) {
      if (method === "DELETE" && path === "notes/n2") await client.put(`/v1/${db}/notes/n2`, {});
      const answer = await client.call(method, `/v1/${db}/${path}`, { body, token: tokens[role] });
      const allowed = ROLES.indexOf(role) >= ROLES.indexOf(least);
      if (allowed) expect([200, 201, 404], role).toContain(answer.status);
      else expect(answer, role).toMatchObject({ status: 403, body: { code: "forbidden" } });
    }
  });

  test("an admin makes and revokes keys; others do not", async () => {
    for (const role of ["read", "write"]) {
      const refused = await client.post(`/v1/${db}/_keys`, { name: "more", role: "read" }, { token: tokens[role] });
      expect(refused.status).toBe(403);
      expect((await client.delete(`/v1/${db}/_keys/admin`, { token: tokens[role] })).status).toBe(403);
    }
    const token = tokens.admin;
    expect((await client.post(`/v1/${db}/_keys`, { name: "more", role: "admin" }, { token })).status).toBe(201);
    expect((await client.delete(`/v1/${db}/_keys/more`, { token })).status).toBe(204);
    expect(objects((await client.get(`/v1/${db}/_keys`, { token })).body.keys)).toHaveLength(3);
  });

  test("what was refused changed nothing", async () => {
    const before = (await client.get(`/v1/${db}/_export`)).text;
    const token = tokens.read;
    await client.put(`/v1/${db}/notes/n1`, { n: 100 }, { token });
    await client.post(`/v1/${db}/_import`, '["notes",{"id":"n9"}]\n', { token });
    await client.post(`/v1/${db}/_tx`, { ops: [{ delete: "notes/n1" }] }, { token });
    expect((await client.get(`/v1/${db}/_export`)).text).toBe(before);
  });
});
