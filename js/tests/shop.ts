/** The shop that the tests are about. */
import { collection, schema, t } from "../src/index.js";

export const shop = schema({
  customers: collection(
    {
      name: t.string(),
      email: t.string().unique(),
      region: t.enum("eu", "us").optional(),
    },
    { relations: { orders: { from: "orders", by: "customer" } } },
  ),
  products: collection({
    title: t.string(),
    price: t.float().check([">=", "price", 0]),
    stock: t.int().guarded().default(0).check([">=", "stock", 0]),
  }),
  orders: collection(
    {
      customer: t.ref("customers", { onDelete: "restrict" }),
      status: t.enum("open", "paid", "shipped").default("open"),
      total: t.float().default(0),
      tags: t.array(t.string()).optional(),
      paid: t.object({ at: t.timestamp(), by: t.string().optional() }).optional(),
      placed: t.timestamp().default({ now: true }),
      extra: t.json().optional(),
    },
    {
      indexes: [["status", "total"], "placed"],
      checks: { settled: ["or", ["!=", "status", "paid"], ["not", ["null", "paid.at"]]] },
      relations: { lines: { from: "lines", by: "order" } },
    },
  ),
  lines: collection(
    {
      order: t.ref("orders", { onDelete: "cascade" }),
      product: t.ref("products"),
      quantity: t.int().check([">", "quantity", 0]),
      price: t.float(),
      sum: t.computed(t.float(), ["*", "price", "quantity"]),
    },
    { closed: true, unique: [["order", "product"]] },
  ),
});
