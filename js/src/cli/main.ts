#!/usr/bin/env node
/** `npx selvedge`: exit code 0 is done, 1 is not (or, of `diff`, a difference), 2 is a mistake or a failure. */
import { createInterface } from "node:readline/promises";
import { SelvedgeError } from "../client/errors.js";
import type { Caller } from "../client/http.js";
import { type Arguments, Misuse, readArguments, USAGE } from "./arguments.js";
import { diff, push, type Terminal } from "./push.js";
import { loadSchema } from "./schema-module.js";
import { exportTo, importFrom, inputOf, outputOf } from "./transfer.js";

/** Speaks on standard error where standard output carries documents. */
function terminalOf({ command, yes }: Arguments): Terminal {
  return {
    say: command === "export" ? console.error : console.log,
    async confirm(question) {
      if (yes) return true;
      if (!process.stdin.isTTY) throw new Misuse("Nobody is here to be asked: say --yes.");
      const asking = createInterface({ input: process.stdin, output: process.stderr });
      const answer = await asking.question(`${question} [y/N] `);
      asking.close();
      return /^y(es)?$/i.test(answer.trim());
    },
  };
}

async function run(given: Arguments): Promise<number> {
  const fetch: Caller["fetch"] = (url, init) => globalThis.fetch(url, init);
  const reach: Caller = { fetch, url: given.url, db: encodeURIComponent(given.db), key: given.key };
  const terminal = terminalOf(given);
  switch (given.command) {
    case "push":
      return (await push(reach, await loadSchema(given.file), terminal, given.create)) ? 0 : 1;
    case "diff":
      return (await diff(reach, await loadSchema(given.file), terminal)) ? 1 : 0;
    case "export":
      await exportTo(reach, outputOf(given.file), given.collection);
      return 0;
    case "import":
      return (await importFrom(reach, inputOf(given.file), terminal)) ? 0 : 1;
  }
}

try {
  const given = readArguments(process.argv.slice(2), process.env);
  if (given) process.exitCode = await run(given);
  else console.log(USAGE);
} catch (error) {
  process.exitCode = 2;
  if (error instanceof Misuse) console.error(`${error.message}\n\n${USAGE}`);
  else if (error instanceof SelvedgeError) {
    console.error(error.message);
    const { offenders } = error.problem;
    if (Array.isArray(offenders)) for (const offender of offenders) console.error(`  ${JSON.stringify(offender)}`);
  } else throw error;
}
