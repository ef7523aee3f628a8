/** Operations over sockets, on a real server: counted, cut off, refused, and killed in mid-stream. */
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import {
  addThroughRestarts,
  appendInOrder,
  eachItsOwn,
  Mortal,
  numbers,
  openShop,
  readsMoreThanFits,
} from "./company.js";
import { random, roughen, seed } from "./rough.js";
import { root } from "./server.js";

const mortal = new Mortal();

/** A database reached over sockets, what went over them, and what went over HTTP. */
function open(options: { key?: string; onSent?: (socket: { terminate(): void }, count: number) => void } = {}) {
  const opened: string[] = [];
  const frames: string[] = [];
  const asked: string[] = [];
  const count = { open: 0, most: 0 };
  class Recorded extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      opened.push(url.slice(url.lastIndexOf("/")));
      count.open += 1;
      count.most = Math.max(count.most, count.open);
    }
    override close() {
      if (this.readyState < WebSocket.CLOSING) count.open -= 1;
      super.close();
    }
    override send(text: string) {
      super.send(text);
      frames.push(text);
      options.onSent?.(this, frames.length);
    }
  }
  const db = openShop({
    url: mortal.server.url,
    db: mortal.name,
    key: options.key ?? mortal.server.key,
    socket: Recorded,
    fetch: (url, init) => {
      asked.push(url.slice(url.lastIndexOf("/")));
      return fetch(url, init);
    },
  });
  return { db, opened, frames, asked, count };
}

describe("over sockets", () => {
  test("a hundred inserts of one key are one frame, and a hundred reads another, over one socket", async () => {
    const { db, opened, frames, asked } = open();
    const written = await Promise.all(
      numbers(100).map((n) => db.products.insert({ id: `a/${n}`, title: `t${n}`, price: n })),
    );
    expect(new Set(written.map(({ version }) => version)).size).toBe(100);
    const read = await db.products.getMany(numbers(100).map((n) => `a/${n}`));
    expect(read.map((product) => product?.price)).toEqual(numbers(100));
    expect([opened, frames.length, asked]).toEqual([["/_sync?key=a"], 2, []]);
    expect(db.token()).toMatch(/^a@\d+$/);
    db.close();
  });

  test("who asks the next upon each answer is answered in halves, so that one half is made while the other is answered", async () => {
    const { db, frames } = open();
    await db.products.insert({ id: "half/tea", title: "tea", price: 1, stock: 0 });
    const before = frames.length;
    await Promise.all(
      numbers(32).map(async () => {
        for (const _ of numbers(4)) await db.products.increment("half/tea", { stock: 1 });
      }),
    );
    const sizes = frames.slice(before).map((frame) => JSON.parse(frame).requests.length);
    expect(sizes.slice(0, 2)).toEqual([32, 16]);
    expect((await db.products.get("half/tea"))?.stock).toBe(128);
    db.close();
  });

  test("reads whose answers do not fit into one come all the same", async () => {
    const { db, frames } = open();
    await readsMoreThanFits(db, "large/x");
    expect(frames.length).toBe(4);
    db.close();
  });

  test("each has its own result or error, and reads see the writes before them", async () => {
    const { db } = open();
    await eachItsOwn(db, "b");
    db.close();
  });

  test("every key has its socket, up to a bound: the one that was used least lately makes room", async () => {
    const { db, opened, count } = open();
    const ids = numbers(12).map((n) => `many${n}/x`);
    await Promise.all(ids.map((id) => db.products.insert({ id, title: "x", price: 1 })));
    const read = await Promise.all(ids.map((id) => db.products.get(id)));
    expect(read.map((product) => product?.id)).toEqual(ids);
    expect([new Set(opened).size, count.most]).toEqual([12, 8]);
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
    await addThroughRestarts(db, "e/n", () => mortal.restart());
    db.close();
  });

  test("writes of one key are under way together: while one frame is answered, the next is made", async () => {
    const count = { underWay: 0, most: 0 };
    class Counted extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        this.on("message", () => {
          count.underWay -= 1;
        });
      }
      override send(text: string) {
        super.send(text);
        count.underWay += 1;
        count.most = Math.max(count.most, count.underWay);
      }
    }
    const db = openShop({ url: mortal.server.url, db: mortal.name, key: mortal.server.key, socket: Counted });
    await appendInOrder(db, "k/list", { count: 400, inFlight: 32 });
    expect(count.most).toBeGreaterThan(1);
    db.close();
  });

  test("whatever happens to a line, writes happen once each and in the order in which they were asked", async () => {
    const start = seed();
    for (const [round, odds] of [0.05, 0.2, 0.4].entries()) {
      const rough = await roughen(() => mortal.server.url, start + round, odds);
      const db = openShop({ url: rough.url, db: mortal.name, key: mortal.server.key, socket: WebSocket });
      const chance = random(~start + round);
      await appendInOrder(db, `rough/${round}`, { count: 300, inFlight: 24, chance, calm: rough.calm });
      expect(rough.happened.carried).toBeGreaterThan(10);
      db.close();
      await rough.close();
    }
  });

  test("a server killed while several frames are under way: their writes happen once each and in order", async () => {
    const { db, frames, asked } = open();
    const restart = async () => {
      for (const part of [10, 30]) {
        while (frames.length + asked.length < part) await new Promise((resolve) => setTimeout(resolve, 1));
        await mortal.restart();
      }
    };
    const restarted = restart();
    await appendInOrder(db, "killed/list", { count: 2_000, inFlight: 64, calm: () => restarted });
    db.close();
  });

  test("whoever gives up is let go, and the late answer is nobody's", async () => {
    const giveUp = new AbortController();
    // As soon as it is sent, over what line ever: no answer can be there.
    const sent = (text: string) => text.includes("increment") && giveUp.abort(new Error("enough"));
    let isDeaf = false;
    class Told extends WebSocket {
      override send(text: string) {
        super.send(text);
        sent(text);
      }
      override emit(event: string | symbol, ...heard: unknown[]) {
        return isDeaf && event === "message" ? false : super.emit(event, ...heard);
      }
    }
    const db = openShop({
      url: mortal.server.url,
      db: mortal.name,
      key: mortal.server.key,
      socket: Told,
      fetch: (url, init) => {
        const answer = fetch(url, init);
        sent(String(init?.body));
        return answer;
      },
    });
    await db.products.insert({ id: "i/x", title: "x", price: 1, stock: 0 });
    const given = db.products.increment("i/x", { stock: 1 }, { signal: giveUp.signal });
    const kept = db.products.get("i/x");
    await expect(given).rejects.toThrow("enough");
    expect(await kept).toMatchObject({ title: "x" });
    expect(await db.products.increment("i/x", { stock: 1 })).toMatchObject({ id: "i/x" });
    isDeaf = true;
    await expect(db.products.get("i/x", { timeout: 5 })).rejects.toMatchObject({ name: "Timeout" });
    db.close();
    await expect(db.products.get("i/x")).rejects.toMatchObject({ code: "closed" });
  });

  test("where no socket opens, HTTP serves", async () => {
    class Deaf extends WebSocket {
      constructor() {
        super("ws://127.0.0.1:1", []);
      }
    }
    const db = openShop({ url: mortal.server.url, db: mortal.name, key: mortal.server.key, socket: Deaf });
    await db.products.insert({ id: "f/x", title: "x", price: 1 });
    expect(await db.products.get("f/x")).toMatchObject({ title: "x" });
    db.close();
  });

  test("somebody unknown gets no socket, and a key that is revoked is refused from then on", async () => {
    const { db: nobody } = open({ key: "sv_nobody" });
    await expect(nobody.products.get("g/x")).rejects.toMatchObject({ code: "unauthenticated", status: 401 });
    nobody.close();
    const made = (await root(mortal.server, "POST", `${mortal.name}/_keys`, { name: "page", role: "read" })) as {
      key: string;
    };
    const { db, asked } = open({ key: made.key });
    expect(await db.products.get("g/x")).toBeNull();
    await expect(db.products.insert({ id: "g/x", title: "x", price: 1 })).rejects.toMatchObject({ code: "forbidden" });
    await root(mortal.server, "DELETE", `${mortal.name}/_keys/page`);
    await expect(db.products.get("g/x")).rejects.toMatchObject({ code: "unauthenticated" });
    expect(asked).toEqual([]);
    db.close();
  });
});

describe("frames", () => {
  /** A plain socket: frames as they come, and why it was closed. */
  async function plain(key = "h") {
    const token = Buffer.from(mortal.server.key).toString("base64url");
    const url = `${mortal.server.url.replace("http", "ws")}/v1/${mortal.name}/_sync?key=${key}`;
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

  test("what comes after a frame that is to be sent again is not carried out", async () => {
    const { socket, heard, closed } = await plain("room");
    const body = { text: "x".repeat(1_000_000) };
    const insert = (id: string) => ({ tx: { ops: [{ insert: `notes/room/${id}`, body }] } });
    socket.send(JSON.stringify({ id: 1, requests: [insert("n")] }));
    await expect.poll(() => heard.length).toBe(1);
    const reads = numbers(20).map(() => ({ get: "notes/room/n" }));
    socket.send(JSON.stringify({ id: 2, seen: 1, requests: [...reads, insert("late")] }));
    socket.send(JSON.stringify({ id: 3, seen: 1, requests: [insert("later")] }));
    expect(await closed).toBe(1013);
    expect(heard.map(({ id, last }) => [id, last])).toEqual([
      [1, undefined],
      [2, true],
    ]);
    const again = await plain("room");
    again.socket.send('{"id":1,"requests":[{"get":"notes/room/late"},{"get":"notes/room/later"}]}');
    await expect.poll(() => again.heard.length).toBe(1);
    expect(again.heard[0]).toMatchObject({ body: { results: [{ status: 404 }, { status: 404 }] } });
    again.socket.close();
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

  test("a frame that is sent twice, over two sockets, happens once and is answered the same", async () => {
    const frame = JSON.stringify({
      id: 1,
      requests: [{ tx: { id: "twice", ops: [{ patch: "counts/h/n", increment: { n: 1 } }] } }],
    });
    const [one, two] = [await plain(), await plain()];
    one.socket.send(JSON.stringify({ id: 1, requests: [{ tx: { ops: [{ insert: "counts/h/n", body: { n: 0 } }] } }] }));
    await expect.poll(() => one.heard.length).toBe(1);
    for (const { socket } of [one, two, one]) socket.send(frame);
    await expect.poll(() => one.heard.length + two.heard.length).toBe(4);
    expect(new Set([...one.heard.slice(1), ...two.heard].map(({ body }) => JSON.stringify(body))).size).toBe(1);
    two.socket.send('{"id":2,"requests":[{"get":"counts/h/n"}]}');
    await expect.poll(() => two.heard.at(-1)).toMatchObject({ id: 2, body: { results: [{ body: { n: 1 } }] } });
    for (const { socket } of [one, two]) socket.close();
  });

  test("more frames than may wait end the socket", async () => {
    const { socket, closed } = await plain("crowd");
    // The first of a key waits for the catalog, the others for the first.
    for (const id of numbers(200)) socket.send(JSON.stringify({ id: id + 1, requests: [{ get: "notes/crowd/n" }] }));
    expect(await closed).toBe(1013);
  });

  test("who asks and never says to have read is cut off", async () => {
    const { socket, closed } = await plain("slow");
    const body = { text: "x".repeat(1_000_000) };
    socket.send(JSON.stringify({ id: 1, requests: [{ tx: { ops: [{ insert: "notes/slow/n", body }] } }] }));
    for (const id of numbers(60)) socket.send(JSON.stringify({ id: id + 2, requests: [{ get: "notes/slow/n" }] }));
    expect(await closed).toBe(1013);
  });

  test("an actor that sleeps keeps its sockets, and nothing else of them", async () => {
    const { socket, heard } = await plain("slow");
    const fill = async (from: number) => {
      for (const id of numbers(25)) socket.send(JSON.stringify({ id: from + id, requests: [{ get: "notes/slow/n" }] }));
      await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(from + 24);
    };
    await fill(1);
    // After ten seconds without an event the platform takes the actor out of memory: what is unseen is counted anew.
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    await fill(26);
    expect(heard.at(-1)).toMatchObject({ id: 50, status: 200 });
    socket.close();
  }, 60_000);

  test("who says to have read goes on", async () => {
    const { socket, heard } = await plain("slow");
    for (const id of numbers(60)) {
      socket.send(JSON.stringify({ id: id + 1, seen: id, requests: [{ get: "notes/slow/n" }] }));
      await expect.poll(() => heard.length).toBe(id + 1);
    }
    socket.close();
  });
});
