/** Bad input: a clear refusal each time, and nothing lost by it. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Options, outcome, useServer } from "./lib/client.js";
import { type Json, nested } from "./lib/json.js";

const client = useServer();
const MIB = 1 << 20;

/** Everything that the database holds and says of itself. */
async function everything() {
  const [documents, schema, keys] = await Promise.all([
    client.get("/v1/safe/_export"),
    client.get("/v1/safe/_schema"),
    client.get("/v1/safe/_keys"),
  ]);
  return [documents.text, schema.text, keys.text];
}

beforeAll(async () => {
  await client.put("/v1/safe", undefined);
  await client.put("/v1/safe/_schema", {
    collections: { strict: { fields: { n: { type: "int", unique: true, check: [">", "n", 0] } }, closed: true } },
  });
  await client.post("/v1/safe/_keys", { name: "web", role: "read" });
  await client.put("/v1/safe/strict/s1", { n: 1 });
  await client.put("/v1/safe/notes/n1", { text: "a", list: [1], deep: { x: 1 } });
});

let before: string[];

beforeEach(async () => {
  before = await everything();
});

// Whatever was sent: the database still answers, and holds what it held.
afterEach(async () => {
  expect(await everything()).toEqual(before);
});

/** Every request that takes JSON. */
const TAKERS: [string, string][] = [
  ["PUT", "/v1/safe/notes/n1"],
  ["PATCH", "/v1/safe/notes/n1"],
  ["POST", "/v1/safe/notes"],
  ["POST", "/v1/safe/_query"],
  ["POST", "/v1/safe/_tx"],
  ["POST", "/v1/safe/_keys"],
  ["PUT", "/v1/safe/_schema"],
];

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));

/** A body whose end never comes. */
async function* unended(...pieces: string[]) {
  yield* pieces;
  await new Promise(() => {});
}

const DEEP = `{"deep":${nested(64)}}`;

const MALFORMED: [string, string | Uint8Array, string][] = [
  ["nothing", "", "invalid_json"],
  ["text", "hello", "invalid_json"],
  ["half an object", '{"a":', "invalid_json"],
  ["an object and more", "{}{}", "invalid_json"],
  ["a trailing comma", '{"a":1,}', "invalid_json"],
  ["single quotes", "{'a':1}", "invalid_json"],
  ["a comment", "{/* */}", "invalid_json"],
  ["NaN", '{"a":NaN}', "invalid_json"],
  ["a leading zero", '{"a":01}', "invalid_json"],
  ["a byte order mark", "\ufeff{}", "invalid_json"],
  ["a bare control character", '{"a":"\u0001"}', "invalid_json"],
  ["half a surrogate pair", '{"a":"\\ud800"}', "invalid_json"],
  ["U+0000 in a value", '{"a":"\\u0000"}', "invalid_json"],
  ["U+0000 in a name", '{"\\u0000":1}', "invalid_json"],
  ["bytes that are not UTF-8", bytes('{"a":"', [0xff], '"}'), "invalid_utf8"],
  ["an overlong encoding", bytes('{"a":"', [0xc0, 0xaf], '"}'), "invalid_utf8"],
  ["a surrogate in UTF-8", bytes('{"a":"', [0xed, 0xa0, 0x80], '"}'), "invalid_utf8"],
  ["UTF-16", Buffer.from('{"a":1}', "utf16le"), "invalid_json"],
  ["a member twice", '{"a":1,"a":1}', "duplicate_member"],
  ["a member twice, deep down, once escaped", '{"x":[{"a":1,"\\u0061":1}]}', "duplicate_member"],
  ["too many levels", DEEP, "too_deep"],
  ["a hundred thousand levels", `{"deep":${nested(100_000)}}`, "too_deep"],
  ["a number beyond doubles", '{"a":1e309}', "number_out_of_range"],
  ["an integer that a double would change", '{"a":92233720368547758085}', "number_out_of_range"],
  ["a very long number", `{"a":${"9".repeat(5_000)}}`, "number_out_of_range"],
];

describe.each(TAKERS)("%s %s", (method, path) => {
  test.each(MALFORMED)("%s is refused", async (_, body, code) => {
    const answer = await client.call(method, path, { body });
    expect(outcome(answer)).toBe(`400 ${code}`);
  });

  test.each(["[]", '"text"', "7", "null", "true"])("%s is no object", async (body) => {
    const answer = await client.call(method, path, { body });
    const schema = path.endsWith("_schema");
    expect(answer).toMatchObject({
      status: schema ? 422 : 400,
      body: { code: schema ? "invalid_schema" : "invalid_request" },
    });
  });

  test("a body is as large as it may be, and no larger", async () => {
    // One that says so is refused before it comes; one that does not, as soon as it is too large.
    const headers = { "content-length": String(8 * MIB + 1) };
    const said = await client.call(method, path, { headers, body: unended("{") });
    expect(outcome(said)).toBe("413 too_large");
    const streamed = await client.call(method, path, { body: unended('{"a":"', "x".repeat(8 * MIB)) });
    expect(outcome(streamed)).toBe("413 too_large");
  });
});

test("a document as large as it may be goes in, one byte more does not", async () => {
  const put = (length: number) => client.put("/v1/safe/big/b1", `{"a":"${"x".repeat(length)}"}`);
  expect(await put(MIB)).toMatchObject({ status: 413, body: { code: "too_large" } });
  expect((await put(MIB - 2_000)).status).toBe(201);
  const answer = await client.patch("/v1/safe/big/b1", { more: "x".repeat(3_000) });
  expect(answer).toMatchObject({ status: 413, body: { code: "too_large" } });
  await client.delete("/v1/safe/big/b1");
});

test("a value too long for an index is refused, not cut", async () => {
  await client.put("/v1/safe/_schema", {
    collections: {
      strict: { fields: { n: { type: "int", unique: true, check: [">", "n", 0] } }, closed: true },
      indexed: { fields: { name: { type: "string" } }, indexes: ["name"] },
    },
  });
  before = await everything();
  const answer = await client.put("/v1/safe/indexed/x", { name: "x".repeat(2_000) });
  expect(outcome(answer)).toBe("422 invalid_document");
});

const SQL = [
  "'; DROP TABLE d1; --",
  '"; DELETE FROM log; --',
  "1) OR 1=1 --",
  "') UNION SELECT name FROM sqlite_master --",
  "?1",
  ":name",
  "%s",
  "`d1`",
  "[d1]",
  "json_extract(body,'$.n')",
  "$.n",
  "body",
  "rowid",
  "\\",
];

describe.each(SQL)("what looks like SQL is a text like any other: %s", (text) => {
  afterEach(() => client.delete("/v1/safe/words/w1"));

  test("as a value", async () => {
    expect((await client.put("/v1/safe/words/w1", { text })).status).toBe(201);
    const query = { from: "words", key: "", where: ["=", "text", text] };
    const found = await client.post("/v1/safe/_query", query);
    expect(found.body.rows).toMatchObject([{ id: "w1", text }]);
    for (const where of [
      ["in", "text", [text]],
      ["prefix", "text", text],
      ["contains", "text", text],
    ]) {
      expect((await client.post("/v1/safe/_query", { ...query, where })).body.rows).toHaveLength(1);
    }
    const like = await client.post("/v1/safe/_query", { ...query, where: ["like", "text", text] });
    expect([200, 400]).toContain(like.status);
  });

  test("as the name of a member, a path, an alias", async () => {
    expect((await client.put("/v1/safe/words/w1", { [text]: 7 })).status).toBe(201);
    const path = { path: [text] };
    const found = await client.post("/v1/safe/_query", {
      from: "words",
      key: "",
      where: ["=", path, 7],
      orderBy: [[path, "desc"]],
      select: [{ found: path }],
    });
    // SQLite's JSON paths have no way to write these two.
    const unwritable = /["\\]/.test(text);
    expect(outcome(found)).toBe(unwritable ? "400 invalid_query" : "200");
    if (unwritable) return;
    expect(found.body.rows).toEqual([{ found: 7 }]);
    const alias = await client.post("/v1/safe/_query", { from: "words", key: "", select: [{ [text]: path }] });
    if (alias.status === 200) expect(alias.body.rows).toEqual([{ [text]: 7 }]);
    else expect(outcome(alias)).toBe("400 invalid_query");
    const grouped = await client.post("/v1/safe/_query", {
      from: "words",
      key: "",
      groupBy: [path],
      aggregate: { n: ["max", path] },
    });
    expect(grouped.body.rows).toMatchObject([{ n: 7 }]);
  });

  test("as the name of anything else it is refused", async () => {
    for (const body of [
      { from: text, key: "" },
      { from: "notes", key: "", join: { x: { from: text, on: [["id", "id"]] } } },
      { from: "notes", key: "", include: { x: { from: text, by: "id" } } },
      { from: "notes", key: "", where: [text, "text", 1] },
      { from: "notes", key: "", orderBy: [["text", text]] },
      { from: "notes", key: "", aggregate: { n: [text, "text"] } },
    ] as Json[]) {
      expect((await client.post("/v1/safe/_query", body)).status, JSON.stringify(body)).toBeOneOf([400, 404]);
    }
  });
});

test.each<[string, string, Options]>([
  ["GET", "/v1/safe/notes/n1", { headers: { "if-none-match": "x".repeat(10_000) } }],
  ["GET", "/v1/safe/notes/n1", { headers: { authorization: `Bearer ${"x".repeat(10_000)}` } }],
  ["PUT", "/v1/safe/notes/n1", { body: "{}", headers: { "if-match": '"9223372036854775808"' } }],
  ["PUT", "/v1/safe/notes/n1", { body: "{}", headers: { "idempotency-key": "x".repeat(10_000) } }],
  ["GET", `/v1/safe/notes/n1?${"x".repeat(10_000)}=1`, {}],
  ["GET", `/v1/safe/notes/${"x".repeat(10_000)}`, {}],
  ["GET", `/v1/${"x".repeat(10_000)}/notes/n1`, {}],
  ["GET", `/v1/safe/notes/${"a/".repeat(5_000)}a`, {}],
  ["PATCH", "/v1/safe/notes/n1", { body: '{"id":"other"}' }],
  ["PATCH", "/v1/safe/notes/n1", { body: '{"_version":1,"_mine":2}' }],
  ["PUT", "/v1/safe/strict/s2", { body: '{"n":1}' }],
  ["PUT", "/v1/safe/strict/s2", { body: '{"n":-1}' }],
  ["POST", "/v1/safe/_tx", { body: '{"ops":[{"delete":"notes/n1"},{"delete":"notes/acme/n1"}]}' }],
])("%s %.60s is refused", async (method, path, options) => {
  const answer = await client.call(method, path, options);
  expect(answer.status).toBeGreaterThanOrEqual(400);
});

test("headers of ours that a caller makes up change nothing", async () => {
  const envelope = { db: "safe", key: "", bearer: "root", batch: "x", named: false, call: "batch" };
  const headers = {
    "selvedge-envelope": JSON.stringify(envelope),
    "selvedge-more": "notes/n1",
    "selvedge-elsewhere": "acme",
  };
  expect((await client.get("/v1/safe/notes/n1", { headers })).body.text).toBe("a");
  const answer = await client.post("/v1/safe/_tx", { ops: [{ delete: "notes/n1" }] }, { headers, token: "sv_nobody" });
  expect(answer.status).toBe(401);
});

test("a schema that goes in circles is refused, and cascades in circles end", async () => {
  const by = (to: string, onDelete: string): Json => ({ fields: { to: { ref: to, onDelete, optional: true } } });
  await client.put("/v1/round", undefined);
  const schema = { collections: { a: by("b", "cascade"), b: by("a", "cascade") } };
  const answer = await client.put("/v1/round/_schema", schema);
  expect([200, 422]).toContain(answer.status);
  if (answer.status === 422) return;
  await client.post("/v1/round/_tx", {
    ops: [
      { insert: "a/1", body: {} },
      { insert: "b/1", body: { to: "1" } },
      { patch: "a/1", set: { to: "1" } },
    ],
  });
  expect((await client.delete("/v1/round/a/1")).status).toBe(200);
  expect((await client.get("/v1/round/_export")).text).toBe("");
});
