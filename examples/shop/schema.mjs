/** Many shops in one database: what a shop has lives under its own key, and never meets another's. */
import { and, auth, collection, connect, contains, eq, or, role, schema, t } from "selvedge";

/** What a token says of who somebody is. */
const user = auth("sub");
const staff = role("staff");

// Whose something is: asked of a customer, an order, a line.
const own = or(eq("user", user), staff);
const ownOrder = or(eq("customer.user", user), staff);
const ownLine = or(eq("order.customer.user", user), staff);
/** Until the shop has accepted it, what a customer wants may change. */
const wanted = or(and(eq("order.customer.user", user), eq("order.status", "wanted")), staff);

export const shopSchema = schema(
  {
    customers: collection({ name: t.string(), email: t.string().unique(), user: t.string().unique().optional() }),
    products: collection({
      title: t.string(),
      price: t.int().check([">", "price", 0]),
      // Guarded: it is only ever added to, never overwritten with what somebody read before.
      stock: t.int().guarded().default(0).check([">=", "stock", 0]),
    }),
    orders: collection(
      {
        customer: t.ref("customers", { onDelete: "restrict" }),
        status: t.enum("wanted", "placed", "refused").default("wanted"),
        placed: t.timestamp().default({ now: true }),
        total: t.int().default(0),
      },
      { indexes: ["placed"], relations: { lines: { from: "lines", by: "order" } } },
    ),
    lines: collection(
      {
        order: t.ref("orders", { onDelete: "cascade" }),
        product: t.ref("products", { onDelete: "restrict" }),
        quantity: t.int().check([">", "quantity", 0]),
        price: t.int().default(0),
        sum: t.computed(t.int(), ["*", "price", "quantity"]),
      },
      { closed: true, unique: [["order", "product"]] },
    ),
  },
  {
    // Tokens say so themselves; API keys are made with it.
    roles: { staff: { membership: contains(auth("roles"), "staff") } },
    rules: {
      customers: (allow) => allow.read(own).insert(own).update(own),
      products: (allow) => allow.read(true).insert(staff).update(staff),
      // Customers say what they want, or take it back. What it costs, and that it is theirs, the shop says.
      orders: (allow) =>
        allow
          .read(ownOrder)
          .insert(ownOrder)
          .update(staff)
          .delete((q) => q.and(q.eq("customer.user", user), q.eq("status", "wanted")))
          .field("status", { update: staff })
          .field("placed", { update: staff })
          .field("total", { update: staff }),
      lines: (allow) =>
        allow.read(ownLine).insert(wanted).update(wanted).delete(wanted).field("price", { update: staff }),
    },
  },
);

/** @typedef {NonNullable<(typeof shopSchema)[keyof typeof shopSchema & symbol]>} Collections */

/**
 * The database, with the types of the schema.
 * @param {Omit<import("selvedge").ConnectOptions<any>, "schema">} where
 */
export const openShops = (where) => connect({ ...where, schema: shopSchema });
