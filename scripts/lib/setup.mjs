/** Everything a checkout needs besides Rust, Node and npm. Uses Node's own modules alone: it runs before npm's exist. */
import { ensureCargoTools } from "./cargo-tools.mjs";
import { ensurePackages } from "./packages.mjs";
import { ensureWasmTarget } from "./wasm-target.mjs";

/** Brings what is missing; does nothing, quickly, when all is there. */
export async function setup() {
  await ensurePackages();
  await ensureWasmTarget();
  await ensureCargoTools();
}
