/** A browser for the tests: Debian's package, where none is there. */
import { execFileSync } from "node:child_process";
import { Failure, run, say } from "./run.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** The program of a Chromium: `$CHROMIUM`, or one on the path. */
export function chromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const name of NAMES) {
    try {
      return execFileSync("which", [name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    } catch {
      // The next one.
    }
  }
  return undefined;
}

/** Installs Chromium with apt if there is none. */
export async function ensureChromium() {
  if (chromium()) return;
  say("Chromium, from the system's packages");
  const isRoot = process.getuid?.() === 0;
  const apt = (/** @type {string[]} */ ...args) => {
    const [command = "", ...rest] = [...(isRoot ? [] : ["sudo", "-n"]), "apt-get", ...args];
    return run(command, rest, { env: { DEBIAN_FRONTEND: "noninteractive" } });
  };
  try {
    await apt("update", "--quiet");
    await apt("install", "--yes", "--quiet", "--no-install-recommends", "chromium");
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(`The tests need Chromium: install it, or name its program in CHROMIUM.\n${error.message}`);
  }
}
