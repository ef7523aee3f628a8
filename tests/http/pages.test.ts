/** Pages of a query's answer, and the cursors between them. */
import { beforeAll, expect, test } from "vitest";
import { useServer } from "./lib/client.js";
import { type Json, type Members, objects } from "./lib/json.js";

const client = useServer();

async function rows(query: Members): Promise<Members[]> {
  return objects((await client.post("/v1/book/_query", query)).body.rows);
}

async function pages(query: Members, between?: (page: number) => Promise<unknown>): Promise<Members[]> {
  const seen: Members[] = [];
  let after: Json = null;
  for (let page = 0; page < 100; page += 1) {
    const { body } = await client.post("/v1/book/_query", { ...query, after });
    seen.push(...objects(body.rows));
    if (typeof body.cursor !== "string") return seen;
    after = body.cursor;
    await between?.(page);
  }
  throw new Error("The pages do not end.");
}

beforeAll(async () => {
  await client.put("/v1/book", undefined);
  await client.put("/v1/book/other/x", {});
  const ops = Array.from({ length: 25 }, (_, n) => ({
    insert: `paged/p${n}`,
    body: { n: n % 4, even: n % 2 === 0 },
  }));
  await client.post("/v1/book/_tx", { ops });
});

test.each([1, 2, 5, 24, 25, 26])("pages of %i hold every row once, in order", async (limit) => {
  const query: Members = { from: "paged", orderBy: [["n", "desc"], "even"] };
  const whole = (await rows(query)).map(({ id }) => id);
  expect(whole).toHaveLength(25);
  expect((await pages({ ...query, limit })).map(({ id }) => id)).toEqual(whole);
});

test("pages of groups", async () => {
  const query: Members = {
    from: "paged",
    groupBy: ["n", "even"],
    aggregate: { c: ["count"] },
    orderBy: [["c", "desc"]],
  };
  expect(await pages({ ...query, limit: 1 })).toEqual(await rows(query));
});

test("pages stay right while documents come and go", async () => {
  const seen = await pages({ from: "paged", orderBy: ["n"], limit: 3 }, async (page) => {
    await client.put(`/v1/book/paged/new${page}`, { n: -1 });
    await client.delete(`/v1/book/paged/new${page}`);
    await client.put(`/v1/book/paged/first${page}`, { n: -1 });
  });
  const mine = seen.map(({ id }) => String(id)).filter((id) => id.startsWith("p"));
  expect(mine).toHaveLength(25);
  expect(new Set(mine).size).toBe(25);
});

test.each<[string, (cursor: string) => Members]>([
  ["forged", () => ({ from: "paged", limit: 2, after: "forged" })],
  ["empty", () => ({ from: "paged", limit: 2, after: "" })],
  ["of another order", (after) => ({ from: "paged", orderBy: ["n"], limit: 2, after })],
  ["of another condition", (after) => ({ from: "paged", where: ["=", "n", 1], limit: 2, after })],
  ["of another collection", (after) => ({ from: "other", limit: 2, after })],
  ["cut short", (after) => ({ from: "paged", limit: 2, after: after.slice(0, -2) })],
  ["made longer", (after) => ({ from: "paged", limit: 2, after: `${after}AA` })],
  ["too long", (after) => ({ from: "paged", limit: 2, after: after.repeat(1_000) })],
  [
    "changed",
    (after) => ({
      from: "paged",
      limit: 2,
      after: after.slice(0, 5) + (after[5] === "A" ? "B" : "A") + after.slice(6),
    }),
  ],
  ["SQL", () => ({ from: "paged", limit: 2, after: "' OR 1=1 --" })],
])("a cursor that is %s is refused", async (_, query) => {
  const { body } = await client.post("/v1/book/_query", { from: "paged", limit: 2 });
  const answer = await client.post("/v1/book/_query", query(String(body.cursor)));
  expect(answer).toMatchObject({ status: 400, body: { code: "invalid_cursor" } });
});
