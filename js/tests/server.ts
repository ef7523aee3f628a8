/** A real server and a fresh database for each who asks. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { build } from "../../scripts/lib/build.mjs";
import { type Server, startWorkerd } from "../../scripts/lib/workerd.mjs";
import type { SchemaJson } from "../src/index.js";

/** Milliseconds between two looks at a schema that is being checked. */
const SCHEMA_INTERVAL = 20;

/** Starts a server for the tests of this file. Call the result once they run. */
export function useServer(): () => Server {
  let data: string;
  let server: Server | undefined;
  beforeAll(async () => {
    data = mkdtempSync(join(tmpdir(), "selvedge-client-"));
    server = await startWorkerd({ modules: await build("quick"), data });
  });
  afterAll(async () => {
    await server?.kill();
    rmSync(data, { recursive: true, force: true });
  });
  return () => {
    if (!server) throw new Error("The server is not up yet.");
    return server;
  };
}

/** Sends a plain request with the root key. */
export async function root(server: Server, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${server.url}/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${server.key}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

/** A new database with this schema; its name. */
export async function newDatabase(server: Server, schema?: SchemaJson): Promise<string> {
  const name = `t${randomUUID().replaceAll("-", "")}`;
  await root(server, "PUT", name);
  if (!schema) return name;
  const { version } = (await root(server, "PUT", `${name}/_schema`, schema)) as { version: number };
  for (;;) {
    const now = (await root(server, "GET", `${name}/_schema`)) as { version: number };
    if (now.version >= version) return name;
    await new Promise((resolve) => setTimeout(resolve, SCHEMA_INTERVAL));
  }
}
