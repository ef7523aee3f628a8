/** What a shop does, wherever it runs: in Node, in a Worker, in a page. Prices are whole cents. */
import { SelvedgeError } from "selvedge";

/** Times that an order is tried again because a price changed under it. */
const TRIES = 3;

/** @typedef {ReturnType<typeof import("./schema.mjs").openShops>} Database */
/** @typedef {{ product: string, quantity: number }} Wanted */

/** An order that cannot be had. */
export class SoldOut extends Error {}

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
   */
  async register(name, email) {
    const { id } = await this.#db.customers.insert({ name, email });
    return id;
  }

  /**
   * Places an order as a whole or not at all: its lines stand, and the stock is down by what they take. No product is read
   * inside the transaction, so that a hundred customers of the same one do not wait for each other: the database itself
   * sees to it that the stock stays above zero, and that the price is the one that was shown.
   * @param {string} customer
   * @param {Wanted[]} wanted each product once
   * @throws {SoldOut} if there is not enough of something
   */
  async order(customer, wanted) {
    for (let tried = 0; ; tried += 1) {
      const lines = await this.#priced(wanted);
      try {
        return await this.#place(customer, lines);
      } catch (error) {
        if (!(error instanceof SelvedgeError) || error.code !== "check_failed") throw error;
        const now = await this.#priced(wanted);
        const isSame = now.every(({ price }, at) => price === lines[at]?.price);
        if (isSame || tried === TRIES) throw new SoldOut("There is not enough of it.", { cause: error });
      }
    }
  }

  /** @param {Wanted[]} wanted */
  async #priced(wanted) {
    const products = await this.#db.products.getMany(wanted.map(({ product }) => product));
    return wanted.map((line, at) => {
      const product = products[at];
      if (!product) throw new SoldOut(`There is no ${line.product}.`);
      return { ...line, price: product.price };
    });
  }

  /**
   * @param {string} customer
   * @param {(Wanted & { price: number })[]} lines
   */
  #place(customer, lines) {
    const total = lines.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
    return this.#db.transaction((tx) => {
      const order = tx.orders.insert({ customer, total });
      for (const { product, quantity, price } of lines) {
        tx.lines.insert({ order, product, quantity, price });
        tx.products.increment(product, { stock: -quantity }, { if: ["=", "price", price] });
      }
      return order;
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
      .groupBy("product")
      .aggregate({ pieces: ["sum", "quantity"], sum: ["sum", "sum"] })
      .all();
  }

  /** Pages of orders with their lines. */
  orders() {
    return this.#db.orders.include({ lines: {} }).orderBy(["id"]).limit(200).pages();
  }
}
