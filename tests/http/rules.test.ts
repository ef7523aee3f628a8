/** Rules, as the platform's own SQLite carries them out. */
import { expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { type Json, objects } from "./lib/json.js";

const client = useServer();
const another = names("ruled");

/** Values of which a text could come back otherwise than it was stored. */
const ODD = {
  small: 5e-324,
  real: 0.1,
  huge: 1.5e300,
  text: 'é"\\\n\u2028 </script> \u{1f600} \u0001',
  deep: { a: [1, [2.5, { secret: "kept" }], null, true], "b.c": "" },
  empty: {},
};

const owned = ["=", "owner", { auth: "key" }];

/** A database with files of two users, whose `secret` only the owner and whose `hidden` nobody sees. */
async function files() {
  const db = another();
  await client.put(`/v1/${db}`, undefined);
  const rules = {
    read: ["or", ["=", "shared", true], owned],
    insert: owned,
    update: owned,
    delete: owned,
    fields: { secret: { read: owned }, hidden: { read: false } },
  };
  const collections = {
    files: { fields: { folder: { ref: "folders", optional: true } }, indexes: ["owner", ["shared", "n"]], rules },
    folders: { relations: { files: { from: "files", by: "folder" } }, rules: { read: true } },
  };
  await client.put(`/v1/${db}/_schema`, { collections });
  await client.put(`/v1/${db}/folders/f`, { name: "all" });
  const odd = JSON.stringify(ODD).slice(1, -1);
  for (const [id, owner, shared] of [
    ["a1", "ann", false],
    ["b1", "bob", true],
    ["b2", "bob", false],
  ]) {
    const body = `{"owner":"${owner}","shared":${shared},"n":1,"folder":"f","secret":"s","hidden":7,"big":9007199254740993,${odd}}`;
    expect((await client.put(`/v1/${db}/files/${id}`, body)).status).toBe(201);
  }
  const token = async (name: string) =>
    String((await client.post(`/v1/${db}/_keys`, { name, role: "write" })).body.key);
  return { path: `/v1/${db}`, ann: await token("ann"), bob: await token("bob") };
}

/** The text of a document without some of its members. */
const without = (text: string, ...members: string[]) =>
  members.reduce((text, member) => text.replace(new RegExp(`"${member}":("s"|7),`), ""), text);

test("what is left of a document is what was stored, to the last character", async () => {
  const { path, ann } = await files();
  const stored = async (id: string) => (await client.get(`${path}/files/${id}`)).text;
  const seen = async (id: string) => (await client.get(`${path}/files/${id}`, { token: ann })).text;
  expect(await stored("a1")).toContain("9007199254740993");
  expect(await seen("a1")).toBe(without(await stored("a1"), "hidden"));
  expect(await seen("b1")).toBe(without(await stored("b1"), "hidden", "secret"));
  expect((await client.get(`${path}/files/b2`, { token: ann })).status).toBe(404);

  const rows = await client.post(`${path}/_query`, { from: "files", orderBy: ["id"] }, { token: ann });
  expect(rows.text.startsWith(`{"rows":[${await seen("a1")},${await seen("b1")}],"digest"`)).toBe(true);
  expect(rows.body.cost).toEqual({ actors: 1 });
  expect(rows.headers["selvedge-cost"]).toBeUndefined();
});

test("includes, joins, aggregates and earlier times see no more", async () => {
  const { path, ann } = await files();
  const query = async (tree: Json) => (await client.post(`${path}/_query`, tree, { token: ann })).body;
  const included = await query({ from: "folders", include: { files: { orderBy: ["id"] } } });
  const [folder] = objects(included.rows);
  const ids = objects(folder?.files).map(({ id, secret, hidden }) => [id, secret, hidden]);
  expect(ids).toEqual([
    ["a1", "s", undefined],
    ["b1", undefined, undefined],
  ]);

  const joined = await query({ from: "folders", join: { shared: { from: "files", on: [["id", "folder"]] } } });
  expect(objects(joined.rows).map(({ shared }) => objects([shared ?? null])[0]?.id)).toEqual(["a1", "b1"]);
  expect(await query({ from: "files", aggregate: { n: ["count"], sum: ["sum", "n"] } })).toMatchObject({
    rows: [{ n: 2, sum: 2 }],
  });

  const { time } = (await client.patch(`${path}/files/b1`, { shared: false })).body;
  await client.delete(`${path}/files/a1`);
  expect((await query({ from: "files" })).rows).toEqual([]);
  const earlier = await client.get(`${path}/files/b1?at=${encodeURIComponent(String(time))}`, { token: ann });
  expect(earlier.status).toBe(404);
});

test("what is asked by a hidden field, or changed against a rule, is refused and says which", async () => {
  const { path, ann, bob } = await files();
  const query = (tree: Json) => client.post(`${path}/_query`, tree, { token: ann });
  const asked: Json[] = [
    { from: "files", where: ["=", "secret", "s"] },
    { from: "files", orderBy: ["hidden"] },
    { from: "folders", where: ["exists", "files", [">", "hidden", 1]] },
    { from: "files", aggregate: { most: ["max", "secret"] } },
  ];
  for (const tree of asked) {
    expect(await query(tree)).toMatchObject({ status: 403, body: { code: "forbidden", collection: "files" } });
  }
  expect(await query({ from: "files", explain: true })).toMatchObject({ status: 403 });
  const shared = await client.patch(`${path}/files/b1`, { n: 2 }, { token: ann });
  expect(shared).toMatchObject({ status: 403, body: { code: "forbidden", rule: "update", collection: "files" } });
  expect((await client.delete(`${path}/files/b2`, { token: ann })).status).toBe(404);
  expect((await client.delete(`${path}/files/b2`, { token: bob })).status).toBe(200);
  const many = await client.post(
    `${path}/_many`,
    { requests: [{ get: "files/a1" }, { get: "files/b1" }, { query: { from: "files", key: "" } }] },
    { token: bob },
  );
  expect(objects(many.body.results).map(({ status }) => status)).toEqual([404, 200, 200]);
});

test("rules of a new schema hold from the answer on", async () => {
  const { path, ann } = await files();
  await client.put(`${path}/_schema`, { collections: { files: { rules: { read: false } }, folders: {} } });
  expect((await client.get(`${path}/files/a1`, { token: ann })).status).toBe(404);
  await client.put(`${path}/_schema`, { collections: { files: {}, folders: {} } });
  expect((await client.get(`${path}/files/b2`, { token: ann })).status).toBe(200);
});
