/**
 * Rows as lines of text under headings; numbers to the right.
 * @param {Record<string, (row: Record<string, any>) => string | number>} columns heading → what stands under it
 * @param {Record<string, unknown>[]} rows
 */
export function table(columns, rows) {
  const shown = Object.entries(columns).map(([heading, cell]) => {
    const cells = rows.map(cell);
    const texts = [heading, ...cells.map(String)];
    const width = Math.max(...texts.map((text) => text.length));
    const toTheRight = cells.some((value) => /^-?\d/.test(String(value)));
    return texts.map((text) => (toTheRight ? text.padStart(width) : text.padEnd(width)));
  });
  const lines = [undefined, ...rows].map((_, line) => `  ${shown.map((column) => column[line]).join("  ")}`.trimEnd());
  return lines.join("\n");
}
