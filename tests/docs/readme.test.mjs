/** The tour in the README, run as printed against a fresh server; what it prints must be what stands below it. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "../../scripts/lib/build.mjs";
import { BUILD, ROOT } from "../../scripts/lib/paths.mjs";
import { startWorkerd } from "../../scripts/lib/workerd.mjs";

/** Stands between what two commands print. */
const MARK = "=== next command ===";

const readme = readFileSync(join(ROOT, "README.md"), "utf8");
const tour = /<!-- tour -->(?<text>[\s\S]*)<!-- end of tour -->/.exec(readme)?.groups?.text ?? "";
/** Every command of the tour, with the answer that the README shows right below it, if it does. */
const commands = [...tour.matchAll(/```sh\n([\s\S]*?)```(?:\n+```json\n([\s\S]*?)```)?/g)].map(
  ([, command, answer]) => ({
    command: command ?? "",
    answer,
  }),
);

/**
 * An answer as the README may print it: times replaced, and every text that the README cuts short with `…` cut as there.
 * @param {unknown} value
 * @param {unknown} shown what the README prints in its place
 * @returns {unknown}
 */
function asShown(value, shown) {
  if (typeof value === "string") {
    if (typeof shown === "string" && shown.includes("…")) {
      const [start = "", end = ""] = shown.split("…");
      if (value.startsWith(start) && value.endsWith(end)) return shown;
    }
    return value.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>");
  }
  if (Array.isArray(value))
    return value.map((item, index) => asShown(item, Array.isArray(shown) ? shown[index] : null));
  if (typeof value !== "object" || value === null) return value;
  const beside = /** @type {Record<string, unknown>} */ (typeof shown === "object" && shown !== null ? shown : {});
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, asShown(member, beside[name])]));
}

/**
 * JSON values: one, however it is broken into lines, or one a line.
 * @param {string} text
 */
function values(text) {
  try {
    return [JSON.parse(text)];
  } catch {
    return text
      .split("\n")
      .filter((line) => line.trim())
      .map((line) => JSON.parse(line));
  }
}

/** @type {string} */
let data;
/** @type {import("../../scripts/lib/workerd.mjs").Server} */
let server;

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), "selvedge-readme-"));
  server = await startWorkerd({ modules: await build("quick"), data });
});

afterAll(async () => {
  await server?.kill();
  rmSync(data, { recursive: true, force: true });
});

test("the quick start of the README runs as printed and prints what it says", async () => {
  const start = /<!-- quick start -->(?<text>[\s\S]*)<!-- end of quick start -->/.exec(readme)?.groups?.text ?? "";
  const files = [...start.matchAll(/^`(\w+\.mjs)`[\s\S]*?```js\n([\s\S]*?)```/gm)];
  expect(files.map(([, name]) => name)).toEqual(["library.mjs", "program.mjs"]);
  // Within the repository, as the README has it: the package is found from there.
  const folder = mkdtempSync(join(BUILD, "quick-start-"));
  try {
    for (const [, name = "", text = ""] of files) writeFileSync(join(folder, name), text);
    const script = [...start.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, command]) => command).join("\n");
    const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], {
      cwd: folder,
      env: { ...process.env, SELVEDGE_URL: server.url, SELVEDGE_ROOT_KEY: server.key },
    });
    const shown = /```\n([\s\S]*?)```/.exec(start.slice(start.indexOf("prints:")))?.[1] ?? "nothing";
    expect(stdout.endsWith(shown), stdout).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the tour of the README runs as printed and answers as printed", async () => {
  expect(commands.filter(({ answer }) => answer).length).toBeGreaterThan(10);
  const script = commands.map(({ command }) => `${command}\necho; echo '${MARK}'`).join("\n");
  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], {
    cwd: data,
    env: { ...process.env, SELVEDGE_URL: server.url, SELVEDGE_ROOT_KEY: server.key },
  });
  const printed = stdout.split(MARK);
  for (const [index, { command, answer }] of commands.entries()) {
    if (answer === undefined) continue;
    const told = printed[index] ?? "";
    expect(() => values(told), `${command}\nprinted\n${told}`).not.toThrow();
    const shown = values(answer);
    expect(asShown(values(told), shown), command).toEqual(asShown(shown, shown));
  }
});
