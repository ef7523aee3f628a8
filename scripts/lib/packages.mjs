/** npm packages, by the lock file. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digest } from "./digest.mjs";
import { ROOT } from "./paths.mjs";
import { run, say } from "./run.mjs";

const MODULES = join(ROOT, "node_modules");
/** Remembers which lock file the installed packages came from. */
const STAMP = join(MODULES, ".selvedge-lock");

/** Installs the packages unless those of this very lock file are there. */
export async function ensurePackages() {
  const lock = digest(readFileSync(join(ROOT, "package-lock.json")));
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === lock) return;
  say("npm packages");
  // No package needs its install script: the binaries come as optional packages.
  await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
  writeFileSync(STAMP, lock);
}
