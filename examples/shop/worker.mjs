/**
 * The same shops as a Worker of their own, which reaches Selvedge's Worker over a service binding: no network between.
 *
 * Whoever asks it asks in the shop's name: `KEY` is one of the staff's.
 *
 *     POST /{tenant}/orders   {"customer": "…", "lines": [{"product": "…", "quantity": 1}]}   → 201, 409 if sold out
 *     GET  /{tenant}/orders/{id}
 *     GET  /{tenant}/shelf
 */
import { SelvedgeError } from "selvedge";
import { openShops } from "./schema.mjs";
import { Shop, SoldOut } from "./shop.mjs";

/** @typedef {{ SELVEDGE: import("selvedge").Binding, DATABASE: string, KEY: string }} Bindings */

export default {
  /**
   * @param {Request} request
   * @param {Bindings} bindings
   */
  async fetch(request, { SELVEDGE, DATABASE, KEY }) {
    // Anew for every request, which costs nothing: the platform lets none wait for what another one sent.
    const db = openShops({ binding: SELVEDGE, db: DATABASE, key: KEY });
    const [, tenant = "", place, ...rest] = new URL(request.url).pathname.split("/").map(decodeURIComponent);
    const shop = new Shop(db, tenant);
    try {
      if (request.method === "POST" && place === "orders") {
        const { customer, lines } = /** @type {any} */ (await request.json());
        return Response.json({ id: await shop.order(customer, lines) }, { status: 201 });
      }
      if (request.method === "GET" && place === "orders") {
        const receipt = await shop.receipt(rest.join("/"));
        return receipt ? Response.json(receipt) : new Response(null, { status: 404 });
      }
      if (request.method === "GET" && place === "shelf") return Response.json(await shop.shelf());
    } catch (error) {
      if (error instanceof SoldOut) return Response.json({ error: error.message }, { status: 409 });
      if (error instanceof SelvedgeError) return Response.json(error.problem, { status: error.status || 503 });
      throw error;
    }
    return new Response(null, { status: 404 });
  },
};
