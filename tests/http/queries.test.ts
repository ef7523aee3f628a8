/** Queries over HTTP: what the executors answer is tested with them; here is what travels. */
import { beforeAll, describe, expect, test } from "vitest";
import { useServer } from "./lib/client.js";
import { isMembers, type Json, type Members, objects } from "./lib/json.js";

const client = useServer();
let loaded: Json;

beforeAll(async () => {
  await client.put("/v1/shop", undefined);
  await client.put("/v1/shop/_schema", {
    collections: {
      customers: {
        fields: { name: { type: "string" }, region: { type: "enum", values: ["eu", "us"], optional: true } },
        relations: { orders: { from: "orders", by: "customer" } },
      },
      orders: {
        fields: {
          customer: { ref: "customers", optional: true },
          status: { type: "string" },
          total: { type: "float" },
        },
        indexes: [["status", "total"]],
        relations: { lines: { from: "lines", by: "order" } },
      },
      lines: { fields: { order: { ref: "orders" }, sku: { type: "string" }, quantity: { type: "int" } }, closed: true },
    },
  });
  const batch = JSON.stringify({
    ops: [
      { insert: "customers/ada", body: { name: "Ada", region: "eu" } },
      { insert: "customers/bo", body: { name: "Bo", region: "us" } },
      { insert: "orders/o1", body: { customer: "ada", status: "open", total: 120, note: "50% off", n: 7 } },
      { insert: "orders/o2", body: { customer: "ada", status: "open", total: 40, n: "7" } },
      { insert: "orders/o3", body: { customer: "bo", status: "shipped", total: 250.5, n: "BIG" } },
      { insert: "orders/o4", body: { status: "draft", total: 0, n: null } },
      { insert: "lines/l1", body: { order: "o1", sku: "tea", quantity: 2 } },
      { insert: "lines/l2", body: { order: "o1", sku: "cup", quantity: 1 } },
      { insert: "lines/l3", body: { order: "o3", sku: "tea", quantity: 12 } },
    ],
  });
  // More digits than a number of JavaScript's has.
  const answer = await client.post("/v1/shop/_tx", batch.replace('"BIG"', "-9007199254740993"));
  loaded = answer.body.time ?? null;
});

async function rows(query: Members): Promise<Members[]> {
  const answer = await client.post("/v1/shop/_query", query);
  expect(answer).toMatchObject({ status: 200 });
  return objects(answer.body.rows);
}

const ids = async (query: Members) => (await rows(query)).map(({ id }) => id);

test("rows are whole documents, and say what they cost", async () => {
  const answer = await client.post("/v1/shop/_query", { from: "orders", where: ["=", "id", "o2"] });
  expect(answer.body.rows).toEqual([
    { id: "o2", customer: "ada", status: "open", total: 40, n: "7", _version: expect.any(Number), _time: loaded },
  ]);
  expect(answer.body.cost).toMatchObject({ rowsWritten: 0, actors: 1 });
});

test.each<[Json, string[]]>([
  [
    ["=", "status", "open"],
    ["o1", "o2"],
  ],
  [
    ["and", [">", "total", 30], ["!=", "status", "shipped"]],
    ["o1", "o2"],
  ],
  [["or", ["null", "customer"], ["like", "note", "50\\%%"]], ["o4"]],
  [["like", "note", "%off"], ["o1"]],
  [["prefix", "status", "s"], ["o3"]],
  [
    ["in", "status", ["draft", "shipped"]],
    ["o3", "o4"],
  ],
  [["=", "n", 7], ["o1"]],
  [["=", "n", "7"], ["o2"]],
  [
    ["exists", "lines", ["=", "sku", "tea"]],
    ["o1", "o3"],
  ],
  [
    ["not", ["exists", "lines"]],
    ["o2", "o4"],
  ],
  [
    ["exists", "customer", ["=", "region", "eu"]],
    ["o1", "o2"],
  ],
  [["exists", "customer", ["exists", "orders", ["=", "status", "shipped"]]], ["o3"]],
  [["exists", { from: "lines", by: "order" }, [">", "quantity", 10]], ["o3"]],
])("%j", async (where, expected) => {
  expect(await ids({ from: "orders", where, orderBy: ["id"] })).toEqual(expected);
});

test("a number beyond a double comes back digit by digit", async () => {
  const answer = await client.post("/v1/shop/_query", { from: "orders", where: ["=", "id", "o3"], select: ["n"] });
  expect(answer.text).toContain('"n":-9007199254740993');
  const text = '{"from":"orders","where":["=","n",-9007199254740993],"select":["id"]}';
  expect((await client.post("/v1/shop/_query", text)).body.rows).toEqual([{ id: "o3" }]);
  const other = '{"from":"orders","where":["=","n",-9007199254740992],"select":["id"]}';
  expect((await client.post("/v1/shop/_query", other)).body.rows).toEqual([]);
});

test("includes go along references in both directions, to any depth", async () => {
  const found = await rows({
    from: "customers",
    select: ["name"],
    orderBy: ["name"],
    include: {
      orders: {
        select: ["total"],
        orderBy: [["total", "desc"]],
        include: { lines: { select: ["sku"], orderBy: ["sku"], limit: 1 }, customer: { select: ["region"] } },
      },
    },
  });
  expect(found).toEqual([
    {
      name: "Ada",
      orders: [
        { total: 120, lines: [{ sku: "cup" }], customer: { region: "eu" } },
        { total: 40, lines: [], customer: { region: "eu" } },
      ],
    },
    { name: "Bo", orders: [{ total: 250.5, lines: [{ sku: "tea" }], customer: { region: "us" } }] },
  ]);
});

test("joins match on any fields, and keep rows without a match if asked to", async () => {
  const join = (optional: boolean): Members => ({
    from: "orders",
    join: { buyer: { from: "customers", on: [["customer", "id"]], optional } },
    select: ["id", { city: "buyer.region" }],
    orderBy: ["id"],
  });
  const inner = await rows(join(false));
  expect(inner.map(({ id, city }) => [id, city])).toEqual([
    ["o1", "eu"],
    ["o2", "eu"],
    ["o3", "us"],
  ]);
  expect(inner[0]?.buyer).toMatchObject({ id: "ada", name: "Ada" });
  expect((await rows(join(true)))[3]).toMatchObject({ id: "o4", buyer: null });
});

test("groups and aggregates", async () => {
  const grouped = await rows({
    from: "orders",
    groupBy: ["status"],
    aggregate: {
      n: ["count"],
      sum: ["sum", "total"],
      avg: ["avg", "total"],
      min: ["min", "total"],
      max: ["max", "total"],
    },
    orderBy: [["sum", "desc"]],
  });
  expect(grouped).toEqual([
    { status: "shipped", n: 1, sum: 250.5, avg: 250.5, min: 250.5, max: 250.5 },
    { status: "open", n: 2, sum: 160, avg: 80, min: 40, max: 120 },
    { status: "draft", n: 1, sum: 0, avg: 0, min: 0, max: 0 },
  ]);
  expect(await rows({ from: "orders", where: ["=", "status", "gone"], aggregate: { n: ["count"] } })).toEqual([
    { n: 0 },
  ]);
});

describe("at a time", () => {
  test("a query answers what was then, includes and joins too", async () => {
    const query: Members = {
      from: "orders",
      at: loaded,
      where: ["=", "status", "open"],
      select: ["id", "total"],
      include: { lines: { select: ["sku"], orderBy: ["sku"] } },
      join: { buyer: { from: "customers", on: [["customer", "id"]] } },
    };
    const before = await rows(query);
    await client.patch("/v1/shop/orders/o1", { total: 1 });
    await client.patch("/v1/shop/customers/ada", { name: "Ada L." });
    await client.post("/v1/shop/_tx", { ops: [{ delete: "lines/l2" }, { delete: "orders/o2" }] });
    expect(await rows(query)).toEqual(before);
    expect(before).toMatchObject([
      { id: "o1", total: 120, lines: [{ sku: "cup" }, { sku: "tea" }], buyer: { name: "Ada" } },
      { id: "o2", total: 40, lines: [], buyer: { name: "Ada" } },
    ]);
    const { at: _, ...now } = query;
    expect(await rows(now)).toMatchObject([{ id: "o1", total: 1, lines: [{ sku: "tea" }], buyer: { name: "Ada L." } }]);
  });

  test.each([
    ["2999-01-01T00:00:00Z", "time_out_of_range"],
    ["then", "invalid_query"],
    [7, "invalid_query"],
  ])("%j is refused", async (at, code) => {
    const answer = await client.post("/v1/shop/_query", { from: "orders", at });
    expect(answer).toMatchObject({ status: 400, body: { code } });
  });
});

test("explain says which index serves", async () => {
  const answer = await client.post("/v1/shop/_query", {
    from: "orders",
    where: ["=", "status", "open"],
    orderBy: [["total", "desc"]],
    explain: true,
  });
  expect(answer.body).not.toHaveProperty("rows");
  expect(JSON.stringify(answer.body.plan)).toMatch(/SEARCH .* USING (COVERING )?INDEX/);
  expect(JSON.stringify(answer.body.plan)).not.toContain("TEMP B-TREE");
});

test("an include is the same whether it is read with the rows or after them", async () => {
  const open = { from: "orders", where: ["=", "status", "open"], include: { customer: { include: { orders: {} } } } };
  const byIndex: Members = { ...open, orderBy: [["total", "desc"]] };
  const bySorting: Members = { ...open, orderBy: [["note"]] };
  const plan = async (query: Members) =>
    JSON.stringify((await client.post("/v1/shop/_query", { ...query, explain: true })).body.plan);
  expect(await plan(byIndex)).toContain("INCLUDE customer: with the rows");
  expect(await plan(bySorting)).toContain("INCLUDE customer: SEARCH");
  const customers = async (query: Members) => (await rows(query)).map(({ id, customer }) => [id, customer]).sort();
  expect(await customers(byIndex)).toEqual(await customers(bySorting));
  expect(await customers(byIndex)).toMatchObject([["o1", { id: "ada", orders: [{ id: "o1" }] }]]);
  expect(await rows({ from: "orders", where: ["=", "status", "draft"], include: { customer: {} } })).toMatchObject([
    { id: "o4", customer: null },
  ]);
});

test("a large document that many rows refer to is held once", async () => {
  await client.put("/v1/wide", undefined);
  await client.put("/v1/wide/_schema", {
    collections: {
      books: { fields: {} },
      pages: { fields: { book: { ref: "books" }, no: { type: "int" } }, indexes: ["no"] },
    },
  });
  await client.put("/v1/wide/books/b", { title: "long", text: "x".repeat(900_000) });
  const ops = Array.from({ length: 60 }, (_, no) => ({ insert: `pages/p${no}`, body: { book: "b", no } }));
  await client.post("/v1/wide/_tx", { ops });
  const include = { book: { select: ["title"] } };
  const answer = await client.post("/v1/wide/_query", { from: "pages", orderBy: [["no"]], limit: 100, include });
  expect(answer.status).toBe(200);
  expect(objects(answer.body.rows).map(({ no, book }) => [no, book])).toEqual(
    ops.map(({ body: { no } }) => [no, { title: "long" }]),
  );
});

test("an answer larger than SQLite lets one text be comes all the same", async () => {
  const text = "x".repeat(900_000);
  await client.put("/v1/large", undefined);
  for (const id of ["a", "b", "c", "d"]) await client.put(`/v1/large/notes/${id}`, { text });
  const answer = await client.post("/v1/large/_query", { from: "notes", orderBy: [["id"]] });
  expect(objects(answer.body.rows).map((row) => [row.id, row.text === text])).toEqual(
    ["a", "b", "c", "d"].map((id) => [id, true]),
  );
});

test("a query whose answer is the same has the same digest, another has another", async () => {
  const digest = async (query: Members) => (await client.post("/v1/shop/_query", query)).body.digest;
  const query: Members = { from: "customers", select: ["name"] };
  const first = await digest(query);
  expect(await digest(query)).toBe(first);
  await client.patch("/v1/shop/customers/bo", { name: "Bob" });
  expect(await digest(query)).not.toBe(first);
});

test("without a key: the whole database, as long as it has one key in use", async () => {
  const ask = (body: Members) => client.post("/v1/one/_query", body);
  await client.put("/v1/one", undefined);
  await client.put("/v1/one/_schema", { collections: { notes: { fields: {} } } });
  expect((await ask({ from: "notes" })).body.rows).toEqual([]);
  await client.put("/v1/one/notes/acme/n1", { n: 1 });
  expect(objects((await ask({ from: "notes" })).body.rows).map(({ id }) => id)).toEqual(["acme/n1"]);
  expect((await ask({ from: "notes", key: "" })).body.rows).toEqual([]);
  const page = await ask({ from: "notes", aggregate: { n: ["count"] } });
  expect(page.body.rows).toEqual([{ n: 1 }]);
  await client.put("/v1/one/notes/n2", { n: 2 });
  expect(await ask({ from: "notes" })).toMatchObject({ status: 400, body: { code: "several_keys" } });
  for (const [key, n] of [
    ["acme", 1],
    ["", 2],
  ] as const) {
    expect(objects((await ask({ from: "notes", key })).body.rows)).toMatchObject([{ n }]);
  }
  expect((await ask({ from: "notes", key: "nobody" })).body.rows).toEqual([]);
});

test.each<[string, Json]>([
  ["invalid_request", []],
  ["invalid_request", '"orders"'],
  ["invalid_query", {}],
  ["invalid_query", { from: 7 }],
  ["invalid_query", { from: "orders", nothing: 1 }],
  ["invalid_query", { from: "orders", limit: 0 }],
  ["invalid_query", { from: "orders", limit: 1.5 }],
  ["invalid_query", { from: "orders", where: {} }],
  ["invalid_query", { from: "orders", where: [] }],
  ["invalid_query", { from: "orders", where: ["="] }],
  ["invalid_query", { from: "orders", where: ["=", "status", { sql: "1" }] }],
  ["invalid_query", { from: "orders", orderBy: [["total", "DESC; DROP TABLE d1"]] }],
  ["invalid_query", { from: "orders", groupBy: ["status"], select: ["id"] }],
  ["invalid_query", { from: "orders", key: 7 }],
  ["invalid_query", { from: "orders", explain: "yes" }],
  ["invalid_name", { from: "order s" }],
  ["invalid_name", { from: "sqlite_master; --" }],
  ["invalid_id", { from: "orders", key: "a/b" }],
  ["unknown_operator", { from: "orders", where: ["===", "status", 1] }],
  ["unknown_operator", { from: "orders", where: ["1=1) --", "status", 1] }],
  ["unknown_field", { from: "lines", where: ["=", "colour", "red"] }],
  ["unknown_field", { from: "lines", orderBy: ["colour"] }],
  ["unknown_relation", { from: "orders", include: { nobody: {} } }],
  ["unknown_relation", { from: "orders", where: ["exists", "nobody"] }],
  ["query_too_wide", { from: "orders", where: ["or", ...Array.from({ length: 65 }, (_, n) => ["=", "total", n])] }],
  ["query_too_wide", { from: "orders", where: ["in", "total", Array.from({ length: 1_001 }, (_, n) => n)] }],
  ["query_too_wide", { from: "orders", select: Array.from({ length: 33 }, (_, n) => `f${n}`) }],
])("%s: %j is refused", async (code, body) => {
  const answer = await client.post("/v1/shop/_query", body);
  expect(answer).toMatchObject({ status: 400, body: { code } });
  expect(isMembers(answer.body)).toBe(true);
});

test("a collection that nobody has heard of is not there", async () => {
  const answer = await client.post("/v1/shop/_query", { from: "nothing" });
  expect(answer).toMatchObject({ status: 404, body: { code: "unknown_collection" } });
});
