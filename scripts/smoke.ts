/**
 * `bun run smoke [--executable FILE]`: drives the compiled `dist/meles` the way a user would, from another
 * directory, with real files, pipes and kills. One line per check, the total at the end, exit code 1
 * when a check failed.
 */

import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { duration } from "./child.ts";
import { executable as built } from "./project.ts";
import { checks } from "./smoke/checks.ts";
import { Program } from "./smoke/program.ts";

const { values } = parseArgs({ options: { executable: { type: "string", default: built } } });
const executable = resolve(values.executable);
if (!existsSync(executable)) {
  process.stderr.write(`${executable} is not there; make it with: bun run build --no-smoke\n`);
  process.exit(1);
}

const scratch = mkdtempSync(join(tmpdir(), "meles-smoke-"));
let failed = 0;
try {
  for (const [index, check] of checks.entries()) {
    const directory = join(scratch, String(index));
    mkdirSync(directory);
    const started = performance.now();
    try {
      await check.run(new Program(executable, directory));
      process.stdout.write(`ok   ${check.name} (${duration(performance.now() - started)})\n`);
    } catch (error) {
      failed++;
      const reason = error instanceof Error ? error.message : String(error);
      process.stdout.write(`FAIL ${check.name}\n     ${reason.replaceAll("\n", "\n     ")}\n`);
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.stdout.write(`${checks.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
