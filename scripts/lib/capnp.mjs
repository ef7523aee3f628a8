/** The configuration that workerd is started with. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./paths.mjs";
import { Failure } from "./run.mjs";

/** The variable that carries the root key into the Worker. */
export const ROOT_KEY_VARIABLE = "SELVEDGE_ROOT_KEY";

/**
 * The Durable Object classes, as `wrangler.toml` binds them. `uniqueKey` names their folder on disk and enters every
 * object's id: changing one loses the data behind it.
 */
const ACTORS = [
  { binding: "PARTITION", className: "Partition", uniqueKey: "selvedge-partition" },
  { binding: "CATALOG", className: "Catalog", uniqueKey: "selvedge-catalog" },
];

/**
 * @typedef {object} Place
 * @property {string} host address to listen on
 * @property {number} port
 * @property {string} objects absolute path of the folder for the objects' databases
 * @property {string} modules path of the folder of the Worker's modules, relative to the configuration file
 */

/**
 * The configuration's text.
 * @param {Place} place
 */
export function configuration({ host, port, objects, modules }) {
  const bindings = ACTORS.map((a) => `(name = ${text(a.binding)}, durableObjectNamespace = ${text(a.className)})`);
  const namespaces = ACTORS.map(
    (a) => `(className = ${text(a.className)}, uniqueKey = ${text(a.uniqueKey)}, enableSql = true)`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "selvedge", worker = .selvedge),
    (name = "disk", disk = (path = ${text(objects)}, writable = true)),
  ],
  sockets = [(name = "http", address = ${text(`${host}:${port}`)}, http = (), service = "selvedge")],
);

const selvedge :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed ${text(`${modules}/index.js`)}),
    (name = "index_bg.wasm", wasm = embed ${text(`${modules}/index_bg.wasm`)}),
  ],
  compatibilityDate = ${text(compatibilityDate())},
  bindings = [
    ${bindings.join(",\n    ")},
    (name = ${text(ROOT_KEY_VARIABLE)}, fromEnvironment = ${text(ROOT_KEY_VARIABLE)}),
  ],
  durableObjectNamespaces = [
    ${namespaces.join(",\n    ")},
  ],
  durableObjectStorage = (localDisk = "disk"),
);
`;
}

/** The date that the deployed Worker has, too. */
function compatibilityDate() {
  const date = /^compatibility_date = "([\d-]+)"$/m.exec(readFileSync(join(ROOT, "wrangler.toml"), "utf8"))?.[1];
  if (!date) throw new Failure("wrangler.toml has no compatibility_date");
  return date;
}

/**
 * A string as Cap'n Proto writes it: the escapes that JSON makes are its own.
 * @param {string} value
 */
const text = (value) => JSON.stringify(value);
