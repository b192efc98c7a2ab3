/**
 * Preloaded by `bun run coverage`: every file of `src/` is loaded with counters in it, for statements and
 * branches (Bun's own coverage knows no branches). What was counted is written to COVERAGE_FILE.
 */

import { afterAll } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plugin } from "bun";
import { createInstrumenter } from "istanbul-lib-instrument";
import { root } from "../project.ts";

const VARIABLE = "__melesCoverage__";
const source = join(root, "src");

const instrumenter = createInstrumenter({
  esModules: true,
  compact: false,
  coverageVariable: VARIABLE,
  parserPlugins: ["typescript", "explicitResourceManagement"],
});

plugin({
  name: "coverage",
  setup(build) {
    const own = new RegExp(`^${RegExp.escape(source)}/.*\\.ts$`);
    build.onLoad({ filter: own }, ({ path }) => ({
      contents: instrumenter.instrumentSync(readFileSync(path, "utf8"), path),
      loader: "ts",
    }));
  },
});

afterAll(() => {
  const file = process.env["COVERAGE_FILE"];
  const counted = (globalThis as Record<string, unknown>)[VARIABLE];
  if (file !== undefined && counted !== undefined) writeFileSync(file, JSON.stringify(counted));
});
