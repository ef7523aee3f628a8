/** Where things are. Every path here is absolute. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
/** Tools that are built from source and belong to this checkout alone. */
export const TOOLS = join(ROOT, ".tools");
/** What `npm run build` makes. */
export const BUILD = join(ROOT, "build");
/** Where `npm start` keeps data unless `$SELVEDGE_DATA` says otherwise. */
export const DATA = join(ROOT, ".selvedge");

/**
 * The program `name` of an npm package of this checkout.
 * @param {string} name
 */
export const npmBin = (name) => join(ROOT, "node_modules", ".bin", name);
