/** Every stable code, brought about by a real request. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, outcome, useServer } from "./lib/client.js";
import { nested, objects } from "./lib/json.js";

const client = useServer();

/** The codes and their statuses, as the core declares them. */
const DECLARED = new Map(
  [
    ...readFileSync(new URL("../../src/error.rs", import.meta.url), "utf8").matchAll(
      /^ {4}[A-Z]\w+ "(?<code>\w+)" (?<status>\d{3}) "/gm,
    ),
  ].map(({ groups }) => [String(groups?.code), Number(groups?.status)]),
);

/** What no request can bring about, and why. */
const BEYOND_REQUESTS: Record<string, string> = {
  internal: "a defect, of which none is known",
  unavailable: "an actor that is lost or changing, which no request does for certain",
};

const seen = new Set<string>();

const query = (body: object) => client.post("/v1/codes/_query", JSON.stringify(body));
const tx = (body: object) => client.post("/v1/codes/_tx", JSON.stringify(body));
const put = (id: string, body: string, headers?: Record<string, string>) =>
  client.put(`/v1/codes/notes/${id}`, body, { headers });

/** Makes API keys until there may be no more. */
async function keysUpToTheBound(): Promise<Answer> {
  await client.put("/v1/crowded", undefined);
  for (let count = 0; count < 1_000; count += 1) {
    const answer = await client.post("/v1/crowded/_keys", { name: `k${count}`, role: "read" });
    if (answer.status !== 201) return answer;
  }
  throw new Error("There is no bound.");
}

/** Documents that one by one are small enough, and together are not. */
async function tooMuchToAnswer(): Promise<Answer> {
  const text = "x".repeat(1_000_000);
  for (let n = 0; n < 18; n += 1) await client.put(`/v1/codes/large/l${n}`, { text });
  return query({ from: "large", key: "" });
}

/** A second request where one a second is allowed. */
async function beyondTheQuota(): Promise<Answer> {
  await client.put("/v1/busy", undefined);
  await client.put("/v1/busy/_settings", { quotas: { requestsPerSecond: 1 } });
  const token = String((await client.post("/v1/busy/_keys", { name: "k", role: "read" })).body.key);
  const requests = { requests: Array.from({ length: 100 }, () => ({ get: "notes/n1" })) };
  const many = await client.post("/v1/busy/_many", requests, { token });
  return { ...many, ...objects(many.body.results).at(-1) } as Answer;
}

const OLD = "00000000-0000-7000-8000-000000000000";

const REQUESTS: Record<string, () => Promise<Answer>> = {
  invalid_json: () => put("x", "{"),
  invalid_utf8: () => client.get("/v1/codes/notes/%ff"),
  duplicate_member: () => put("x", '{"a":1,"a":2}'),
  too_deep: () => put("x", `{"a":${nested(100)}}`),
  number_out_of_range: () => put("x", '{"a":1e400}'),
  invalid_request: () => put("x", "[]"),
  invalid_name: () => client.put("/v1/9", undefined),
  invalid_id: () => client.get("/v1/codes/notes/a//b"),
  invalid_query: () => query({ from: "notes", limit: -1 }),
  unknown_operator: () => query({ from: "notes", where: ["~", "a", 1] }),
  unknown_field: () => query({ from: "closed", where: ["=", "b", 1] }),
  unknown_relation: () => query({ from: "notes", where: ["exists", "nobody"] }),
  query_too_wide: () => query({ from: "notes", where: ["in", "a", Array.from({ length: 2_000 }, (_, n) => n)] }),
  invalid_cursor: () => query({ from: "notes", after: "forged" }),
  invalid_batch_id: () => put("x", "{}", { "idempotency-key": "two words" }),
  batch_expired: () => put("x", "{}", { "idempotency-key": OLD }),
  several_keys: () => tx({ ops: [{ delete: "notes/a/1" }, { delete: "notes/b/1" }] }),
  time_out_of_range: () => client.get("/v1/codes/notes/n1?at=2999-01-01T00:00:00Z"),
  unauthenticated: () => client.get("/v1/codes/notes/n1", { token: null }),
  forbidden: () => client.put("/v1/other", undefined, { token: "sv_nobody" }),
  not_found: () => client.get("/v1/codes/notes/nothing"),
  unknown_database: () => client.get("/v1/nothing/_schema"),
  unknown_collection: () => query({ from: "nothing" }),
  unknown_route: () => client.get("/v1/codes/_nothing"),
  method_not_allowed: () => client.patch("/v1/codes/_query", "{}"),
  conflict: () => tx({ reads: [{ doc: "notes/n1", version: 999 }], ops: [{ delete: "notes/n1" }] }),
  exists: () => client.put("/v1/codes", undefined),
  unique_violation: () => client.put("/v1/codes/closed/c2", { a: 1 }),
  ref_violation: () => client.put("/v1/codes/refers/r1", { to: "nobody" }),
  check_failed: () => client.put("/v1/codes/closed/c2", { a: -1 }),
  batch_reused: async () => {
    await put("twice", "{}", { "idempotency-key": "once" });
    return put("twice", '{"other":1}', { "idempotency-key": "once" });
  },
  version_mismatch: () => put("n1", "{}", { "if-match": '"999"' }),
  too_large: () => put("x", `{"a":"${"x".repeat(2_000_000)}"}`),
  answer_too_large: tooMuchToAnswer,
  invalid_document: () => client.put("/v1/codes/closed/c2", { a: "text" }),
  invalid_schema: () => client.put("/v1/codes/_schema", { collections: { a: { fields: { b: { ref: "c" } } } } }),
  schema_violation: () =>
    client.put("/v1/codes/_schema", { collections: { notes: { fields: { n: { type: "bool" } } } } }),
  invalid_settings: () => client.put("/v1/codes/_settings", { issuers: [{}] }),
  too_many: keysUpToTheBound,
  too_many_requests: beyondTheQuota,
};

beforeAll(async () => {
  await client.put("/v1/codes", undefined);
  await client.put("/v1/codes/_schema", {
    collections: {
      closed: { fields: { a: { type: "int", unique: true, check: [">=", "a", 0] } }, closed: true },
      refers: { fields: { to: { ref: "closed" } } },
    },
  });
  await client.put("/v1/codes/closed/c1", { a: 1 });
  await client.put("/v1/codes/notes/n1", { n: 1 });
});

test.each(Object.keys(REQUESTS))("%s", async (code) => {
  const answer = await REQUESTS[code]?.();
  if (!answer) throw new Error("There is no request.");
  expect(outcome(answer)).toBe(`${DECLARED.get(code)} ${code}`);
  expect(String(answer.body.detail)).toMatch(/.{10}/);
  seen.add(code);
  expect((await client.get("/v1/codes/notes/n1")).body.n).toBe(1);
});

test("the description lists exactly the codes that are declared", async () => {
  const { body } = await client.get("/v1/openapi.json");
  const listed = JSON.stringify(body).match(/`\w+` \(\d{3}\)/g) ?? [];
  expect(listed.sort()).toEqual([...DECLARED].map(([code, status]) => `\`${code}\` (${status})`).sort());
});

afterAll(() => {
  const expected = [...DECLARED.keys()].filter((code) => !(code in BEYOND_REQUESTS));
  expect(expected.length).toBeGreaterThan(30);
  expect([...seen].sort()).toEqual(expected.sort());
});
