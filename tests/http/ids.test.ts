/** Ids and names as they stand in URLs. */
import { beforeAll, expect, test } from "vitest";
import { useServer } from "./lib/client.js";
import { objects } from "./lib/json.js";

const client = useServer();

beforeAll(async () => {
  await client.put("/v1/ids", undefined);
});

const encoded = (id: string) => id.split("/").map(encodeURIComponent).join("/");

test.each([
  "plain",
  "a/b",
  "a/b/c/d",
  "with space",
  "per%cent",
  "%2F",
  "%2e%2e",
  "plus+plus",
  "quo'te\"s",
  "semi;colon--",
  "'; DROP TABLE d1; --",
  "question?mark#hash",
  "back\\slash",
  "é",
  "e\u0301",
  "日本語/文書",
  "🧵/🪡",
  "...",
  "a/...",
  "~tilde",
  "*",
  "_underscore",
  "a/_underscore",
  "null",
  "{}",
  "[1]",
  "<script>",
  "\u2028",
  "\ufeffbom",
  "x".repeat(512),
  `${"é".repeat(255)}/x`,
])("a document may be called %j", async (id) => {
  const path = `/v1/ids/notes/${encoded(id)}`;
  const created = await client.put(path, { mine: id });
  expect(created).toMatchObject({ status: 201, body: { id } });
  expect((await client.get(path)).body).toMatchObject({ id, mine: id });
  const key = id.includes("/") ? id.slice(0, id.indexOf("/")) : "";
  const { body } = await client.post("/v1/ids/_query", { from: "notes", key, where: ["=", "id", id] });
  expect(objects(body.rows).map(({ mine }) => mine)).toEqual([id]);
  const batch = await client.post("/v1/ids/_tx", { ops: [{ patch: `notes/${id}`, set: { seen: true } }] });
  expect(batch).toMatchObject({ status: 200, body: { results: [{ id }] } });
  expect((await client.get(`/v1/ids/notes/${encodeURIComponent(id)}`)).body.seen).toBe(true);
  expect((await client.delete(path)).status).toBe(200);
});

test("what looks alike and is not the same is another document", async () => {
  const alike = ["é", "e\u0301", "A", "a", "a/b", "a%2Fb", "1", "01", "a ", "a"];
  const distinct = [...new Set(alike)];
  for (const id of distinct) await client.put(`/v1/ids/alike/${encoded(id)}`, { mine: id });
  for (const id of distinct) expect((await client.get(`/v1/ids/alike/${encoded(id)}`)).body.mine).toBe(id);
});

test.each([
  ["a//b", "invalid_id"],
  ["a/", "invalid_id"],
  ["/a", "invalid_id"],
  ["a%2F", "invalid_id"],
  ["a%2F%2Fb", "invalid_id"],
  ["a%2F..", "invalid_id"],
  ["%00", "invalid_id"],
  ["a%0Ab", "invalid_id"],
  ["%7F", "invalid_id"],
  ["%C2%85", "invalid_id"],
  ["x".repeat(513), "invalid_id"],
  [`${"%C3%A9".repeat(256)}x`, "invalid_id"],
  ["%FF", "invalid_utf8"],
  ["%C3", "invalid_utf8"],
  ["%ED%A0%80", "invalid_utf8"],
  ["%C0%AF", "invalid_utf8"],
])("notes/%s is no document", async (id, code) => {
  for (const [method, body] of [
    ["GET", undefined],
    ["PUT", {}],
    ["DELETE", undefined],
  ] as const) {
    const answer = await client.call(method, `/v1/ids/notes/${id}`, { body });
    expect(answer, method).toMatchObject({ status: 400, body: { code } });
  }
});

test.each(["%", "%2", "%zz", "a%"])(
  "notes/%s, which is no percent-encoding, is refused or taken as it stands",
  async (id) => {
    const answer = await client.put(`/v1/ids/notes/${id}`, {});
    if (answer.status >= 400) expect(["invalid_utf8", "invalid_id", "invalid_request"]).toContain(answer.body.code);
    else expect(answer.body.id).toBe(id);
  },
);

test.each(["1notes", "no.tes", "no%20tes", "n%C3%B6tes", "n".repeat(65), "no%27tes", "a%3Bb", "%31"])(
  "%s names no collection",
  async (collection) => {
    expect(await client.get(`/v1/ids/${collection}/n1`)).toMatchObject({ status: 400, body: { code: "invalid_name" } });
    expect(await client.post(`/v1/ids/${collection}`, {})).toMatchObject({
      status: 400,
      body: { code: "invalid_name" },
    });
  },
);

test("a collection may be called as SQL's words are", async () => {
  for (const name of ["select", "table", "sqlite_master", "d1", "log", "DROP", "order-by"]) {
    expect((await client.put(`/v1/ids/${name}/x`, { name })).status, name).toBe(201);
    const { body } = await client.post("/v1/ids/_query", { from: name, key: "" });
    expect(objects(body.rows), name).toMatchObject([{ id: "x", name }]);
  }
});

test("an encoded slash and a plain one are the same", async () => {
  await client.put("/v1/ids/slashes/a/b", { n: 1 });
  expect((await client.get("/v1/ids/slashes/a%2Fb")).body.n).toBe(1);
  expect((await client.get("/v1/ids/slashes/a%2fb")).body.n).toBe(1);
  expect((await client.get("/v1/ids/%73lashes/%61/b")).body.n).toBe(1);
});
