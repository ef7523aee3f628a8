/** What a shop does, wherever it runs: in Node, in a Worker, in a page. Prices are whole cents. */
import { SelvedgeError } from "selvedge";

/** Times that an order is tried again because a price changed under it. */
const TRIES = 3;

/** @typedef {ReturnType<typeof import("./schema.mjs").openShops>} Database */
/** @typedef {{ product: string, quantity: number }} Wanted */
/** @typedef {Wanted & { price: number }} Line */

/** An order that cannot be had. */
export class SoldOut extends Error {}

const total = (/** @type {readonly Line[]} */ lines) =>
  lines.reduce((sum, { price, quantity }) => sum + price * quantity, 0);

/**
 * Takes what is sold off the shelf, at the price that was shown.
 * @param {import("selvedge").Transaction<import("./schema.mjs").Collections>} tx
 * @param {readonly Line[]} lines
 */
function take(tx, lines) {
  for (const { product, quantity, price } of lines) {
    tx.products.increment(product, { stock: -quantity }, { if: ["=", "price", price] });
  }
}

/** One tenant's shop. */
export class Shop {
  #db;
  #tenant;

  /**
   * @param {Database} db
   * @param {string} tenant the key that all of its documents live under
   */
  constructor(db, tenant) {
    this.#db = db.key(tenant);
    this.#tenant = tenant;
  }

  /**
   * @param {string} name of a document of this shop
   */
  id(name) {
    return `${this.#tenant}/${name}`;
  }

  /**
   * Puts a product on the shelf, or more of it.
   * @param {string} name
   * @param {{ title: string, price: number, pieces: number }} product
   */
  async deliver(name, { title, price, pieces }) {
    const id = this.id(name);
    await this.#db.transaction(async (tx) => {
      if (await tx.products.get(id)) tx.products.increment(id, { stock: pieces });
      else tx.products.insert({ id, title, price, stock: pieces });
    });
    return id;
  }

  /**
   * @param {string} name
   * @param {string} email
   * @param {string} [user] who may do things in this customer's name
   */
  async register(name, email, user) {
    const { id } = await this.#db.customers.insert({ name, email, ...(user !== undefined && { user }) });
    return id;
  }

  /**
   * Says what a customer wants. That is all a customer may do: it has no price, and takes nothing off the shelf, until the
   * shop accepts it.
   * @param {string} customer
   * @param {Wanted[]} wanted each product once
   */
  want(customer, wanted) {
    return this.#db.transaction((tx) => {
      const order = tx.orders.insert({ customer });
      for (const { product, quantity } of wanted) tx.lines.insert({ order, product, quantity });
      return order;
    });
  }

  /**
   * Takes back what a customer wants.
   * @param {string} order
   */
  async forgo(order) {
    await this.#db.orders.delete(order);
  }

  /**
   * Accepts what a customer wants at the prices of now, or refuses it: as a whole. For the shop's staff.
   * @param {string} id
   * @returns whether it was accepted
   */
  async accept(id) {
    const accept = (/** @type {(wanted: readonly Wanted[]) => Promise<Line[]>} */ priced) =>
      this.#db.transaction(async (tx) => {
        const order = await tx.orders.get(id);
        if (order?.status !== "wanted") throw new Error(`Nobody wants ${id} any more.`);
        const wanted = await tx.lines.where(["=", "order", id]).all();
        const lines = await priced(wanted);
        tx.orders.patch(id, { status: "placed", total: total(lines) });
        for (const [at, { price }] of lines.entries()) tx.lines.patch(wanted[at]?.id ?? "", { price });
        take(tx, lines);
      });
    try {
      await this.#selling(accept);
      return true;
    } catch (error) {
      if (!(error instanceof SoldOut)) throw error;
      await this.#db.orders.patch(id, { status: "refused" }, { if: ["=", "status", "wanted"] });
      return false;
    }
  }

  /**
   * Places an order as a whole or not at all: its lines stand, and the stock is down by what they take. For the shop's
   * staff. No product is read inside the transaction, so that a hundred customers of the same one do not wait for each
   * other: the database itself sees to it that the stock stays above zero, and that the price is the one that was shown.
   * @param {string} customer
   * @param {Wanted[]} wanted each product once
   * @throws {SoldOut} if there is not enough of something
   */
  order(customer, wanted) {
    return this.#selling(async (priced) => {
      const lines = await priced(wanted);
      return this.#db.transaction((tx) => {
        const order = tx.orders.insert({ customer, status: "placed", total: total(lines) });
        for (const { product, quantity, price } of lines) tx.lines.insert({ order, product, quantity, price });
        take(tx, lines);
        return order;
      });
    });
  }

  /**
   * Sells, and tries again where a price changed meanwhile.
   * @template Sold
   * @param {(priced: (wanted: readonly Wanted[]) => Promise<Line[]>) => Promise<Sold>} sell
   */
  async #selling(sell) {
    for (let tried = 0; ; tried += 1) {
      /** @type {Line[]} */
      let lines = [];
      const priced = async (/** @type {readonly Wanted[]} */ wanted) => {
        lines = await this.#priced(wanted);
        return lines;
      };
      try {
        return await sell(priced);
      } catch (error) {
        if (!(error instanceof SelvedgeError) || error.code !== "check_failed") throw error;
        const now = await this.#priced(lines);
        const isSame = now.every(({ price }, at) => price === lines[at]?.price);
        if (isSame || tried === TRIES) throw new SoldOut("There is not enough of it.", { cause: error });
      }
    }
  }

  /**
   * @param {readonly Wanted[]} wanted
   * @returns {Promise<Line[]>}
   */
  async #priced(wanted) {
    const products = await this.#db.products.getMany(wanted.map(({ product }) => product));
    return wanted.map(({ product, quantity }, at) => {
      const price = products[at]?.price;
      if (price === undefined) throw new SoldOut(`There is no ${product}.`);
      return { product, quantity, price };
    });
  }

  /** @param {string} id */
  receipt(id) {
    return this.#db.orders
      .where(["=", "id", id])
      .include({ customer: {}, lines: { include: { product: {} } } })
      .first();
  }

  /** What is on the shelf. */
  shelf() {
    return this.#db.products.orderBy(["id"]).all();
  }

  /** What was sold of each product, and for how much. */
  sold() {
    return this.#db.lines
      .where(["=", "order.status", "placed"])
      .groupBy("product")
      .aggregate({ pieces: ["sum", "quantity"], sum: ["sum", "sum"] })
      .all();
  }

  /** Pages of orders with their lines. */
  orders() {
    return this.#db.orders.include({ lines: {} }).orderBy(["id"]).limit(200).pages();
  }
}
