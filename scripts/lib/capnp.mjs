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
 * A Worker with its Durable Objects.
 * @typedef {object} Program
 * @property {string[]} files its modules, `.js` or `.wasm`, the one that is run first
 * @property {{ binding: string, className: string, uniqueKey: string }[]} actors its Durable Object classes
 */

/** @type {Program} */
export const SELVEDGE = { files: ["worker.js", "index.js", "index_bg.wasm"], actors: ACTORS };

/**
 * @typedef {object} Place
 * @property {string} host address to listen on
 * @property {number} port
 * @property {string} objects absolute path of the folder for the objects' databases
 * @property {string} modules path of the folder of the Worker's modules, relative to the configuration file
 */

/**
 * The configuration's text.
 * @param {Program} program
 * @param {Place} place
 */
export function configuration({ files, actors }, { host, port, objects, modules }) {
  const { date, flags } = compatibility();
  const embedded = files.map((file) => {
    const kind = file.endsWith(".wasm") ? "wasm" : "esModule";
    return `(name = ${text(file)}, ${kind} = embed ${text(`${modules}/${file}`)})`;
  });
  const bindings = actors.map((a) => `(name = ${text(a.binding)}, durableObjectNamespace = ${text(a.className)})`);
  const namespaces = actors.map(
    (a) => `(className = ${text(a.className)}, uniqueKey = ${text(a.uniqueKey)}, enableSql = true)`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "selvedge", worker = .selvedge),
    # Keys of issuers are fetched from anywhere on the internet and, for development, from this machine.
    (name = "internet", network = (allow = ["public", "local"], tlsOptions = (trustBrowserCas = true))),
    (name = "disk", disk = (path = ${text(objects)}, writable = true)),
  ],
  sockets = [(name = "http", address = ${text(`${host}:${port}`)}, http = (), service = "selvedge")],
);

const selvedge :Workerd.Worker = (
  modules = [
    ${embedded.join(",\n    ")},
  ],
  compatibilityDate = ${text(date)},
  compatibilityFlags = [${flags.map(text).join(", ")}],
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

/** What the deployed Worker has of the platform, too: the date and the flags of `wrangler.toml`. */
export function compatibility() {
  const file = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  const date = /^compatibility_date = "([\d-]+)"$/m.exec(file)?.[1];
  const flags = /^compatibility_flags = (\["[\w", ]+"\])$/m.exec(file)?.[1];
  if (!date || !flags) throw new Failure("wrangler.toml has no compatibility_date or no compatibility_flags");
  return { date, flags: /** @type {string[]} */ (JSON.parse(flags)) };
}

/**
 * A string as Cap'n Proto writes it: the escapes that JSON makes are its own.
 * @param {string} value
 */
const text = (value) => JSON.stringify(value);
