/** What the killed program and the spec that kills it agree on. */

import type { OpenOptions } from "../../src/index.ts";

export const WORKERS = 3;

/** Small enough that flushes and compactions are always under way. */
export const KILL_OPTIONS: OpenOptions = {
  sync: "interval",
  syncIntervalMs: 20,
  memtableSize: 256 * 1024,
  baseLevelSize: 256 * 1024,
  levelZeroTables: 2,
  valueThreshold: 500,
  workers: 1,
};

export function bigValue(number: number): string {
  return `${number}:`.padEnd(600 + (number % 400), String.fromCharCode(97 + (number % 26)));
}
