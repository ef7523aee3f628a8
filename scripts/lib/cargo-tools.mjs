/** Programs that are built from crates, into `.tools`, at exactly the version this project needs. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, TOOLS } from "./paths.mjs";
import { Failure, run, say } from "./run.mjs";

/** Bound to the `worker` crate of Cargo.lock: its version is that one's. */
const WORKER_BUILD = "worker-build";
/** Must equal the `wasm-bindgen` library of Cargo.lock, to the last digit. */
const WASM_BINDGEN = "wasm-bindgen-cli";

/** Installs the tools that are missing or of another version. */
export async function ensureCargoTools() {
  await ensure(WORKER_BUILD, locked("worker"));
  await ensure(WASM_BINDGEN, locked("wasm-bindgen"));
}

/**
 * The path of an installed tool.
 * @param {string} name
 */
export const toolBin = (name) => join(TOOLS, "bin", name);

/**
 * @param {string} crate
 * @param {string} version
 */
async function ensure(crate, version) {
  if (installed(crate) === version) return;
  say(`${crate} ${version}`);
  const args = ["install", "--quiet", "--root", TOOLS, crate, "--version", version, "--force"];
  try {
    await run("cargo", [...args, "--locked"]);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // A registry may lack a version that the crate's own lock file names: let cargo choose its dependencies then.
    say(`${crate} ${version}, without its lock file`);
    await run("cargo", args);
  }
}

/**
 * @param {string} crate
 * @returns {string | undefined}
 */
function installed(crate) {
  const list = join(TOOLS, ".crates.toml");
  if (!existsSync(list)) return undefined;
  return new RegExp(`^"${crate} (\\S+) `, "m").exec(readFileSync(list, "utf8"))?.[1];
}

/**
 * The version of a crate in Cargo.lock.
 * @param {string} crate
 */
function locked(crate) {
  const text = readFileSync(join(ROOT, "Cargo.lock"), "utf8");
  const version = new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`).exec(text)?.[1];
  if (!version) throw new Failure(`Cargo.lock does not name ${crate}`);
  return version;
}
