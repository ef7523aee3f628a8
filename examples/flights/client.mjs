/** As much of a client as the example needs: a few requests over `fetch`, each failing with the server's own words. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
/** Milliseconds between two looks at a schema that is being checked against the data. */
const SCHEMA_INTERVAL = 100;

/**
 * @typedef {object} Answer
 * @property {Record<string, unknown>[]} rows
 * @property {string} [cursor]
 * @property {{ rowsRead: number }} cost
 */

/** The server that the environment names, with its root key. */
export function serverFromEnvironment() {
  const { SELVEDGE_URL, SELVEDGE_ROOT_KEY, SELVEDGE_DATA, PORT } = process.env;
  const url = SELVEDGE_URL || `http://127.0.0.1:${PORT || 8787}`;
  const kept = join(SELVEDGE_DATA || join(REPOSITORY, ".selvedge"), "root-key");
  if (!SELVEDGE_ROOT_KEY && !existsSync(kept)) {
    throw new Error(`There is no root key in ${kept}: run \`npm start\` first, or set SELVEDGE_ROOT_KEY.`);
  }
  return new Server(url, SELVEDGE_ROOT_KEY || readFileSync(kept, "utf8").trim());
}

/** A server, as the holder of one key sees it. */
export class Server {
  /**
   * @param {string} url
   * @param {string} key the root key or an API key
   */
  constructor(url, key) {
    this.url = url.replace(/\/$/, "");
    this.key = key;
  }

  /**
   * The same server for the holder of another key.
   * @param {string} key
   */
  as(key) {
    return new Server(this.url, key);
  }

  /**
   * Creates a database. Says whether it was not there before.
   * @param {string} database
   */
  async createDatabase(database) {
    const { status } = await this.#send("PUT", database, undefined, [409]);
    return status === 201;
  }

  /**
   * Puts a schema and waits until it is in force.
   * @param {string} database
   * @param {object} schema
   * @returns {Promise<number>} its version
   */
  async putSchema(database, schema) {
    const { version } = (await this.#send("PUT", `${database}/_schema`, JSON.stringify(schema))).body;
    for (;;) {
      const now = (await this.#send("GET", `${database}/_schema`)).body;
      if (now.version >= version) return now.version;
      if (now.refused?.version === version) throw new Error(now.refused.problem.detail);
      await sleep(SCHEMA_INTERVAL);
    }
  }

  /**
   * Makes an API key; one of that name is revoked first, since a key is shown once and never again.
   * @param {string} database
   * @param {string} name
   * @param {"read" | "write" | "admin"} role
   * @param {readonly string[]} [roles] of the schema, for its rules
   * @returns {Promise<string>}
   */
  async renewKey(database, name, role, roles = []) {
    await this.#send("DELETE", `${database}/_keys/${name}`, undefined, [404]);
    return (await this.#send("POST", `${database}/_keys`, JSON.stringify({ name, role, roles }))).body.key;
  }

  /**
   * Puts documents, each whole: replaced where it is there already.
   * @param {string} database
   * @param {string} collection
   * @param {object[]} documents each with its `id`
   * @returns {Promise<number>} how many
   */
  async importDocuments(database, collection, documents) {
    const lines = documents.map((document) => `${JSON.stringify([collection, document])}\n`).join("");
    const { imported, failed, errors } = (await this.#send("POST", `${database}/_import`, lines)).body;
    if (failed > 0) throw new Error(`${failed} of ${collection} failed, first: ${JSON.stringify(errors[0])}`);
    return imported;
  }

  /**
   * @param {string} database
   * @param {object} query
   * @returns {Promise<Answer>}
   */
  async query(database, query) {
    return (await this.#send("POST", `${database}/_query`, JSON.stringify(query))).body;
  }

  /**
   * @param {string} method
   * @param {string} path under `/v1/`
   * @param {string} [content]
   * @param {number[]} [expected] statuses that are no failure, beside those of success
   * @returns {Promise<{ status: number, body: any }>}
   */
  async #send(method, path, content, expected = []) {
    const headers = { authorization: `Bearer ${this.key}` };
    const response = await fetch(`${this.url}/v1/${path}`, { method, headers, body: content });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    const body = isJson ? JSON.parse(text) : text;
    if (response.ok || expected.includes(response.status)) return { status: response.status, body };
    throw new Error(`${method} ${path}: ${response.status} ${body.code ?? ""} ${body.detail ?? text}`);
  }
}
