/** The client library as an application has it: bundled, in this process. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { BUILD, ROOT } from "../../scripts/lib/paths.mjs";

/** @returns {Promise<typeof import("../../js/src/index.js")>} */
export async function library() {
  const outfile = join(BUILD, "bench-client.mjs");
  const entry = join(ROOT, "js", "src", "index.ts");
  await build({ entryPoints: [entry], outfile, bundle: true, format: "esm", platform: "neutral", logLevel: "error" });
  return import(pathToFileURL(outfile).href);
}
