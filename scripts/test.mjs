/** `npm test`: everything, in the order in which it is cheapest to fail. */
import { build } from "./lib/build.mjs";
import { LINT } from "./lib/checks.mjs";
import { ensureChromium } from "./lib/chromium.mjs";
import { npmBin } from "./lib/paths.mjs";
import { main } from "./lib/run.mjs";
import { setup } from "./lib/setup.mjs";
import { program, runSteps } from "./lib/steps.mjs";

await main(() =>
  runSteps([
    { name: "setup", run: setup },
    ...LINT,
    program("cargo test", "cargo", ["test", "--locked", "--package", "selvedge", "--features", "native"]),
    { name: "browser", run: ensureChromium },
    { name: "build", run: () => build("quick") },
    program("vitest", npmBin("vitest"), ["run"]),
  ]),
);
