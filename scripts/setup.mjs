import { main } from "./lib/run.mjs";
import { setup } from "./lib/setup.mjs";

await main(setup);
