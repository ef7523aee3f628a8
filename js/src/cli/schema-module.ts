/** Schemas from files. */
import { readFile } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { SchemaJson } from "../schema/json.js";
import { Misuse } from "./arguments.js";

/** The schema that a module exports by default or as `schema`, or that a JSON file holds. */
export async function loadSchema(file: string | undefined): Promise<SchemaJson> {
  if (file === undefined) throw new Misuse("Name the schema module.");
  const path = resolve(file);
  const loaded = extname(path) === ".json" ? await readJson(path) : await importSchema(path);
  if (typeof loaded === "object" && loaded !== null && "collections" in loaded) {
    // Through JSON, as it will travel: what is undefined is not there.
    return JSON.parse(JSON.stringify(loaded));
  }
  throw new Misuse(`${file} exports no schema, neither by default nor as \`schema\`.`);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new Misuse(`${path} cannot be read as JSON: ${error instanceof Error ? error.message : error}`);
  }
}

async function importSchema(path: string): Promise<unknown> {
  let module: { default?: unknown; schema?: unknown };
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    throw new Misuse(`${path} cannot be loaded: ${error instanceof Error ? error.message : error}`);
  }
  return module.default ?? module.schema;
}
