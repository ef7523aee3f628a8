/** Import and export: documents in bulk, a line each, as a stream. */
import { beforeEach, expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { objects } from "./lib/json.js";

const client = useServer();
const another = names("db");
let db: string;

beforeEach(async () => {
  db = another();
  await client.put(`/v1/${db}`, undefined);
});

const load = (body: string | Uint8Array | AsyncIterable<string | Uint8Array>) => client.post(`/v1/${db}/_import`, body);
const line = (collection: string, document: object) => `${JSON.stringify([collection, document])}\n`;

/** The export, without what the server adds. */
async function dump(query = "") {
  const { text } = await client.get(`/v1/${db}/_export${query}`);
  expect(text === "" || text.endsWith("\n")).toBe(true);
  return text
    .split("\n")
    .filter(Boolean)
    .map((text) => {
      const [collection, { _version, _time, ...document }] = JSON.parse(text);
      expect(_version).toEqual(expect.any(Number));
      return [collection, document];
    });
}

async function* pieces(text: string, size: number) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("lines of several keys and collections go in, and come out as they went in", async () => {
  const documents: [string, object][] = [
    ["notes", { id: "n1", text: "é😀\n\u2028", n: -1.5 }],
    ["notes", { id: "acme/n1", deep: { list: [1, [2]] } }],
    ["orders", { id: "acme/o1", n: 9007199254740991 }],
    ["orders", { id: "zeta/o1" }],
    ["orders", { id: "o1", text: ']",' }],
  ];
  const answer = await load(documents.map(([collection, document]) => line(collection, document)).join(""));
  expect(answer.body).toEqual({ imported: 5, failed: 0, errors: [] });
  const out = await dump();
  expect(out).toHaveLength(5);
  expect(out).toEqual(expect.arrayContaining(documents));
  expect(await dump("?collection=orders")).toHaveLength(3);
  expect(await dump("?collection=nothing")).toEqual([]);
});

test("an export is an import", async () => {
  const text = Array.from({ length: 2_500 }, (_, n) => line(n % 2 ? "a" : "b", { id: `k${n % 3}/d${n}`, n })).join("");
  expect((await load(text)).body).toMatchObject({ imported: 2_500 });
  const [first, exported] = [db, await client.get(`/v1/${db}/_export`)];
  db = another();
  await client.put(`/v1/${db}`, undefined);
  expect((await load(exported.text)).body).toEqual({ imported: 2_500, failed: 0, errors: [] });
  const sorted = (rows: unknown[]) => rows.map((row) => JSON.stringify(row)).sort();
  const copy = sorted(await dump());
  db = first;
  expect(copy).toEqual(sorted(await dump()));
  expect(new Set(copy).size).toBe(2_500);
});

test.each([1, 7, 1_000])("it makes no difference that a stream comes in pieces of %i bytes", async (size) => {
  const text = Array.from({ length: 40 }, (_, n) =>
    line("notes", { id: `k${n % 4}/é${n}`, text: "😀".repeat(n) }),
  ).join("");
  expect((await load(pieces(text, size))).body).toEqual({ imported: 40, failed: 0, errors: [] });
  expect(await dump()).toHaveLength(40);
});

test("lines that fail are named and leave the others alone", async () => {
  await client.put(`/v1/${db}/_schema`, {
    collections: { strict: { fields: { n: { type: "int", unique: true, check: [">", "n", 0] } }, closed: true } },
  });
  const lines: [string, string | null][] = [
    [line("strict", { id: "s1", n: 1 }), null],
    ["not JSON\n", "invalid_json"],
    [line("strict", { id: "s2", n: "x" }), "invalid_document"],
    [line("strict", { id: "s3", n: 1 }), "unique_violation"],
    [line("strict", { id: "s4", n: -1 }), "check_failed"],
    [line("strict", { id: "s5", n: 5, more: 1 }), "invalid_document"],
    [line("no name", { id: "s6" }), "invalid_name"],
    [line("notes", { text: "no id" }), "invalid_id"],
    [line("notes", { id: "a//b" }), "invalid_id"],
    ['["notes",{"id":"x","id":"y"}]\n', "duplicate_member"],
    [`["notes",{"id":"deep","d":${"[".repeat(70)}${"]".repeat(70)}}]\n`, "too_deep"],
    ['["notes",{"id":"num","n":1e999}]\n', "number_out_of_range"],
    ['["notes",{"id":"nul","n":"\\u0000"}]\n', "invalid_json"],
    ['{"id":"x"}\n', "invalid_request"],
    ['["notes"]\n', "invalid_request"],
    ['["notes",{"id":"x"},1]\n', "invalid_request"],
    ['["notes",{"id":"x"}\n', "invalid_json"],
    ['["notes",{"id":"x"}]]\n', "invalid_json"],
    [line("notes", { id: "big", text: "x".repeat(1_100_000) }), "too_large"],
    [line("notes", { id: "longer", text: "x".repeat(2_200_000) }), "too_large"],
    ["\n", "blank"],
    [line("strict", { id: "s9", n: 9 }), null],
    [line("strict", { id: "s1", n: 11 }), null],
    ['["notes",{"id":"last"}]', null],
  ];
  const answer = await load(lines.map(([text]) => text).join(""));
  const failing = lines.flatMap(([, code], index) => (code && code !== "blank" ? [{ line: index + 1, code }] : []));
  expect(answer.body.imported).toBe(4);
  expect(objects(answer.body.errors).map(({ line, code }) => ({ line, code }))).toEqual(failing);
  expect(answer.body.failed).toBe(failing.length);
  expect(await dump()).toHaveLength(3);
  expect((await client.get(`/v1/${db}/strict/s1`)).body.n).toBe(11);
});

test("a line that is not UTF-8 fails alone", async () => {
  const bad = Buffer.concat([Buffer.from('["notes",{"id":"a","t":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}]\n')]);
  const answer = await load(Buffer.concat([bad, Buffer.from(line("notes", { id: "b" }))]));
  expect(answer.body).toMatchObject({ imported: 1, failed: 1, errors: [{ line: 1, code: "invalid_utf8" }] });
});

test("only the first failures are told, all are counted", async () => {
  const answer = await load("x\n".repeat(50));
  expect(answer.body).toMatchObject({ imported: 0, failed: 50 });
  expect(objects(answer.body.errors).map(({ line }) => line)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
});

test("of lines about one document the last holds, and a repeat changes nothing", async () => {
  const text = [1, 2, 3].map((n) => line("notes", { id: "n", n })).join("");
  for (let time = 0; time < 2; time += 1) {
    expect((await load(text)).body).toMatchObject({ imported: 3 });
    expect(await dump()).toEqual([["notes", { id: "n", n: 3 }]]);
  }
});

test("an import that refers to what comes with it goes in", async () => {
  await client.put(`/v1/${db}/_schema`, {
    collections: { people: { fields: {} }, notes: { fields: { by: { ref: "people" } } } },
  });
  const text =
    line("people", { id: "p" }) + line("notes", { id: "n1", by: "p" }) + line("notes", { id: "n2", by: "nobody" });
  expect((await load(text)).body).toMatchObject({
    imported: 2,
    failed: 1,
    errors: [{ line: 3, code: "ref_violation" }],
  });
});

test("a stream longer than any body goes in", async () => {
  const text = "x".repeat(10_000);
  async function* stream() {
    for (let n = 0; n < 1_200; n += 1) yield line("notes", { id: `k${n % 5}/n${n}`, text });
  }
  expect((await load(stream())).body).toEqual({ imported: 1_200, failed: 0, errors: [] });
  const count = { from: "notes", key: "k3", aggregate: { n: ["count"] } };
  expect((await client.post(`/v1/${db}/_query`, count)).body.rows).toEqual([{ n: 240 }]);
  const { text: exported } = await client.get(`/v1/${db}/_export`);
  expect(exported.length).toBeGreaterThan(12_000_000);
  expect(exported.split("\n")).toHaveLength(1_201);
});

test("nothing goes in from somebody who may not write, whatever the lines are", async () => {
  const { key } = (await client.post(`/v1/${db}/_keys`, { name: "web", role: "read" })).body;
  for (const text of ["", "not JSON\n", line("notes", { id: "n1" })]) {
    const refused = await client.post(`/v1/${db}/_import`, text, { token: String(key) });
    expect(refused, text).toMatchObject({ status: 403, body: { code: "forbidden" } });
    expect((await client.post(`/v1/${db}/_import`, text, { token: "sv_nobody" })).status, text).toBe(401);
    expect((await client.post("/v1/neverMade/_import", text)).body.code, text).toBe("unknown_database");
  }
  expect(await dump()).toEqual([]);
});

test("an empty database has an empty export", async () => {
  expect(await client.get(`/v1/${db}/_export`)).toMatchObject({ status: 200, text: "" });
  expect((await client.get(`/v1/${db}/_export?collection=no%20name`)).body.code).toBe("invalid_name");
});
