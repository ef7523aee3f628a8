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

test("the server takes it and answers it again without a difference", async () => {
  for (const whole of [library, shop]) {
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
  expect(difference({ a: { v: [{ p: 1, q: 2 }] } }, { a: { v: [{ q: 2, p: 1 }] } })).toEqual([]);
});
