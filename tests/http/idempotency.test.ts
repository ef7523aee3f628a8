/** A write that is sent again is done once, and answered as the first time. */
import { beforeAll, expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { objects } from "./lib/json.js";

const client = useServer();
const id = names("n");
const batch = names("batch-");

beforeAll(async () => {
  await client.put("/v1/again", undefined);
});

/** A UUID of version 7 made that many milliseconds from now. */
function uuid(inMs: number): string {
  const ms = (Date.now() + inMs).toString(16).padStart(12, "0");
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7000-8000-${Math.random().toString(16).slice(2, 14).padEnd(12, "0")}`;
}

test("a put, patch, delete, insert or batch that is sent again answers the first result and does nothing", async () => {
  const name = id();
  const path = `/v1/again/notes/${name}`;
  const steps = [
    ["PUT", path, { n: 1 }, 201],
    ["PATCH", path, { n: 2 }, 200],
    ["POST", "/v1/again/_tx", { ops: [{ patch: `notes/${name}`, increment: { n: 10 } }] }, 200],
    ["POST", "/v1/again/made", { n: 1 }, 201],
    ["DELETE", path, undefined, 200],
  ] as const;
  for (const [method, at, body, status] of steps) {
    const headers = { "idempotency-key": batch() };
    const first = await client.call(method, at, { body, headers });
    expect(first.status, method).toBe(status);
    // Something happens in between.
    const state = (await client.get(path)).text;
    const [second, third] = [
      await client.call(method, at, { body, headers }),
      await client.call(method, at, { body, headers }),
    ];
    for (const again of [second, third]) {
      expect(again.status, method).toBe(status);
      expect(again.text, method).toBe(first.text);
      expect(again.headers.etag, method).toBe(first.headers.etag);
      expect(again.headers.location, method).toBe(first.headers.location);
    }
    expect((await client.get(path)).text, method).toBe(state);
  }
  const { body } = await client.post("/v1/again/_query", { from: "made", key: "" });
  expect(objects(body.rows)).toHaveLength(1);
});

test("of repeats sent all at once one is done", async () => {
  const name = id();
  await client.put(`/v1/again/notes/${name}`, { n: 0 });
  const body = { id: batch(), ops: [{ patch: `notes/${name}`, increment: { n: 1 } }] };
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.post("/v1/again/_tx", body)));
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect((await client.get(`/v1/again/notes/${name}`)).body.n).toBe(1);
});

test("a refusal is kept, too, even when it would go through by now", async () => {
  const name = id();
  const headers = { "idempotency-key": batch() };
  const first = await client.patch(`/v1/again/notes/${name}`, { n: 1 }, { headers });
  expect(first).toMatchObject({ status: 404, body: { code: "not_found" } });
  await client.put(`/v1/again/notes/${name}`, { n: 0 });
  const again = await client.patch(`/v1/again/notes/${name}`, { n: 1 }, { headers });
  expect(again).toMatchObject({ status: 404, text: first.text });
  expect((await client.get(`/v1/again/notes/${name}`)).body.n).toBe(0);
});

test("an id is not used for two things", async () => {
  const name = id();
  const headers = { "idempotency-key": batch() };
  await client.put(`/v1/again/notes/${name}`, { n: 1 }, { headers });
  for (const [method, path, body] of [
    ["PUT", `notes/${name}`, { n: 2 }],
    ["PUT", `notes/${name}x`, { n: 1 }],
    ["PATCH", `notes/${name}`, { n: 1 }],
    ["DELETE", `notes/${name}`, undefined],
    ["POST", "notes", { n: 1 }],
  ] as const) {
    const answer = await client.call(method, `/v1/again/${path}`, { body, headers });
    expect(answer, `${method} ${path}`).toMatchObject({ status: 409, body: { code: "batch_reused" } });
  }
  expect((await client.get(`/v1/again/notes/${name}`)).body.n).toBe(1);
});

test("the header and the id of a batch are the same thing", async () => {
  const name = id();
  const same = batch();
  await client.put(`/v1/again/notes/${name}`, { n: 0 });
  const ops = [{ patch: `notes/${name}`, increment: { n: 1 } }];
  const headers = { "idempotency-key": same };
  expect((await client.post("/v1/again/_tx", { id: same, ops }, { headers })).status).toBe(200);
  const other = await client.post("/v1/again/_tx", { id: batch(), ops }, { headers });
  expect(other).toMatchObject({ status: 400, body: { code: "invalid_batch_id" } });
  expect((await client.get(`/v1/again/notes/${name}`)).body.n).toBe(1);
});

test("an id that tells its time is refused when it is older than receipts are kept, or from the future", async () => {
  const path = `/v1/again/notes/${id()}`;
  const day = 24 * 3_600_000;
  const old = await client.put(path, {}, { headers: { "idempotency-key": uuid(-8 * day) } });
  expect(old).toMatchObject({ status: 400, body: { code: "batch_expired" } });
  const coming = await client.put(path, {}, { headers: { "idempotency-key": uuid(day) } });
  expect(coming).toMatchObject({ status: 400, body: { code: "invalid_batch_id" } });
  expect((await client.get(path)).status).toBe(404);
  for (const key of [uuid(-6 * day), uuid(0), uuid(60_000)]) {
    expect((await client.put(path, { key }, { headers: { "idempotency-key": key } })).status).toBeLessThan(300);
  }
});

test.each(["a b", "é".normalize(), "x".repeat(129), "\t"])("%j is no batch id", async (key) => {
  const path = `/v1/again/notes/${id()}`;
  const headers = { "idempotency-key": Buffer.from(key, "utf8").toString("latin1") };
  expect(await client.put(path, {}, { headers })).toMatchObject({ status: 400, body: { code: "invalid_batch_id" } });
  expect((await client.get(path)).status).toBe(404);
});

test("ids of different keys do not meet", async () => {
  const headers = { "idempotency-key": batch() };
  expect((await client.put("/v1/again/notes/k1/n", { n: 1 }, { headers })).status).toBe(201);
  expect((await client.put("/v1/again/notes/k2/n", { n: 2 }, { headers })).status).toBe(201);
});
