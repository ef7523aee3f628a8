/** What is compared: Selvedge and the baseline, each on a workerd of its own, asked the same things. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILD, ROOT } from "../../scripts/lib/paths.mjs";
import { startWorkerd } from "../../scripts/lib/workerd.mjs";
import { Connection, expect } from "./client.mjs";
import { KEY } from "./data.mjs";

/** Rows that queries ask for. */
export const LIMIT = 20;

/**
 * @typedef {import("./client.mjs").Request} Request
 *
 * @typedef {object} OrdersQuery
 * @property {string} status
 * @property {number} above the total is above this
 *
 * @typedef {object} Transfer
 * @property {string} from
 * @property {string} to
 * @property {number} amount
 */

/** A server with an empty database, and how it wants to be asked. */
export class Subject {
  /**
   * @param {string} name
   * @param {import("../../scripts/lib/workerd.mjs").Server} server
   * @param {string} folder its data
   */
  constructor(name, server, folder) {
    this.name = name;
    this.server = server;
    this.folder = folder;
  }

  /**
   * A connection for one who may write to a database.
   * @param {string} _db
   */
  connect(_db) {
    return new Connection(this.server.url, {});
  }

  /**
   * Makes a database.
   * @param {string} _db
   * @param {object} _schema
   */
  async create(_db, _schema) {}

  /**
   * @param {string} db
   * @param {string} collection
   * @param {string} id
   * @returns {Request}
   */
  read(db, collection, id) {
    return { method: "GET", path: `/v1/${db}/${collection}/${id}` };
  }

  /**
   * @param {string} db
   * @param {string} collection
   * @param {object} document
   * @returns {Request}
   */
  insert(db, collection, document) {
    return { method: "POST", path: `/v1/${db}/${collection}?key=${KEY}`, body: JSON.stringify(document) };
  }

  /**
   * @param {string} db
   * @param {OrdersQuery} wanted
   * @returns {Request}
   */
  orders(db, { status, above }) {
    const wanted = { from: "orders", status, above };
    return { method: "POST", path: `/v1/${db}/_query?key=${KEY}`, body: JSON.stringify(wanted) };
  }

  /**
   * The latest readings of a device.
   * @param {string} db
   * @param {string} device
   * @returns {Request}
   */
  readings(db, device) {
    const wanted = { from: "readings", device };
    return { method: "POST", path: `/v1/${db}/_query?key=${KEY}`, body: JSON.stringify(wanted) };
  }

  /**
   * @param {string} db
   * @param {Transfer} transfer
   * @returns {Request}
   */
  transfer(db, transfer) {
    return { method: "POST", path: `/v1/${db}/_tx?key=${KEY}`, body: JSON.stringify(transfer) };
  }

  /**
   * @param {string} db
   * @param {string} lines
   * @returns {Request}
   */
  import(db, lines) {
    return { method: "POST", path: `/v1/${db}/_import?key=${KEY}`, body: lines };
  }

  async stop() {
    await this.server.stop();
    remove(this.folder);
  }
}

/**
 * Orders with their customers, as Selvedge is asked for them.
 * @param {OrdersQuery} wanted
 */
export const ordersQuery = ({ status, above }) => ({
  from: "orders",
  key: KEY,
  where: ["and", ["=", "status", status], [">", "total", above]],
  include: { customer: {} },
  orderBy: [
    ["placed", "desc"],
    ["id", "desc"],
  ],
  limit: LIMIT,
});

/** Selvedge, asked by the holder of an API key that may write. */
class Selvedge extends Subject {
  /** API keys by database. @type {Map<string, string>} */
  #keys = new Map();

  /** @override */
  connect(/** @type {string} */ db) {
    return new Connection(this.server.url, { authorization: `Bearer ${this.#keys.get(db)}` });
  }

  /** @override */
  async create(/** @type {string} */ db, /** @type {object} */ schema) {
    const root = new Connection(this.server.url, { authorization: `Bearer ${this.server.key}` });
    expect(await root.ask({ method: "PUT", path: `/v1/${db}` }), 201);
    expect(await root.ask({ method: "PUT", path: `/v1/${db}/_schema`, body: JSON.stringify(schema) }), 200);
    const wanted = { method: "POST", path: `/v1/${db}/_keys`, body: JSON.stringify({ name: "bench", role: "write" }) };
    const { key } = JSON.parse(expect(await root.ask(wanted), 201).body);
    this.#keys.set(db, key);
    root.close();
  }

  /** @override */
  orders(/** @type {string} */ db, /** @type {OrdersQuery} */ { status, above }) {
    return this.#query(db, ordersQuery({ status, above }));
  }

  /** @override */
  readings(/** @type {string} */ db, /** @type {string} */ device) {
    const orderBy = [
      ["at", "desc"],
      ["id", "desc"],
    ];
    return this.#query(db, { from: "readings", key: KEY, where: ["=", "device", device], orderBy, limit: LIMIT });
  }

  /**
   * @param {string} db
   * @param {object} query
   * @returns {Request}
   */
  #query(db, query) {
    return { method: "POST", path: `/v1/${db}/_query`, body: JSON.stringify(query) };
  }

  /** @override */
  transfer(/** @type {string} */ db, /** @type {Transfer} */ { from, to, amount }) {
    const ops = [
      { patch: `accounts/${from}`, if: [">=", "balance", amount], increment: { balance: -amount } },
      { patch: `accounts/${to}`, increment: { balance: amount } },
    ];
    return { method: "POST", path: `/v1/${db}/_tx`, body: JSON.stringify({ ops }) };
  }

  /** @override */
  import(/** @type {string} */ db, /** @type {string} */ lines) {
    return { method: "POST", path: `/v1/${db}/_import`, body: lines };
  }
}

/** A folder for a server's data, gone when this process is. */
function scratch() {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-bench-"));
  process.once("exit", () => remove(folder));
  return folder;
}

/** @param {string} folder */
const remove = (folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

/** The release build of Selvedge. */
export async function startSelvedge() {
  const folder = scratch();
  return new Selvedge("Selvedge", await startWorkerd({ modules: join(BUILD, "release"), data: folder }), folder);
}

/** What `bench/baseline` holds. */
export async function startBaseline() {
  const folder = scratch();
  const server = await startWorkerd({
    modules: join(ROOT, "bench", "baseline"),
    program: {
      files: ["index.js", "shop.js"],
      actors: [{ binding: "SHOP", className: "Shop", uniqueKey: "baseline-shop" }],
    },
    data: folder,
  });
  return new Subject("baseline", server, folder);
}
