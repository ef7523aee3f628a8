/** `npm run lint` */
import { LINT } from "./lib/checks.mjs";
import { main } from "./lib/run.mjs";
import { setup } from "./lib/setup.mjs";
import { runSteps } from "./lib/steps.mjs";

await main(async () => {
  await setup();
  await runSteps(LINT);
});
