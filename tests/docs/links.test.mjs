/** Pages that point to files point to files that are there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/paths.mjs";

const pages = ["README.md", "CONTRIBUTING.md", "examples/flights/README.md"].concat(
  readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
);

test.each(pages)("%s links to what exists", (page) => {
  const text = readFileSync(join(ROOT, page), "utf8");
  const links = [...text.matchAll(/\]\((?!https?:|#)(?<target>[^)#\s]+)/g)].map(({ groups }) => groups?.target ?? "");
  for (const target of links) expect(existsSync(join(ROOT, dirname(page), target)), target).toBe(true);
});

test("docs/design.md names source files and modules that exist", () => {
  const text = readFileSync(join(ROOT, "docs/design.md"), "utf8");
  const named = [...text.matchAll(/`(?<path>(?:src|wasm|tests|bench|docs|scripts)\/[\w/.-]*)`/g)].map(
    ({ groups }) => groups?.path ?? "",
  );
  expect(named.length).toBeGreaterThan(10);
  const modules = [...text.matchAll(/`(?<name>[a-z_]+(?:::[a-z_]+)+)`/g)].map(({ groups }) => groups?.name ?? "");
  const files = [...named, ...modules.map((name) => `src/${name.replaceAll("::", "/")}`)];
  for (const file of files) {
    expect(existsSync(join(ROOT, file)) || existsSync(join(ROOT, `${file}.rs`)), file).toBe(true);
  }
});
