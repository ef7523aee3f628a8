/** `npm run size`: what the client adds to a page, minified and compressed. Fails past the bound. */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** Bytes, gzip: a client that is asked for on every page has no right to more. */
const BOUND = 12 << 10;

/**
 * Bundles what `code` imports of the client.
 * @param {string} code
 */
export async function bundle(code) {
  const root = fileURLToPath(new URL("../src", import.meta.url));
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: root, loader: "ts" },
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}

/** Bytes, gzip, of all of the client, and the bound. */
export async function size() {
  const code = await bundle('export * from "./index.js";');
  return { bytes: gzipSync(code, { level: 9 }).length, bound: BOUND };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { bytes, bound } = await size();
  console.log(`${bytes} of ${bound} bytes, minified and gzip`);
  if (bytes > bound) process.exitCode = 1;
}
