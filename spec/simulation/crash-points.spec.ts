/**
 * Every single crash point: a workload that touches each kind of file operation is killed, and loses
 * power, after each of its operations in turn. What is left is opened, compared, written on, closed and
 * compared again.
 */

import { describe, expect, test } from "bun:test";

import type { OpenOptions } from "../../src/options.ts";
import { ScriptedRun } from "./scripted-workload.ts";
import type { Doom } from "./world.ts";

const VARIANTS: Readonly<Record<string, OpenOptions>> = {
  "sync commit": { sync: "commit" },
  "sync interval, encrypted, zstd": {
    sync: "interval",
    compression: "zstd",
    encryptionKey: new Uint8Array(16).fill(3),
    encryptionKeyRotationMs: 30_000,
  },
  "sync never, values in the value log": { sync: "never", valueThreshold: 1 },
};

async function total(options: OpenOptions): Promise<number> {
  const run = new ScriptedRun(options);
  expect(await run.run()).toBe(true);
  return run.operations;
}

async function crashAt(options: OpenOptions, doom: Doom, again?: Doom): Promise<void> {
  const run = new ScriptedRun(options);
  try {
    expect(await run.run(doom)).toBe(false);
    await run.recover(again);
  } catch (error) {
    const last = run.world.trace.last(30).join("\n  ");
    const second = again === undefined ? "" : `, then ${show(again)} while opening`;
    throw new Error(`${show(doom)}${second}: ${String(error)}\n  ${last}`, { cause: error });
  }
}

function show({ end, when, afterOperations }: Doom): string {
  return `${end} ${when} operation ${afterOperations}`;
}

test("the workload touches each kind of operation on each kind of file", async () => {
  const run = new ScriptedRun(VARIANTS["sync interval, encrypted, zstd"] as OpenOptions);
  await run.run();
  for (const what of [
    ...["create .mem.tmp", "rename .mem", "write .mem", "sync .mem", "truncate .mem", "remove .mem"],
    ...["create .vlog.tmp", "rename .vlog", "write .vlog", "sync .vlog", "truncate .vlog", "remove .vlog"],
    ...["create .sst", "write .sst", "sync .sst", "remove .sst"],
    ...["create MANIFEST-REWRITE", "rename MANIFEST", "write MANIFEST", "sync MANIFEST"],
    ...["create REWRITE-KEYREGISTRY", "rename KEYREGISTRY", "create DISCARD", "sync directory data"],
  ]) {
    expect(run.seen).toContain(what);
  }
});

describe("crashing after each operation in turn loses nothing promised and leaves nothing half", () => {
  for (const [name, options] of Object.entries(VARIANTS)) {
    for (const end of ["kill", "power loss"] as const) {
      test(`${name}: ${end}`, async () => {
        const count = await total(options);
        expect(count).toBeGreaterThan(200);
        for (let afterOperations = 1; afterOperations <= count; afterOperations++) {
          await crashAt(options, { afterOperations, end, when: "after" });
          await crashAt(options, { afterOperations, end, when: "amid" });
        }
      }, 120_000);
    }
  }
});

describe("crashing again while the next process opens", () => {
  for (const [name, options] of Object.entries(VARIANTS)) {
    test(`${name}: after each operation of every thirteenth opening`, async () => {
      const count = await total(options);
      for (let first = 7; first <= count; first += 13) {
        for (let second = 1; second <= 12; second++) {
          const end = (first + second) % 2 === 0 ? "kill" : "power loss";
          const other = second % 3 === 0 ? "kill" : "power loss";
          await crashAt(
            options,
            { afterOperations: first, end, when: "after" },
            { afterOperations: second, end: other, when: "after" },
          );
        }
      }
    }, 120_000);
  }
});
