/**
 * The process of the micro-benchmarks: `bun scripts/bench/micro/run-micro.ts FOLDER MODULES`. mitata
 * decides how often each is run; a line of JSON per bench says what it took.
 */

import { writeSync } from "node:fs";
import { microBenches } from "./benches.ts";

/** The part of mitata that is used here. Times are in nanoseconds. */
interface Mitata {
  readonly measure: (run: () => unknown) => Promise<{ readonly p50: number; readonly p99: number }>;
}

const [, , folder, modules] = process.argv;
const { measure }: Mitata = await import(Bun.resolveSync("mitata", modules ?? ""));
for (const { name, calls, run } of await microBenches(folder ?? "")) {
  const { p50, p99 } = await measure(run);
  writeSync(1, `${JSON.stringify({ name, p50Ns: p50 / calls, p99Ns: p99 / calls })}\n`);
}
process.exit();
