/** What rules cost: the same documents, asked for by the holder of an API key where there are no rules, and by that of a
 * token where there are. */
import { createHmac, randomBytes } from "node:crypto";
import { Connection, expect } from "./client.mjs";
import { KEY } from "./data.mjs";
import { Random } from "./random.mjs";
import { compare } from "./rates.mjs";

const [OPEN, RULED] = ["open", "ruled"];
const FILES = 10_000;
const TEAMS = 200;
const ROWS = 20;
const ISSUER = "https://issuer.example";
/** Whoever asks: in one team of all, and the owner of some files. */
const ME = "u0";

/** A file may be read by everybody if it is public, by its owner, and by the members of its team. */
const read = [
  "or",
  ["=", "public", true],
  ["=", "owner", { auth: "sub" }],
  ["exists", "team", ["contains", "members", { auth: "sub" }]],
];

/** @param {boolean} ruled */
const schema = (ruled) => ({
  collections: {
    teams: ruled ? { rules: { read: true } } : {},
    files: {
      fields: { team: { ref: "teams" }, changed: { type: "timestamp" } },
      indexes: [
        ["team", "changed"],
        ["owner", "changed"],
      ],
      ...(ruled ? { rules: { read } } : {}),
    },
  },
});

function* lines() {
  const random = new Random(11);
  for (let team = 0; team < TEAMS; team += 1) {
    const members = [team * 3, team * 3 + 1, team * 3 + 2].map((user) => `u${user}`);
    yield ["teams", { id: `${KEY}/t${team}`, name: `team ${team}`, members }];
  }
  for (let file = 0; file < FILES; file += 1) {
    const team = file % TEAMS;
    const changed = new Date(Date.UTC(2026, 0, 1, 0, random.below(500_000))).toISOString();
    const owner = `u${team * 3 + random.below(3)}`;
    const text = "warp and weft ".repeat(8);
    const at = { team: `${KEY}/t${team}`, owner, changed, public: random.below(10) === 0 };
    yield ["files", { id: `${KEY}/f${file}`, ...at, text, size: random.below(1_000) }];
  }
}

/** @param {object} value */
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** @param {Buffer} secret */
function token(secret) {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: ISSUER, aud: "bench", sub: ME, iat: now, exp: now + 86_400 };
  const signed = `${part({ alg: "HS256", kid: "bench" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/**
 * Both databases, with whom they are asked by.
 * @param {import("./subjects.mjs").Subject} selvedge
 */
async function fill(selvedge) {
  const body = [...lines()].map((line) => `${JSON.stringify(line)}\n`).join("");
  for (const db of [OPEN, RULED]) {
    await selvedge.create(db, schema(db === RULED));
    const connection = new Connection(selvedge.server.url, { authorization: `Bearer ${selvedge.server.key}` });
    const reply = expect(await connection.ask(selvedge.import(db, body)), 200);
    if (JSON.parse(reply.body).imported !== FILES + TEAMS) throw new Error(reply.body);
    if (db === RULED) {
      const secret = randomBytes(32);
      const keys = [{ kty: "oct", alg: "HS256", kid: "bench", k: secret.toString("base64url") }];
      const settings = { issuers: [{ issuer: ISSUER, audience: "bench", keys }] };
      const put = { method: "PUT", path: `/v1/${db}/_settings`, body: JSON.stringify(settings) };
      expect(await connection.ask(put), 200);
      connection.close();
      return { authorization: `Bearer ${token(secret)}` };
    }
    connection.close();
  }
  throw new Error("No database has rules.");
}

const random = new Random(13);
/** Files of the own team, of which most may be read for that alone. */
const someFile = () => `${KEY}/f${random.below(FILES / TEAMS) * TEAMS}`;

/** @typedef {Omit<import("./workloads.mjs").Workload, "next"> & { request: (db: string) => import("./client.mjs").Request }} Asked */

/** @type {Asked[]} */
const ASKED = [
  {
    name: "point read",
    request: (/** @type {string} */ db) => ({ method: "GET", path: `/v1/${db}/files/${someFile()}` }),
  },
  {
    name: "indexed query, 20 rows",
    request: (/** @type {string} */ db) => {
      const orderBy = [["changed", "desc"]];
      const tree = { from: "files", key: KEY, where: ["=", "team", `${KEY}/t0`], orderBy, limit: ROWS };
      return { method: "POST", path: `/v1/${db}/_query`, body: JSON.stringify(tree) };
    },
  },
].map((asked) => ({ unit: "operations/s", target: 0.8, connections: 32, weight: 1, status: 200, ...asked }));

/**
 * Rates with rules beside rates without.
 * @param {import("./subjects.mjs").Subject} selvedge
 * @param {{ rounds: number, seconds: number }} extent
 */
export async function withRules(selvedge, extent) {
  const mine = await fill(selvedge);
  const sides = {
    baseline: Object.assign(Object.create(selvedge), { db: OPEN, connect: () => selvedge.connect(OPEN) }),
    selvedge: Object.assign(Object.create(selvedge), {
      db: RULED,
      connect: () => new Connection(selvedge.server.url, mine),
    }),
  };
  await agree(sides);
  const measured = [];
  for (const { request, ...asked } of ASKED) {
    const next = (/** @type {{ db: string }} */ { db }) => request(db);
    const workload = /** @type {import("./workloads.mjs").Workload} */ (/** @type {unknown} */ ({ ...asked, next }));
    const { baseline, selvedge: ours, ratio } = await compare(sides, "", workload, extent);
    measured.push({ name: asked.name, target: asked.target, theirs: baseline, ours, ratio });
  }
  return measured;
}

/**
 * Of what is asked for, the rules leave everything; of the rest, what is public.
 * @param {Record<string, { db: string, connect: () => Connection }>} sides
 */
async function agree(sides) {
  const rows = [];
  const public_ = [];
  for (const { db, connect } of Object.values(sides)) {
    const connection = connect();
    const query = ASKED[1]?.request(db);
    if (query)
      rows.push(
        JSON.parse(expect(await connection.ask(query), 200).body)
          .rows.map((/** @type {{ id: string }} */ { id }) => id)
          .join(),
      );
    const others = { from: "files", key: KEY, where: ["=", "team", `${KEY}/t1`], select: ["public"], limit: 100 };
    const asked = { method: "POST", path: `/v1/${db}/_query`, body: JSON.stringify(others) };
    const seen = JSON.parse(expect(await connection.ask(asked), 200).body).rows;
    public_.push([seen.length, seen.filter((/** @type {{ public: boolean }} */ file) => file.public).length]);
    connection.close();
  }
  const [[all = 0, open = 0] = [], [seen = 0, seenOpen = 0] = []] = public_;
  if (rows[0] !== rows[1] || seen !== open || seenOpen !== open || seen >= all)
    throw new Error(`The rules are not kept: ${JSON.stringify({ rows, public_ })}`);
}
