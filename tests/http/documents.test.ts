/** Single documents: written, read, replaced, patched, deleted, and only if. */
import { beforeAll, describe, expect, test } from "vitest";
import { names, useServer } from "./lib/client.js";
import { objects } from "./lib/json.js";

const client = useServer();
const id = names("n");
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const at = (name: string) => `/v1/docs/notes/${name}`;

beforeAll(async () => {
  await client.put("/v1/docs", undefined);
});

test("a document is created, replaced, patched and deleted, its version another one each time", async () => {
  const name = id();
  const created = await client.put(at(name), { text: "a", tags: ["x"] });
  expect(created).toMatchObject({ status: 201, body: { id: name, time: expect.stringMatching(TIME) } });
  expect(created.headers.etag).toBe(`"${created.body.version}"`);
  const read = await client.get(at(name));
  expect(read).toMatchObject({ status: 200, headers: { etag: created.headers.etag } });
  const { version, time } = created.body;
  expect(read.body).toEqual({ id: name, text: "a", tags: ["x"], _version: version, _time: time });

  const replaced = await client.put(at(name), { text: "b" });
  expect(replaced.status).toBe(200);
  expect(Number(replaced.body.version)).toBeGreaterThan(Number(version));
  expect((await client.get(at(name))).body).toMatchObject({ text: "b", _version: replaced.body.version });
  expect((await client.get(at(name))).body).not.toHaveProperty("tags");

  const patched = await client.patch(at(name), { text: null, more: { deep: 1 } });
  expect(patched).toMatchObject({ status: 200, body: { id: name } });
  const { _version, _time, ...rest } = (await client.get(at(name))).body;
  expect(rest).toEqual({ id: name, more: { deep: 1 } });
  expect(_version).toBe(patched.body.version);
  expect(_time).toBe(patched.body.time);

  expect(await client.delete(at(name))).toMatchObject({ status: 200, body: { id: name, version: null } });
  for (const method of ["GET", "PATCH", "DELETE"]) {
    const body = method === "PATCH" ? {} : undefined;
    expect(await client.call(method, at(name), { body })).toMatchObject({ status: 404, body: { code: "not_found" } });
  }
  expect((await client.put(at(name), {})).status).toBe(201);
});

test("a merge patch merges objects, removes with null, and replaces everything else", async () => {
  const name = id();
  await client.put(at(name), { a: "b", c: { d: "e", f: "g" }, list: [1, 2] });
  await client.patch(at(name), { a: "z", c: { f: null, h: { i: null } }, list: [3] });
  expect((await client.get(at(name))).body).toMatchObject({ a: "z", c: { d: "e", h: {} }, list: [3] });
  expect((await client.get(at(name))).body.c).toEqual({ d: "e", h: {} });
});

test("what was read may be put back as it is; the system's members are not taken from it", async () => {
  const name = id();
  await client.put(at(name), { n: 1 });
  const { body } = await client.get(at(name));
  expect((await client.put(at(name), { ...body, n: 2, _version: 99_999 })).status).toBe(200);
  const after = (await client.get(at(name))).body;
  expect(after).toMatchObject({ id: name, n: 2 });
  expect(after._version).not.toBe(99_999);
  const answer = await client.put(at(name), { id: "other" });
  expect(answer).toMatchObject({ status: 422, body: { code: "invalid_document", path: "id" } });
});

test("values come back as they went in", async () => {
  const name = id();
  const text =
    '{"big":9007199254740993,"bigger":9223372036854775807,"least":-9223372036854775808,"half":0.5,"tiny":5e-324,' +
    '"none":null,"yes":true,"words":"\\u00e9\\ud83d\\ude00\\"\\\\ \\u001f\\u2028","empty":{"__proto__":3},"list":[[],[{}],""],"":1,"a.b":2}';
  expect((await client.put(at(name), text)).status).toBe(201);
  const read = await client.get(at(name));
  for (const number of ["9007199254740993", "9223372036854775807", "-9223372036854775808"]) {
    expect(read.text).toContain(number);
  }
  expect(read.body).toMatchObject({ half: 0.5, tiny: 5e-324, none: null, yes: true, list: [[], [{}], ""] });
  expect(read.body.words).toBe('é😀"\\ \u001f\u2028');
  expect(read.body[""]).toBe(1);
  expect(read.body["a.b"]).toBe(2);
  expect(read.text).toContain('"__proto__":3');
});

describe("only if", () => {
  test("If-Match: the version that was read, or any", async () => {
    const name = id();
    const etag = String((await client.put(at(name), { n: 1 })).headers.etag);
    const next = await client.put(at(name), { n: 2 }, { headers: { "if-match": etag } });
    expect(next.status).toBe(200);
    for (const [method, body] of [
      ["PUT", { n: 3 }],
      ["PATCH", { n: 3 }],
      ["DELETE", undefined],
    ] as const) {
      const stale = await client.call(method, at(name), { body, headers: { "if-match": etag } });
      expect(stale, method).toMatchObject({
        status: 412,
        body: { code: "version_mismatch", version: next.body.version },
      });
    }
    expect((await client.get(at(name))).body.n).toBe(2);
    expect((await client.patch(at(name), { n: 4 }, { headers: { "if-match": "*" } })).status).toBe(200);
    expect((await client.delete(at(name), { headers: { "if-match": "*" } })).status).toBe(200);
    const gone = await client.put(at(name), {}, { headers: { "if-match": "*" } });
    expect(gone).toMatchObject({ status: 412, body: { code: "version_mismatch" } });
    expect((await client.get(at(name))).status).toBe(404);
  });

  test("If-None-Match: * creates and never replaces", async () => {
    const name = id();
    const headers = { "if-none-match": "*" };
    expect((await client.put(at(name), { n: 1 }, { headers })).status).toBe(201);
    expect(await client.put(at(name), { n: 2 }, { headers })).toMatchObject({ status: 412 });
    expect((await client.get(at(name))).body.n).toBe(1);
  });

  test("a tag that is not ours matches nothing; a weak one never matches a write", async () => {
    const name = id();
    const etag = String((await client.put(at(name), { n: 1 })).headers.etag);
    for (const tag of ['"abc"', '"01"', '"-1"', '"99999999999999999999"', `W/${etag}`]) {
      expect((await client.put(at(name), { n: 2 }, { headers: { "if-match": tag } })).status, tag).toBe(412);
    }
  });

  test.each([
    [{ "if-match": "17" }],
    [{ "if-match": '"17' }],
    [{ "if-match": '"1" "2"' }],
    [{ "if-match": '"1", "2"' }],
    [{ "if-none-match": '"1"' }],
    [{ "if-match": '"1"', "if-none-match": "*" }],
  ])("%j is refused with a write", async (headers) => {
    const name = id();
    expect(await client.put(at(name), {}, { headers })).toMatchObject({
      status: 400,
      body: { code: "invalid_request" },
    });
    expect((await client.get(at(name))).status).toBe(404);
  });

  test("If-None-Match spares a reader what it has", async () => {
    const name = id();
    const etag = String((await client.put(at(name), { n: 1 })).headers.etag);
    for (const tag of [etag, `W/${etag}`]) {
      const same = await client.get(at(name), { headers: { "if-none-match": tag } });
      expect(same).toMatchObject({ status: 304, text: "", headers: { etag } });
    }
    expect((await client.call("HEAD", at(name), { headers: { "if-none-match": etag } })).status).toBe(304);
    await client.put(at(name), { n: 2 });
    for (const tag of [etag, '"abc"', `${etag}, "abc"`]) {
      const other = await client.get(at(name), { headers: { "if-none-match": tag } });
      expect(other, tag).toMatchObject({ status: 200, body: { n: 2 } });
    }
    expect((await client.get(at(name), { headers: { "if-none-match": "*" } })).body.code).toBe("invalid_request");
    expect((await client.get(at("nothing"), { headers: { "if-none-match": etag } })).status).toBe(404);
  });

  test("of many writers with the same version one gets through", async () => {
    const name = id();
    const etag = String((await client.put(at(name), { n: 0 })).headers.etag);
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, n) => client.put(at(name), { n }, { headers: { "if-match": etag } })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(15);
  });
});

describe("at a time", () => {
  test("a document is read as it was", async () => {
    const name = id();
    const first = await client.put(at(name), { n: 1 });
    const second = await client.put(at(name), { n: 2 });
    const third = await client.delete(at(name));
    const fourth = await client.put(at(name), { n: 4 });
    const then = (time: unknown) => client.get(`${at(name)}?at=${time}`);
    expect((await then(first.body.time)).body).toMatchObject({ n: 1, _version: first.body.version });
    expect((await then(second.body.time)).body).toMatchObject({ n: 2, _version: second.body.version });
    expect(await then(third.body.time)).toMatchObject({ status: 404 });
    expect((await then(fourth.body.time)).body).toMatchObject({ n: 4 });
    expect(await then("1999-01-01T00:00:00Z")).toMatchObject({ status: 404, body: { code: "not_found" } });
    const offset = String(first.body.time).replace("Z", "+00:00");
    expect((await then(encodeURIComponent(offset))).body.n).toBe(1);
  });

  test.each([
    ["2999-01-01T00:00:00Z", "time_out_of_range"],
    ["yesterday", "invalid_request"],
    ["", "invalid_request"],
    ["2026-02-30T00:00:00Z", "invalid_request"],
  ])("%s is refused", async (time, code) => {
    const name = id();
    await client.put(at(name), {});
    expect(await client.get(`${at(name)}?at=${time}`)).toMatchObject({ status: 400, body: { code } });
  });
});

test("the home serves every consistency, and knows no other", async () => {
  const name = id();
  await client.put(at(name), { n: 1 });
  for (const consistency of ["strong", "session", "bounded", "eventual"]) {
    expect((await client.get(`${at(name)}?consistency=${consistency}`)).body.n, consistency).toBe(1);
  }
  for (const consistency of ["weak", "", "STRONG"]) {
    const answer = await client.get(`${at(name)}?consistency=${consistency}`);
    expect(answer.body.code, consistency).toBe("invalid_request");
  }
});

describe("insert", () => {
  test("the id is made here, under the key that was asked for", async () => {
    const plain = await client.post("/v1/docs/notes", { n: 1 });
    expect(plain.status).toBe(201);
    expect(plain.body.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/);
    const keyed = await client.post("/v1/docs/notes?key=acme", { n: 2 });
    expect(keyed.body.id).toMatch(/^acme\/[0-9a-f]{8}-/);
    const odd = await client.post(`/v1/docs/notes?key=${encodeURIComponent("é %/".slice(0, 3))}`, { n: 3 });
    expect(odd.body.id).toMatch(/^é %\//);
    for (const inserted of [plain, keyed, odd]) {
      const found = await client.get(String(inserted.headers.location));
      expect(found).toMatchObject({ status: 200, body: { id: inserted.body.id } });
      expect(found.headers.etag).toBe(inserted.headers.etag);
    }
  });

  test("a body may bring its id, once", async () => {
    const name = `acme/${id()}`;
    const first = await client.post("/v1/docs/notes", { id: name, n: 1 });
    expect(first).toMatchObject({ status: 201, body: { id: name }, headers: { location: at(name) } });
    const again = await client.post("/v1/docs/notes?key=acme", { id: name, n: 2 });
    expect(again).toMatchObject({ status: 409, body: { code: "exists", document: `notes/${name}` } });
    expect((await client.get(at(name))).body.n).toBe(1);
  });

  test.each([
    ["?key=other", { id: "acme/x" }, "several_keys"],
    ["?key=a%2Fb", {}, "invalid_id"],
    ["?key=%00", {}, "invalid_id"],
    ["?key=..", {}, "invalid_id"],
    ["", { id: 7 }, "invalid_id"],
    ["", { id: null }, "invalid_id"],
    ["", { id: "" }, "invalid_id"],
    ["", { id: "a//b" }, "invalid_id"],
    ["", { id: "a/../b" }, "invalid_id"],
    ["", { id: "a\nb" }, "invalid_id"],
    ["", { id: "é".repeat(300) }, "invalid_id"],
  ])("%s %j is refused", async (query, body, code) => {
    expect(await client.post(`/v1/docs/notes${query}`, body)).toMatchObject({ status: 400, body: { code } });
  });

  test("inserts made one after the other have ids in that order", async () => {
    const made: string[] = [];
    for (let n = 0; n < 20; n += 1) made.push(String((await client.post("/v1/docs/ordered", { n })).body.id));
    expect(made.toSorted()).toEqual(made);
    const { body } = await client.post("/v1/docs/_query", { from: "ordered", key: "", orderBy: ["id"] });
    expect(objects(body.rows).map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });
});

test("every answer of a partition carries a token", async () => {
  const name = id();
  await client.put(at(name), {});
  for (const answer of [await client.get(at(name)), await client.patch(at(name), {}), await client.delete(at(name))]) {
    expect(answer.headers["selvedge-token"]).toMatch(/./);
  }
});
