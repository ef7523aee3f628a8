/** The Worker: the core and its shell, compiled to WebAssembly and bundled with their glue. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { toolBin } from "./cargo-tools.mjs";
import { digestFiles } from "./digest.mjs";
import { BUILD, npmBin, ROOT } from "./paths.mjs";
import { run, say } from "./run.mjs";

/**
 * `release` is what is deployed and measured; `quick` builds in seconds, for tests and development; `conformance` is
 * `quick` with the conformance suite of stores inside.
 * @typedef {"release" | "quick" | "conformance"} Profile
 */

/** What the result depends on. */
const INPUTS = ["Cargo.toml", "Cargo.lock", "src", "wasm", "package-lock.json"].map((name) => join(ROOT, name));

/**
 * Builds the Worker unless nothing changed since the last time.
 * @param {Profile} profile
 * @returns {Promise<string>} the folder of its modules: `worker.js`, which comes first, `index.js` and `index_bg.wasm`
 */
export async function build(profile) {
  const folder = join(BUILD, profile);
  const stamp = join(BUILD, `${profile}.inputs`);
  const inputs = digestFiles(INPUTS, [profile]);
  if (existsSync(join(folder, "worker.js")) && existsSync(stamp) && readFileSync(stamp, "utf8") === inputs)
    return folder;
  say(`building the Worker (${profile})`);
  mkdirSync(BUILD, { recursive: true });
  rmSync(stamp, { force: true });
  const crate = join(ROOT, "wasm");
  await run(
    toolBin("worker-build"),
    [
      ...(profile === "release" ? ["--release"] : ["--profile", "quick", "--no-opt"]),
      "--out-dir",
      relative(crate, folder),
      "--",
      "--locked",
      ...(profile === "conformance" ? ["--features", "conformance"] : []),
    ],
    {
      cwd: crate,
      env: {
        // Named here, or it would download its own.
        WASM_BINDGEN_BIN: toolBin("wasm-bindgen"),
        WASM_OPT_BIN: npmBin("wasm-opt"),
        ESBUILD_BIN: npmBin("esbuild"),
      },
    },
  );
  copyFileSync(join(crate, "src", "worker.js"), join(folder, "worker.js"));
  writeFileSync(stamp, inputs);
  return folder;
}
