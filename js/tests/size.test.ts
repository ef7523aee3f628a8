/** What the client adds to a page. */
import { expect, test } from "vitest";
import { bundle, size } from "../scripts/size.mjs";

test("all of it stays within its bound, and who wants less takes less", async () => {
  const { bytes, bound } = await size();
  expect(bytes).toBeLessThanOrEqual(bound);
  const whole = await bundle('export * from "./index.js";');
  const conditions = await bundle('export { eq } from "./index.js";');
  expect(conditions.length).toBeLessThan(whole.length / 10);
});
