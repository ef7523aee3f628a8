/** Transactions: all of a batch or nothing, on what it read and on what holds. */
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { type Json, objects } from "./lib/json.js";

const client = useServer();
const key = names("k");
let k: string;

beforeAll(async () => {
  await client.put("/v1/shop", undefined);
  await client.put("/v1/shop/_schema", {
    collections: {
      customers: { fields: { name: { type: "string" }, email: { type: "string", unique: true, optional: true } } },
      orders: {
        fields: {
          customer: { ref: "customers" },
          total: { type: "float", check: [">=", "total", 0] },
          tags: { type: "array", items: { type: "string" }, optional: true },
        },
        indexes: ["total"],
      },
      lines: { fields: { order: { ref: "orders", onDelete: "cascade" } }, closed: true },
    },
  });
});

beforeEach(async () => {
  k = key();
  await commit([
    { insert: `customers/${k}/c1`, body: { name: "Ada", email: "ada@example.com" } },
    { insert: `orders/${k}/o1`, body: { customer: `${k}/c1`, total: 10, tags: ["a"] } },
    { insert: `lines/${k}/l1`, body: { order: `${k}/o1` } },
  ]);
});

const tx = (body: Json) => client.post("/v1/shop/_tx", body);
const document = async (name: string) => (await client.get(`/v1/shop/${name}`)).body;

async function commit(ops: Json) {
  const answer = await tx({ ops });
  expect(answer).toMatchObject({ status: 200 });
  return answer;
}

/** What the key holds, so that nothing half done goes unseen. */
async function everything() {
  const lines = (await client.get("/v1/shop/_export")).text.split("\n");
  return lines.filter((line) => line.includes(`"id":"${k}/`));
}

test("operations of every kind commit together, at one time, each with its result", async () => {
  const answer = await commit([
    { insert: `customers/${k}/c2`, body: { name: "Bo" } },
    { replace: `orders/${k}/o2`, body: { customer: `${k}/c2`, total: 1 } },
    { patch: `orders/${k}/o1`, set: { "note.text": "x" }, increment: { total: 5 }, append: { tags: ["b", "c"] } },
    { check: `orders/${k}/o1`, where: ["=", "total", 15] },
    { delete: `lines/${k}/l1` },
  ]);
  expect(objects(answer.body.results).map(({ id }) => id)).toEqual(
    ["c2", "o2", "o1", "o1", "l1"].map((id) => `${k}/${id}`),
  );
  expect(objects(answer.body.results)[4]?.version).toBeNull();
  const order = await document(`orders/${k}/o1`);
  expect(order).toMatchObject({ total: 15, tags: ["a", "b", "c"], note: { text: "x" }, _time: answer.body.time });
  expect(order._version).toBe(objects(answer.body.results)[2]?.version);
  expect((await document(`customers/${k}/c2`))._time).toBe(answer.body.time);
});

test("later operations see earlier ones, and may undo them", async () => {
  await commit([
    { insert: `customers/${k}/c9`, body: { name: "Di" } },
    { patch: `customers/${k}/c9`, set: { name: "Dora" } },
    { check: `customers/${k}/c9`, where: ["=", "name", "Dora"] },
    { delete: `customers/${k}/c9` },
  ]);
  expect((await client.get(`/v1/shop/customers/${k}/c9`)).status).toBe(404);
});

test("unset removes, set makes the way, and numbers keep their kind", async () => {
  await commit([
    { patch: `orders/${k}/o1`, unset: ["tags"], set: { "a.b.c": [1], exact: 9007199254740990 } },
    { patch: `orders/${k}/o1`, increment: { exact: 3, fresh: 2 } },
  ]);
  const order = await client.get(`/v1/shop/orders/${k}/o1`);
  expect(order.body).toMatchObject({ a: { b: { c: [1] } }, fresh: 2 });
  expect(order.body).not.toHaveProperty("tags");
  expect(order.text).toContain('"exact":9007199254740993');
});

describe("a batch that fails changes nothing, and says where", () => {
  test.each<[string, (k: string) => Json, string, number]>([
    ["an insert of what is there", (k) => ({ insert: `customers/${k}/c1`, body: { name: "x" } }), "exists", 409],
    ["a patch of what is not", (k) => ({ patch: `customers/${k}/c7`, set: { name: "x" } }), "not_found", 404],
    ["a delete of what is not", (k) => ({ delete: `customers/${k}/c7` }), "not_found", 404],
    ["a version", (k) => ({ delete: `customers/${k}/c1`, version: 999 }), "conflict", 409],
    ["a version of what is not", (k) => ({ check: `customers/${k}/c7`, version: 1 }), "conflict", 409],
    ["an absence", (k) => ({ replace: `customers/${k}/c1`, body: { name: "x" }, version: null }), "conflict", 409],
    ["an if", (k) => ({ delete: `lines/${k}/l1`, if: ["=", "order", "x"] }), "check_failed", 409],
    ["a check", (k) => ({ check: `orders/${k}/o1`, where: [">", "total", 10] }), "check_failed", 409],
    ["a check of the schema", (k) => ({ patch: `orders/${k}/o1`, set: { total: -1 } }), "check_failed", 409],
    ["a type", (k) => ({ patch: `orders/${k}/o1`, set: { total: "x" } }), "invalid_document", 422],
    ["a closed collection", (k) => ({ patch: `lines/${k}/l1`, set: { more: 1 } }), "invalid_document", 422],
    [
      "an increment of a text",
      (k) => ({ patch: `customers/${k}/c1`, increment: { name: 1 } }),
      "invalid_document",
      422,
    ],
  ])("%s", async (_, operation, code, status) => {
    const before = await everything();
    const answer = await tx({ ops: [{ insert: `customers/${k}/c8`, body: { name: "New" } }, operation(k)] });
    expect(answer).toMatchObject({ status, body: { code, operation: 1 } });
    expect(await everything()).toEqual(before);
  });

  test("a reference to nothing", async () => {
    const before = await everything();
    const answer = await tx({ ops: [{ patch: `orders/${k}/o1`, set: { customer: `${k}/nobody` } }] });
    expect(answer).toMatchObject({ status: 409, body: { code: "ref_violation" } });
    expect(await everything()).toEqual(before);
  });

  test("a delete of what is referred to; with what refers to it, it goes through", async () => {
    const refused = await tx({ ops: [{ delete: `customers/${k}/c1` }] });
    expect(refused).toMatchObject({ status: 409, body: { code: "ref_violation" } });
    await commit([{ delete: `customers/${k}/c1` }, { delete: `orders/${k}/o1` }]);
    expect(await everything()).toEqual([]);
  });

  test("a value that another document has", async () => {
    const body = { name: "Twin", email: "ada@example.com" };
    const answer = await tx({ ops: [{ insert: `customers/${k}/c3`, body }] });
    expect(answer).toMatchObject({ status: 409, body: { code: "unique_violation" } });
    // Values may change hands within a batch.
    await commit([
      { patch: `customers/${k}/c1`, set: { email: "other@example.com" } },
      { insert: `customers/${k}/c3`, body },
    ]);
  });
});

describe("reads", () => {
  test("a document that was read and has not changed lets the batch through; one that has does not", async () => {
    const { _version: version } = await document(`orders/${k}/o1`);
    const reads = [
      { doc: `orders/${k}/o1`, version: version ?? null },
      { doc: `orders/${k}/none`, version: null },
    ];
    const ops = [{ patch: `orders/${k}/o1`, increment: { total: 1 } }];
    expect((await tx({ reads, ops })).status).toBe(200);
    const stale = await tx({ reads, ops });
    expect(stale).toMatchObject({ status: 409, body: { code: "conflict", read: 0, document: `orders/${k}/o1` } });
    const { _version: now } = await document(`orders/${k}/o1`);
    await client.put(`/v1/shop/orders/${k}/none`, { customer: `${k}/c1`, total: 3 });
    const there = await tx({ reads: [{ doc: `orders/${k}/o1`, version: now ?? null }, ...reads.slice(1)], ops });
    expect(there).toMatchObject({ status: 409, body: { code: "conflict", read: 1 } });
    expect((await document(`orders/${k}/o1`)).total).toBe(11);
  });

  test.each(["found", "counted"])("no phantom slips into what a query %s", async (kind) => {
    const query: Json =
      kind === "found"
        ? { from: "orders", key: k, where: ["<", "total", 100], orderBy: ["total"] }
        : { from: "orders", key: k, aggregate: { n: ["count"], sum: ["sum", "total"] } };
    const { digest } = (await client.post("/v1/shop/_query", query)).body;
    const reads = [{ query, digest: digest ?? null }];
    const ops = [{ patch: `customers/${k}/c1`, set: { seen: true } }];
    expect((await tx({ reads, ops })).status).toBe(200);
    await client.put(`/v1/shop/orders/${k}/phantom`, { customer: `${k}/c1`, total: 50 });
    expect(await tx({ reads, ops })).toMatchObject({ status: 409, body: { code: "conflict", read: 0 } });
    await client.delete(`/v1/shop/orders/${k}/phantom`);
    expect((await tx({ reads, ops })).status).toBe(200);
  });

  test("a batch of reads alone is a consistent look", async () => {
    expect(await tx({ reads: [{ doc: `orders/${k}/none`, version: null }] })).toMatchObject({
      status: 200,
      body: { results: [] },
    });
  });
});

test.each<[string, (k: string) => Json]>([
  ["several_keys", (k) => ({ ops: [{ delete: `lines/${k}/l1` }, { delete: "lines/other/l1" }] })],
  ["several_keys", (k) => ({ ops: [{ delete: `lines/${k}/l1` }], reads: [{ doc: "lines/other/l1", version: null }] })],
  [
    "several_keys",
    (k) => ({ ops: [{ delete: `lines/${k}/l1` }], reads: [{ query: { from: "lines", key: "other" }, digest: "" }] }),
  ],
  ["invalid_request", () => ({ ops: {} })],
  ["invalid_request", () => ({ ops: [7] })],
  ["invalid_request", () => ({ ops: [{}] })],
  ["invalid_request", (k) => ({ ops: [{ delete: `lines/${k}/l1`, insert: `lines/${k}/l2` }] })],
  ["invalid_request", (k) => ({ ops: [{ delete: `lines/${k}/l1`, body: {} }] })],
  ["invalid_request", (k) => ({ ops: [{ insert: `lines/${k}/l2`, body: [] }] })],
  ["invalid_request", (k) => ({ ops: [{ patch: `lines/${k}/l1` }] })],
  ["invalid_request", (k) => ({ ops: [{ patch: `lines/${k}/l1`, set: { _version: 1 } }] })],
  ["invalid_request", (k) => ({ ops: [{ patch: `lines/${k}/l1`, set: { id: "x" } }] })],
  ["invalid_request", (k) => ({ ops: [{ patch: `lines/${k}/l1`, increment: { n: "1" } }] })],
  ["invalid_request", (k) => ({ ops: [{ check: `lines/${k}/l1` }] })],
  ["invalid_request", (k) => ({ ops: [{ delete: `lines/${k}/l1`, version: "1" }] })],
  ["invalid_request", (k) => ({ ops: [{ delete: `lines/${k}/l1`, version: 1.5 }] })],
  ["invalid_request", (k) => ({ ops: [{ delete: `lines/${k}/l1` }], more: 1 })],
  ["invalid_request", (k) => ({ reads: [{ doc: `lines/${k}/l1` }] })],
  ["invalid_request", (k) => ({ reads: [{ query: { from: "lines", key: k } }] })],
  ["invalid_id", () => ({ ops: [{ delete: "lines" }] })],
  ["invalid_id", () => ({ ops: [{ delete: "lines/" }] })],
  ["invalid_name", () => ({ ops: [{ delete: "1ines/x" }] })],
  ["invalid_batch_id", (k) => ({ id: "", ops: [{ delete: `lines/${k}/l1` }] })],
  ["invalid_batch_id", (k) => ({ id: 7, ops: [{ delete: `lines/${k}/l1` }] })],
  ["unknown_operator", (k) => ({ ops: [{ delete: `lines/${k}/l1`, if: ["~", "order", 1] }] })],
  ["unknown_field", (k) => ({ ops: [{ delete: `lines/${k}/l1`, if: ["=", "nothing", 1] }] })],
  ["too_many", (k) => ({ ops: Array.from({ length: 1_001 }, (_, n) => ({ delete: `lines/${k}/x${n}` })) })],
  [
    "too_many",
    (k) => ({
      ops: [{ delete: `lines/${k}/l1` }],
      reads: Array.from({ length: 33 }, () => ({ query: { from: "lines", key: k }, digest: "" })),
    }),
  ],
])("%s: a batch is refused before anything is done", async (code, body) => {
  const before = await everything();
  const answer = await tx(body(k));
  expect(answer.body.code).toBe(code);
  expect([400, 429]).toContain(answer.status);
  expect(await everything()).toEqual(before);
});

test("increments of many callers at once add up", async () => {
  const ops = [{ patch: `orders/${k}/o1`, increment: { total: 1 } }];
  const answers = await Promise.all(Array.from({ length: 50 }, () => tx({ ops })));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect((await document(`orders/${k}/o1`)).total).toBe(60);
});
