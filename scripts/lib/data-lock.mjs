/** One server at a time per data folder: two processes writing the same databases would lose each other's work. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "./run.mjs";

/**
 * Marks a folder as served by a process.
 * @param {string} data
 * @param {number} pid
 * @returns {() => void} takes the mark away
 */
export function markServed(data, pid) {
  const path = join(data, "pid");
  writeFileSync(path, `${pid}\n`);
  return () => {
    if (servedBy(path) === pid) rmSync(path, { force: true });
  };
}

/**
 * Fails if a living server has the folder. A killed one leaves its mark behind, which counts for nothing.
 * @param {string} data
 */
export function refuseServed(data) {
  const pid = servedBy(join(data, "pid"));
  if (pid !== undefined && isWorkerd(pid))
    throw new Failure(`The data in ${data} is being served by process ${pid}. Stop that one first.`);
}

/**
 * @param {string} path
 * @returns {number | undefined}
 */
function servedBy(path) {
  try {
    return Number.parseInt(readFileSync(path, "utf8"), 10);
  } catch {
    return undefined;
  }
}

/**
 * Whether a process lives and is workerd: its number may have gone to another since.
 * @param {number} pid
 */
function isWorkerd(pid) {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    const [program = ""] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return program.includes("workerd");
  } catch {
    return process.platform !== "linux";
  }
}
