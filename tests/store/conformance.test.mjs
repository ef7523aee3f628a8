/** The store of a Durable Object keeps what the actors rely on, as the native one does in `cargo test`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "../../scripts/lib/build.mjs";
import { startWorkerd } from "../../scripts/lib/workerd.mjs";

/** Milliseconds for a build that has nothing to begin from. */
const BUILD_PATIENCE = 600_000;

/** @type {string} */
let data;
/** @type {import("../../scripts/lib/workerd.mjs").Server} */
let server;

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), "selvedge-test-"));
  server = await startWorkerd({ modules: await build("conformance"), data });
}, BUILD_PATIENCE);

afterAll(async () => {
  await server?.kill();
  rmSync(data, { recursive: true, force: true });
});

/** @returns {Promise<{ promise: string, broken: string | null }[]>} */
async function outcomes() {
  const response = await fetch(`${server.url}/conformance`);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return JSON.parse(text);
}

test("Durable Object SQL keeps every promise of a store, and keeps it again over what the first run left", async () => {
  for (const run of ["first", "second"]) {
    const all = await outcomes();
    expect(all.length, run).toBeGreaterThan(0);
    expect(
      all.filter(({ broken }) => broken !== null),
      run,
    ).toEqual([]);
  }
});
