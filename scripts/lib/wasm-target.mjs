/** The compiler's WebAssembly target. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { capture, Failure, run, say } from "./run.mjs";
import { buildTargetFromDebian, STAMP } from "./wasm-target-debian.mjs";

/** As rustup and cargo call it. */
export const TARGET = "wasm32-unknown-unknown";
/** Milliseconds rustup may try; a machine without a way out would let it hang. */
const RUSTUP_PATIENCE = 180_000;

/** Adds the target to the compiler unless it is there. */
export async function ensureWasmTarget() {
  if (present()) return;
  say(`Rust target ${TARGET}`);
  try {
    await run("rustup", ["target", "add", TARGET], { timeout: RUSTUP_PATIENCE });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(`rustup cannot add it (${error.message}): building it from Debian's rust-src`);
    await buildTargetFromDebian(TARGET);
  }
  if (!present()) throw new Failure(`The target ${TARGET} is still missing; add it with: rustup target add ${TARGET}`);
}

function present() {
  const folder = capture("rustc", ["--print", "target-libdir", "--target", TARGET]);
  if (folder === undefined)
    throw new Failure("rustc does not run. Install Rust: https://www.rust-lang.org/tools/install");
  if (!existsSync(folder) || !readdirSync(folder).some((name) => name.startsWith("libcore-"))) return false;
  // One that was built here serves only the compiler it was built with.
  const stamp = join(folder, STAMP);
  return !existsSync(stamp) || readFileSync(stamp, "utf8") === capture("rustc", ["--version"]);
}
