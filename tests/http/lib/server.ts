/** The built Worker on real workerd, through miniflare, with databases that vanish with it. */
import { Miniflare } from "miniflare";
import { build } from "../../../scripts/lib/build.mjs";
import { compatibility, ROOT_KEY_VARIABLE, SELVEDGE } from "../../../scripts/lib/capnp.mjs";

/** What the Worker is given as its root key. */
export const ROOT_KEY = "sv_root_for_tests";

export interface Server {
  /** Without a final slash. */
  url: string;
  stop(): Promise<void>;
}

/** Builds the Worker if need be, and starts it. */
export async function startServer(): Promise<Server> {
  const folder = await build("quick");
  const { date, flags } = compatibility();
  const miniflare = new Miniflare({
    // Otherwise it would ask the network where it is.
    cf: false,
    compatibilityDate: date,
    compatibilityFlags: flags,
    bindings: { [ROOT_KEY_VARIABLE]: ROOT_KEY },
    modulesRoot: folder,
    modules: SELVEDGE.files.map((file) => ({
      type: file.endsWith(".wasm") ? ("CompiledWasm" as const) : ("ESModule" as const),
      path: `${folder}/${file}`,
    })),
    durableObjects: Object.fromEntries(
      SELVEDGE.actors.map(({ binding, className }) => [binding, { className, useSQLite: true }]),
    ),
  });
  const url = await miniflare.ready;
  return { url: url.origin, stop: () => miniflare.dispose() };
}
