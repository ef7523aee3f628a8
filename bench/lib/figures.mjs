/** Numbers: their middle, and how they are printed. */

/** @param {number[]} numbers */
export function median(numbers) {
  const sorted = numbers.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  return (low + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

/**
 * A whole number with separators.
 * @param {number} number
 */
export const whole = (number) => Math.round(number).toLocaleString("en-US");

/**
 * @param {number} number
 * @param {number} digits
 */
export const fixed = (number, digits) => number.toFixed(digits);

/**
 * A Markdown table; the first column is text, the others are figures.
 * @param {string[]} heads
 * @param {string[][]} rows
 */
export function table(heads, rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(" | ")} |`;
  const rule = heads.map((_, column) => (column === 0 ? "---" : "---:"));
  return [line(heads), line(rule), ...rows.map(line)].join("\n");
}
