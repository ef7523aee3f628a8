/** How operations travel: together, in order, within bounds, each with its own fate. A transport of the test's own. */
import { describe, expect, test } from "vitest";
import {
  type Answers,
  connect,
  Overload,
  type Request,
  type Result,
  SelvedgeError,
  type Sending,
  Timeout,
  type Transport,
} from "../src/index.js";

/** Answers sendings when it is told to, and remembers them. */
class Held implements Transport {
  readonly sendings: { requests: readonly Request[]; answer(results?: (Result | undefined)[]): void; lose(): void }[] =
    [];
  #told = () => {};

  constructor(readonly ordered = false) {}

  send({ requests, signal }: Sending): Promise<Answers> {
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      this.sendings.push({
        requests,
        answer: (results = []) =>
          resolve({ results: requests.map((request, index) => results[index] ?? usual(request)), token: null }),
        lose: () => reject(new TypeError("the line broke")),
      });
      this.#told();
    });
  }

  close(): void {}

  /** The sending of this number, once it is there. */
  async at(index: number) {
    while (this.sendings.length <= index) {
      await new Promise<void>((resolve) => {
        this.#told = resolve;
      });
    }
    const sending = this.sendings[index];
    if (!sending) throw new Error("unreachable");
    return sending;
  }
}

function usual(request: Request): Result {
  if ("get" in request) return { status: 200, body: { id: request.get } };
  if ("query" in request) return { status: 200, body: { rows: [], digest: "d", cost: {} } };
  return { status: 200, body: { time: "t", results: request.tx.ops.map(() => ({ id: "x", version: 1 })) } };
}

const refused = (status: number, code: string): Result => ({ status, body: { code, detail: "No." } });
const short = (request: Request) => ("get" in request ? request.get : "tx" in request ? "write" : "query");
const quiet = () => new Promise((resolve) => setTimeout(resolve, 20));

function open(transport: Transport, options: { maxOperations?: number; maxSendings?: number; timeout?: number } = {}) {
  const db = connect({ db: "shop", key: "sv_none", transport, ...options });
  return { db, things: (key: string) => db.key(key).collection("things") };
}

describe("what one tick asks of one key", () => {
  test("travels together, in order; other keys travel beside it", async () => {
    const held = new Held();
    const { things } = open(held);
    const answers = Promise.all([
      things("a").get("a/1"),
      things("b").get("b/1"),
      Promise.resolve().then(() => things("a").insert({ id: "a/2" })),
      things("a").where(["=", "n", 1]).page(),
    ]);
    (await held.at(0)).answer();
    (await held.at(1)).answer();
    await answers;
    expect(held.sendings.map(({ requests }) => requests.map(short))).toEqual([
      ["things/a/1", "query", "write"],
      ["things/b/1"],
    ]);
  });

  test("has its own result or error each, and one that fails takes no other with it", async () => {
    const held = new Held();
    const { things } = open(held);
    const all = Promise.allSettled(["a/1", "a/2", "a/3"].map((id) => things("a").get(id)));
    (await held.at(0)).answer([undefined, refused(403, "forbidden"), refused(404, "not_found")]);
    expect(await all).toMatchObject([
      { status: "fulfilled", value: { id: "things/a/1" } },
      { status: "rejected", reason: { code: "forbidden", status: 403 } },
      { status: "fulfilled", value: null },
    ]);
  });

  test("is cut at 256 requests, and by size", async () => {
    const held = new Held();
    const { things } = open(held);
    const gets = Array.from({ length: 300 }, (_, n) => things("a").get(`a/${n}`));
    (await held.at(0)).answer();
    (await held.at(1)).answer();
    await Promise.all(gets);
    const large = "x".repeat(900_000);
    const inserts = [1, 2, 3].map((n) => things("a").insert({ id: `a/l${n}`, large }));
    (await held.at(2)).answer();
    (await held.at(3)).answer();
    await Promise.all(inserts);
    expect(held.sendings.map(({ requests }) => requests.length)).toEqual([256, 44, 2, 1]);
  });
});

describe("order within a key", () => {
  test("nothing overtakes a write; reads overlap each other", async () => {
    const held = new Held();
    const { things } = open(held);
    const first = things("a").get("a/1");
    const one = await held.at(0);
    const second = things("a").get("a/2");
    const two = await held.at(1);
    const write = things("a").insert({ id: "a/3" });
    const third = things("a").get("a/3");
    await quiet();
    expect(held.sendings).toHaveLength(2);
    two.answer();
    await second;
    await quiet();
    expect(held.sendings).toHaveLength(2);
    one.answer();
    await first;
    const three = await held.at(2);
    expect(three.requests.map(short)).toEqual(["write", "things/a/3"]);
    const fourth = things("a").get("a/4");
    await quiet();
    expect(held.sendings).toHaveLength(3);
    three.answer();
    (await held.at(3)).answer();
    await Promise.all([write, third, fourth]);
  });

  test("a query without a key stays behind the writes before it", async () => {
    const held = new Held();
    const { db } = open(held);
    const things = db.collection("things");
    const all = Promise.all([things.insert({ id: "1" }), things.limit(3).page(), things.insert({ id: "2" })]);
    for (const index of [0, 1, 2]) {
      await quiet();
      expect(held.sendings).toHaveLength(index + 1);
      (await held.at(index)).answer();
    }
    await all;
    expect(held.sendings.map(({ requests }) => requests.map(short))).toEqual([["write"], ["query"], ["write"]]);
  });

  test("a transport that keeps the order itself is not waited for", async () => {
    const held = new Held(true);
    const { things } = open(held);
    const first = things("a").insert({ id: "a/1" });
    await held.at(0);
    const second = things("a").insert({ id: "a/2" });
    (await held.at(1)).answer();
    (await held.at(0)).answer();
    await Promise.all([first, second]);
  });
});

describe("over a transport that keeps the order", () => {
  const write = (things: ReturnType<typeof open>["things"], n: number) => things("a").insert({ id: `a/${n}` });

  test("what is sent again goes in the old order, one after the other, and nothing new before it", async () => {
    const held = new Held(true);
    const { things } = open(held);
    const all = [write(things, 1)];
    await held.at(0);
    all.push(write(things, 2));
    await held.at(1);
    held.sendings[1]?.lose();
    held.sendings[0]?.lose();
    await quiet();
    all.push(write(things, 3));
    const first = await held.at(2);
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(held.sendings).toHaveLength(3);
    first.answer();
    const second = await held.at(3);
    await quiet();
    expect(held.sendings).toHaveLength(4);
    second.answer();
    (await held.at(4)).answer();
    await Promise.all(all);
    expect(held.sendings.slice(2, 4).map(({ requests }) => requests)).toEqual(
      held.sendings.slice(0, 2).map(({ requests }) => requests),
    );
  });

  test("a write that is unavailable holds up all that is sent again, and all that is new", async () => {
    const held = new Held(true);
    const { things } = open(held);
    const all = [write(things, 1)];
    await held.at(0);
    all.push(write(things, 2));
    await held.at(1);
    held.sendings[0]?.answer([refused(503, "unavailable")]);
    held.sendings[1]?.lose();
    await quiet();
    all.push(write(things, 3));
    const again = await held.at(2);
    expect(again.requests).toEqual(held.sendings[0]?.requests);
    again.answer();
    for (const index of [3, 4]) (await held.at(index)).answer();
    await Promise.all(all);
    expect(held.sendings[3]?.requests).toEqual(held.sendings[1]?.requests);
  });

  test("a read follows the writes before it at once; a write waits for the reads before it", async () => {
    const held = new Held(true);
    const { things } = open(held);
    const first = write(things, 1);
    await held.at(0);
    const read = things("a").get("a/1");
    await held.at(1);
    const second = write(things, 2);
    await quiet();
    expect(held.sendings.map(({ requests }) => requests.map(short))).toEqual([["write"], ["things/a/1"]]);
    held.sendings[0]?.answer();
    await quiet();
    expect(held.sendings).toHaveLength(2);
    held.sendings[1]?.answer();
    (await held.at(2)).answer();
    await Promise.all([first, read, second]);
  });

  test("a query without a key waits for the writes before it: it travels by itself", async () => {
    const held = new Held(true);
    const { db } = open(held);
    const things = db.collection("things");
    const insert = things.insert({ id: "1" });
    const sent = await held.at(0);
    const query = things.limit(3).page();
    await quiet();
    expect(held.sendings).toHaveLength(1);
    sent.answer();
    (await held.at(1)).answer();
    await Promise.all([insert, query]);
  });
});

describe("bounds", () => {
  test("no more sendings than allowed are under way", async () => {
    const held = new Held();
    const { things } = open(held, { maxSendings: 2 });
    const gets = ["a", "b", "c"].map((key) => things(key).get(`${key}/1`));
    await held.at(1);
    await quiet();
    expect(held.sendings).toHaveLength(2);
    (await held.at(0)).answer();
    (await held.at(2)).answer();
    (await held.at(1)).answer();
    await Promise.all(gets);
  });

  test("where the order is kept, half of many results come first, and what is asked upon them is sent before the rest", async () => {
    const held = new Held(true);
    const { things } = open(held);
    let done = 0;
    const twice = Array.from({ length: 10 }, async () => {
      await things("a").insert({});
      done += 1;
      await things("a").insert({});
    });
    (await held.at(0)).answer();
    const next = await held.at(1);
    expect([next.requests.length, done]).toEqual([5, 5]);
    next.answer();
    (await held.at(2)).answer();
    await Promise.all(twice);
    expect(held.sendings.map(({ requests }) => requests.length)).toEqual([10, 5, 5]);
  });

  test("who stops waiting between the halves does not hear that nothing was sent", async () => {
    const held = new Held(true);
    const { db, things } = open(held);
    const writes = Array.from({ length: 10 }, () => things("a").insert({}));
    const stopped = writes[0]?.then(() => db.close());
    (await held.at(0)).answer();
    await stopped;
    await expect(writes[9]).rejects.toMatchObject({ code: "closed", uncertain: true });
    await Promise.allSettled(writes);
  });

  test("more operations than allowed are refused at once, and room comes back", async () => {
    const held = new Held();
    const { things } = open(held, { maxOperations: 2 });
    const gets = [things("a").get("a/1"), things("a").get("a/2")];
    const error = await things("a")
      .get("a/3")
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Overload);
    expect(error).toMatchObject({ code: "overload", status: 0, uncertain: false });
    (await held.at(0)).answer();
    await Promise.all(gets);
    const later = things("a").get("a/3");
    (await held.at(1)).answer();
    await later;
  });

  test("answers that found no room are asked for again, without the others", async () => {
    const held = new Held();
    const { things } = open(held);
    const gets = Promise.all(["a/1", "a/2", "a/3"].map((id) => things("a").get(id)));
    const full = refused(413, "answer_too_large");
    (await held.at(0)).answer([undefined, full, full]);
    (await held.at(1)).answer([undefined, full]);
    const last = await held.at(2);
    expect(last.requests.map(short)).toEqual(["things/a/3"]);
    last.answer([full]);
    await expect(gets).rejects.toMatchObject({ code: "answer_too_large" });
  });
});

describe("what goes wrong", () => {
  test("a lost sending is sent again as it was: the same batch ids, the same order", async () => {
    const held = new Held();
    const { things } = open(held);
    const all = Promise.all([things("a").insert({ id: "a/1" }), things("a").get("a/1")]);
    (await held.at(0)).lose();
    const again = await held.at(1);
    again.answer();
    await all;
    expect(again.requests).toEqual(held.sendings[0]?.requests);
  });

  test("what is unavailable is sent again, by itself", async () => {
    const held = new Held();
    const { things } = open(held);
    const all = Promise.all([things("a").get("a/1"), things("a").get("a/2")]);
    (await held.at(0)).answer([undefined, refused(503, "unavailable")]);
    const again = await held.at(1);
    expect(again.requests.map(short)).toEqual(["things/a/2"]);
    again.answer();
    await all;
  });

  test("a refusal is final", async () => {
    const held = new Held();
    const { things } = open(held);
    const insert = things("a").insert({ id: "a/1" });
    (await held.at(0)).answer([refused(409, "exists")]);
    const error = await insert.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SelvedgeError);
    expect(error).toMatchObject({ code: "exists", uncertain: false });
    await quiet();
    expect(held.sendings).toHaveLength(1);
  });

  test("no answer in time is a Timeout, and says that a write may have happened", async () => {
    const held = new Held();
    const { things } = open(held, { timeout: 30 });
    const [write, read] = await Promise.allSettled([things("a").insert({ id: "a/1" }), things("b").get("b/1")]);
    expect(write).toMatchObject({ reason: { code: "timeout", uncertain: true } });
    expect(read).toMatchObject({ reason: { code: "timeout", uncertain: false } });
    expect((write as PromiseRejectedResult).reason).toBeInstanceOf(Timeout);
  });

  test("an abort rejects with its reason; what was not sent yet never is", async () => {
    const held = new Held();
    const { things } = open(held);
    const stop = new AbortController();
    const first = things("a").insert({ id: "a/1" });
    await held.at(0);
    const second = things("a").insert({ id: "a/2" }, { signal: stop.signal });
    const third = things("a").insert({ id: "a/3" });
    stop.abort(new Error("changed my mind"));
    await expect(second).rejects.toThrow("changed my mind");
    (await held.at(0)).answer();
    const next = await held.at(1);
    expect(next.requests).toHaveLength(1);
    next.answer();
    await Promise.all([first, third]);
    await expect(things("a").get("a/1", { signal: stop.signal })).rejects.toThrow("changed my mind");
  });

  test("a sending that nobody waits for is given up, and the next goes on", async () => {
    const held = new Held();
    const { things } = open(held);
    const stop = new AbortController();
    const aborted = things("a").insert({ id: "a/1" }, { signal: stop.signal });
    await held.at(0);
    const next = things("a").get("a/2");
    stop.abort();
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
    (await held.at(1)).answer();
    await next;
  });

  test("a pause that the server asks for ends when nobody waits for it any more", async () => {
    const held = new Held();
    const { things } = open(held);
    const stop = new AbortController();
    const first = things("a").get("a/1", { signal: stop.signal });
    (await held.at(0)).answer([{ ...refused(503, "unavailable"), retryAfter: 3_600_000 }]);
    const next = things("a").insert({ id: "a/2" });
    await quiet();
    expect(held.sendings).toHaveLength(1);
    stop.abort(new Error("enough"));
    await expect(first).rejects.toThrow("enough");
    (await held.at(1)).answer();
    await next;
  });

  test("after `close` everything that waits is rejected, and nothing is sent", async () => {
    const held = new Held();
    const { db, things } = open(held);
    const sent = things("a").insert({ id: "a/1" });
    await held.at(0);
    const waiting = things("a").insert({ id: "a/2" });
    db.close();
    await expect(sent).rejects.toMatchObject({ code: "closed", uncertain: true });
    await expect(waiting).rejects.toMatchObject({ code: "closed", uncertain: false });
    await expect(things("a").get("a/1")).rejects.toMatchObject({ code: "closed" });
    await quiet();
    expect(held.sendings).toHaveLength(1);
  });
});
