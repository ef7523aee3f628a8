/** `npm run deploy [-- …]`: wrangler builds as `wrangler.toml` says, and deploys; words after `--` are its own. */
import { npmBin } from "./lib/paths.mjs";
import { main, run } from "./lib/run.mjs";
import { setup } from "./lib/setup.mjs";

await main(async () => {
  await setup();
  await run(npmBin("wrangler"), ["deploy", ...process.argv.slice(2)], { env: { WRANGLER_SEND_METRICS: "false" } });
});
