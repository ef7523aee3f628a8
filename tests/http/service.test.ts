/** What the service answers to anybody, and what it refuses by address and method alone. */
import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { useServer } from "./lib/client.js";

const client = useServer();

beforeAll(async () => {
  await client.put("/v1/shop", undefined);
  await client.put("/v1/shop/orders/o1", { total: 1 });
});

const PLACES: [string, string[]][] = [
  ["/v1/health", ["GET", "HEAD"]],
  ["/v1/openapi.json", ["GET", "HEAD"]],
  ["/v1/shop", ["PUT", "DELETE"]],
  ["/v1/shop/_schema", ["GET", "HEAD", "PUT"]],
  ["/v1/shop/_keys", ["GET", "HEAD", "POST"]],
  ["/v1/shop/_keys/web", ["DELETE"]],
  ["/v1/shop/_query", ["POST"]],
  ["/v1/shop/_tx", ["POST"]],
  ["/v1/shop/_import", ["POST"]],
  ["/v1/shop/_export", ["GET", "HEAD"]],
  ["/v1/shop/orders", ["POST"]],
  ["/v1/shop/orders/o1", ["GET", "HEAD", "PUT", "PATCH", "DELETE"]],
  ["/v1/shop/orders/a/b/c", ["GET", "HEAD", "PUT", "PATCH", "DELETE"]],
];

test("health says that it is well, and which version it is, to anybody", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../../js/package.json", import.meta.url), "utf8"));
  const answer = await client.get("/v1/health", { token: null });
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({ status: "ok", version });
});

test("the description is open to anybody, even with a key that is none", async () => {
  for (const token of [null, "sv_nobody"]) {
    const answer = await client.get("/v1/openapi.json", { token });
    expect(answer.status).toBe(200);
    expect(answer.body.openapi).toBe("3.1.0");
  }
});

test.each(PLACES)(
  "%s: every method that is not %s is refused, and those that are allowed are named",
  async (path, allowed) => {
    for (const method of ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
      if (allowed.includes(method)) continue;
      const answer = await client.call(method, path);
      expect(answer.status, method).toBe(405);
      expect(answer.headers.allow, method).toBe(allowed.join(", "));
      if (method !== "HEAD") expect(answer.body.code, method).toBe("method_not_allowed");
    }
  },
);

test.each([
  "/",
  "/v1",
  "/v1/",
  "/v2/health",
  "/v1/_health",
  "/v1/shop/",
  "/v1/shop/_nothing",
  "/v1/shop/_nothing/more",
  "/v1/shop/_schema/more",
  "/v1/shop/_keys/web/more",
  "/v1/shop/_query/more",
  "/V1/shop",
  "//v1/shop",
  "/v1/shop/%5Fschema/more",
])("there is nothing at %s", async (path) => {
  const answer = await client.get(path);
  expect(answer.status).toBe(404);
  expect(answer.body.code).toBe("unknown_route");
});

test.each(PLACES)("%s: a query parameter that is not known is refused", async (path, allowed) => {
  const method = allowed[0] ?? "GET";
  const body = method === "GET" || method === "DELETE" ? undefined : "{}";
  const answer = await client.call(method, `${path}?nothing=1`, { body });
  expect(answer.status).toBe(400);
  expect(answer.body).toMatchObject({ code: "invalid_request", detail: expect.stringContaining("nothing") });
});

test("a query parameter stands once, and its name may be encoded", async () => {
  expect((await client.get("/v1/shop/orders/o1?consistency=strong&consistency=strong")).body.code).toBe(
    "invalid_request",
  );
  expect((await client.get("/v1/shop/orders/o1?%63onsistency=strong")).status).toBe(200);
  expect((await client.get("/v1/shop/orders/o1?")).status).toBe(200);
  expect((await client.get("/v1/shop/orders/o1?at=%ff")).body.code).toBe("invalid_utf8");
});

test.each(PLACES.slice(2))("%s: nobody gets in without a key, or with one that is none", async (path, allowed) => {
  for (const token of [null, "sv_nobody", "", "x".repeat(5_000)]) {
    for (const method of allowed) {
      const body = ["PUT", "POST", "PATCH"].includes(method) ? "{}" : undefined;
      const answer = await client.call(method, path, { token, body });
      // Creating and deleting databases is the root key's, whoever else asks.
      const refused = path === "/v1/shop" && token === "sv_nobody" ? 403 : 401;
      expect(answer.status, `${method} with ${token?.slice(0, 20)}`).toBe(refused);
    }
  }
});

test("credentials of another scheme, or twice, are none", async () => {
  const token = null;
  for (const authorization of ["Basic cm9vdDpyb290", "Bearer", "Bearer ", "sv_root_for_tests", "Digest x"]) {
    const answer = await client.get("/v1/shop/orders/o1", { token, headers: { authorization } });
    expect(answer.status, authorization).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
  }
});

test("the scheme of credentials may be in any case", async () => {
  const headers = { authorization: "bEARER sv_root_for_tests" };
  expect((await client.get("/v1/shop/orders/o1", { token: null, headers })).status).toBe(200);
});

test("the headers that parts send each other mean nothing from outside", async () => {
  const envelope = (call: object) =>
    JSON.stringify({ db: "shop", key: "", bearer: "root", batch: "b1", named: false, call });
  const document = "orders/o1";
  const forged = [
    envelope({ get: { document, at: null, unless: null } }),
    envelope({ write: { document, verb: "delete", only_if: null } }),
    JSON.stringify({ db: "shop", bearer: "root", call: "delete" }),
    "not JSON",
  ];
  for (const header of forged) {
    for (const token of [null, "sv_nobody"]) {
      const headers = { "selvedge-envelope": header, "selvedge-elsewhere": "other", "selvedge-more": "orders/o1" };
      expect((await client.get("/v1/shop/orders/o1", { token, headers })).status).toBe(401);
      expect((await client.post("/v1/shop/_tx", { ops: [{ delete: document }] }, { token, headers })).status).toBe(401);
    }
    const headers = { "selvedge-envelope": header, "selvedge-elsewhere": "other" };
    expect((await client.get("/v1/shop/orders/o1", { headers })).body).toMatchObject({ id: "o1", total: 1 });
  }
});

test("HEAD says what GET says, without the body", async () => {
  for (const path of ["/v1/health", "/v1/shop/_schema", "/v1/shop/_keys", "/v1/shop/orders/o1"]) {
    const [get, head] = [await client.get(path), await client.call("HEAD", path)];
    expect(head.status, path).toBe(get.status);
    expect(head.text, path).toBe("");
    expect(head.headers.etag, path).toBe(get.headers.etag);
    expect(head.headers["content-type"], path).toBe(get.headers["content-type"]);
  }
  expect((await client.call("HEAD", "/v1/shop/orders/o2")).status).toBe(404);
});
