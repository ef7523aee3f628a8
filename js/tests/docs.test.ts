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
import { AUDIENCE, ISSUER, mint, newKey } from "../../tests/http/lib/issuer.js";
import { root, useServer } from "./server.js";

const server = useServer();
const repository = fileURLToPath(new URL("../../", import.meta.url));
const client = join(repository, "js/src/index.ts");

/** What signed the user of a page in, every block that is TypeScript, and then what the test wants to know. */
const page = readFileSync(join(repository, "docs/client.md"), "utf8");
const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
const GIVEN = "const session = { token: async () => process.env.SESSION_TOKEN };";
const ASKED = `
export { shop, work };
console.log(JSON.stringify({
  order: order?.status, some: some.map((one) => one?.title ?? null), buyer, groups, rows: rows.length, digest, bought,
  elsewhere: elsewhere.token().startsWith("acme@"), mine,
}));
`;

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "selvedge-docs-"));
  file = join(folder, "page.mts");
  writeFileSync(file, [GIVEN, ...blocks, ASKED].join("\n"));
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
  const signing = await newKey("ES256", "one");
  const shape = join(folder, "schema.mjs");
  const definitions = blocks.slice(0, 2).join("\n");
  await build({
    stdin: {
      contents: `${definitions}\nconsole.log(JSON.stringify({ shop, work }));`,
      resolveDir: folder,
      loader: "ts",
    },
    bundle: true,
    format: "esm",
    platform: "node",
    alias: { selvedge: client },
    outfile: shape,
  });
  const env = {
    ...process.env,
    SELVEDGE_URL: server().url,
    SELVEDGE_KEY: server().key,
    SESSION_TOKEN: await mint(signing, { claims: { sub: "ada" } }),
  };
  const execute = async (path: string) => (await promisify(execFile)(process.execPath, [path], { env })).stdout.trim();
  const schemas: Record<string, unknown> = JSON.parse(await execute(shape));
  for (const [name, one] of Object.entries(schemas)) {
    await root(server(), "PUT", name);
    await root(server(), "PUT", `${name}/_schema`, one);
  }
  const issuers = [{ issuer: ISSUER, audience: AUDIENCE, keys: [signing.jwk] }];
  await root(server(), "PUT", "work/_settings", { issuers });
  await root(server(), "PUT", "work/teams/acme/red", { name: "Red", lead: "ada" });
  await root(server(), "PUT", "work/teams/acme/blue", { name: "Blue", lead: "bob" });
  await root(server(), "PUT", "work/members/acme/m1", { team: "acme/red", user: "ada" });
  await root(server(), "PUT", "work/tasks/acme/t1", { team: "acme/red", title: "Write it down" });
  await root(server(), "PUT", "work/tasks/acme/t2", { team: "acme/blue", title: "Read it" });
  const printed = (await execute(run)).split("\n");
  expect(printed[0]).toBe("forbidden tasks update points");
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
    mine: [{ title: "Write it down" }],
  });
});
