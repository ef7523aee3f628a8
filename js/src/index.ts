export * from "./query/build.js";
export { collection } from "./schema/collection.js";
export { schema } from "./schema/schema.js";
export { t } from "./schema/t.js";
/** The version of this package, the same as that of the server it was released with. */
export const VERSION = "0.1.0";
