/** The root key of a server that keeps its data on this machine. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT_KEY_VARIABLE } from "./capnp.mjs";

/** Bytes of randomness in a key that is made here: beyond guessing. */
const KEY_BYTES = 32;

/**
 * `$SELVEDGE_ROOT_KEY`, or else the key beside the data, made on first use and readable by its owner alone.
 * @param {string} data the data folder
 */
export function rootKey(data) {
  const given = process.env[ROOT_KEY_VARIABLE];
  if (given) return given;
  const path = join(data, "root-key");
  if (existsSync(path)) return readFileSync(path, "utf8").trim();
  mkdirSync(data, { recursive: true });
  const key = `sv_root_${randomBytes(KEY_BYTES).toString("base64url")}`;
  writeFileSync(path, `${key}\n`, { mode: 0o600, flag: "wx" });
  return key;
}
