/**
 * Three shops, hundreds of customers at once, fewer pieces than they want; then the books are checked.
 *
 *     npm run shop
 *
 * `SELVEDGE_URL` says where the server is, `SELVEDGE_ROOT_KEY` its root key; without them, what `npm start` made.
 */
import { randomUUID } from "node:crypto";
import { serverFromEnvironment } from "../flights/client.mjs";
import { audit } from "./audit.mjs";
import { openShops, shopSchema } from "./schema.mjs";
import { Shop, SoldOut } from "./shop.mjs";

const DATABASE = "shop";
const CUSTOMERS = 100;
const ORDERS = 250;
const PRODUCTS = { tea: 450, cup: 1_200, pot: 3_900 };
const PIECES = 120;

const root = serverFromEnvironment();
await root.createDatabase(DATABASE);
await root.putSchema(DATABASE, shopSchema);
const key = await root.renewKey(DATABASE, "shop", "write", ["staff"]);
const db = openShops({ url: root.url, db: DATABASE, key });

// Tenants of their own in every run, so that it may be repeated.
const run = randomUUID().slice(0, 8);
await Promise.all(
  ["north", "south", "west"].map(async (name) => {
    const tenant = `${name}-${run}`;
    const shop = new Shop(db, tenant);
    const products = await Promise.all(
      Object.entries(PRODUCTS).map(([title, price]) => shop.deliver(title, { title, price, pieces: PIECES })),
    );
    const customers = await Promise.all(
      Array.from({ length: CUSTOMERS }, (_, n) => shop.register(`Customer ${n}`, `c${n}@${tenant}.example`)),
    );
    let [placed, refused] = [0, 0];
    await Promise.all(
      Array.from({ length: ORDERS }, async (_, n) => {
        const wanted = products.slice(n % 3).map((product, at) => ({ product, quantity: 1 + ((n + at) % 3) }));
        try {
          await shop.order(customers[n % CUSTOMERS] ?? "", wanted);
          placed += 1;
        } catch (error) {
          if (!(error instanceof SoldOut)) throw error;
          refused += 1;
        }
      }),
    );
    const { left, taken } = await audit(shop, PIECES);
    console.log(
      `${tenant}: ${placed} orders placed, ${refused} refused; ${taken} pieces sold, ${left} left: the books agree.`,
    );
  }),
);
db.close();
