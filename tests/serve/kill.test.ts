/** `kill -9` of workerd in the middle of a stream of writes: what was acknowledged is there, and nothing is there twice. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Random } from "../../bench/lib/random.mjs";
import { build } from "../../scripts/lib/build.mjs";
import { type Server, startWorkerd } from "../../scripts/lib/workerd.mjs";

const ROUNDS = 6;
const WRITERS = 32;
/** Keys that the writers share, so that several actors are in the middle of something. */
const KEYS = ["", "a", "b", "c"];
const seed = Number(process.env.SELVEDGE_SEED ?? Date.now() % 2_147_483_646) + 1;

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** A write that was sent: it goes out again, the same to the letter, until it is answered. */
interface Write {
  kind: "put" | "step" | "insert";
  writer: number;
  method: string;
  path: string;
  body: string;
  batch: string;
}

type Documents = Map<string, Record<string, unknown>>;

let data: string;
let modules: string;
let server: Server;

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), "selvedge-kill-"));
  modules = await build("quick");
  server = await startWorkerd({ modules, data });
}, 600_000);

afterAll(async () => {
  await server?.kill();
  rmSync(data, { recursive: true, force: true });
});

const keyOf = (writer: number) => KEYS[writer % KEYS.length] ?? "";
const id = (key: string, name: string) => (key ? `${key}/${name}` : name);

async function send(method: string, path: string, body?: string, batch?: string): Promise<Answer> {
  const headers: Record<string, string> = { authorization: `Bearer ${server.key}` };
  if (batch) headers["idempotency-key"] = batch;
  const response = await fetch(`${server.url}/v1/kill${path}`, { method, body, headers });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

const sendWrite = ({ method, path, body, batch }: Write) => send(method, path, body, batch);

/** The documents of the database, by collection and id, as the export tells them. */
async function exported(): Promise<Documents> {
  const headers = { authorization: `Bearer ${server.key}` };
  const response = await fetch(`${server.url}/v1/kill/_export`, { headers });
  expect(response.status).toBe(200);
  const documents: Documents = new Map();
  for (const line of (await response.text()).split("\n").filter(Boolean)) {
    const [collection, document] = JSON.parse(line);
    const name = `${collection}/${document.id}`;
    expect(documents.has(name), `${name} stands twice in the export`).toBe(false);
    documents.set(name, document);
  }
  return documents;
}

/** What the server acknowledged, and so must hold. */
class Ledger {
  /** By writer: the last put. Nobody else puts that document. */
  readonly #puts = new Map<number, { n: number; version: number }>();
  /** By key: how many steps were counted. */
  readonly #steps = new Map(KEYS.map((key) => [key, 0]));
  readonly #inserted: string[] = [];
  #batches = 0;

  /** The next write of a writer. */
  next(writer: number, random: Random): Write {
    this.#batches += 1;
    const [key, batch] = [keyOf(writer), `batch-${seed}-${this.#batches}`];
    const kind = random.pick(["put", "step", "insert"] as const);
    const write = (method: string, path: string, body: object): Write => {
      return { kind, writer, method, path, body: JSON.stringify(body), batch };
    };
    switch (kind) {
      case "put":
        return write("PUT", `/mine/${id(key, `w${writer}`)}`, { n: (this.#puts.get(writer)?.n ?? 0) + 1 });
      case "step":
        return write("POST", "/_tx", {
          ops: [
            { patch: `counters/${id(key, "all")}`, increment: { n: 1 } },
            { insert: `steps/${id(key, batch)}`, body: { writer } },
          ],
        });
      case "insert":
        return write("POST", `/made?key=${key}`, { writer, batch });
    }
  }

  /** Notes what an answer acknowledges. */
  note({ kind, writer, path, body: sent }: Write, { status, body }: Answer) {
    expect([200, 201], `${path} ${sent}: ${JSON.stringify(body)}`).toContain(status);
    if (kind === "put") this.#puts.set(writer, { n: JSON.parse(sent).n, version: Number(body.version) });
    else if (kind === "step") this.#steps.set(keyOf(writer), (this.#steps.get(keyOf(writer)) ?? 0) + 1);
    else this.#inserted.push(`made/${body.id}`);
  }

  /** Everything that was acknowledged is there. Of what was `open` each write may have gone in, or not. */
  holds(documents: Documents, open: Map<number, Write>) {
    for (const [writer, { n, version }] of this.#puts) {
      const found = documents.get(`mine/${id(keyOf(writer), `w${writer}`)}`);
      const ahead = open.get(writer)?.kind === "put" && found?.n === n + 1;
      if (!ahead) expect(found, `writer ${writer}`).toMatchObject({ n, _version: version });
    }
    for (const name of this.#inserted) expect(documents.has(name), name).toBe(true);
    for (const key of KEYS) {
      const counted = Number(documents.get(`counters/${id(key, "all")}`)?.n);
      const steps = this.#steps.get(key) ?? 0;
      const maybe = [...open.values()].filter(({ kind, writer }) => kind === "step" && keyOf(writer) === key).length;
      expect(counted, `counter of ${key}`).toBeGreaterThanOrEqual(steps);
      expect(counted, `counter of ${key}`).toBeLessThanOrEqual(steps + maybe);
      // A step is an increment and an insert, never one of them.
      const inserted = [...documents.keys()].filter((name) => name.startsWith(`steps/${id(key, "batch-")}`));
      expect(inserted.length, `steps of ${key}`).toBe(counted);
    }
  }

  /** Nothing is there that was not acknowledged. */
  isAll(documents: Documents) {
    const made = [...documents.keys()].filter((name) => name.startsWith("made/"));
    expect(made.sort()).toEqual([...this.#inserted].sort());
    const mine = [...documents.keys()].filter((name) => name.startsWith("mine/"));
    expect(mine).toHaveLength(this.#puts.size);
  }
}

/** Writers that write until the server is gone; what they sent and heard nothing of. */
async function untilKilled(ledger: Ledger, random: Random): Promise<Map<number, Write>> {
  const open = new Map<number, Write>();
  const enough = 100 + random.below(300);
  let answered = 0;
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (;;) {
      const write = ledger.next(writer, random);
      open.set(writer, write);
      const answer = await sendWrite(write).catch(() => undefined);
      if (!answer) return;
      ledger.note(write, answer);
      open.delete(writer);
      answered += 1;
    }
  });
  let writing = true;
  const over = Promise.all(writers).finally(() => {
    writing = false;
  });
  // What a writer finds wrong is thrown where all of them are awaited.
  over.catch(() => {});
  while (writing && answered < enough) await sleep(1);
  expect(await server.kill("SIGKILL")).toEqual({ code: null, signal: "SIGKILL" });
  await over;
  return open;
}

test(`every acknowledged write survives, every retry counts once, over ${ROUNDS} kills`, async () => {
  console.log(`SELVEDGE_SEED=${seed - 1}`);
  const random = new Random(seed);
  const ledger = new Ledger();
  expect((await send("PUT", "")).status).toBe(201);
  for (const key of KEYS) expect((await send("PUT", `/counters/${id(key, "all")}`, '{"n":0}')).status).toBe(201);
  let unanswered = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const open = await untilKilled(ledger, random);
    unanswered += open.size;
    server = await startWorkerd({ modules, data });
    ledger.holds(await exported(), open);

    // What was not answered is sent again, some of it twice.
    for (const write of open.values()) {
      const answer = await sendWrite(write);
      ledger.note(write, answer);
      if (random.below(2) === 0) expect(await sendWrite(write)).toEqual(answer);
    }
    const documents = await exported();
    ledger.holds(documents, new Map());
    ledger.isAll(documents);
    for (const [name, document] of [...documents].slice(-20)) {
      expect((await send("GET", `/${name}`)).body).toEqual(document);
    }
  }
  // Otherwise no kill met a write on its way.
  expect(unanswered).toBeGreaterThan(0);
}, 300_000);
