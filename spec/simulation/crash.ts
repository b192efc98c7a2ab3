/** Crashing at one moment of the scripted workload, and what is checked afterwards. */

import type { OpenOptions } from "../../src/options.ts";
import { type Moment, ScriptedRun } from "./scripted-workload.ts";
import type { Plant } from "./plants.ts";
import type { Doom, End } from "./world.ts";

export const CRASH_VARIANTS: Readonly<Record<string, OpenOptions>> = {
  "sync commit": { sync: "commit" },
  "sync interval, encrypted, zstd": {
    sync: "interval",
    compression: "zstd",
    encryptionKey: new Uint8Array(16).fill(3),
    encryptionKeyRotationMs: 30_000,
  },
  "sync commit, authenticated": {
    sync: "commit",
    encryptionKey: new Uint8Array(32).fill(3),
    authenticatedEncryption: true,
    encryptionKeyRotationMs: 30_000,
  },
  "sync never, values in the value log": { sync: "never", valueThreshold: 1 },
};

export interface Crash {
  readonly end: End;
  /** Of a power loss: nothing unsynced survives; otherwise any part of it. */
  readonly least: boolean;
}

export const CRASHES: readonly Crash[] = [
  { end: "kill", least: false },
  { end: "power loss", least: true },
  { end: "power loss", least: false },
];

/** Crashes at a moment, and if wanted again while the next process opens; then holds what is left against what must be. */
export async function crash(
  moment: Moment,
  how: Crash,
  options: OpenOptions,
  again?: Doom,
  plant?: Plant["files"],
): Promise<void> {
  const run = ScriptedRun.from(moment, options);
  if (plant !== undefined) run.plant = plant;
  try {
    run.end(how.end, how.least);
    await run.recover(again);
  } catch (error) {
    const what = `${how.end}${how.least ? " of everything unsynced" : ""} before ${moment.before} (operation ${moment.number})`;
    const second = again === undefined ? "" : `, then ${show(again)} while opening`;
    const last = run.world.trace.last(30).join("\n  ");
    throw new Error(`${what}${second}: ${String(error)}\n  ${last}`, { cause: error });
  }
}

function show({ end, when, afterOperations }: Doom): string {
  return `${end} ${when} operation ${afterOperations}`;
}
