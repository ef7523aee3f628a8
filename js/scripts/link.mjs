/** Links the command line where npm looks for it: npm does so at installation, when it was not built yet. */
import { execFileSync } from "node:child_process";

execFileSync("npm", ["rebuild", "selvedge"], {
  cwd: new URL("../..", import.meta.url),
  stdio: "ignore",
  shell: process.platform === "win32",
});
