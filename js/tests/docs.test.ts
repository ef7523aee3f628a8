/** The examples of `docs/client.md`, compiled against the client and run against a real server, top to bottom. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root, useServer } from "./server.js";

const server = useServer();
const repository = fileURLToPath(new URL("../../", import.meta.url));
const client = join(repository, "js/src/index.ts");

/** Every block that is TypeScript, and then what the test wants to know. */
const page = readFileSync(join(repository, "docs/client.md"), "utf8");
const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
const ASKED = `
export { shop };
console.log(JSON.stringify({
  order: order?.status, some: some.map((one) => one?.title ?? null), buyer, groups, rows: rows.length, digest, bought,
  elsewhere: elsewhere.token().startsWith("acme@"),
}));
`;

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "selvedge-docs-"));
  file = join(folder, "page.mts");
  writeFileSync(file, [...blocks, ASKED].join("\n"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("they compile", () => {
  const { config } = ts.readConfigFile(join(repository, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, repository);
  const typeRoots = [join(repository, "node_modules/@types")];
  const program = ts.createProgram([file], { ...options, typeRoots, paths: { selvedge: [client] } });
  const found = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  expect(found).toEqual([]);
});

test("they run, and answer what the page says", async () => {
  const run = join(folder, "page.mjs");
  const bundled = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    alias: { selvedge: client },
  });
  writeFileSync(run, bundled.outputFiles[0]?.contents ?? "");
  await root(server(), "PUT", "shop");
  const shape = join(folder, "schema.mjs");
  const [definition = ""] = blocks;
  await build({
    stdin: { contents: `${definition}\nconsole.log(JSON.stringify(shop));`, resolveDir: folder, loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "node",
    alias: { selvedge: client },
    outfile: shape,
  });
  const env = { ...process.env, SELVEDGE_URL: server().url, SELVEDGE_KEY: server().key };
  const execute = async (path: string) => (await promisify(execFile)(process.execPath, [path], { env })).stdout.trim();
  await root(server(), "PUT", "shop/_schema", JSON.parse(await execute(shape)));
  const printed = (await execute(run)).split("\n");
  expect(printed.at(-2)).toMatch(/^unique_violation 409 .* customers\/acme\/ada2$/);
  expect(JSON.parse(printed.at(-1) ?? "")).toEqual({
    order: "open",
    some: ["Tea", null],
    buyer: "Ada",
    groups: [{ "buyer.region": "eu", n: 1, sum: 3 }],
    rows: 1,
    digest: expect.any(String),
    bought: expect.stringMatching(/^acme\//),
    elsewhere: true,
  });
});
