/** Postgres as Debian packages it, with its defaults, on a cluster of its own that is gone afterwards. */
import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { freePort } from "../../scripts/lib/port.mjs";
import { Failure } from "../../scripts/lib/run.mjs";
import { BALANCE, COUNTS, documents } from "./data.mjs";

/** Where Debian puts the programs of version 15. */
const PROGRAMS = "/usr/lib/postgresql/15/bin";
const USER = "bench";
/** Connections of the pool; the server's default allows 100. */
const CONNECTIONS = 32;
/** Milliseconds for it to start. */
const PATIENCE = 30_000;

const TABLES = `
  CREATE TABLE notes(id text PRIMARY KEY, body jsonb NOT NULL);
  CREATE TABLE customers(id text PRIMARY KEY, body jsonb NOT NULL);
  CREATE TABLE orders(
    id text PRIMARY KEY, status text NOT NULL, total integer NOT NULL, placed timestamptz NOT NULL,
    customer text NOT NULL REFERENCES customers(id), body jsonb NOT NULL);
  CREATE INDEX ON orders(status, placed, id);
  CREATE INDEX ON orders(customer);
  CREATE TABLE accounts(id text PRIMARY KEY, owner text NOT NULL, balance integer NOT NULL CHECK (balance >= 0));`;

/** Columns of a document, by table. @type {Record<string, (document: any) => unknown[]>} */
const COLUMNS = {
  notes: (document) => [document.id, document],
  customers: (document) => [document.id, document],
  orders: (document) => [document.id, document.status, document.total, document.placed, document.customer, document],
  accounts: (document) => [document.id, document.owner, document.balance],
};

/** Whether it is installed here. */
export const hasPostgres = () => existsSync(join(PROGRAMS, "initdb"));

/** A server with the data of the comparison. */
export async function startPostgres() {
  if (!hasPostgres()) throw new Failure("Postgres 15 is not installed: apt-get install postgresql-15");
  const folder = mkdtempSync(join(tmpdir(), "selvedge-postgres-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  const data = join(folder, "data");
  const user = userOf(folder);
  execFileSync(join(PROGRAMS, "initdb"), ["-D", data, "-U", USER, "--auth=trust"], { ...user, stdio: "ignore" });
  const port = await freePort("127.0.0.1", 0);
  const args = ["-D", data, "-p", String(port), "-k", folder];
  const server = spawn(join(PROGRAMS, "postgres"), args, { ...user, stdio: "ignore" });
  const exited = new Promise((done) => server.once("exit", done));
  const orphaned = () => server.kill("SIGKILL");
  process.once("exit", orphaned);
  const pool = new pg.Pool({ host: "127.0.0.1", port, user: USER, database: "postgres", max: CONNECTIONS });
  pool.on("error", () => {});
  await ready(pool);
  await pool.query(TABLES);
  for (const [table, count] of Object.entries(COUNTS)) await fill(pool, table, count);
  await pool.query("VACUUM ANALYZE");
  return {
    pool,
    async stop() {
      await pool.end();
      server.kill("SIGINT");
      await exited;
      process.off("exit", orphaned);
      remove();
    },
  };
}

/**
 * Who it runs as: not as root; Debian's package has made a user for it, who is given the folder.
 * @param {string} folder
 */
function userOf(folder) {
  if (process.getuid?.() !== 0) return { cwd: folder };
  const number = (/** @type {string} */ flag) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  const [uid, gid] = [number("-u"), number("-g")];
  chownSync(folder, uid, gid);
  return { cwd: folder, uid, gid };
}

/** @param {pg.Pool} pool */
async function ready(pool) {
  for (const deadline = Date.now() + PATIENCE; ; ) {
    try {
      return await pool.query("SELECT 1");
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

/**
 * @param {pg.Pool} pool
 * @param {string} table
 * @param {number} count
 */
async function fill(pool, table, count) {
  const columns = COLUMNS[table];
  if (!columns) return;
  const rows = [...documents(table, count)].map(columns);
  for (let at = 0; at < rows.length; at += 500) {
    const some = rows.slice(at, at + 500);
    const width = some[0]?.length ?? 0;
    const places = some.map((_, row) => `(${Array.from({ length: width }, (_, n) => `$${row * width + n + 1}`)})`);
    await pool.query(`INSERT INTO ${table} VALUES ${places}`, some.flat());
  }
}

// Statements with a name are prepared once on each connection.

/**
 * @param {pg.Pool} pool
 * @param {string} id
 */
export async function readNote(pool, id) {
  const { rows } = await pool.query({ name: "note", text: "SELECT body FROM notes WHERE id = $1", values: [id] });
  return rows[0]?.body;
}

/**
 * @param {pg.Pool} pool
 * @param {string} id
 */
export async function deposit(pool, id) {
  const text = "UPDATE accounts SET balance = balance + 1 WHERE id = $1";
  const { rowCount } = await pool.query({ name: "deposit", text, values: [id] });
  if (rowCount !== 1) throw new Failure(`no account ${id}`);
}

/**
 * @param {pg.Pool} pool
 * @param {import("./subjects.mjs").Transfer} transfer
 */
export async function transfer(pool, { from, to, amount }) {
  const client = await pool.connect();
  // Rows are locked in one order, or two transfers could wait for each other.
  const steps = [
    { id: from, change: -amount },
    { id: to, change: amount },
  ].sort((a, b) => (a.id < b.id ? -1 : 1));
  const text = "UPDATE accounts SET balance = balance + $2 WHERE id = $1";
  try {
    await client.query("BEGIN");
    for (const { id, change } of steps) await client.query({ name: "move", text, values: [id, change] });
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

/**
 * @param {pg.Pool} pool
 * @param {import("./subjects.mjs").OrdersQuery} wanted
 */
export async function orders(pool, { status, above }) {
  const text = `SELECT o.body, c.body AS customer FROM orders o JOIN customers c ON c.id = o.customer
    WHERE o.status = $1 AND o.total > $2 ORDER BY o.placed DESC, o.id DESC LIMIT 20`;
  const { rows } = await pool.query({ name: "orders", text, values: [status, above] });
  return rows;
}

/** @param {pg.Pool} pool */
export async function balances(pool) {
  const { rows } = await pool.query("SELECT sum(balance)::float8 AS sum FROM accounts");
  return rows[0].sum - COUNTS.accounts * BALANCE;
}
