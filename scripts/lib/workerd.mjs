/** workerd, started by itself: no development proxy in front, databases on the local disk. */
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { configuration, ROOT_KEY_VARIABLE, SELVEDGE } from "./capnp.mjs";
import { markServed, refuseServed } from "./data-lock.mjs";
import { freePort } from "./port.mjs";
import { rootKey } from "./root-key.mjs";
import { Failure } from "./run.mjs";

/** Milliseconds until a server that does not answer is given up. */
const START_PATIENCE = 30_000;
/** Milliseconds between two looks at its health. */
const HEALTH_INTERVAL = 20;
/** Milliseconds for a server to finish what it is answering before it is killed. */
const STOP_PATIENCE = 5_000;
/** Characters of its output kept to explain an early death. */
const OUTPUT_KEPT = 8_000;

/**
 * @typedef {object} StartOptions
 * @property {string} modules folder of the built Worker, as `build` returns it
 * @property {import("./capnp.mjs").Program} [program] what the modules are; Selvedge by default
 * @property {string} data folder for databases and the root key; made if missing
 * @property {number} [port] 0, the default, takes any free one
 * @property {string} [host] address to listen on; 127.0.0.1 by default
 * @property {string} [key] the root key; by default the environment's, or the one kept beside the data
 * @property {"show" | "keep"} [output] what to do with what it prints; `keep`, the default, shows it only on early death
 */

/**
 * @typedef {object} Exit
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal
 */

/**
 * @typedef {object} Server
 * @property {string} url without a final slash
 * @property {string} key the root key
 * @property {number} pid
 * @property {Promise<Exit>} exited settles when the process is gone, for whatever reason
 * @property {(signal?: NodeJS.Signals) => Promise<Exit>} kill sends a signal (SIGKILL by default) and waits for the end
 * @property {() => Promise<Exit>} stop lets it finish, then kills it
 */

/**
 * Starts a server and waits until it answers.
 * @param {StartOptions} options
 * @returns {Promise<Server>} rejects with a Failure if it does not come up
 */
export async function startWorkerd(options) {
  const host = options.host ?? "127.0.0.1";
  const data = resolve(options.data);
  const config = prepare(
    { program: options.program ?? SELVEDGE, modules: options.modules },
    { data, host, port: await freePort(host, options.port ?? 0) },
  );
  const key = options.key ?? rootKey(data);
  const child = spawn(workerdBinary(), ["serve", config.path], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, [ROOT_KEY_VARIABLE]: key },
  });
  const output = collect(child, options.output === "show");
  /** @type {Promise<Exit>} */
  const exited = new Promise((done) => {
    child.once("exit", (code, signal) => done({ code, signal }));
    child.once("error", () => done({ code: null, signal: null }));
  });
  if (child.pid === undefined) throw new Failure("workerd does not start; run: npm run setup");
  const unmark = markServed(data, child.pid);
  // Nobody is left to stop it once this process is gone.
  const orphaned = () => child.kill("SIGKILL");
  process.once("exit", orphaned);
  exited.then(() => {
    process.off("exit", orphaned);
    unmark();
  });
  /** @param {NodeJS.Signals} signal */
  const kill = (signal = "SIGKILL") => {
    child.kill(signal);
    return exited;
  };
  const url = `http://${host}:${config.port}`;
  try {
    await healthy(url, exited);
  } catch (error) {
    await kill();
    if (!(error instanceof Failure)) throw error;
    throw new Failure(`${error.message}\n${output()}`.trim());
  }
  return {
    url,
    key,
    pid: child.pid,
    exited,
    kill,
    async stop() {
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_PATIENCE);
      const exit = await kill("SIGTERM");
      clearTimeout(late);
      return exit;
    },
  };
}

/**
 * Lays out the data folder: `objects/` (the databases), and what is served from it, which a later build does not touch.
 * @param {{ program: import("./capnp.mjs").Program, modules: string }} what
 * @param {{ data: string, host: string, port: number }} where
 */
function prepare({ program, modules }, { data, host, port }) {
  const objects = join(data, "objects");
  const worker = join(data, "worker");
  for (const folder of [objects, worker]) mkdirSync(folder, { recursive: true });
  refuseServed(data);
  for (const name of program.files) copyFileSync(join(modules, name), join(worker, name));
  const path = join(data, "workerd.capnp");
  writeFileSync(path, configuration(program, { host, port, objects, modules: "worker" }));
  return { path, port };
}

/** The workerd program itself: the npm package's own start script would stand between it and our signals. */
function workerdBinary() {
  const require = createRequire(createRequire(import.meta.url).resolve("workerd/package.json"));
  const { platform, arch } = process;
  const machine = arch === "x64" ? "64" : arch;
  try {
    return platform === "win32"
      ? require.resolve(`@cloudflare/workerd-windows-${machine}/bin/workerd.exe`)
      : require.resolve(`@cloudflare/workerd-${platform}-${machine}/bin/workerd`);
  } catch {
    throw new Failure(`There is no workerd for ${platform} on ${arch}.`);
  }
}

/**
 * Keeps the last of what a process prints.
 * @param {import("node:child_process").ChildProcessByStdio<null, import("node:stream").Readable, import("node:stream").Readable>} child
 * @param {boolean} show
 * @returns {() => string}
 */
function collect(child, show) {
  let kept = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (/** @type {string} */ chunk) => {
      kept = (kept + chunk).slice(-OUTPUT_KEPT);
      if (show) process.stderr.write(chunk);
    });
  }
  return () => kept;
}

/**
 * Waits until the server answers its health check.
 * @param {string} url
 * @param {Promise<Exit>} exited
 */
async function healthy(url, exited) {
  /** @type {Exit | undefined} */
  let exit;
  exited.then((value) => {
    exit = value;
  });
  const deadline = Date.now() + START_PATIENCE;
  while (Date.now() < deadline) {
    if (exit) throw new Failure(`workerd ended before it answered (${exit.signal ?? `exit code ${exit.code}`}).`);
    try {
      const response = await fetch(`${url}/v1/health`, { signal: AbortSignal.timeout(START_PATIENCE) });
      if (response.ok) return;
      throw new Failure(`The server is not healthy: ${response.status} ${await response.text()}`);
    } catch (error) {
      if (error instanceof Failure) throw error;
      await sleep(HEALTH_INTERVAL);
    }
  }
  throw new Failure(`workerd did not answer within ${START_PATIENCE / 1000} seconds.`);
}
