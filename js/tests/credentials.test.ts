/** Who asks: keys that are revoked and handed out anew, nobody in particular, and what is answered to whom may not. */
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { collection, connect, type Key, schema, t } from "../src/index.js";
import { newDatabase, root, useServer } from "./server.js";

const server = useServer();

const notes = schema(
  {
    notes: collection({
      owner: t.string(),
      text: t.string(),
      stars: t.int().default(0),
      isPublic: t.bool().default(false),
    }),
  },
  {
    anonymous: true,
    roles: { editor: {} },
    rules: {
      notes: (allow) =>
        allow
          .read((q) => q.or(q.eq("isPublic", true), q.eq("owner", q.auth("key")), q.role("editor")))
          .insert((q) => q.eq("owner", q.auth("key")))
          .update((q) => q.and(q.eq("owner", q.auth("key")), q.eq("owner", q.old("owner"))))
          .field("stars", { update: (q) => q.role("editor") }),
    },
  },
);

/** A database, and what makes and revokes its keys. */
async function database() {
  const name = await newDatabase(server(), notes);
  const made = async (key: string, more: object = {}) => {
    const body = { name: key, role: "write", ...more };
    return ((await root(server(), "POST", `${name}/_keys`, body)) as { key: string }).key;
  };
  const revoked = (key: string) => root(server(), "DELETE", `${name}/_keys/${key}`);
  return { name, made, revoked };
}

const WAYS = ["sockets", "HTTP"] as const;

/** A connection, the keys of its requests over HTTP, and how many sockets it opened. */
function open(db: string, key: Key, way: (typeof WAYS)[number] = "HTTP") {
  const sent: (string | undefined)[] = [];
  const sockets: string[][] = [];
  class Counted extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.push(protocols);
    }
  }
  const connection = connect({
    url: server().url,
    db,
    schema: notes,
    socket: way === "sockets" ? Counted : false,
    fetch: (url, init) => {
      sent.push(init.headers.authorization);
      return fetch(url, init);
    },
    ...(key !== undefined && { key }),
  });
  return { db: connection, sent, sockets };
}

/** A function that has a key, and how often it was asked. */
function asked(answers: (count: number) => string | Promise<string>) {
  const count = { asked: 0 };
  const key = () => {
    count.asked += 1;
    return answers(count.asked);
  };
  return { key, count };
}

test.each(WAYS)("a key that is revoked is asked for anew, once for all that were refused (%s)", async (way) => {
  const { name, made, revoked } = await database();
  let current = await made("ann");
  const { key, count } = asked(async () => current);
  const { db } = open(name, key, way);
  await db.notes.insert({ id: "a/1", owner: "ann", text: "one" });
  const before = count.asked;
  await db.notes.get("a/1");
  expect(count.asked).toBe(before);

  await revoked("ann");
  current = await made("ann");
  const all = await Promise.all([
    db.notes.get("a/1"),
    db.notes.insert({ id: "a/2", owner: "ann", text: "two" }),
    db.notes.insert({ id: "b/1", owner: "ann", text: "three" }),
    db.notes.get("c/none"),
  ]);
  expect(all).toMatchObject([{ text: "one" }, { id: "a/2" }, { id: "b/1" }, null]);
  if (way === "HTTP") expect(count.asked).toBe(before + 1);
  expect(await db.notes.get("a/2")).toMatchObject({ text: "two" });
  db.close();
});

test("it is asked for again before another socket is opened", async () => {
  const { name, made } = await database();
  const ann = await made("ann");
  const { key, count } = asked(() => ann);
  const { db, sockets, sent } = open(name, key, "sockets");
  await db.notes.get("a/1");
  await db.notes.get("a/2");
  expect([count.asked, sockets.length]).toEqual([1, 1]);
  await db.notes.get("b/1");
  expect([count.asked, sockets.length, sent]).toEqual([2, 2, []]);
  db.close();
});

test.each(WAYS)("one that is unknown for good is refused, and asked for once more only (%s)", async (way) => {
  const { name } = await database();
  const { key, count } = asked((times) => `sv_nobody${times}`);
  const { db, sent } = open(name, key, way);
  await expect(db.notes.get("a/1")).rejects.toMatchObject({ code: "unauthenticated", status: 401 });
  expect([count.asked, sent.length]).toEqual([2, 2]);
  const { key: same } = asked(() => "sv_nobody");
  const { db: other, sent: once } = open(name, same, way);
  await expect(other.notes.insert({ owner: "x", text: "x" })).rejects.toMatchObject({ uncertain: false, status: 401 });
  expect(once).toEqual(["Bearer sv_nobody"]);
  for (const one of [db, other]) one.close();
});

test("where the function fails so does what needs it, at once; whoever comes next asks again", async () => {
  const { name, made } = await database();
  const ann = await made("ann");
  const gone = new Error("signed out");
  const { key, count } = asked((times) => (times === 1 ? Promise.reject(gone) : ann));
  const { db, sent } = open(name, key);
  const refused = db.notes.insert({ id: "a/1", owner: "ann", text: "one" });
  await expect(refused).rejects.toMatchObject({ code: "unauthenticated", status: 0, cause: gone, uncertain: false });
  expect([count.asked, sent]).toEqual([1, []]);
  expect(await db.notes.get("a/1")).toBeNull();
  db.close();
});

test.each(WAYS)("one that never has a key holds nobody longer than they wait (%s)", async (way) => {
  const { name, made } = await database();
  const ann = await made("ann");
  const { key } = asked((times) => (times === 1 ? new Promise<string>(() => {}) : ann));
  const { db } = open(name, key, way);
  await expect(db.notes.get("a/1", { timeout: 100 })).rejects.toMatchObject({ name: "Timeout" });
  expect(await db.notes.get("a/1")).toBeNull();
  db.close();
});

test.each(WAYS)("without a key one is nobody in particular, and sees what anybody may (%s)", async (way) => {
  const { name, made } = await database();
  const { db: ann } = open(name, await made("ann"));
  await ann.notes.insert({ id: "a/1", owner: "ann", text: "for all", isPublic: true });
  await ann.notes.insert({ id: "a/2", owner: "ann", text: "for me" });
  const { db, sent, sockets } = open(name, undefined, way);
  expect(await db.notes.getMany(["a/1", "a/2"])).toMatchObject([{ text: "for all" }, null]);
  const seen = await db.key("a").notes.select("id").all();
  expect(seen).toEqual([{ id: "a/1" }]);
  await expect(db.notes.patch("a/1", { text: "mine" })).rejects.toMatchObject({ code: "forbidden" });
  expect(sent.every((key) => key === undefined)).toBe(true);
  if (way === "sockets") expect([sockets, sent]).toEqual([[["selvedge.v1"]], []]);
  const { db: later } = open(name, () => undefined, way);
  expect(await later.notes.get("a/1")).toMatchObject({ text: "for all" });
  for (const one of [ann, db, later]) one.close();
});

test("whoever may not is told which rule of which collection says so, and which field", async () => {
  const { name, made } = await database();
  const { db } = open(name, await made("ann"));
  await db.notes.insert({ id: "a/1", owner: "ann", text: "mine" });
  await expect(db.notes.insert({ id: "a/2", owner: "bob", text: "his" })).rejects.toMatchObject({
    code: "forbidden",
    status: 403,
    collection: "notes",
    rule: "insert",
    field: undefined,
  });
  await expect(db.notes.increment("a/1", { stars: 5 })).rejects.toMatchObject({
    code: "forbidden",
    collection: "notes",
    rule: "update",
    field: "stars",
    document: "notes/a/1",
  });
  const { db: editor } = open(name, await made("eve", { roles: ["editor"] }));
  expect(await editor.notes.get("a/1")).toMatchObject({ text: "mine" });
  for (const one of [db, editor]) one.close();
});

test.each(WAYS)("what comes too often is asked again when there is room, within its time (%s)", async (way) => {
  const { name, made } = await database();
  await root(server(), "PUT", `${name}/_settings`, { quotas: { requestsPerSecond: 2, burst: 2 } });
  const { db } = open(name, await made("ann"), way);
  const began = Date.now();
  for (const n of [1, 2, 3, 4]) await db.notes.insert({ id: `a/${n}`, owner: "ann", text: "one" });
  expect(Date.now() - began).toBeGreaterThan(500);
  db.close();
});
