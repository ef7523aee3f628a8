/** Ids made here. */
import { expect, test } from "vitest";
import { uuidv7 } from "../src/client/uuid.js";

const timeOf = (id: string) => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

test("ids of one process rise, also within a millisecond and past its end", () => {
  const now = Date.now() + 5_000;
  const ids = Array.from({ length: 10_000 }, () => uuidv7(now));
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(timeOf(ids[0] ?? "")).toBe(now);
  expect(timeOf(ids.at(-1) ?? "") - now).toBeLessThan(10);
});

test("ids follow a clock that is set back", () => {
  const now = Date.now();
  uuidv7(now + 3_600_000);
  expect(timeOf(uuidv7(now))).toBe(now);
});
