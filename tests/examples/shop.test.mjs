/** The shop as a reader runs it, and as a Worker over a service binding: however many order at once, the books agree. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build as bundle } from "esbuild";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { audit } from "../../examples/shop/audit.mjs";
import { openShops, shopSchema } from "../../examples/shop/schema.mjs";
import { Shop } from "../../examples/shop/shop.mjs";
import { build } from "../../scripts/lib/build.mjs";
import { SELVEDGE } from "../../scripts/lib/capnp.mjs";
import { ROOT } from "../../scripts/lib/paths.mjs";
import { startWorkerd } from "../../scripts/lib/workerd.mjs";

const KEY = "a root key of the test's own";

/** @type {string} */
let modules;

beforeAll(async () => {
  modules = await build("quick");
}, 600_000);

test("in Node, against a server: as the README says", async () => {
  const data = mkdtempSync(join(tmpdir(), "selvedge-shop-"));
  const server = await startWorkerd({ modules, data });
  try {
    for (const _ of [1, 2]) {
      const { stdout } = await promisify(execFile)("npm", ["run", "--silent", "shop"], {
        cwd: ROOT,
        env: { ...process.env, SELVEDGE_URL: server.url, SELVEDGE_ROOT_KEY: server.key },
      });
      const lines = stdout.trim().split("\n");
      expect(lines).toHaveLength(3);
      for (const line of lines) {
        const [, placed, refused, sold, left] =
          /: (\d+) orders placed, (\d+) refused; (\d+) pieces sold, (\d+) left: the books agree\.$/.exec(line) ?? [];
        expect(Number(placed) + Number(refused)).toBe(250);
        expect(Number(sold) + Number(left)).toBe(360);
        expect(Number(refused)).toBeGreaterThan(0);
      }
    }
  } finally {
    await server.kill();
    rmSync(data, { recursive: true, force: true });
  }
}, 120_000);

/** Selvedge and the shop's Worker beside it, bound to each other. @type {Miniflare} */
let workers;

afterAll(() => workers?.dispose());

test("as a Worker over a service binding: two shops, hundreds of orders", async () => {
  const { outputFiles } = await bundle({
    entryPoints: [join(ROOT, "examples", "shop", "worker.mjs")],
    alias: { selvedge: join(ROOT, "js", "src", "index.ts") },
    bundle: true,
    write: false,
    format: "esm",
  });
  workers = new Miniflare({
    workers: [
      {
        name: "shop",
        modules: true,
        script: outputFiles[0]?.text ?? "",
        compatibilityDate: "2026-01-01",
        bindings: { DATABASE: "shop", KEY },
        serviceBindings: { SELVEDGE: "selvedge" },
      },
      {
        name: "selvedge",
        modulesRoot: modules,
        modules: SELVEDGE.files.map((file) => ({
          type: file.endsWith(".wasm") ? "CompiledWasm" : "ESModule",
          path: join(modules, file),
        })),
        compatibilityDate: "2026-01-01",
        bindings: { SELVEDGE_ROOT_KEY: KEY },
        durableObjects: Object.fromEntries(
          SELVEDGE.actors.map(({ binding, className }) => [binding, { className, useSQLite: true }]),
        ),
      },
    ],
  });
  const selvedge = /** @type {{ fetch: typeof fetch }} */ (
    /** @type {unknown} */ (await workers.getWorker("selvedge"))
  );
  const root = { authorization: `Bearer ${KEY}` };
  const at = (/** @type {string} */ path) => `https://selvedge/v1/${path}`;
  expect((await selvedge.fetch(at("shop"), { method: "PUT", headers: root })).status).toBe(201);
  const put = { method: "PUT", headers: root, body: JSON.stringify(shopSchema) };
  expect((await selvedge.fetch(at("shop/_schema"), put)).status).toBe(200);
  const binding = /** @type {import("selvedge").Binding} */ (/** @type {unknown} */ (selvedge));
  const db = openShops({ binding, db: "shop", key: KEY });

  const PIECES = 40;
  for (const tenant of ["north", "south"]) {
    const shop = new Shop(db, tenant);
    const tea = await shop.deliver("tea", { title: "tea", price: 450, pieces: PIECES });
    const cup = await shop.deliver("cup", { title: "cup", price: 1_200, pieces: PIECES });
    const customer = await shop.register("Ada", `ada@${tenant}.example`);
    const lines = [
      { product: tea, quantity: 1 },
      { product: cup, quantity: 2 },
    ];
    const ask = async () => {
      const body = JSON.stringify({ customer, lines });
      const answer = await workers.dispatchFetch(`https://shop/${tenant}/orders`, { method: "POST", body });
      // At once: an answer that lies about may be collected, its body with it.
      return { status: answer.status, body: /** @type {{ id?: string }} */ (await answer.json()) };
    };
    const answers = await Promise.all(Array.from({ length: 150 }, ask));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(20);
    expect(statuses.filter((status) => status === 409)).toHaveLength(130);
    expect(await audit(shop, PIECES)).toEqual({ left: 20, taken: 60 });
    const id = answers.find(({ status }) => status === 201)?.body.id ?? "";
    const receipt = await (
      await workers.dispatchFetch(`https://shop/${tenant}/orders/${encodeURIComponent(id)}`)
    ).json();
    expect(receipt).toMatchObject({
      total: 2_850,
      customer: { name: "Ada" },
      lines: expect.arrayContaining([
        expect.objectContaining({ sum: 2_400, product: expect.objectContaining({ title: "cup" }) }),
      ]),
    });
    // Another shop's order is nobody's here.
    const other = await workers.dispatchFetch(`https://shop/elsewhere/orders/${encodeURIComponent(id)}`);
    expect(other.status).toBe(404);
  }
}, 120_000);
