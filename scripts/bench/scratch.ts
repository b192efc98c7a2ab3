/** Folders of this run: gone when the process is, also after Ctrl-C. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../project.ts";

/**
 * Packages, compiled programs and databases of the benchmarks; safe to delete. Beside the packages, so
 * that it lies on a real disk and goes with them.
 */
export const WORKSHOP = join(root, "node_modules", ".cache", "bench");

export function temporaryFolder(name: string): string {
  mkdirSync(WORKSHOP, { recursive: true });
  const folder = mkdtempSync(join(WORKSHOP, `${name}-`));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Ends by `process.exit`, so that the folders go, and not by the signal. */
export function exitOnSignals(): void {
  process.on("SIGINT", () => process.exit(130));
  process.on("SIGTERM", () => process.exit(143));
}
