/**
 * Every single crash point: a workload that touches each kind of file operation is killed, and loses
 * power, after each of its operations in turn. What is left is opened, compared, written on, closed and
 * compared again.
 */

import { describe, expect, test } from "bun:test";

import type { OpenOptions } from "../../src/options.ts";
import { crash, type Crash, CRASH_VARIANTS, CRASHES } from "./crash.ts";
import { type Moment, ScriptedRun } from "./scripted-workload.ts";

test("the workload touches each kind of operation on each kind of file", async () => {
  const run = new ScriptedRun(CRASH_VARIANTS["sync interval, encrypted, zstd"] as OpenOptions);
  await run.run();
  for (const what of [
    "create .mem.tmp",
    "rename .mem",
    "write .mem",
    "sync .mem",
    "truncate .mem",
    "remove .mem",
    "create .vlog.tmp",
    "rename .vlog",
    "write .vlog",
    "sync .vlog",
    "truncate .vlog",
    "remove .vlog",
    "create .sst",
    "write .sst",
    "sync .sst",
    "remove .sst",
    "create MANIFEST-REWRITE",
    "rename MANIFEST",
    "write MANIFEST",
    "sync MANIFEST",
    "create REWRITE-KEYREGISTRY",
    "rename KEYREGISTRY",
    "create DISCARD",
    "sync directory data",
  ]) {
    expect(run.seen).toContain(what);
  }
});

describe("crashing between any two operations loses nothing promised and leaves nothing half", () => {
  for (const [name, options] of Object.entries(CRASH_VARIANTS)) {
    for (const how of CRASHES) {
      test(`${name}: ${how.end}${how.least ? ", nothing unsynced survives" : ""}`, async () => {
        const moments = await new ScriptedRun(options).moments();
        expect(moments.length).toBeGreaterThan(150);
        for (const moment of moments) await crash(moment, how, options);
      }, 60_000);
    }
  }
});

describe("a write that the crash interrupts", () => {
  for (const [name, options] of Object.entries(CRASH_VARIANTS)) {
    test(`${name}: leaves nothing half`, async () => {
      const moments = await new ScriptedRun(options).moments();
      const writes = moments.filter(({ before }) => before.startsWith("write"));
      expect(writes.length).toBeGreaterThan(50);
      for (const [index, { number }] of writes.entries()) {
        if (index % 5 !== 0) continue;
        const run = new ScriptedRun(options);
        const end = index % 2 === 0 ? "kill" : "power loss";
        expect(await run.run({ afterOperations: number + 1, end, when: "amid" })).toBe(false);
        await run.recover();
      }
    }, 60_000);
  }
});

describe("crashing again while the next process opens", () => {
  for (const [name, options] of Object.entries(CRASH_VARIANTS)) {
    test(`${name}: at each of its operations`, async () => {
      const moments = await new ScriptedRun(options).moments();
      for (let first = 5; first < moments.length; first += 17) {
        for (let second = 1; second <= 12; second++) {
          const how = CRASHES[(first + second) % CRASHES.length] as Crash;
          const end = second % 3 === 0 ? "kill" : "power loss";
          const again = { afterOperations: second, end, when: "after" } as const;
          await crash(moments[first] as Moment, how, options, again);
        }
      }
    }, 60_000);
  }
});
