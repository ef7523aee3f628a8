/** `npx selvedge` as it is run: arguments, exit codes, and what it prints. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newDatabase, root, useServer } from "./server.js";
import { shop } from "./shop.js";

const server = useServer();
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "selvedge-cli-"));
  const entry = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: join(folder, "cli.mjs"),
  });
  const index = JSON.stringify(fileURLToPath(new URL("../src/index.ts", import.meta.url)));
  await build({
    stdin: {
      contents: `import { schema, collection, t } from ${index};
        export default schema({ things: collection({ name: t.string(), size: t.int().default(1) }) });`,
      resolveDir: folder,
    },
    bundle: true,
    format: "esm",
    outfile: join(folder, "schema.mjs"),
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line against a database of the server. */
function run(args: readonly string[], db: string, input = ""): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { ...process.env, SELVEDGE_URL: server().url, SELVEDGE_DB: db, SELVEDGE_KEY: server().key };
    const child = spawn(process.execPath, [join(folder, "cli.mjs"), ...args], { env, cwd: folder });
    let [out, err] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      out += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      err += chunk;
    });
    child.on("close", (code) => resolve({ code, out, err }));
    child.stdin.end(input);
  });
}

describe("push and diff", () => {
  test("show the difference first, send it, and find none afterwards", async () => {
    const db = await newDatabase(server());
    const before = await run(["diff", "schema.mjs"], db);
    expect(before.code).toBe(1);
    expect(before.out).toContain("+ collections.things: ");
    const pushed = await run(["push", "schema.mjs", "--yes"], db);
    expect(pushed).toMatchObject({ code: 0, err: "" });
    expect(pushed.out).toMatch(/\+ collections\.things: .*\nVersion 1 is in force\.\n$/);
    expect((await run(["diff", "schema.mjs"], db)).code).toBe(0);
    expect((await run(["push", "schema.mjs"], db)).out).toMatch(/Nothing changes/);
  });

  test("nothing is sent where nobody can be asked", async () => {
    const db = await newDatabase(server());
    expect(await run(["push", "schema.mjs"], db)).toMatchObject({ code: 2, err: expect.stringContaining("--yes") });
    expect(await root(server(), "GET", `${db}/_schema`)).toMatchObject({ version: 0 });
  });

  test("a schema that the documents break is refused with the first of them", async () => {
    const db = await newDatabase(server());
    await root(server(), "PUT", `${db}/things/one`, { name: 7 });
    const refused = await run(["push", "schema.mjs", "--yes"], db);
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/schema_violation/);
    expect(refused.err).toMatch(/one/);
  });

  test("the database is made where that is asked for", async () => {
    const db = `${await newDatabase(server())}x`;
    expect(await run(["push", "schema.mjs", "--yes"], db)).toMatchObject({ code: 2 });
    expect((await run(["push", "schema.mjs", "--yes", "--create"], db)).out).toMatch(/^Created the database/);
  });

  test("a module without a schema, and one that is not there, are said to be so", async () => {
    writeFileSync(join(folder, "empty.mjs"), "export const other = 1;");
    expect((await run(["diff", "empty.mjs"], "any")).err).toMatch(/exports no schema/);
    expect((await run(["diff", "missing.mjs"], "any")).err).toMatch(/cannot be loaded/);
  });
});

describe("export and import", () => {
  test("carry documents from one database to another", async () => {
    const from = await newDatabase(server(), shop);
    for (const id of ["a", "b"]) {
      await root(server(), "PUT", `${from}/customers/${id}`, { name: id, email: id });
      await root(server(), "PUT", `${from}/products/${id}`, { title: id, price: 1 });
    }
    const file = join(folder, "all.ndjson");
    expect((await run(["export", file], from)).code).toBe(0);
    expect(readFileSync(file, "utf8").trim().split("\n")).toHaveLength(4);
    const only = await run(["export", "--collection", "customers"], from);
    expect(only.out.trim().split("\n")).toHaveLength(2);
    const to = await newDatabase(server(), shop);
    expect(await run(["import", file], to)).toMatchObject({ code: 0, out: "4 imported, 0 failed.\n" });
    expect(await root(server(), "GET", `${to}/customers/a`)).toMatchObject({ name: "a" });
  });

  test("say which lines failed", async () => {
    const db = await newDatabase(server(), shop);
    const lines = `${JSON.stringify(["customers", { id: "a", name: 1, email: "a" }])}\nno json\n`;
    const ran = await run(["import"], db, lines);
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(/line 1: invalid_document: .*\nline 2: invalid_json: .*\n0 imported, 2 failed\.\n/);
  });
});

test("mistakes are explained", async () => {
  expect((await run(["--help"], "any")).out).toMatch(/selvedge <command>/);
  expect(await run(["pull"], "any")).toMatchObject({ code: 2, err: expect.stringContaining("no such command: pull") });
  expect((await run(["diff", "schema.mjs", "--key", "sv_wrong"], "any")).err).toMatch(/^unauthenticated: /);
});
