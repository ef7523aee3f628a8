/** The schema builder writes the JSON that the server takes, member for member. */
import { expect, test } from "vitest";
import { difference, line } from "../src/cli/difference.js";
import { collection, schema, t } from "../src/index.js";
import { newDatabase, root, useServer } from "./server.js";
import { shop } from "./shop.js";

const server = useServer();

const library = schema({
  authors: collection({ name: t.string() }, { relations: { novels: { from: "novels", by: "author" } } }),
  novels: collection(
    {
      title: t.string(),
      author: t.ref("authors", { onDelete: "clear" }).optional(),
      pages: t.int().optional().check([">", "pages", 0]),
      isbn: t.string().unique(),
      stock: t.int().guarded().default(0),
      tag: t.string().default({ id: true }),
      cover: t.bytes().optional(),
      loud: t.bool().default(false),
      meta: t.object({ lang: t.enum("en", "de"), notes: t.array(t.string()).optional() }, { closed: true }).optional(),
      any: t.json().optional(),
      expiresAt: t.timestamp().optional(),
      label: t.computed(t.string(), ["concat", "title", { value: " / " }, "isbn"]),
    },
    {
      indexes: [["author", "pages"], "meta.lang"],
      unique: [["author", "title"]],
      checks: { named: ["!=", "title", ""] },
      closed: true,
      ttl: "expiresAt",
      migrate: [{ rename: ["name", "title"] }, { drop: "old" }, { fill: ["stock", 0] }],
    },
  ),
});

test("every part of a schema is written as the server reads it", () => {
  expect(JSON.parse(JSON.stringify(library))).toEqual({
    collections: {
      authors: {
        fields: { name: { type: "string" } },
        relations: { novels: { from: "novels", by: "author" } },
      },
      novels: {
        fields: {
          title: { type: "string" },
          author: { ref: "authors", onDelete: "clear", optional: true },
          pages: { type: "int", optional: true, check: [">", "pages", 0] },
          isbn: { type: "string", unique: true },
          stock: { type: "int", guarded: true, default: 0 },
          tag: { type: "string", default: { id: true } },
          cover: { type: "bytes", optional: true },
          loud: { type: "bool", default: false },
          meta: {
            type: "object",
            fields: {
              lang: { type: "enum", values: ["en", "de"] },
              notes: { type: "array", items: { type: "string" }, optional: true },
            },
            closed: true,
            optional: true,
          },
          any: { type: "json", optional: true },
          expiresAt: { type: "timestamp", optional: true },
          label: { type: "string", computed: ["concat", "title", { value: " / " }, "isbn"] },
        },
        indexes: [["author", "pages"], "meta.lang"],
        unique: [["author", "title"]],
        checks: { named: ["!=", "title", ""] },
        closed: true,
        ttl: "expiresAt",
        migrate: [{ rename: ["name", "title"] }, { drop: "old" }, { fill: ["stock", 0] }],
      },
    },
  });
});

/** What the library lets whom do, in words and as arrays. */
const lending = schema(
  {
    readers: collection({ user: t.string(), name: t.string() }),
    loans: collection({
      reader: t.ref("readers"),
      fine: t.int().default(0),
      state: t.enum("out", "back").default("out"),
      shared: t.array(t.string()).optional(),
    }),
  },
  {
    anonymous: true,
    roles: {
      desk: {},
      reader: { from: "readers", membership: (q) => q.eq("user", q.auth("sub")) },
      patron: { membership: ["=", { auth: "plan" }, "patron"] },
    },
    rules: {
      readers: (allow) => allow.read(["=", "user", { auth: "sub" }]).insert(["role", "desk"]),
      loans: (allow) =>
        allow
          .read((q) => q.or(q.eq("reader.user", q.auth("sub")), q.contains("shared", q.auth("sub")), q.role("desk")))
          .update((q) =>
            q.and(
              q.exists("reader", (reader) => reader.eq("user", q.auth("sub"))),
              q.not(q.isNull("state")),
            ),
          )
          .delete(false)
          .field("fine", { read: true, update: (q) => q.role("desk") })
          .field("state", { update: (q) => q.and(q.eq(q.old("state"), "out"), q.gte("fine", q.old("fine"))) }),
    },
  },
);

test("rules and roles are written as the server reads them", () => {
  const { collections, ...rest } = JSON.parse(JSON.stringify(lending));
  expect(rest).toEqual({
    anonymous: true,
    roles: {
      desk: {},
      reader: { from: "readers", membership: ["=", "user", { auth: "sub" }] },
      patron: { membership: ["=", { auth: "plan" }, "patron"] },
    },
  });
  expect(collections.readers.rules).toEqual({
    read: ["=", "user", { auth: "sub" }],
    insert: ["role", "desk"],
  });
  expect(collections.loans.rules).toEqual({
    read: ["or", ["=", "reader.user", { auth: "sub" }], ["contains", "shared", { auth: "sub" }], ["role", "desk"]],
    update: ["and", ["exists", "reader", ["=", "user", { auth: "sub" }]], ["not", ["null", "state"]]],
    delete: false,
    fields: {
      fine: { read: true, update: ["role", "desk"] },
      state: { update: ["and", ["=", { old: "state" }, "out"], [">=", "fine", { old: "fine" }]] },
    },
  });
});

test("the server takes it and answers it again without a difference", async () => {
  for (const whole of [library, shop, lending]) {
    const name = await newDatabase(server(), whole);
    const { schema: kept } = (await root(server(), "GET", `${name}/_schema`)) as { schema: unknown };
    expect(difference(kept, JSON.parse(JSON.stringify(whole)))).toEqual([]);
  }
});

test("a difference names what comes, what goes and what becomes another", () => {
  const before = { collections: { a: { fields: { x: { type: "int" }, y: { type: "string" } }, indexes: ["x"] } } };
  const after = {
    collections: { a: { fields: { x: { type: "float" }, z: { type: "bool" } }, indexes: ["x"] }, b: {} },
  };
  expect(difference(before, after).map(line)).toEqual([
    '~ collections.a.fields.x.type: "int" → "float"',
    '- collections.a.fields.y: {"type":"string"}',
    '+ collections.a.fields.z: {"type":"bool"}',
    "+ collections.b: {}",
  ]);
  const allowed = { collections: { a: { rules: { read: ["=", "owner", { auth: "sub" }] } } }, roles: { staff: {} } };
  const open = { collections: { a: { rules: { read: true } } } };
  expect(difference(allowed, open).map(line)).toEqual([
    '~ collections.a.rules.read: ["=","owner",{"auth":"sub"}] → true',
    '- roles: {"staff":{}}',
  ]);
  expect(difference({ a: { v: [{ p: 1, q: 2 }] } }, { a: { v: [{ q: 2, p: 1 }] } })).toEqual([]);
});
