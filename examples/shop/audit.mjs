/** Whether the books of a shop agree: nothing was sold that was not there, and every sum is right. */

/**
 * @param {import("./shop.mjs").Shop} shop
 * @param {number} delivered pieces of each product
 */
export async function audit(shop, delivered) {
  const [shelf, sold] = await Promise.all([shop.shelf(), shop.sold()]);
  const taken = new Map(sold.map(({ product, pieces }) => [product, Number(pieces)]));
  for (const { id, stock } of shelf) {
    if (stock < 0) throw new Error(`${id}: ${stock} pieces are left.`);
    if (stock + (taken.get(id) ?? 0) !== delivered) throw new Error(`${id}: ${stock} left and ${taken.get(id)} sold.`);
  }
  for await (const { rows } of shop.orders()) {
    for (const { id, total, lines } of rows) {
      for (const { price, quantity, sum } of lines) {
        if (sum !== price * quantity) throw new Error(`A line of ${id} says ${sum}.`);
      }
      const whole = lines.reduce((all, { sum }) => all + Number(sum), 0);
      if (whole !== total) throw new Error(`${id} says ${total}, its lines ${whole}.`);
    }
  }
  const count = (/** @type {Iterable<number>} */ numbers) => [...numbers].reduce((all, one) => all + one, 0);
  return { left: count(shelf.map(({ stock }) => stock)), taken: count(taken.values()) };
}
