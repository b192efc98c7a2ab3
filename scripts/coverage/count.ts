/**
 * Preloaded by `bun run coverage`: every file of `src/` is loaded with counters in it. What was counted is
 * written to COVERAGE_FILE.
 */

import { afterAll } from "bun:test";
import { writeFileSync } from "node:fs";
import { plugin } from "bun";
import { COUNTERS, instrumented, source } from "./instrument.ts";

plugin({
  name: "coverage",
  setup(build) {
    const own = new RegExp(`^${RegExp.escape(source)}/.*\\.ts$`);
    build.onLoad({ filter: own }, ({ path }) => ({ contents: instrumented(path), loader: "ts" }));
  },
});

afterAll(() => {
  const file = process.env["COVERAGE_FILE"];
  const counted = (globalThis as Record<string, unknown>)[COUNTERS];
  if (file !== undefined && counted !== undefined) writeFileSync(file, JSON.stringify(counted));
});
