/**
 * Real airports, routes and flights: imported over HTTP, then asked about. Run it again and again: it ends the same.
 *
 *     node examples/flights/run.mjs [--json]
 *
 * `SELVEDGE_URL` says where the server is, `SELVEDGE_ROOT_KEY` its root key; without them, what `npm start` made.
 */
import { serverFromEnvironment } from "./client.mjs";
import { airports, flights, routes } from "./data.mjs";
import { questions } from "./questions.mjs";
import { schema } from "./schema.mjs";
import { table } from "./table.mjs";

const DATABASE = "flights";

const asJson = process.argv.includes("--json");
/** @param {string} line */
const say = (line) => {
  if (!asJson) console.log(line);
};

const root = serverFromEnvironment();
say(`Database \`${DATABASE}\` on ${root.url}: ${(await root.createDatabase(DATABASE)) ? "created" : "there already"}.`);
say(`Schema version ${await root.putSchema(DATABASE, schema)} is in force.`);

const writer = root.as(await root.renewKey(DATABASE, "flights-import", "write"));
const reader = root.as(await root.renewKey(DATABASE, "flights-questions", "read"));

// What refers comes after what is referred to.
const collections = { airports: airports(), routes: routes(), flights: flights() };
for (const [collection, documents] of Object.entries(collections)) {
  const count = await writer.importDocuments(DATABASE, collection, documents);
  say(`Imported ${count} ${collection}.`);
}

/** @type {Record<string, unknown[]>} */
const answers = {};
for (const { name, title, query, columns } of questions) {
  const { rows, cost } = await reader.query(DATABASE, query);
  answers[name] = rows;
  say(`\n${title}\n${table(columns, rows)}\n(${cost.rowsRead} rows read)`);
}
if (asJson) console.log(JSON.stringify(answers));
