/** Moving values between value-log files: the pointer changes, the value and everything about it does not. */

import { describe, expect, test } from "bun:test";

import type { EntryCursor } from "../../src/cursor/cursor.ts";
import { EntrySlot } from "../../src/cursor/entry-slot.ts";
import type { Env } from "../../src/env/env.ts";
import { ManualClock } from "../../src/env/manual-clock.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { META_DISCARD_EARLIER, META_POINTER } from "../../src/format/stored-value.ts";
import { pointerFile } from "../../src/format/value-pointer.ts";
import type { LogKeys } from "../../src/log/log-keys.ts";
import { relocationFileNumbers, Relocator } from "../../src/value-log/relocator.ts";
import { ENCRYPTED, PLAIN, type Stored, ValueLog } from "./value-log-fixture.ts";

/** A log of several small files with values of every size, all readable. */
function filled(keys: LogKeys): { log: ValueLog; stored: Stored[] } {
  const log = new ValueLog({ fileSizeBytes: 2000 }, keys);
  const random = new SeededRandom(7);
  const stored: Stored[] = [];
  for (let i = 0; i < 60; i++) {
    const value = new Uint8Array([1, 100, 700, 0, 3000][i % 5] as number);
    random.fill(value);
    stored.push(log.write(value, `key-${i}`));
  }
  return { log, stored };
}

function envOf(log: ValueLog): Env {
  return {
    fileSystem: log.fileSystem,
    clock: new ManualClock(),
    random: new SeededRandom(2),
    log: () => undefined,
  };
}

/** An entry as a compaction shows it. */
function entryOf({ key, version, pointer }: Stored, meta = META_POINTER): EntryCursor {
  const fields = { keyBytes: key, keyOffset: 0, keyLength: key.length, version, meta };
  const value = { valueBytes: pointer, valueOffset: 0, valueLength: pointer.length };
  return Object.assign(new EntrySlot(), fields, value, { userMeta: 9 }) as unknown as EntryCursor;
}

function pointerOf({ valueBytes, valueOffset, valueLength }: EntryCursor): Uint8Array {
  return valueBytes.slice(valueOffset, valueOffset + valueLength);
}

function relocatorOf(log: ValueLog, condemned: number[], keys: LogKeys, fileSizeBytes = 2000) {
  const relocation = { condemned, firstFileNumber: 100, fileSizeBytes, recordCountMax: 1000 };
  return new Relocator(relocation, envOf(log), "/db", keys);
}

const names = (log: ValueLog): string[] =>
  log.fileSystem.list("/db").filter((name) => name.startsWith("0001"));

describe("a relocation", () => {
  for (const [kind, keys] of [
    ["plain", PLAIN],
    ["encrypted", ENCRYPTED],
  ] as const) {
    test(`moves the values of condemned files and nothing else, ${kind}`, () => {
      const { log, stored } = filled(keys);
      const condemned = [1, 3, 4];
      const relocator = relocatorOf(log, condemned, keys);
      const moved: Stored[] = [];
      let bytes = 0;
      for (const one of stored) {
        const entry = entryOf(one, META_POINTER | META_DISCARD_EARLIER);
        relocator.apply(entry);
        const pointer = pointerOf(entry);
        const isCondemned = condemned.includes(pointerFile(one.pointer, 0));
        expect(pointerFile(pointer, 0) >= 100).toBe(isCondemned);
        if (!isCondemned) expect(pointer).toEqual(one.pointer);
        if (isCondemned) bytes += one.key.length + one.value.length;
        const { version, userMeta, meta } = entry;
        expect([version, userMeta, meta]).toEqual([
          one.version,
          9,
          META_POINTER | META_DISCARD_EARLIER,
        ]);
        moved.push({ ...one, pointer });
      }
      relocator.finish();
      expect(relocator.bytes).toBe(bytes);
      expect(bytes).toBeGreaterThan(5000);
      // The old files are not needed any more.
      for (const file of condemned) log.fileSystem.remove(`/db/00000${file}.vlog`);
      log.expectReadable(moved);
      log.close();
    });
  }

  test("never needs more file numbers than it has", () => {
    const { log, stored } = filled(PLAIN);
    const relocator = relocatorOf(log, [1, 2], PLAIN, 30);
    for (const one of stored) relocator.apply(entryOf(one));
    relocator.finish();
    expect(relocator.createdFiles.length).toBe(relocationFileNumbers(2));
    expect([...relocator.createdFiles]).toEqual([100, 101, 102]);
    log.close();
  });

  test("leaves entries alone whose value is in the table", () => {
    const { log, stored } = filled(PLAIN);
    const relocator = relocatorOf(log, [1], PLAIN);
    const first = stored[0] as Stored;
    const inline = entryOf(first, 0);
    relocator.apply(inline);
    expect(pointerOf(inline)).toEqual(first.pointer);
    relocator.finish();
    expect(relocator.createdFiles).toEqual([]);
    log.close();
  });

  // It failed, its compaction failed with it and was tried again, until writers had to wait for good.
  test("leaves damaged values where they are, names their file and moves the others", () => {
    const { log, stored } = filled(PLAIN);
    const bytes = log.bytesOf("000001.vlog");
    bytes[300] = (bytes[300] as number) ^ 1;
    log.overwrite("000001.vlog", bytes);
    const relocator = relocatorOf(log, [1, 2], PLAIN);
    const kept: Stored[] = [];
    const moved: Stored[] = [];
    for (const one of stored.filter(({ pointer }) => pointerFile(pointer, 0) <= 2)) {
      const entry = entryOf(one);
      relocator.apply(entry);
      const pointer = pointerOf(entry);
      (pointerFile(pointer, 0) < 100 ? kept : moved).push({ ...one, pointer });
    }
    relocator.finish();
    expect(relocator.damagedFiles).toEqual([1]);
    expect(kept.length).toBe(1);
    expect(moved.length).toBeGreaterThan(5);
    log.expectReadable(moved);
    log.damage(kept[0] as Stored);
    log.close();
  });

  test("that cannot write removes what it made", () => {
    const { log, stored } = filled(PLAIN);
    const relocator = relocatorOf(log, [1, 2, 3], PLAIN, 500);
    for (const one of stored.slice(0, 10)) relocator.apply(entryOf(one));
    expect(names(log).length).toBeGreaterThan(1);
    relocator.removeAll();
    expect(names(log)).toEqual([]);
    log.close();
  });
});
