/** `npm run bench [-- …]`: the release build, then the benchmarks; words after `--` are theirs. */
import { build } from "./lib/build.mjs";
import { main, run } from "./lib/run.mjs";
import { setup } from "./lib/setup.mjs";

await main(async () => {
  await setup();
  await build("release");
  await run(process.execPath, ["bench/run.mjs", ...process.argv.slice(2)]);
});
