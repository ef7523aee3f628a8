/** The client inside a Worker, over a service binding. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare, type Request, Response } from "miniflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newDatabase, useServer } from "./server.js";
import { shop } from "./shop.js";

const server = useServer();
/** The paths that the Worker asked for, through its binding. */
const asked: string[] = [];
let worker: Miniflare;

const SCRIPT = `
  import { connect, eq } from "./index.js";
  export default {
    async fetch(request, { DB, NAME, KEY }) {
      const db = connect({ binding: DB, db: NAME, key: KEY, token: request.headers.get("seen") ?? "" }).key("w");
      const [first, second] = await Promise.all([
        db.products.insert({ id: "w/a", title: "a", price: 1 }),
        db.products.insert({ id: "w/b", title: "b", price: 2 }),
      ]);
      const sum = await db.transaction(async (tx) => {
        const found = await tx.products.getMany(["w/a", "w/b"]);
        tx.products.patch("w/a", { price: 10 });
        return found[0].price + found[1].price;
      });
      const rows = await db.products.where(eq("title", "a")).select("price").all();
      const gone = await db.products.get("x").catch((error) => error.code);
      return Response.json({ versions: [first.version, second.version], sum, rows, gone, token: db.token() });
    },
  };
`;

beforeAll(async () => {
  const name = await newDatabase(server(), shop);
  const resolveDir = fileURLToPath(new URL("../src", import.meta.url));
  const { outputFiles } = await build({
    stdin: { contents: SCRIPT, resolveDir },
    bundle: true,
    write: false,
    format: "esm",
  });
  worker = new Miniflare({
    modules: true,
    script: outputFiles[0]?.text ?? "",
    compatibilityDate: "2026-01-01",
    bindings: { NAME: name, KEY: server().key },
    serviceBindings: {
      async DB(request: Request) {
        const { pathname, search } = new URL(request.url);
        asked.push(pathname.slice(pathname.lastIndexOf("/")));
        const body = request.method === "GET" ? {} : { body: await request.text() };
        const headers = Object.fromEntries(request.headers);
        const answer = await fetch(`${server().url}${pathname}${search}`, { method: request.method, headers, ...body });
        const kept = [...answer.headers].filter(([header]) => /^(content-type|selvedge-token)$/.test(header));
        return new Response(await answer.text(), { status: answer.status, headers: kept });
      },
    },
  });
});

afterAll(() => worker.dispose());

test("inserts, a transaction, a query and a refusal, in few requests", async () => {
  const answer = await worker.dispatchFetch("http://worker.invalid/");
  const body = (await answer.json()) as Record<string, unknown>;
  expect(body).toMatchObject({ sum: 3, rows: [{ price: 10 }], gone: "several_keys" });
  expect(body.token).toMatch(/^w@\d+$/);
  expect(asked).toEqual(["/_many", "/_many", "/_tx", "/_query"]);
});
