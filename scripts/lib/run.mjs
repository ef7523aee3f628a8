/** Running other programs, and failing with a sentence rather than a stack. */
import { spawn, spawnSync } from "node:child_process";
import { ROOT } from "./paths.mjs";

/** A failure that its message explains: printed without a stack. */
export class Failure extends Error {}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd] folder to run in; the repository by default
 * @property {Record<string, string | undefined>} [env] variables to set besides the present ones
 * @property {number} [timeout] milliseconds after which it is stopped
 */

/**
 * Runs a program to its end with its output shown.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<void>} rejects with a Failure unless it exits with 0
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "inherit", "inherit"],
      timeout: options.timeout,
    });
    child.on("error", (error) => reject(new Failure(`${command}: ${explain(error)}`)));
    child.on("exit", (code, signal) => {
      if (code === 0) resolve();
      else
        reject(new Failure(`${command} ${args.join(" ")}: ${signal ? `stopped by ${signal}` : `exit code ${code}`}`));
    });
  });
}

/**
 * Runs a program and returns what it printed, or undefined if it cannot be run or fails.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 */
export function capture(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "ignore"],
    encoding: "utf8",
    timeout: options.timeout,
  });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/**
 * Announces a step that is really done, in one line.
 * @param {string} line
 */
export function say(line) {
  console.log(`» ${line}`);
}

/**
 * Runs a script's main function; a Failure ends the process with its message and code 1.
 * @param {() => Promise<void>} body
 */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}

/** @param {NodeJS.ErrnoException} error */
function explain(error) {
  return error.code === "ENOENT" ? "not found; is it installed and on the PATH?" : error.message;
}
