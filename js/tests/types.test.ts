/** What compiles and what does not. Nothing here is asked of a server. */
import { describe, expectTypeOf, test } from "vitest";
import {
  and,
  auth,
  collection,
  connect,
  contains,
  eq,
  exists,
  field,
  gt,
  type Insert,
  isNull,
  like,
  not,
  oneOf,
  or,
  schema,
  t,
  value,
} from "../src/index.js";
import { shop } from "./shop.js";

const db = connect({ url: "http://nowhere.invalid", db: "shop", key: "sv_none", schema: shop });
type C = NonNullable<(typeof shop)[keyof typeof shop & symbol]>;

/** Held to compile, never run. */
const compiles = (_: () => unknown) => {};

describe("documents", () => {
  test("an insert names what has no default, and not what is computed", () => {
    expectTypeOf<Insert<C, "customers">>().toEqualTypeOf<{
      id?: string;
      name: string;
      email: string;
      region?: "eu" | "us" | null;
    }>();
    expectTypeOf<Insert<C, "lines">>().toEqualTypeOf<{
      id?: string;
      order: string;
      product: string;
      quantity: number;
      price: number;
    }>();
    compiles(() => db.products.insert({ title: "tea", price: 3 }));
    // @ts-expect-error the price is missing
    compiles(() => db.products.insert({ title: "tea" }));
    // @ts-expect-error a price is no text
    compiles(() => db.products.insert({ title: "tea", price: "3" }));
    // @ts-expect-error there is no such field
    compiles(() => db.products.insert({ title: "tea", price: 3, colour: "green" }));
    // @ts-expect-error computed fields are the server's
    compiles(() => db.lines.insert({ order: "o", product: "p", quantity: 1, price: 2, sum: 2 }));
    // @ts-expect-error an enum takes its own values alone
    compiles(() => db.customers.insert({ name: "Ada", email: "a@example.com", region: "mars" }));
  });

  test("a document has the system's members, and what is optional may be null", () => {
    const get = () => db.orders.get("o1");
    expectTypeOf<Awaited<ReturnType<typeof get>>>().toEqualTypeOf<{
      id: string;
      _version: number;
      _time: string;
      customer: string;
      status: "open" | "paid" | "shipped";
      total: number;
      placed: string;
      tags?: string[] | null;
      paid?: { at: string; by?: string | null } | null;
      extra?: import("../src/index.js").Json | null;
    } | null>();
  });

  test("a patch sets paths to values of their type", () => {
    compiles(() => db.orders.patch("o1", { status: "paid", "paid.at": "2026-01-01T00:00:00Z", tags: null }));
    compiles(() => db.orders.patch("o1", {}, { append: { tags: ["gift"] }, increment: { total: 1 }, unset: ["paid"] }));
    compiles(() => db.orders.patch("o1", { total: 1 }, { ifVersion: 3, if: ["=", "status", "open"] }));
    compiles(() => db.products.increment("p1", { stock: -1 }));
    // @ts-expect-error a status is one of three
    compiles(() => db.orders.patch("o1", { status: "lost" }));
    // @ts-expect-error there is no such path
    compiles(() => db.orders.patch("o1", { "paid.when": "now" }));
    // @ts-expect-error a total is not null
    compiles(() => db.orders.patch("o1", { total: null }));
    // @ts-expect-error computed fields are the server's
    compiles(() => db.lines.patch("l1", { sum: 3 }));
    // @ts-expect-error a title does not count
    compiles(() => db.products.increment("p1", { title: 1 }));
    // @ts-expect-error a total is no list
    compiles(() => db.orders.patch("o1", {}, { append: { total: [1] } }));
  });

  test("there is no collection that the schema does not name", () => {
    // @ts-expect-error
    compiles(() => db.invoices.get("i1"));
    // @ts-expect-error
    compiles(() => db.collection("invoices"));
  });
});

describe("conditions", () => {
  test("take paths of the document and values of their type, as arrays or in words", () => {
    compiles(() => db.orders.where(["=", "status", "open"]));
    compiles(() => db.orders.where(["and", ["=", "status", "open"], ["or", [">", "total", 10], ["null", "paid.at"]]]));
    compiles(() => db.orders.where(["in", "status", ["open", "paid"]]).where(["contains", "tags", "gift"]));
    compiles(() => db.orders.where(["<", "_version", 7]).where(["prefix", "id", "acme/"]));
    compiles(() => db.orders.where(["=", "extra.anything.below", 7]).where(["=", "paid", null]));
    compiles(() => db.orders.where(["=", { path: ["paid", "at"] }, "2026-01-01T00:00:00Z"]));
    compiles(() => db.orders.where(and(eq("status", "open"), or(gt("total", 10), isNull("paid.at")))));
    compiles(() => db.orders.where(not(oneOf("status", ["open"]))).where(contains("tags", "gift")));
    compiles(() => db.lines.where(gt("sum", field("price"))).where(like("product", "t%")));
    compiles(() => db.orders.where(eq("paid", value({ at: "2026-01-01T00:00:00Z" }))));
    // @ts-expect-error there is no such path
    compiles(() => db.orders.where(["=", "state", "open"]));
    // @ts-expect-error a total is a number
    compiles(() => db.orders.where(["=", "total", "10"]));
    // @ts-expect-error a status is one of three
    compiles(() => db.orders.where(["=", "status", "lost"]));
    // @ts-expect-error the same in words
    compiles(() => db.orders.where(eq("status", "lost")));
    // @ts-expect-error deep inside, too
    compiles(() => db.orders.where(and(eq("status", "open"), not(gt("totl", 1)))));
    // @ts-expect-error one of a list
    compiles(() => db.orders.where(["in", "status", ["open", "lost"]]));
    // @ts-expect-error a number holds no texts
    compiles(() => db.orders.where(["like", "total", "1%"]));
    // @ts-expect-error there is no such operator
    compiles(() => db.orders.where(["~", "status", "open"]));
  });

  test("look along relations, forward and back", () => {
    compiles(() => db.orders.where(["exists", "customer", ["=", "region", "eu"]]));
    compiles(() => db.orders.exists("lines", [">", "quantity", 10]).exists("customer"));
    compiles(() => db.orders.where(exists("lines", exists("product", gt("stock", 0)))));
    compiles(() => db.orders.where(["exists", { from: "lines", by: "order" }, ["=", "quantity", 1]]));
    // @ts-expect-error there is no such relation
    compiles(() => db.orders.exists("buyers"));
    // @ts-expect-error lines have no region
    compiles(() => db.orders.exists("lines", ["=", "region", "eu"]));
    // @ts-expect-error lines have no region
    compiles(() => db.orders.where(["exists", "lines", ["=", "region", "eu"]]));
  });
});

describe("conditions along references, and of who asks", () => {
  test("paths lead along references, two at most", () => {
    compiles(() => db.orders.where(["=", "customer.region", "eu"]).where(eq("customer.email", "a@example.com")));
    compiles(() => db.lines.where(["prefix", "order.customer.name", "A"]).where(["null", "order.paid.at"]));
    compiles(() => db.key("acme").orders.include({ lines: { where: [">", "product.stock", 0] } }));
    // @ts-expect-error customers have no such field
    compiles(() => db.orders.where(["=", "customer.regoin", "eu"]));
    // @ts-expect-error a region is one of two
    compiles(() => db.orders.where(["=", "customer.region", "mars"]));
    // @ts-expect-error along a reference there is no other field to compare with
    compiles(() => db.orders.where(["=", "customer.name", { path: "status" }]));
    // @ts-expect-error a relation that comes back is no path
    compiles(() => db.orders.where(["=", "lines.price", 1]));
  });

  test("who asks may stand in a value's place", () => {
    compiles(() => db.orders.where(["=", "customer.email", { auth: "email" }]).where(eq("customer", auth("sub"))));
    compiles(() => db.orders.where(["in", "status", { auth: "may.see" }]).where(["=", { auth: "plan" }, "pro"]));
    compiles(() => db.orders.patch("o1", { total: 1 }, { if: ["=", "customer.email", { auth: "email" }] }));
    const open = connect({ url: "http://nowhere.invalid", db: "shop" });
    compiles(() => open.collection("anything").where(["=", "owner.name", { auth: ["a", "b.c"] }]));
    // @ts-expect-error what was there before is asked in rules alone
    compiles(() => db.orders.where(["=", "status", { old: "status" }]));
    // @ts-expect-error and so are roles
    compiles(() => db.orders.where(["role", "staff"]));
    // @ts-expect-error a check holds whoever asks
    compiles(() => collection({ owner: t.string() }, { checks: { own: ["=", "owner", { auth: "sub" }] } }));
  });
});

describe("rules", () => {
  const teams = {
    teams: collection({ name: t.string(), lead: t.string(), size: t.int() }),
    members: collection({ team: t.ref("teams"), user: t.string() }),
    tasks: collection({
      team: t.ref("teams"),
      title: t.string(),
      state: t.enum("open", "done").default("open"),
      points: t.int().default(0),
      tags: t.array(t.string()).optional(),
    }),
  };

  test("know the collection's paths, its references, their values, and the roles", () => {
    compiles(() =>
      schema(teams, {
        roles: { staff: {}, lead: { from: "teams", membership: (q) => q.eq("lead", q.auth("sub")) } },
        rules: {
          tasks: (allow) =>
            allow
              .read((q) => q.or(q.eq("team.lead", q.auth("sub")), q.role("staff")))
              .insert(["or", ["role", "lead"], ["=", "team.lead", { auth: "sub" }]])
              .update((q) =>
                q.and(q.eq("state", "open"), q.eq("team", q.old("team")), q.oneOf("title", q.auth("titles"))),
              )
              .delete(false)
              .field("points", { read: true, update: (q) => q.gt("points", q.old("points")) }),
          teams: (allow) =>
            allow.read((q) =>
              q.or(
                q.contains(q.auth("teams"), "x"),
                q.exists({ from: "members", by: "team" }, (m) => m.eq("user", m.auth("sub"))),
              ),
            ),
          members: (allow) =>
            allow.read((q) => q.exists("team", (team) => team.and(team.gt("size", 1), team.prefix("name", "a")))),
        },
        anonymous: true,
      }),
    );
  });

  test("that are wrong do not compile, and the wrong word is marked", () => {
    const rules = (of: NonNullable<NonNullable<Parameters<typeof schema<typeof teams, "staff">>[1]>["rules"]>) =>
      schema(teams, { roles: { staff: {} }, rules: of });
    compiles(() => rules({ tasks: (allow) => allow.read((q) => q.eq("team.lead", q.auth("sub"))) }));
    // @ts-expect-error there is no such path
    compiles(() => rules({ tasks: (allow) => allow.read((q) => q.eq("teem", "x")) }));
    // @ts-expect-error nor along a reference
    compiles(() => rules({ tasks: (allow) => allow.read((q) => q.eq("team.leed", "x")) }));
    // @ts-expect-error the same as an array
    compiles(() => rules({ tasks: (allow) => allow.read(["=", "team.leed", "x"]) }));
    // @ts-expect-error a size is a number
    compiles(() => rules({ tasks: (allow) => allow.read((q) => q.gt("team.size", "3")) }));
    // @ts-expect-error a state is one of two
    compiles(() => rules({ tasks: (allow) => allow.read((q) => q.oneOf("state", ["open", "lost"])) }));
    // @ts-expect-error a number starts with no text
    compiles(() => rules({ tasks: (allow) => allow.read((q) => q.prefix("points", "1")) }));
    // @ts-expect-error there is no such role
    compiles(() => rules({ tasks: (allow) => allow.read((q) => q.role("stuff")) }));
    // @ts-expect-error the same as an array
    compiles(() => rules({ tasks: (allow) => allow.read(["role", "stuff"]) }));
    // @ts-expect-error what was there before is asked in rules of updates alone
    compiles(() => rules({ tasks: (allow) => allow.read((q) => q.eq("state", q.old("state"))) }));
    // @ts-expect-error the same as an array
    compiles(() => rules({ tasks: (allow) => allow.insert(["=", "state", { old: "state" }]) }));
    // @ts-expect-error there was no such field before either
    compiles(() => rules({ tasks: (allow) => allow.update((q) => q.eq("state", q.old("stat"))) }));
    // @ts-expect-error there is no such field
    compiles(() => rules({ tasks: (allow) => allow.field("pionts", { update: false }) }));
    // @ts-expect-error a field is neither inserted nor deleted
    compiles(() => rules({ tasks: (allow) => allow.field("points", { insert: false }) }));
    // @ts-expect-error there is no such relation
    compiles(() => rules({ tasks: (allow) => allow.read((q) => q.exists("owner")) }));
    // @ts-expect-error members have no size
    compiles(() => rules({ members: (allow) => allow.read((q) => q.exists("team", (one) => one.eq("user", "x"))) }));
    // @ts-expect-error there is no such collection
    compiles(() => rules({ task: (allow) => allow.read(true) }));
  });

  test("roles name a collection of the schema, and what its documents have", () => {
    compiles(() => schema(teams, { roles: { pro: { membership: (q) => q.eq(q.auth("plan"), "pro") } } }));
    compiles(() => schema(teams, { roles: { lead: { from: "teams", membership: ["=", "lead", { auth: "sub" }] } } }));
    // @ts-expect-error there is no such collection
    compiles(() => schema(teams, { roles: { lead: { from: "team", membership: true } } }));
    // @ts-expect-error teams have no user
    compiles(() => schema(teams, { roles: { lead: { from: "teams", membership: ["=", "user", { auth: "sub" }] } } }));
    // @ts-expect-error the same in words
    compiles(() => schema(teams, { roles: { lead: { from: "teams", membership: (q) => q.eq("user", "x") } } }));
    // @ts-expect-error it reads a document: of which collection?
    compiles(() => schema(teams, { roles: { lead: { membership: ["=", "lead", { auth: "sub" }] } } }));
    // @ts-expect-error roles do not rest on roles
    compiles(() => schema(teams, { roles: { a: {}, b: { membership: ["role", "a"] } } }));
  });
});

describe("rows", () => {
  test("a selection keeps paths in their place and gives others new names", () => {
    const query = () => db.orders.select("id", "paid.at", { sum: "total", note: "extra.note" }).first();
    expectTypeOf<Awaited<ReturnType<typeof query>>>().toEqualTypeOf<{
      id: string;
      paid?: { at: string };
      sum: number;
      note?: unknown;
    } | null>();
    // @ts-expect-error there is no such path
    compiles(() => db.orders.select("id", "state"));
  });

  test("includes are an object or null along a reference, an array the other way", () => {
    const query = () =>
      db.orders
        .select("id")
        .include({
          customer: {
            select: ["name"],
            include: { orders: { select: ["total"], orderBy: [["total", "desc"]], limit: 2 } },
          },
          lines: { where: [">", "quantity", 1], include: { product: {} } },
        })
        .all();
    type Row = Awaited<ReturnType<typeof query>>[number];
    expectTypeOf<Row["id"]>().toEqualTypeOf<string>();
    expectTypeOf<Row["customer"]>().toEqualTypeOf<{ name: string; orders: { total: number }[] } | null>();
    expectTypeOf<Row["lines"][number]["product"]>().toEqualTypeOf<{
      id: string;
      _version: number;
      _time: string;
      title: string;
      price: number;
      stock: number;
    } | null>();
    expectTypeOf<Row["lines"][number]["sum"]>().toEqualTypeOf<number>();
  });

  test("includes may be spelled out under any name", () => {
    const query = () =>
      db.customers
        .include({
          big: { from: "orders", by: "customer", where: [">", "total", 100], include: { buyer: { ref: "customer" } } },
        })
        .first();
    type Row = NonNullable<Awaited<ReturnType<typeof query>>>;
    expectTypeOf<Row["big"][number]["status"]>().toEqualTypeOf<"open" | "paid" | "shipped">();
    expectTypeOf<NonNullable<Row["big"][number]["buyer"]>["name"]>().toEqualTypeOf<string>();
  });

  test("a wrong include does not compile", () => {
    // @ts-expect-error there is no such relation
    compiles(() => db.orders.include({ buyer: {} }));
    // @ts-expect-error one level down, too
    compiles(() => db.orders.include({ customer: { include: { friends: {} } } }));
    // @ts-expect-error customers have no total
    compiles(() => db.orders.include({ customer: { select: ["total"] } }));
    // @ts-expect-error lines have no status
    compiles(() => db.orders.include({ lines: { where: ["=", "status", "open"] } }));
    // @ts-expect-error a reference leads to one document: there is nothing to limit
    compiles(() => db.orders.include({ customer: { limit: 3 } }));
    // @ts-expect-error there is no such member
    compiles(() => db.orders.include({ lines: { were: ["=", "quantity", 1] } }));
    // @ts-expect-error there is no such collection
    compiles(() => db.orders.include({ bills: { from: "invoices", by: "order" } }));
  });

  test("a join stands beside the row, and paths lead into it", () => {
    const query = () =>
      db.lines
        .join("item", { from: "products", on: [["product", "id"]] })
        .join("basket", { from: "orders", on: [["order", "id"]], optional: true })
        .where([">", "item.stock", 0])
        .select("quantity", { title: "item.title" })
        .orderBy(["item.price", "desc"], "id")
        .all();
    type Row = Awaited<ReturnType<typeof query>>[number];
    expectTypeOf<Row["quantity"]>().toEqualTypeOf<number>();
    expectTypeOf<Row["title"]>().toEqualTypeOf<string>();
    expectTypeOf<Row["item"]["price"]>().toEqualTypeOf<number>();
    expectTypeOf<Row["basket"]>().extract<null>().toEqualTypeOf<null>();
    // @ts-expect-error products have no status
    compiles(() => db.lines.join("item", { from: "products", on: [["product", "id"]] }).where(["=", "item.status", 1]));
    // @ts-expect-error products have no sku
    compiles(() => db.lines.join("item", { from: "products", on: [["product", "sku"]] }));
  });

  test("groups have their paths and what is computed of them", () => {
    const query = () =>
      db.orders
        .groupBy("status", "paid.by")
        .aggregate({ n: ["count"], sum: ["sum", "total"], mean: ["avg", "total"], last: ["max", "placed"] })
        .orderBy(["sum", "desc"], "status")
        .all();
    expectTypeOf<Awaited<ReturnType<typeof query>>[number]>().toEqualTypeOf<{
      status: "open" | "paid" | "shipped";
      "paid.by": string | null;
      n: number;
      sum: number;
      mean: number | null;
      last: string | null;
    }>();
    // @ts-expect-error there is no such path
    compiles(() => db.orders.aggregate({ sum: ["sum", "totals"] }));
    const counted = () => db.orders.groupBy("status").aggregate({ n: ["count"] });
    compiles(() => counted().orderBy("n", ["status", "desc"]));
    // @ts-expect-error groups are ordered by what they have
    compiles(() => counted().orderBy("placed"));
  });

  test("a plain tree is typed as the builder is", () => {
    const query = () =>
      db.query({
        from: "orders",
        where: ["=", "status", "open"],
        select: ["id", { sum: "total" }],
        include: { customer: { select: ["name"] } },
        limit: 3,
      });
    expectTypeOf<Awaited<ReturnType<typeof query>>["rows"][number]>().toEqualTypeOf<{
      id: string;
      sum: number;
      customer: { name: string } | null;
    }>();
    // @ts-expect-error there is no such collection
    compiles(() => db.query({ from: "invoices" }));
    // @ts-expect-error a status is one of three
    compiles(() => db.query({ from: "orders", where: ["=", "status", "lost"] }));
    // @ts-expect-error there is no such relation
    compiles(() => db.query({ from: "orders", include: { buyer: {} } }));
  });

  test("transactions know the same types", () => {
    compiles(() =>
      db.transaction(async (tx) => {
        const order = await tx.orders.get("o1");
        if (order) expectTypeOf(order.total).toEqualTypeOf<number>();
        tx.orders.patch("o1", { status: "paid" });
        // @ts-expect-error there is no such field
        tx.orders.patch("o1", { state: "paid" });
        return tx.lines.where(["=", "order", "o1"]).all();
      }),
    );
  });
});

describe("a schema", () => {
  test("refers only to what it names", () => {
    // @ts-expect-error there are no authors
    compiles(() => schema({ novels: collection({ author: t.ref("authors") }) }));
    compiles(() =>
      schema({
        // @ts-expect-error `title` is no reference to authors
        authors: collection({ name: t.string() }, { relations: { novels: { from: "novels", by: "title" } } }),
        novels: collection({ title: t.string() }),
      }),
    );
    // @ts-expect-error there is no such path to index
    compiles(() => collection({ title: t.string() }, { indexes: ["titel"] }));
    // @ts-expect-error a condition of another type
    compiles(() => collection({ pages: t.int() }, { checks: { some: [">", "pages", "0"] } }));
    // @ts-expect-error a default of another type
    compiles(() => t.int().default("none"));
    // @ts-expect-error values have no default of their own inside an object
    compiles(() => t.object({ at: t.timestamp().default({ now: true }) }));
    // @ts-expect-error references stand in no array
    compiles(() => t.array(t.ref("authors")));
  });
});

describe("without a schema", () => {
  const open = connect({ url: "http://nowhere.invalid", db: "shop", key: "sv_none" });

  test("everything is there, and nothing is known of it", () => {
    compiles(() => open.collection("anything").insert({ whatever: 1 }));
    compiles(() =>
      open
        .collection("anything")
        .where(["=", "some.path", "x"])
        .include({ other: { from: "others", by: "it" } })
        .all(),
    );
    const get = () => open.collection("anything").get("x");
    expectTypeOf<NonNullable<Awaited<ReturnType<typeof get>>>["whatever"]>().toEqualTypeOf<unknown>();
    expectTypeOf<NonNullable<Awaited<ReturnType<typeof get>>>["id"]>().toEqualTypeOf<string>();
  });
});
