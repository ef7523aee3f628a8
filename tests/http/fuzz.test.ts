/** Thousands of requests that are almost right: each is answered, none breaks anything. */
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { Random } from "../../bench/lib/random.mjs";
import { type Answer, outcome, useServer } from "./lib/client.js";
import { type Draft, mutated } from "./lib/mutate.js";
import { ROOT_KEY } from "./lib/server.js";

const client = useServer();
const REQUESTS = 3_000;
/** How often a request that is asked to come again does so. */
const PATIENCE = 100;
const seed = Number(process.env.SELVEDGE_SEED ?? Date.now() % 2_147_483_646) + 1;

const SCHEMA = {
  collections: {
    customers: { fields: { name: { type: "string" } }, relations: { orders: { from: "orders", by: "customer" } } },
    orders: {
      fields: {
        customer: { ref: "customers", onDelete: "cascade", optional: true },
        total: { type: "float", default: 0, check: [">=", "total", 0] },
        sum: { type: "float", computed: ["+", "total", 1] },
        until: { type: "timestamp", optional: true },
      },
      indexes: [["total"]],
      unique: [["customer", "total"]],
      ttl: "until",
    },
  },
};

/** A right request of every kind. */
const DRAFTS: [string, string, unknown?][] = [
  ["GET", "/v1/health"],
  ["GET", "/v1/openapi.json"],
  ["PUT", "/v1/fuzz"],
  ["DELETE", "/v1/never"],
  ["GET", "/v1/fuzz/_schema"],
  ["PUT", "/v1/fuzz/_schema", SCHEMA],
  ["GET", "/v1/fuzz/_keys"],
  ["POST", "/v1/fuzz/_keys", { name: "web", role: "read" }],
  ["DELETE", "/v1/fuzz/_keys/web"],
  ["GET", "/v1/fuzz/customers/c1"],
  ["GET", "/v1/fuzz/customers/a/c1?consistency=strong"],
  ["PUT", "/v1/fuzz/customers/c1", { name: "Ada", deep: { list: [1, { x: null }] } }],
  ["PATCH", "/v1/fuzz/customers/c1", { name: "Ada", deep: null }],
  ["DELETE", "/v1/fuzz/customers/c2"],
  ["POST", "/v1/fuzz/orders?key=a", { total: 3, tags: ["x", "y"] }],
  ["POST", "/v1/fuzz/orders", { id: "o9", customer: "c1", total: 7 }],
  [
    "POST",
    "/v1/fuzz/_query",
    {
      from: "orders",
      key: "",
      where: [
        "and",
        ["=", "customer", "c1"],
        ["not", ["in", "total", [1, 2]]],
        ["exists", "customer", ["like", "name", "A%"]],
      ],
      include: { customer: { select: ["name"], include: { orders: { orderBy: ["total"], limit: 2 } } } },
      join: { buyer: { from: "customers", on: [["customer", "id"]], optional: true } },
      select: ["id", { n: "total" }],
      orderBy: [["total", "desc"], "id"],
      limit: 5,
    },
  ],
  [
    "POST",
    "/v1/fuzz/_query",
    {
      from: "orders",
      key: "a",
      groupBy: ["customer"],
      aggregate: { n: ["count"], s: ["sum", "total"] },
      orderBy: ["s"],
    },
  ],
  ["POST", "/v1/fuzz/_query", { from: "customers", key: "", at: "2026-11-01T00:00:00Z", explain: true, after: null }],
  [
    "POST",
    "/v1/fuzz/_tx",
    {
      id: "b1",
      reads: [
        { doc: "customers/c1", version: 1 },
        { query: { from: "orders", key: "" }, digest: "x" },
      ],
      ops: [
        { insert: "customers/c3", body: { name: "Bo" } },
        {
          patch: "customers/c1",
          set: { "deep.x": 1 },
          unset: ["y"],
          increment: { n: 1 },
          append: { list: [1] },
          if: ["=", "name", "Ada"],
        },
        { check: "customers/c1", where: ["null", "gone"] },
        { delete: "customers/c3", version: 4 },
      ],
    },
  ],
  ["POST", "/v1/fuzz/_tx", { ops: [{ replace: "orders/a/o1", body: { total: 1 } }] }],
  [
    "POST",
    "/v1/fuzz/_import",
    '["customers",{"id":"i1","name":"x"}]\n["orders",{"id":"a/i2","total":2}]\n\n["customers",{"id":"i3"}]\n',
  ],
  ["GET", "/v1/fuzz/_export?collection=orders"],
];

function drafted(random: Random): Draft {
  const [method, path, body] = random.pick(DRAFTS);
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { method, path, headers: {}, token: ROOT_KEY, ...(body === undefined ? {} : { body: text }) };
}

/** The answer, once the database is not in the middle of a change. */
async function answered({ method, path, ...options }: Draft): Promise<Answer> {
  for (let time = 0; ; time += 1) {
    const answer = await client.attempt(method, path, options);
    if (answer.status !== 503 || time === PATIENCE) return answer;
    await sleep(10);
  }
}

async function fill(db: string) {
  await client.put(`/v1/${db}`, undefined);
  await client.put(`/v1/${db}/_schema`, SCHEMA);
  await client.put(`/v1/${db}/customers/c1`, { name: "Ada" });
  await client.put(`/v1/${db}/orders/a/o1`, { total: 1 });
}

beforeAll(async () => {
  await fill("fuzz");
  await fill("safe");
});

test(`of ${REQUESTS} damaged requests every one is answered, and refused by a code that is known`, async () => {
  console.log(`SELVEDGE_SEED=${seed - 1}`);
  const random = new Random(seed);
  const safe = (await client.get("/v1/safe/_export")).text;
  const counts = new Map<string, number>();
  for (let count = 1; count <= REQUESTS; count += 1) {
    const draft = mutated(drafted(random), random);
    const answer = await answered(draft);
    // What the answer holds is held against the description by the client.
    if (answer.status >= 500) throw new Error(`${outcome(answer)} to ${JSON.stringify(draft)}`);
    counts.set(outcome(answer), (counts.get(outcome(answer)) ?? 0) + 1);
    if (count % 250 === 0) {
      expect((await client.get("/v1/safe/_export")).text).toBe(safe);
      expect((await client.get("/v1/health")).status).toBe(200);
      // A damaged request may be a right one, for another schema or the end of the database: begin again.
      await answered({ method: "DELETE", path: "/v1/fuzz", headers: {}, token: ROOT_KEY });
      await fill("fuzz");
    }
  }
  // Damage of one kind alone would show that the requests never get far.
  expect(counts.size).toBeGreaterThan(20);
  expect([...counts.keys()].some((kind) => kind.startsWith("2"))).toBe(true);
}, 300_000);
