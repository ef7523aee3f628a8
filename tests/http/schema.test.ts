/** The schema over HTTP: put, refused, staged, in force everywhere. */
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { type Json, objects } from "./lib/json.js";

const client = useServer();
const another = names("db");

async function database(schema?: Json) {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  if (schema !== undefined) expect((await put(db, schema)).status).toBe(200);
  return db;
}

const put = (db: string, schema: Json, headers?: Record<string, string>) =>
  client.put(`/v1/${db}/_schema`, schema, { headers });

/** Waits until nothing is staged any more. */
async function settled(db: string) {
  for (;;) {
    const { body } = await client.get(`/v1/${db}/_schema`);
    if (body.staged === undefined) return body;
    await sleep(20);
  }
}

/** Puts a schema and waits until it is in force, or refused. */
async function putAndWait(db: string, schema: Json) {
  const answer = await put(db, schema);
  expect([200, 202, 422]).toContain(answer.status);
  return settled(db);
}

const NOTES = { collections: { notes: { fields: { text: { type: "string" } } } } };

test("a schema has a version, which the same schema keeps and another does not", async () => {
  const db = await database();
  const empty = await client.get(`/v1/${db}/_schema`);
  expect(empty).toMatchObject({ headers: { etag: '"0"' }, body: { version: 0, schema: { collections: {} } } });
  expect(await put(db, NOTES)).toMatchObject({ status: 200, body: { version: 1 } });
  expect(await put(db, NOTES)).toMatchObject({ status: 200, body: { version: 1 } });
  expect(await put(db, '{ "collections":{"notes" : {"fields":{"text":{"type":"string"}}}}}')).toMatchObject({
    body: { version: 1 },
  });
  expect(await client.get(`/v1/${db}/_schema`)).toMatchObject({
    headers: { etag: '"1"' },
    body: { version: 1, schema: NOTES },
  });
  expect(await put(db, { collections: {} })).toMatchObject({ status: 200, body: { version: 2 } });
});

test("it is put only if the version is the one that was read", async () => {
  const db = await database();
  expect((await put(db, NOTES, { "if-match": '"0"' })).status).toBe(200);
  const stale = await put(db, { collections: {} }, { "if-match": '"0"' });
  expect(stale).toMatchObject({ status: 412, body: { code: "version_mismatch", version: 1 } });
  expect((await put(db, NOTES, { "if-match": "*" })).status).toBe(200);
  expect((await put(db, NOTES, { "if-none-match": "*" })).body.code).toBe("invalid_request");
  expect((await client.get(`/v1/${db}/_schema`)).body.version).toBe(1);
});

test("from the moment it is answered, every partition keeps to it", async () => {
  const db = await database();
  for (const key of ["a", "b", "c"]) await client.put(`/v1/${db}/notes/${key}/n1`, { text: "x" });
  const { version } = await putAndWait(db, NOTES);
  expect(version).toBe(1);
  for (const id of ["a/n2", "b/n2", "c/n2", "new/n1", "n1"]) {
    const bad = await client.put(`/v1/${db}/notes/${id}`, { text: 7 });
    expect(bad, id).toMatchObject({ status: 422, body: { code: "invalid_document", path: "text" } });
    expect((await client.put(`/v1/${db}/notes/${id}`, { text: "fine" })).status, id).toBe(201);
  }
});

describe("documents are held to it", () => {
  let db: string;
  beforeAll(async () => {
    db = await database({
      collections: {
        things: {
          fields: {
            text: { type: "string", optional: true },
            whole: { type: "int", optional: true, check: [">", "whole", 0] },
            real: { type: "float", optional: true },
            flag: { type: "bool", optional: true },
            bytes: { type: "bytes", optional: true },
            when: { type: "timestamp", optional: true },
            kind: { type: "enum", values: ["a", "b"], optional: true },
            list: { type: "array", items: { type: "int" }, optional: true },
            inner: { type: "object", fields: { x: { type: "int" } }, closed: true, optional: true },
            made: { type: "timestamp", default: { now: true } },
            token: { type: "string", default: { id: true } },
            level: { type: "int", default: 3 },
            sum: { type: "float", computed: ["+", "level", ["coalesce", "whole", 0]] },
          },
          checks: { ordered: ["or", ["null", "whole"], ["<=", "whole", { path: "level" }]] },
          closed: true,
        },
      },
    });
  });

  test("defaults and computed fields are filled in", async () => {
    await client.put(`/v1/${db}/things/t1`, { whole: 2 });
    const { body } = await client.get(`/v1/${db}/things/t1`);
    expect(body).toMatchObject({ level: 3, sum: 5, token: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(Date.parse(String(body.made))).toBeGreaterThan(0);
  });

  test.each<[Json, string, number]>([
    [{ text: 7 }, "invalid_document", 422],
    [{ whole: 1.5 }, "invalid_document", 422],
    [{ real: "1" }, "invalid_document", 422],
    [{ flag: 0 }, "invalid_document", 422],
    [{ bytes: "not base64!" }, "invalid_document", 422],
    [{ when: "yesterday" }, "invalid_document", 422],
    [{ kind: "c" }, "invalid_document", 422],
    [{ list: [1, "2"] }, "invalid_document", 422],
    [{ inner: {} }, "invalid_document", 422],
    [{ inner: { x: 1, y: 2 } }, "invalid_document", 422],
    [{ sum: 9 }, "invalid_document", 422],
    [{ colour: "red" }, "invalid_document", 422],
    [{ whole: 0 }, "check_failed", 409],
    [{ whole: 4 }, "check_failed", 409],
  ])("%j does not fit", async (body, code, status) => {
    const answer = await client.put(`/v1/${db}/things/t2`, body);
    expect(answer).toMatchObject({ status, body: { code, document: "things/t2" } });
    expect((await client.get(`/v1/${db}/things/t2`)).status).toBe(404);
  });
});

test("references restrict, cascade and clear", async () => {
  const by = (onDelete: string, optional = false): Json => ({ fields: { to: { ref: "roots", onDelete, optional } } });
  const db = await database({
    collections: { roots: { fields: {} }, kept: by("restrict"), fallen: by("cascade"), cleared: by("clear", true) },
  });
  await client.put(`/v1/${db}/roots/r1`, {});
  for (const name of ["kept", "fallen", "cleared"]) await client.put(`/v1/${db}/${name}/x`, { to: "r1" });
  expect(await client.put(`/v1/${db}/kept/y`, { to: "r2" })).toMatchObject({ body: { code: "ref_violation" } });
  expect(await client.put(`/v1/${db}/kept/y`, { to: "other/r1" })).toMatchObject({ body: { code: "several_keys" } });
  expect(await client.delete(`/v1/${db}/roots/r1`)).toMatchObject({ status: 409, body: { code: "ref_violation" } });
  await client.delete(`/v1/${db}/kept/x`);
  expect((await client.delete(`/v1/${db}/roots/r1`)).status).toBe(200);
  expect((await client.get(`/v1/${db}/fallen/x`)).status).toBe(404);
  expect((await client.get(`/v1/${db}/cleared/x`)).body.to ?? null).toBeNull();
});

test("unique holds for single fields and for several", async () => {
  const db = await database({
    collections: {
      books: {
        fields: { isbn: { type: "string", unique: true }, title: { type: "string" }, year: { type: "int" } },
        unique: [["title", "year"]],
      },
    },
  });
  await client.put(`/v1/${db}/books/b1`, { isbn: "1", title: "t", year: 1 });
  for (const body of [
    { isbn: "1", title: "u", year: 1 },
    { isbn: "2", title: "t", year: 1 },
  ]) {
    expect(await client.put(`/v1/${db}/books/b2`, body)).toMatchObject({
      status: 409,
      body: { code: "unique_violation" },
    });
  }
  expect((await client.put(`/v1/${db}/books/b2`, { isbn: "2", title: "t", year: 2 })).status).toBe(201);
});

test("a constraint that documents break is refused with the first of them, and nothing changes", async () => {
  const db = await database();
  for (const id of ["a/n1", "a/n2", "b/n1"])
    await client.put(`/v1/${db}/notes/${id}`, { text: id === "a/n2" ? 7 : "x" });
  const before = (await client.get(`/v1/${db}/_export`)).text;
  const answer = await put(db, NOTES);
  const problem = answer.status === 422 ? answer.body : (await settled(db)).refused;
  expect(JSON.stringify(problem)).toContain("schema_violation");
  expect(JSON.stringify(problem)).toContain("notes/a/n2");
  expect(await client.get(`/v1/${db}/_schema`)).toMatchObject({
    body: { version: 0, refused: { problem: { code: "schema_violation" } } },
  });
  expect((await client.get(`/v1/${db}/_export`)).text).toBe(before);
  await client.put(`/v1/${db}/notes/a/n3`, { text: 8 });
  // Mended, it goes through.
  for (const id of ["a/n2", "a/n3"]) await client.put(`/v1/${db}/notes/${id}`, { text: "mended" });
  expect((await putAndWait(db, NOTES)).schema).toEqual(NOTES);
});

test("two documents with one value keep a unique set out", async () => {
  const db = await database();
  for (const id of ["n1", "n2"]) await client.put(`/v1/${db}/notes/${id}`, { text: "same" });
  const schema = { collections: { notes: { fields: { text: { type: "string", unique: true } } } } };
  expect((await putAndWait(db, schema)).refused).toMatchObject({ problem: { code: "schema_violation" } });
  await client.delete(`/v1/${db}/notes/n1`);
  expect((await putAndWait(db, schema)).schema).toEqual(schema);
});

test("an index is built over what is there while writes go on, and then serves", async () => {
  const db = await database();
  const lines = Array.from({ length: 3_000 }, (_, n) => `["notes",{"id":"n${n}","n":${n % 100}}]\n`).join("");
  await client.post(`/v1/${db}/_import`, lines);
  const schema = { collections: { notes: { fields: { n: { type: "int" } }, indexes: ["n"] } } };
  const [answer] = await Promise.all([
    put(db, schema),
    ...Array.from({ length: 20 }, (_, n) => client.put(`/v1/${db}/notes/more${n}`, { n: 7 })),
  ]);
  expect([200, 202]).toContain(answer.status);
  expect((await settled(db)).schema).toEqual(schema);
  const query: Json = { from: "notes", where: ["=", "n", 7] };
  const plan = (await client.post(`/v1/${db}/_query`, { ...query, explain: true })).body.plan;
  expect(JSON.stringify(plan)).toContain("USING INDEX");
  const { body } = await client.post(`/v1/${db}/_query`, { ...query, limit: 1_000 });
  expect(objects(body.rows)).toHaveLength(50);
});

test("migrations rename, drop and fill, once", async () => {
  const db = await database();
  await client.put(`/v1/${db}/notes/n1`, { old: "x", gone: 1 });
  const schema: Json = {
    collections: {
      notes: {
        fields: { text: { type: "string" }, level: { type: "int" } },
        closed: true,
        migrate: [{ rename: ["old", "text"] }, { drop: "gone" }, { fill: ["level", 1] }],
      },
    },
  };
  expect((await putAndWait(db, schema)).schema).toEqual(schema);
  const read = await client.get(`/v1/${db}/notes/n1`);
  expect(read.body).toMatchObject({ text: "x", level: 1 });
  expect(read.body).not.toHaveProperty("gone");
  expect(read.body).not.toHaveProperty("old");
});

test.each<[string, Json, number]>([
  ["invalid_schema", {}, 422],
  ["invalid_schema", [], 422],
  ["invalid_schema", { collections: [] }, 422],
  ["invalid_schema", { collections: {}, more: 1 }, 422],
  ["invalid_schema", { collections: { "no name": {} } }, 422],
  ["invalid_schema", { collections: { a: { fields: { x: { type: "nothing" } } } } }, 422],
  ["invalid_schema", { collections: { a: { fields: { x: { ref: "nowhere" } } } } }, 422],
  ["invalid_schema", { collections: { a: { fields: { _x: { type: "int" } } } } }, 422],
  ["invalid_schema", { collections: { a: { fields: { id: { type: "int" } } } } }, 422],
  ["invalid_schema", { collections: { a: { closed: true, indexes: ["nothing"] } } }, 422],
  ["invalid_schema", { collections: { a: { fields: { x: { type: "int", default: "x" } } } } }, 422],
  ["invalid_schema", { collections: { a: { fields: { x: { type: "int" } }, ttl: "x" } } }, 422],
  ["invalid_schema", { collections: { a: { fields: { x: { type: "int", check: ["~", "x", 1] } } } } }, 422],
  ["invalid_json", '{"collections":', 400],
  ["duplicate_member", '{"collections":{"a":{},"a":{}}}', 400],
  ["too_large", `{"collections":{}${" ".repeat(600_000)}}`, 413],
])("%s: %s", async (code, schema, status) => {
  const db = await database();
  expect(await put(db, schema)).toMatchObject({ status, body: { code } });
  expect((await client.get(`/v1/${db}/_schema`)).body.version).toBe(0);
});

test("documents whose time has come go by themselves", async () => {
  const db = await database({
    collections: { notes: { fields: { until: { type: "timestamp", optional: true } }, ttl: "until" } },
  });
  await client.put(`/v1/${db}/notes/n1`, { until: new Date(Date.now() + 300).toISOString() });
  await client.put(`/v1/${db}/notes/n2`, { until: new Date(Date.now() + 3_600_000).toISOString() });
  while ((await client.get(`/v1/${db}/notes/n1`)).status !== 404) await sleep(50);
  expect((await client.get(`/v1/${db}/notes/n2`)).status).toBe(200);
});
