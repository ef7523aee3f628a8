/** Telling whether files changed. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT } from "./paths.mjs";

/**
 * SHA-256, in hexadecimal.
 * @param {string | Buffer} content
 */
export function digest(content) {
  return createHash("sha256").update(content).digest("hex");
}

/**
 * One digest over the names and contents of files and whole folders; what is missing counts as such.
 * @param {string[]} paths absolute
 * @param {string[]} [words] anything else the result depends on
 */
export function digestFiles(paths, words = []) {
  const hash = createHash("sha256");
  for (const word of words) hash.update(`${word}\0`);
  for (const path of paths.flatMap(files)) {
    hash.update(`${relative(ROOT, path)}\0${digest(readFileSync(path))}\0`);
  }
  return hash.digest("hex");
}

/**
 * @param {string} path
 * @returns {string[]}
 */
function files(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => files(join(path, name)));
}
