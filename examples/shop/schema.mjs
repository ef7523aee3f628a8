/** Many shops in one database: what a shop has lives under its own key, and never meets another's. */
import { collection, connect, schema, t } from "selvedge";

export const shopSchema = schema({
  customers: collection({ name: t.string(), email: t.string().unique() }),
  products: collection({
    title: t.string(),
    price: t.int().check([">", "price", 0]),
    // Guarded: it is only ever added to, never overwritten with what somebody read before.
    stock: t.int().guarded().default(0).check([">=", "stock", 0]),
  }),
  orders: collection(
    {
      customer: t.ref("customers", { onDelete: "restrict" }),
      placed: t.timestamp().default({ now: true }),
      total: t.int(),
    },
    { indexes: ["placed"], relations: { lines: { from: "lines", by: "order" } } },
  ),
  lines: collection(
    {
      order: t.ref("orders", { onDelete: "cascade" }),
      product: t.ref("products", { onDelete: "restrict" }),
      quantity: t.int().check([">", "quantity", 0]),
      price: t.int(),
      sum: t.computed(t.int(), ["*", "price", "quantity"]),
    },
    { closed: true, unique: [["order", "product"]] },
  ),
});

/**
 * The database, with the types of the schema.
 * @param {Omit<import("selvedge").ConnectOptions<any>, "schema">} where
 */
export const openShops = (where) => connect({ ...where, schema: shopSchema });
