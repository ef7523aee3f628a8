/** `npm run fmt`: formats everything in place. */
import { ensurePackages } from "./lib/packages.mjs";
import { npmBin } from "./lib/paths.mjs";
import { main, run } from "./lib/run.mjs";

await main(async () => {
  await ensurePackages();
  await run("cargo", ["fmt", "--all"]);
  await run(npmBin("biome"), ["check", "--write"]);
});
