/** Counters for statements and branches in the files of `src/` (Bun's own coverage knows no branches). */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInstrumenter } from "istanbul-lib-instrument";
import { root } from "../project.ts";
import type { FileCounters } from "./report.ts";

export const COUNTERS = "__melesCoverage__";
export const source = join(root, "src");

const instrumenter = createInstrumenter({
  esModules: true,
  compact: false,
  coverageVariable: COUNTERS,
  parserPlugins: ["typescript", "explicitResourceManagement"],
});

/** The file's text with counters in it. */
export function instrumented(path: string): string {
  return instrumenter.instrumentSync(readFileSync(path, "utf8"), path);
}

/** The counters of a file that nothing has loaded. */
export function untouched(path: string): FileCounters {
  instrumented(path);
  return instrumenter.lastFileCoverage();
}
