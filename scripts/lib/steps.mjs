/** A run of named steps: each shown with how long it took, the first failure ending it. */
import { Failure, run } from "./run.mjs";

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {() => Promise<unknown>} run rejects with a Failure if the step fails
 */

/**
 * A step that runs a program.
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 * @param {import("./run.mjs").RunOptions} [options]
 * @returns {Step}
 */
export const program = (name, command, args, options) => ({ name, run: () => run(command, args, options) });

/**
 * Runs the steps in order and sums up in the last line; a failure sets the process's exit code.
 * @param {Step[]} steps
 */
export async function runSteps(steps) {
  let passed = 0;
  for (const step of steps) {
    console.log(`\n── ${step.name}`);
    const start = performance.now();
    const took = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
    try {
      await step.run();
    } catch (error) {
      console.error(error instanceof Failure ? error.message : error);
      console.error(`✗ ${step.name}, after ${took()}`);
      console.log(`\n${passed} passed, 1 failed`);
      process.exitCode = 1;
      return;
    }
    console.log(`✓ ${step.name}, ${took()}`);
    passed += 1;
  }
  console.log(`\n${passed} passed, 0 failed`);
}
