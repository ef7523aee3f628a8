/** The OpenAPI document: valid, and true: the server is driven from it. */
import { validate } from "@readme/openapi-parser";
import { beforeAll, expect, test } from "vitest";
import { useServer } from "./lib/client.js";
import type { Operation } from "./lib/contract.js";
import { isMembers, type Json, type Members } from "./lib/json.js";
import { ROOT_KEY } from "./lib/server.js";

const client = useServer();
let document: Members;

beforeAll(async () => {
  document = (await client.get("/v1/openapi.json")).body;
});

test("it is valid OpenAPI 3.1", async () => {
  const result = await validate(structuredClone(document) as unknown as Parameters<typeof validate>[0]);
  expect(result).toMatchObject({ valid: true });
  expect(document.openapi).toMatch(/^3\.1\./);
});

/** What stands at a reference, or the value itself. */
function resolved(value: Json | undefined): Members {
  if (!isMembers(value)) return {};
  if (typeof value.$ref !== "string") return value;
  const target = value.$ref
    .slice(2)
    .split("/")
    .reduce<Json | undefined>((at, step) => (isMembers(at) ? at[step] : undefined), document);
  return resolved(target);
}

test("every example fits the schema beside it", () => {
  const schemas = resolved(resolved(document.components).schemas);
  for (const [name, schema] of Object.entries(schemas)) {
    const examples = isMembers(schema) && Array.isArray(schema.examples) ? schema.examples : [];
    for (const example of examples) {
      expect(client.contract.violations(`/components/schemas/${name}`, example), name).toEqual([]);
    }
  }
});

test("every operation has a name of its own, a summary, and says what it may answer", () => {
  const { operations } = client.contract;
  expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
  for (const { id, members } of operations) {
    expect(members.summary, id).toEqual(expect.any(String));
    expect(Object.keys(resolved(members.responses)).length, id).toBeGreaterThan(1);
  }
});

/** The parameters of an operation, those of its path included. */
function parameters({ template, members }: Operation): Members[] {
  const shared = resolved(resolved(document.paths)[template]).parameters;
  return [
    ...(Array.isArray(shared) ? shared : []),
    ...(Array.isArray(members.parameters) ? members.parameters : []),
  ].map((parameter) => resolved(parameter));
}

/** The examples of an operation's body, each with its content type; one without a body if it has none. */
function bodies({ members }: Operation): { type?: string; body?: string }[] {
  const content = resolved(resolved(members.requestBody).content);
  const all = Object.entries(content).flatMap(([type, media]) => {
    const { example, schema } = resolved(media);
    const examples = example === undefined ? resolved(schema).examples : [example];
    if (!Array.isArray(examples) || examples.length === 0) throw new Error(`${type} has no example.`);
    return examples.map((value) => ({ type, body: typeof value === "string" ? value : JSON.stringify(value) }));
  });
  return all.length > 0 ? all : [{}];
}

function address({ template }: Operation, all: Members[]): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name) => {
    const parameter = all.find((parameter) => parameter.in === "path" && parameter.name === name);
    return String(parameter?.example);
  });
}

/** Databases, documents and keys that the examples speak of. */
async function prepare(db: string, operation: Operation) {
  if (operation.id === "createDatabase") return;
  await client.put(`/v1/${db}`, undefined);
  if (operation.id === "putSchema") return;
  if (operation.id === "deleteKey") await client.post(`/v1/${db}/_keys`, { name: "storefront", role: "read" });
  const fields = {};
  await client.put(`/v1/${db}/_schema`, {
    collections: { customers: { fields }, orders: { fields }, order_lines: { fields: { order: { ref: "orders" } } } },
  });
  if (operation.id === "importDocuments") return;
  await client.put(`/v1/${db}/customers/acme/c7`, { orders: 1, address: { city: "Oslo" } });
  for (const total of [1, 2])
    await client.put(`/v1/${db}/orders/acme/o1`, { customer: "acme/c7", status: "open", total });
  await client.put(`/v1/${db}/carts/acme/k1`, {});
}

/** What an operation answers to its own example. */
const EXPECTED: Record<string, number[]> = {
  getHealth: [200],
  getOpenApi: [200],
  createDatabase: [201],
  deleteDatabase: [204],
  getSchema: [200],
  putSchema: [200],
  getSettings: [200],
  putSettings: [200],
  getAudit: [200],
  listKeys: [200],
  createKey: [201],
  deleteKey: [204],
  getDocument: [200],
  putDocument: [200],
  patchDocument: [200],
  deleteDocument: [200],
  insertDocument: [201],
  query: [200],
  commitBatch: [200],
  askMany: [200],
  // It takes a WebSocket: js/tests/sockets.test.ts opens it.
  openSocket: [400],
  importDocuments: [200],
  exportDocuments: [200],
  explainAccess: [200],
};

test("every operation answers its own example as it says", async () => {
  for (const operation of client.contract.operations) {
    const all = parameters(operation);
    for (const { type, body } of bodies(operation)) {
      const path = address(operation, all);
      await prepare("shop", operation);
      const headers: Record<string, string> = type ? { "content-type": type } : {};
      const answer = await client.call(operation.method.toUpperCase(), path, {
        body: body === undefined ? undefined : await current(operation, body),
        headers,
      });
      expect(EXPECTED[operation.id], `${operation.id} ${body} → ${answer.text}`).toContain(answer.status);
      await client.delete("/v1/shop");
    }
  }
});

/** An example with what it says of the present made so: a batch id of today, the versions that are there. */
async function current(operation: Operation, body: string): Promise<string> {
  if (operation.id !== "commitBatch") return body;
  const { _version: version } = (await client.get("/v1/shop/customers/acme/c7")).body;
  const { id: _, ...batch } = JSON.parse(body);
  return JSON.stringify({ ...batch, reads: [{ doc: "customers/acme/c7", version }] });
}

test("every optional parameter is taken, each with its own example", async () => {
  for (const operation of client.contract.operations.filter(({ id }) => id !== "openSocket")) {
    const all = parameters(operation);
    for (const parameter of all.filter((parameter) => parameter.in !== "path")) {
      await prepare("shop", operation);
      const name = String(parameter.name);
      const example = String(parameter.example);
      const query = parameter.in === "query" ? `?${name}=${encodeURIComponent(example)}` : "";
      const headers: Record<string, string> = parameter.in === "header" ? { [name]: example } : {};
      const [{ body } = {}] = bodies(operation);
      const method = operation.method.toUpperCase();
      const answer = await client.call(method, `${address(operation, all)}${query}`, {
        body: body === undefined ? undefined : await current(operation, body),
        headers,
      });
      // The examples of versions, times and batch ids are of another day; a parameter that is not known is another matter.
      const code = answer.body.code;
      expect(
        [undefined, "version_mismatch", "not_found", "time_out_of_range", "batch_expired"],
        `${operation.id} ${name}`,
      ).toContain(code);
      await client.delete("/v1/shop");
    }
  }
});

test("every operation that is not open to anybody answers 401 to nobody, and says so", async () => {
  for (const operation of client.contract.operations) {
    const open = Array.isArray(operation.members.security) && operation.members.security.length === 0;
    const [{ body } = {}] = bodies(operation);
    const answer = await client.call(operation.method.toUpperCase(), address(operation, parameters(operation)), {
      body,
      token: null,
    });
    expect(answer.status, operation.id).toBe(open ? 200 : 401);
  }
  expect(JSON.stringify(document)).not.toContain(ROOT_KEY);
});

test("nothing that is answered is missing from it: methods and places", async () => {
  const places = new Map<string, string[]>();
  for (const { method, template } of client.contract.operations) {
    places.set(template, [...(places.get(template) ?? []), method.toUpperCase()]);
  }
  await client.put("/v1/shop", undefined);
  for (const [template, methods] of places) {
    const operation = client.contract.operations.find((operation) => operation.template === template);
    if (!operation) continue;
    const answer = await client.call("OPTIONS", address(operation, parameters(operation)));
    const allowed = String(answer.headers.allow)
      .split(", ")
      .filter((method) => method !== "HEAD");
    expect(allowed.sort(), template).toEqual(methods.sort());
  }
});
