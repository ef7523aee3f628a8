/** What the command line says, with the environment behind it. */
import { parseArgs } from "node:util";

/** A mistake of the caller: shown without a stack. */
export class Misuse extends Error {}

export const USAGE = `selvedge <command> --url <server> --db <database> --key <key>

  push <schema module>   shows what would change, asks, and sends the schema
  diff <schema module>   shows what would change; exit code 1 if anything would
  export [file]          writes every document, a line each, to the file or to standard output
  import [file]          puts every document of the file or of standard input

  --url         the server; or SELVEDGE_URL
  --db          the database; or SELVEDGE_DB
  --key         an API key, or the root key; or SELVEDGE_KEY
  --yes         push: do not ask
  --create      push: create the database if it is not there (takes the root key)
  --collection  export: of this collection alone

A schema module is JavaScript (or TypeScript, where Node runs it) that exports a schema by default or as \`schema\`,
or a JSON file.
`;

const COMMANDS = ["push", "diff", "export", "import"] as const;

/** What is to be done, and where. */
export interface Arguments {
  readonly command: (typeof COMMANDS)[number];
  readonly file: string | undefined;
  readonly url: string;
  readonly db: string;
  readonly key: string;
  readonly yes: boolean;
  readonly create: boolean;
  readonly collection: string | undefined;
}

/** Reads them; undefined asks for help. */
export function readArguments(args: readonly string[], env: NodeJS.ProcessEnv): Arguments | undefined {
  const { values, positionals } = parse(args);
  if (values.help || positionals.length === 0) return undefined;
  const [name, file, ...rest] = positionals;
  const command = COMMANDS.find((known) => known === name);
  if (!command || rest.length > 0) throw new Misuse(`There is no such command: ${positionals.join(" ")}`);
  const needed = (value: string | undefined, option: string, variable: string) => {
    const found = value || env[variable];
    if (!found) throw new Misuse(`Say --${option}, or set ${variable}.`);
    return found;
  };
  return {
    command,
    file,
    url: needed(values.url, "url", "SELVEDGE_URL").replace(/\/+$/, ""),
    db: needed(values.db, "db", "SELVEDGE_DB"),
    key: needed(values.key, "key", "SELVEDGE_KEY"),
    yes: values.yes ?? false,
    create: values.create ?? false,
    collection: values.collection,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { url: text, db: text, key: text, collection: text, yes: flag, create: flag, help: flag },
    });
  } catch (error) {
    throw new Misuse(error instanceof Error ? error.message : String(error));
  }
}
