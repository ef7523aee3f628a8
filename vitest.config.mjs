import { defineConfig } from "vitest/config";

export default defineConfig({
  // As tsconfig.json has it: the package's own sources, whether it was built or not.
  resolve: { alias: { selvedge: new URL("js/src/index.ts", import.meta.url).pathname } },
  test: {
    include: ["tests/**/*.test.{ts,mjs}", "js/tests/**/*.test.ts"],
    // Each file starts servers of its own; the machine has few cores.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
