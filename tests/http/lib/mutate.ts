/** Requests that are almost right: valid ones, damaged at random from a seed. */
import type { Random } from "../../../bench/lib/random.mjs";
import { isMembers, type Json, type Members, nested } from "./json.js";

/** A request as the tests' client takes it. */
export interface Draft {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
  /** The bearer token; none with null. */
  token: string | null;
}

const METHODS = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"];

/** Values that are seldom where they belong. */
const VALUES: Json[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  -0,
  9007199254740993n.toString(),
  Number.MAX_SAFE_INTEGER,
  Number.MIN_VALUE,
  Number.MAX_VALUE,
  "",
  " ",
  "x",
  "\u0000",
  "\ud800",
  "\u202e",
  "é😀",
  "_version",
  "id",
  "../..",
  "a//b",
  "a/b/c",
  "'; DROP TABLE d1; --",
  '"',
  "\\",
  "%",
  "*",
  "$.a[0]",
  "2026-13-45T99:99:99Z",
  "2999-01-01T00:00:00Z",
  "x".repeat(3_000),
  [],
  {},
  [[]],
  [{}],
  { "": {} },
  { path: [] },
  { path: "a.b.c.d" },
  { value: { value: {} } },
  { auth: "sub" },
  ["and"],
  ["not"],
  ["=", "a"],
  ["exists", "a", ["exists", "b"]],
  { from: "orders" },
  { from: "orders", by: "customer", include: { x: {} } },
  { now: true },
];

/** Texts that no JSON writer would make. */
const LITERALS = ["1e999", "-1e999", "9".repeat(400), "0.1e-9999", "NaN", "undefined", '"\\ud800"', '"\\u0000"', "01"];

const SEGMENTS = [
  "_schema",
  "_keys",
  "_query",
  "_nothing",
  "",
  "%",
  "%ff",
  "%00",
  "%2f",
  "%2F..",
  "a%0ab",
  "é",
  "9",
  "*",
  "a;b",
  "~",
  "x".repeat(600),
];
const QUERIES = [
  "?",
  "?a",
  "?at=",
  "?at=x",
  "?at=2999-01-01T00:00:00Z",
  "?key=",
  "?key=%ff",
  "?key=a%2Fb",
  "?collection=9",
  "?consistency=x",
  "?%",
  "?&&=",
  "?at=1&at=2",
];
const HEADERS: [string, string[]][] = [
  ["if-match", ["*", '"1"', 'W/"1"', '"', "1", '"1","2"', '"99999999999999999999"', "\u00ff"]],
  ["if-none-match", ["*", '"1"', '"', "x", '"1", *']],
  ["idempotency-key", ["", "x", "two words", "x".repeat(200), "\u00ff", "00000000-0000-7000-8000-000000000000"]],
  ["content-type", ["text/plain", "application/json; charset=utf-16", "multipart/form-data", "\u00ff"]],
  ["content-encoding", ["identity", "x"]],
  ["accept", ["text/html", "*/*;q=0"]],
  ["selvedge-envelope", ["{}", "null", '{"db":"shop"}']],
  ["selvedge-token", ["x", "@1", "%ff@9999999999999999999"]],
  ["range", ["bytes=0-1"]],
  ["expect", ["something"]],
  ["authorization", ["Basic x", "Bearer", "bearer  x"]],
];

/** The request, damaged in one to three places. */
export function mutated(draft: Draft, random: Random): Draft {
  let damaged = draft;
  for (let times = 1 + random.below(3); times > 0; times -= 1) damaged = once(damaged, random);
  return damaged;
}

function once(draft: Draft, random: Random): Draft {
  const { body, path } = draft;
  // Most damage is done to bodies, which reach deepest.
  switch (random.below(body === undefined ? 4 : 24)) {
    case 0:
      return { ...draft, method: random.pick(METHODS), ...(random.below(2) ? {} : { body: body ?? "{}" }) };
    case 1:
      return { ...draft, path: otherPath(path, random) };
    case 2: {
      const [name, values] = random.pick(HEADERS);
      return { ...draft, headers: { ...draft.headers, [name]: random.pick(values) } };
    }
    case 3:
      return { ...draft, token: random.pick([null, "", "x", "sv_nobody", "x".repeat(1_000), draft.token]) };
    case 4:
    case 5:
      return { ...draft, body: garbled(body ?? "", random) };
    case 6:
      return { ...draft, body: spliced(body ?? "", random.pick(LITERALS), random) };
    case 7:
      return { ...draft, body: spliced(body ?? "", nested(random.pick([10, 65, 200, 5_000])), random) };
    default:
      return { ...draft, body: rewritten(body ?? "", random) };
  }
}

function otherPath(path: string, random: Random): string {
  const [bare = "", query] = path.split("?", 2);
  if (random.below(3) === 0) return bare + random.pick(QUERIES);
  const segments = bare.split("/");
  const at = 1 + random.below(segments.length);
  const changed = segments.toSpliced(at, random.below(2), random.pick(SEGMENTS)).join("/");
  return query === undefined ? changed : `${changed}?${query}`;
}

/** Bytes changed, lost, doubled or made up. */
function garbled(body: string | Uint8Array, random: Random): Uint8Array {
  const bytes = [...Buffer.from(body)];
  const at = random.below(bytes.length + 1);
  const run = random.below(8);
  switch (random.below(4)) {
    case 0:
      return Uint8Array.from(bytes.slice(0, at));
    case 1:
      return Uint8Array.from(bytes.toSpliced(at, run));
    case 2:
      return Uint8Array.from(bytes.toSpliced(at, 0, ...bytes.slice(at, at + run * 4)));
    default:
      return Uint8Array.from(bytes.toSpliced(at, run, ...Array.from({ length: run }, () => random.below(256))));
  }
}

/** A text put in the place of a value. */
function spliced(body: string | Uint8Array, text: string, random: Random): string {
  const whole = Buffer.from(body).toString("utf8");
  const places = [...whole.matchAll(/[[,:](?=["\d[{tfn])/g)].map(({ index }) => index + 1);
  if (places.length === 0) return text;
  const at = random.pick(places);
  const rest = whole.slice(at).replace(/^("(?:[^"\\]|\\.)*"|[^,\]}]*)/, "");
  return whole.slice(0, at) + text + rest;
}

/** A value somewhere in the JSON replaced, removed, renamed or wrapped. */
function rewritten(body: string | Uint8Array, random: Random): string {
  const whole = Buffer.from(body).toString("utf8");
  try {
    return JSON.stringify(changed(JSON.parse(whole), random));
  } catch {
    return JSON.stringify(random.pick(VALUES));
  }
}

function changed(value: Json, random: Random): Json {
  const inner = Array.isArray(value) ? value.length : isMembers(value) ? Object.keys(value).length : 0;
  if (inner === 0 || random.below(4) === 0) return random.below(5) ? random.pick(VALUES) : [value];
  if (Array.isArray(value)) {
    const at = random.below(inner);
    const item = changed(value[at] ?? null, random);
    return value.toSpliced(at, random.below(8) ? 1 : 0, ...(random.below(8) ? [item] : []));
  }
  const members = Object.entries(value as Members);
  const at = random.below(inner);
  const [name = "", member = null] = members[at] ?? [];
  switch (random.below(8)) {
    case 0:
      members.splice(at, 1);
      break;
    case 1:
      members.splice(at, 1, [String(random.pick(VALUES)), member]);
      break;
    case 2:
      members.push([random.pick(["id", "key", "where", "set", "version", "ops", "more"]), random.pick(VALUES)]);
      break;
    default:
      members.splice(at, 1, [name, changed(member, random)]);
  }
  return Object.fromEntries(members);
}
