/** What the figures were taken on, and what is deployed. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { BUILD } from "../../scripts/lib/paths.mjs";

const GIB = 2 ** 30;

/** The machine, in one line. */
export function machine() {
  const { version } = createRequire(import.meta.url)("workerd/package.json");
  const processors = cpus();
  const model = processors[0]?.model.trim() || process.arch;
  const memory = `${Math.round(totalmem() / GIB)} GiB`;
  return `${processors.length} cores (${model}), ${memory}, ${process.platform}; Node ${process.versions.node}, workerd ${version}; client and server share the cores.`;
}

/**
 * Bytes of the release build's modules, as they are and compressed.
 * @returns {{ name: string, raw: number, gzip: number }[]}
 */
export function sizes() {
  return ["index_bg.wasm", "index.js", "worker.js"].map((name) => {
    const bytes = readFileSync(join(BUILD, "release", name));
    return { name, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
  });
}
