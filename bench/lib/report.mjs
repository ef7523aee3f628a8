/** The figures as Markdown, printed and kept in `docs/benchmarks.md`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/lib/paths.mjs";
import { Failure } from "../../scripts/lib/run.mjs";
import { fixed, table, whole } from "./figures.mjs";
import { GROWTH_TARGET, KINDS } from "./growth.mjs";
import { machine } from "./machine.mjs";

const PAGE = join(ROOT, "docs", "benchmarks.md");

/** @param {boolean} good */
const verdict = (good) => (good ? "yes" : "**no**");

/** @param {import("./rates.mjs").Rate[]} rates */
export function ratesTable(rates) {
  const rows = rates.map(({ workload: { name, unit, target }, baseline, selvedge, ratio }) => [
    `${name} (${unit})`,
    whole(baseline),
    whole(selvedge),
    fixed(ratio, 2),
    `≥ ${target}`,
    verdict(ratio >= target),
  ]);
  return table(["", "baseline", "Selvedge", "ratio", "target", "met"], rows);
}

/**
 * @param {string} them
 * @param {{ name: string, target: number, theirs: number, ours: number, ratio: number }[]} measured
 * @param {string} [us]
 */
export function clientsTable(them, measured, us = "Selvedge") {
  const rows = measured.map(({ name, target, theirs, ours, ratio }) => [
    name,
    whole(theirs),
    whole(ours),
    fixed(ratio, 2),
    `≥ ${target}`,
    verdict(ratio >= target),
  ]);
  return table(["operations/s", them, us, "ratio", "target", "met"], rows);
}

/**
 * @param {number[]} sizes
 * @param {{ name: string, latencies: number[][], judged: boolean }[]} subjects
 */
export function growthTable(sizes, subjects) {
  const rows = subjects.flatMap(({ name, latencies, judged }) =>
    KINDS.map((kind, at) => {
      const row = latencies[at] ?? [];
      const growth = (row.at(-1) ?? Number.NaN) / (row[0] ?? Number.NaN);
      const judgement = judged ? [`≤ ${GROWTH_TARGET}`, verdict(growth <= GROWTH_TARGET)] : ["", ""];
      return [`${kind.name}, ${name} (µs)`, ...row.map(whole), fixed(growth, 2), ...judgement];
    }),
  );
  return table(["documents in the partition", ...sizes.map(whole), "last : first", "target", "met"], rows);
}

/** @param {import("./rows.mjs").Counted[]} counted */
export function rowsTable(counted) {
  const rows = counted.map(({ name, most, cost }) => {
    const judgement = most === undefined ? ["", ""] : [`≤ ${most} written`, verdict(cost.written <= most)];
    return [name, whole(cost.read), whole(cost.written), ...judgement];
  });
  return table(["operation", "rows read", "rows written", "target", "met"], rows);
}

/** @param {{ name: string, raw: number, gzip: number }[]} sizes */
export const sizesTable = (sizes) =>
  table(
    ["module", "bytes", "gzip"],
    sizes.map(({ name, raw, gzip }) => [name, whole(raw), whole(gzip)]),
  );

/**
 * Puts parts into the page, each between its own marks, with the machine they were measured on.
 * @param {Map<string, string>} parts tables by the name in their marks
 */
export function write(parts) {
  let page = readFileSync(PAGE, "utf8");
  for (const [name, text] of [...parts, /** @type {const} */ (["machine", machine()])]) {
    const marked = new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- /${name} -->)`);
    if (!marked.test(page)) throw new Failure(`docs/benchmarks.md has no place for ${name}`);
    page = page.replace(marked, (_, start, end) => `${start}${text}\n${end}`);
  }
  writeFileSync(PAGE, page);
}
