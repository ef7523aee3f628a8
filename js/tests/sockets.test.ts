/** Operations over sockets, on a real server: counted, cut off, refused, and killed in mid-stream. */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build } from "../../scripts/lib/build.mjs";
import { type Server, startWorkerd } from "../../scripts/lib/workerd.mjs";
import { connect, type Socket, type SocketClass } from "../src/index.js";
import { addThroughRestarts, newDatabase, root } from "./server.js";
import { shop } from "./shop.js";

/** The class of the package `ws`, whose types are not needed. */
const WebSocket = createRequire(import.meta.url)("ws") as new (
  url: string,
  protocols: string[],
) => Socket & { terminate(): void; on(event: string, heard: (...heard: never[]) => void): void };

let data: string;
let server: Server;
let name: string;

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), "selvedge-sockets-"));
  server = await startWorkerd({ modules: await build("quick"), data });
  name = await newDatabase(server, shop);
});

afterAll(async () => {
  await server.kill();
  rmSync(data, { recursive: true, force: true });
});

/** A database reached over sockets, what went over them, and what went over HTTP. */
function open(options: { key?: string; onSent?: (socket: { terminate(): void }, count: number) => void } = {}) {
  const opened: string[] = [];
  const frames: string[] = [];
  const asked: string[] = [];
  class Recorded extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      opened.push(url.slice(url.lastIndexOf("/")));
    }
    override send(text: string) {
      super.send(text);
      frames.push(text);
      options.onSent?.(this, frames.length);
    }
  }
  const db = connect({
    url: server.url,
    db: name,
    key: options.key ?? server.key,
    schema: shop,
    socket: Recorded as SocketClass,
    fetch: (url, init) => {
      asked.push(url.slice(url.lastIndexOf("/")));
      return fetch(url, init);
    },
  });
  return { db, opened, frames, asked };
}

const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);

describe("over sockets", () => {
  test("a hundred inserts of one key are one frame, and a hundred reads are a few more, over one socket", async () => {
    const { db, opened, frames, asked } = open();
    const written = await Promise.all(
      numbers(100).map((n) => db.products.insert({ id: `a/${n}`, title: `t${n}`, price: n })),
    );
    expect(new Set(written.map(({ version }) => version)).size).toBe(100);
    const read = await db.products.getMany(numbers(100).map((n) => `a/${n}`));
    expect(read.map((product) => product?.price)).toEqual(numbers(100));
    expect([opened, frames.length, asked]).toEqual([["/_sync?key=a"], 8, []]);
    expect(db.token()).toMatch(/^a@\d+$/);
    db.close();
  });

  test("each has its own result or error, and reads see the writes before them", async () => {
    const { db } = open();
    const outcome = await Promise.allSettled([
      db.products.insert({ id: "b/tea", title: "tea", price: 1, stock: 1 }),
      db.products.insert({ id: "b/tea", title: "again", price: 1 }),
      db.products.increment("b/tea", { stock: -1 }),
      db.products.increment("b/tea", { stock: -1 }),
      db.products.get("b/tea"),
      db.key("b").products.where(["=", "title", "tea"]).select("stock").page(),
      db.products.get("b/none"),
    ]);
    expect(outcome).toMatchObject([
      { value: { id: "b/tea" } },
      { reason: { code: "exists" } },
      { value: { id: "b/tea" } },
      { reason: { code: "check_failed" } },
      { value: { stock: 0, title: "tea" } },
      { value: { rows: [{ stock: 0 }] } },
      { value: null },
    ]);
    db.close();
  });

  test("every key has its socket, up to a bound; what is beyond it goes over HTTP", async () => {
    const { db, opened, asked } = open();
    const ids = numbers(12).map((n) => `many${n}/x`);
    await Promise.all(ids.map((id) => db.products.insert({ id, title: "x", price: 1 })));
    const read = await Promise.all(ids.map((id) => db.products.get(id)));
    expect(read.map((product) => product?.id)).toEqual(ids);
    expect(new Set(opened).size + new Set(asked).size).toBeGreaterThanOrEqual(8);
    db.close();
  });

  test("a socket that is cut in mid-batch loses nothing and repeats nothing", async () => {
    const { db, opened } = open({ onSent: (socket, count) => count % 3 === 2 && socket.terminate() });
    await db.products.insert({ id: "c/tea", title: "tea", price: 1, stock: 0 });
    for (const _ of numbers(5)) await Promise.all(numbers(20).map(() => db.products.increment("c/tea", { stock: 1 })));
    expect((await db.products.get("c/tea"))?.stock).toBe(100);
    expect(opened.length).toBeGreaterThan(1);
    db.close();
  });

  test("a server killed in mid-stream and started again: every write happens once, every promise settles", async () => {
    const { db } = open();
    const { stock, expected } = await addThroughRestarts(db.products, "e/n", async () => {
      const port = Number(new URL(server.url).port);
      await server.kill("SIGKILL");
      server = await startWorkerd({ modules: await build("quick"), data, port });
    });
    expect(stock).toBe(expected);
    db.close();
  });

  test("where no socket opens, HTTP serves", async () => {
    class Deaf extends WebSocket {
      constructor() {
        super("ws://127.0.0.1:1", []);
      }
    }
    const db = connect({ url: server.url, db: name, key: server.key, schema: shop, socket: Deaf as SocketClass });
    await db.products.insert({ id: "f/x", title: "x", price: 1 });
    expect(await db.products.get("f/x")).toMatchObject({ title: "x" });
    db.close();
  });

  test("somebody unknown gets no socket, and a key that is revoked is refused from then on", async () => {
    const { db: nobody } = open({ key: "sv_nobody" });
    await expect(nobody.products.get("g/x")).rejects.toMatchObject({ code: "unauthenticated", status: 401 });
    nobody.close();
    const made = (await root(server, "POST", `${name}/_keys`, { name: "page", role: "read" })) as { key: string };
    const { db, asked } = open({ key: made.key });
    expect(await db.products.get("g/x")).toBeNull();
    await expect(db.products.insert({ id: "g/x", title: "x", price: 1 })).rejects.toMatchObject({ code: "forbidden" });
    await root(server, "DELETE", `${name}/_keys/page`);
    await expect(db.products.get("g/x")).rejects.toMatchObject({ code: "unauthenticated" });
    expect(asked).toEqual([]);
    db.close();
  });
});

describe("frames", () => {
  /** A plain socket: frames as they come, and why it was closed. */
  async function plain(key = "h") {
    const token = Buffer.from(server.key).toString("base64url");
    const url = `${server.url.replace("http", "ws")}/v1/${name}/_sync?key=${key}`;
    const socket = new WebSocket(url, ["selvedge.v1", `bearer.${token}`]);
    const heard: Record<string, unknown>[] = [];
    socket.on("message", ((text: Buffer) => heard.push(JSON.parse(String(text)))) as never);
    const closed = new Promise<number>((resolve) => socket.on("close", ((code: number) => resolve(code)) as never));
    await new Promise((resolve, reject) => {
      socket.on("open", resolve as never);
      socket.on("error", reject as never);
    });
    return { socket, heard, closed };
  }

  test.each([
    ["not JSON", 1008],
    ["{}", 1008],
    ['{"id":-1,"requests":[]}', 1008],
    ['{"id":1,"requests":[],"more":1}', 1008],
    [`{"id":1,"requests":[${numbers(300).map(() => '{"get":"products/h/x"}')}]}`, 1008],
    [Buffer.from("{}") as unknown as string, 1003],
  ])("%.40s is answered and ends the socket", async (frame, code) => {
    const { socket, heard, closed } = await plain();
    socket.send(frame);
    expect(await closed).toBe(code);
    if (code === 1008) expect(heard).toMatchObject([{ id: null, body: { code: expect.any(String) } }]);
  });

  test("requests of another key, and those that are none, are refused one by one", async () => {
    const { socket, heard } = await plain();
    const requests = [
      { get: "products/other/x" },
      { get: 5 },
      { query: { from: "products" } },
      { get: "products/h/x" },
    ];
    socket.send(JSON.stringify({ id: 9, requests }));
    await expect.poll(() => heard.length).toBe(1);
    expect(heard[0]).toMatchObject({
      id: 9,
      status: 200,
      body: { results: [{ status: 400 }, { status: 400 }, { body: { code: "several_keys" } }, { status: 404 }] },
    });
    socket.close();
  });

  test("many frames at once are answered in order", async () => {
    const { socket, heard } = await plain("fresh");
    for (const id of numbers(50)) {
      const ops = [{ replace: "notes/fresh/n", body: { id: "fresh/n", at: id } }];
      socket.send(JSON.stringify({ id: id + 1, requests: [{ tx: { ops } }, { get: "notes/fresh/n" }] }));
    }
    await expect.poll(() => heard.length).toBe(50);
    expect(heard.map(({ id }) => id)).toEqual(numbers(50).map((n) => n + 1));
    expect(heard.at(-1)).toMatchObject({ body: { results: [{ status: 200 }, { body: { at: 49 } }] } });
    socket.close();
  });

  test("whoever closes a socket has it closed", async () => {
    const { socket, closed } = await plain();
    socket.close();
    // Without a code of ours: both ends are closed, and neither was cut off (1006).
    expect([1000, 1005]).toContain(await closed);
  });

  test("who asks and never says to have read is cut off", async () => {
    const { socket, closed } = await plain("slow");
    const body = { text: "x".repeat(1_000_000) };
    socket.send(JSON.stringify({ id: 1, requests: [{ tx: { ops: [{ insert: "notes/slow/n", body }] } }] }));
    for (const id of numbers(60)) socket.send(JSON.stringify({ id: id + 2, requests: [{ get: "notes/slow/n" }] }));
    expect(await closed).toBe(1013);
  });

  test("who says to have read goes on", async () => {
    const { socket, heard } = await plain("slow");
    for (const id of numbers(60)) {
      socket.send(JSON.stringify({ id: id + 1, seen: id, requests: [{ get: "notes/slow/n" }] }));
      await expect.poll(() => heard.length).toBe(id + 1);
    }
    socket.close();
  });
});
