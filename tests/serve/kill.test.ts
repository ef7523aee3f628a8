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
  method: string;
  path: string;
  body: string;
  batch: string;
}

/** What is known of a document that one writer alone puts. */
interface Mine {
  n: number;
  version: number;
}

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

async function send(method: string, path: string, body?: string, batch?: string): Promise<Answer> {
  const headers: Record<string, string> = { authorization: `Bearer ${server.key}` };
  if (batch) headers["idempotency-key"] = batch;
  const response = await fetch(`${server.url}${path}`, { method, body, headers });
  const text = await response.text();
  const json = response.headers.get("content-type")?.includes("json") && text;
  return { status: response.status, body: json ? JSON.parse(text) : { text } };
}

const id = (key: string, name: string) => (key ? `${key}/${name}` : name);

/** The documents of the database, by collection and id, as the export tells them. */
async function exported(): Promise<Map<string, Record<string, unknown>>> {
  const response = await fetch(`${server.url}/v1/kill/_export`, { headers: { authorization: `Bearer ${server.key}` } });
  expect(response.status).toBe(200);
  const documents = new Map<string, Record<string, unknown>>();
  for (const line of (await response.text()).split("\n").filter(Boolean)) {
    const [collection, document] = JSON.parse(line);
    const name = `${collection}/${document.id}`;
    expect(documents.has(name), `${name} stands twice in the export`).toBe(false);
    documents.set(name, document);
  }
  return documents;
}

test(`every acknowledged write survives, every retry counts once, over ${ROUNDS} kills`, async () => {
  console.log(`SELVEDGE_SEED=${seed - 1}`);
  const random = new Random(seed);
  expect((await send("PUT", "/v1/kill")).status).toBe(201);
  for (const key of KEYS) {
    const made = await send("PUT", `/v1/kill/counters/${id(key, "all")}`, '{"n":0}');
    expect(made.status).toBe(201);
  }
  /** By writer: the last put that was acknowledged. */
  const puts = new Map<number, Mine>();
  /** By key: increments that were acknowledged. */
  const increments = new Map(KEYS.map((key) => [key, 0]));
  /** Ids of inserts that were acknowledged. */
  const inserted: string[] = [];
  let batches = 0;
  let unanswered = 0;

  /** What an answer to a write tells, noted down. */
  function acknowledged(writer: number, key: string, write: Write, { status, body }: Answer) {
    expect([200, 201], `${write.method} ${write.path} ${write.body}: ${JSON.stringify(body)}`).toContain(status);
    if (write.path.endsWith("/_tx")) increments.set(key, (increments.get(key) ?? 0) + 1);
    else if (write.method === "PUT") puts.set(writer, { n: JSON.parse(write.body).n, version: Number(body.version) });
    else inserted.push(`made/${body.id}`);
  }

  function next(writer: number, key: string): Write {
    batches += 1;
    const batch = `batch-${seed}-${batches}`;
    const kind = random.below(3);
    if (kind === 0) {
      const n = (puts.get(writer)?.n ?? 0) + 1;
      return { method: "PUT", path: `/v1/kill/mine/${id(key, `w${writer}`)}`, body: JSON.stringify({ n }), batch };
    }
    if (kind === 1) {
      const ops = [
        { patch: `counters/${id(key, "all")}`, increment: { n: 1 } },
        { insert: `steps/${id(key, batch)}`, body: { writer } },
      ];
      return { method: "POST", path: "/v1/kill/_tx", body: JSON.stringify({ ops }), batch };
    }
    return { method: "POST", path: `/v1/kill/made?key=${key}`, body: JSON.stringify({ writer, batch }), batch };
  }

  for (let round = 0; round < ROUNDS; round += 1) {
    /** By writer: what was sent and not answered. */
    const open = new Map<number, { key: string; write: Write }>();
    let running = true;
    let done = 0;
    const enough = 100 + random.below(300);
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      const key = KEYS[writer % KEYS.length] ?? "";
      while (running) {
        const write = next(writer, key);
        open.set(writer, { key, write });
        let answer: Answer;
        try {
          answer = await send(write.method, write.path, write.body, write.batch);
        } catch {
          return;
        }
        acknowledged(writer, key, write, answer);
        open.delete(writer);
        done += 1;
      }
    });
    while (done < enough) await sleep(1);
    expect(await server.kill("SIGKILL")).toEqual({ code: null, signal: "SIGKILL" });
    running = false;
    await Promise.all(writers);
    unanswered += open.size;

    server = await startWorkerd({ modules, data });
    const before = await exported();
    for (const [writer, { n, version }] of puts) {
      const found = before.get(`mine/${id(KEYS[writer % KEYS.length] ?? "", `w${writer}`)}`);
      // The last one that was not answered may have gone in as well.
      const ahead = open.get(writer)?.write.method === "PUT" && found?.n === n + 1;
      if (!ahead) expect(found, `writer ${writer}`).toMatchObject({ n, _version: version });
    }
    for (const name of inserted) expect(before.has(name), name).toBe(true);

    // What was not answered is sent again, some of it twice.
    for (const [writer, { key, write }] of open) {
      const answer = await send(write.method, write.path, write.body, write.batch);
      acknowledged(writer, key, write, answer);
      if (random.below(2) === 0) {
        const again = await send(write.method, write.path, write.body, write.batch);
        expect(again).toEqual(answer);
      }
    }
    const after = await exported();
    for (const [writer, { n, version }] of puts) {
      const found = after.get(`mine/${id(KEYS[writer % KEYS.length] ?? "", `w${writer}`)}`);
      expect(found, `writer ${writer}`).toMatchObject({ n, _version: version });
    }
    for (const key of KEYS) {
      expect(after.get(`counters/${id(key, "all")}`)?.n, `counter of ${key}`).toBe(increments.get(key));
      const steps = [...after.keys()].filter((name) => name.startsWith(`steps/${id(key, "batch-")}`));
      expect(steps.length, `steps of ${key}`).toBe(increments.get(key));
    }
    const made = [...after.keys()].filter((name) => name.startsWith("made/"));
    expect(made.sort()).toEqual([...inserted].sort());
    // No two documents of a key are of one version, and single reads agree with the export.
    for (const key of KEYS) {
      const versions = [...after.entries()]
        .filter(
          ([name]) =>
            name.slice(name.indexOf("/") + 1).startsWith(key ? `${key}/` : "") && (key || name.split("/").length === 2),
        )
        .map(([, { _version }]) => _version);
      expect(new Set(versions).size, `versions of ${key}`).toBe(versions.length);
    }
    for (const [name, document] of [...after].slice(0, 20)) {
      expect((await send("GET", `/v1/kill/${name}`)).body).toEqual(document);
    }
  }
  expect(unanswered).toBeGreaterThan(0);
}, 300_000);
