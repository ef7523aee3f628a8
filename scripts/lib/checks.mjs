/** What is checked, and how: the one list that `npm run lint` and `npm test` share. */
import { npmBin } from "./paths.mjs";
import { program } from "./steps.mjs";
import { TARGET } from "./wasm-target.mjs";

const DENY_WARNINGS = ["--", "--deny", "warnings"];

/** Formatting, lints and types, of Rust and of everything else. */
export const LINT = [
  program("rustfmt", "cargo", ["fmt", "--all", "--check"]),
  program("clippy, core", "cargo", [
    "clippy",
    "--locked",
    "--package",
    "selvedge",
    "--features",
    "native",
    "--all-targets",
    ...DENY_WARNINGS,
  ]),
  program("clippy, wasm", "cargo", [
    "clippy",
    "--locked",
    "--package",
    "selvedge-wasm",
    "--target",
    TARGET,
    ...DENY_WARNINGS,
  ]),
  program("biome", npmBin("biome"), [
    "ci",
    "--error-on-warnings",
    process.stdout.isTTY ? "--colors=force" : "--colors=off",
  ]),
  program("tsc", npmBin("tsc"), ["--project", "tsconfig.json"]),
  // The client alone, as browsers see it: nothing of Node's is there.
  program("tsc, client", npmBin("tsc"), ["--project", "js/tsconfig.build.json", "--noEmit"]),
];
