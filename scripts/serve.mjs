/** `npm start [-- --quick]`: brings what is missing, builds, serves. */
import { resolve } from "node:path";
import { build } from "./lib/build.mjs";
import { DATA } from "./lib/paths.mjs";
import { readPort } from "./lib/port.mjs";
import { main } from "./lib/run.mjs";
import { setup } from "./lib/setup.mjs";
import { startWorkerd } from "./lib/workerd.mjs";

await main(async () => {
  const port = readPort(process.env.PORT, 8787);
  await setup();
  const modules = await build(process.argv.includes("--quick") ? "quick" : "release");
  const data = resolve(process.env.SELVEDGE_DATA || DATA);
  const server = await startWorkerd({ modules, data, port, output: "show" });
  console.log(`
Selvedge serves ${server.url}
  data      ${data}
  root key  ${server.key}

Try:
  curl -X PUT ${server.url}/v1/demo -H "Authorization: Bearer ${server.key}"
`);
  let stopping = false;
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => {
      stopping = true;
      server.stop();
    });
  }
  const { code, signal } = await server.exited;
  if (stopping) return;
  if (signal) console.error(`workerd was stopped by ${signal}.`);
  process.exitCode = code ?? 1;
});
