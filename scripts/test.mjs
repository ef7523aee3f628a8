/** `npm test`: everything, in the order in which it is cheapest to fail. `npm test -- --long` fuzzes for a while, too. */
import { build } from "./lib/build.mjs";
import { LINT } from "./lib/checks.mjs";
import { ensureChromium } from "./lib/chromium.mjs";
import { npmBin } from "./lib/paths.mjs";
import { main } from "./lib/run.mjs";
import { setup } from "./lib/setup.mjs";
import { program, runSteps } from "./lib/steps.mjs";

/** Seconds for each target of the long form's fuzzing. */
const FUZZ_SECONDS = "60";

const cargoTest = ["test", "--locked", "--package", "selvedge", "--features", "native"];
const fuzzed = { env: { SELVEDGE_FUZZ_SECONDS: FUZZ_SECONDS } };
const long = process.argv.includes("--long")
  ? [program("fuzz", "cargo", [...cargoTest, "--release", "--test", "fuzz", "--", "--nocapture"], fuzzed)]
  : [];

await main(() =>
  runSteps([
    { name: "setup", run: setup },
    ...LINT,
    program("cargo test", "cargo", cargoTest),
    { name: "browser", run: ensureChromium },
    { name: "build", run: () => build("quick") },
    program("vitest", npmBin("vitest"), ["run"]),
    ...long,
  ]),
);
