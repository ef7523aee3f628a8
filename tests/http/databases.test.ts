/** Databases: created, deleted, created anew. */
import { expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { objects } from "./lib/json.js";

const client = useServer();
const another = names("db");

test("a database is there once it is created, and until it is deleted", async () => {
  const db = another();
  expect(await client.get(`/v1/${db}/notes/n1`)).toMatchObject({ status: 404, body: { code: "unknown_database" } });
  expect(await client.put(`/v1/${db}`, undefined)).toMatchObject({ status: 201, body: { database: db, version: 0 } });
  expect(await client.put(`/v1/${db}/notes/n1`, { text: "a" })).toMatchObject({ status: 201 });
  expect(await client.delete(`/v1/${db}`)).toMatchObject({ status: 204, text: "" });
  for (const [method, path] of [
    ["GET", `/v1/${db}/notes/n1`],
    ["GET", `/v1/${db}/_schema`],
    ["GET", `/v1/${db}/_keys`],
    ["GET", `/v1/${db}/_export`],
    ["DELETE", `/v1/${db}`],
    ["DELETE", `/v1/${db}/_keys/web`],
    ["DELETE", `/v1/${db}/notes/n1`],
  ] as const) {
    const answer = await client.call(method, path);
    expect(answer, `${method} ${path}`).toMatchObject({ status: 404, body: { code: "unknown_database" } });
  }
  for (const [path, body] of [
    ["notes", { text: "b" }],
    ["_query", { from: "notes" }],
    ["_tx", { ops: [{ delete: "notes/n1" }] }],
    ["_keys", { name: "web", role: "read" }],
  ] as const) {
    const answer = await client.post(`/v1/${db}/${path}`, body);
    expect(answer, path).toMatchObject({ status: 404, body: { code: "unknown_database" } });
  }
});

test("a database is created once", async () => {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  await client.put(`/v1/${db}/notes/n1`, { text: "a" });
  expect(await client.put(`/v1/${db}`, undefined)).toMatchObject({ status: 409, body: { code: "exists" } });
  expect((await client.get(`/v1/${db}/notes/n1`)).body.text).toBe("a");
});

test("nothing of a deleted database comes back with its name: documents, keys, schema, credentials, versions", async () => {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  await client.put(`/v1/${db}/_schema`, { collections: { notes: { fields: { text: { type: "string" } } } } });
  const { key } = (await client.post(`/v1/${db}/_keys`, { name: "web", role: "admin" })).body;
  for (const id of ["n1", "acme/n1", "other/n1"]) await client.put(`/v1/${db}/notes/${id}`, { text: "old" });
  await client.delete(`/v1/${db}`);
  expect((await client.get(`/v1/${db}/notes/n1`, { token: String(key) })).status).toBe(401);
  await client.put(`/v1/${db}`, undefined);
  expect((await client.get(`/v1/${db}/notes/n1`, { token: String(key) })).status).toBe(401);
  expect((await client.get(`/v1/${db}/_schema`)).body).toEqual({ version: 0, schema: { collections: {} } });
  expect((await client.get(`/v1/${db}/_keys`)).body).toEqual({ keys: [] });
  expect((await client.get(`/v1/${db}/_export`)).text).toBe("");
  for (const id of ["n1", "acme/n1", "other/n1"]) {
    expect(await client.get(`/v1/${db}/notes/${id}`)).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect((await client.put(`/v1/${db}/notes/${id}`, { text: 7 })).status, id).toBe(201);
  }
  const { body } = await client.post(`/v1/${db}/_query`, { from: "notes", key: "acme" });
  expect(objects(body.rows).map(({ text }) => text)).toEqual([7]);
});

test("databases know nothing of each other", async () => {
  const [one, two] = [another(), another()];
  await client.put(`/v1/${one}`, undefined);
  await client.put(`/v1/${two}`, undefined);
  const { key } = (await client.post(`/v1/${one}/_keys`, { name: "web", role: "admin" })).body;
  await client.put(`/v1/${one}/notes/n1`, { text: "a" });
  expect((await client.get(`/v1/${two}/notes/n1`)).status).toBe(404);
  const token = String(key);
  expect((await client.get(`/v1/${one}/notes/n1`, { token })).status).toBe(200);
  expect((await client.get(`/v1/${two}/notes/n1`, { token })).status).toBe(401);
  expect((await client.get(`/v1/${two}/_schema`, { token })).status).toBe(401);
  expect((await client.get("/v1/neverMade/notes/n1", { token })).status).toBe(401);
});

test("only the root key creates and deletes databases", async () => {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  const { key } = (await client.post(`/v1/${db}/_keys`, { name: "admin", role: "admin" })).body;
  const token = String(key);
  expect(await client.delete(`/v1/${db}`, { token })).toMatchObject({ status: 403, body: { code: "forbidden" } });
  expect(await client.put(`/v1/${another()}`, undefined, { token })).toMatchObject({ status: 403 });
  expect((await client.get(`/v1/${db}/_schema`)).status).toBe(200);
});

test.each(["1db", "-db", "d.b", "d%20b", "%C3%A9", "a".repeat(65), "d%27b", "d%3Bb", "d%00b"])(
  "%s names no database",
  async (name) => {
    expect(await client.put(`/v1/${name}`, undefined)).toMatchObject({ status: 400, body: { code: "invalid_name" } });
  },
);

test("names differ by case, and may be 64 bytes long", async () => {
  const long = "a".repeat(64);
  for (const name of [long, "Case", "case", "with-dash_and_9"]) {
    expect((await client.put(`/v1/${name}`, undefined)).status, name).toBe(201);
  }
});
