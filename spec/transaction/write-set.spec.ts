import { describe, expect, test } from "bun:test";
import { EMPTY_BYTES, toBytes, toText } from "../../src/base/bytes.ts";
import type { EntryCursor } from "../../src/cursor/cursor.ts";
import { logRecordLength } from "../../src/format/log-record.ts";
import { META_DELETE } from "../../src/format/stored-value.ts";
import { OWN_WRITE_VERSION } from "../../src/transaction/oracle.ts";
import { WriteSet } from "../../src/transaction/write-set.ts";
import { SeededRandom } from "./seeded-random.ts";

function put(writes: WriteSet, key: string, value: string): void {
  writes.put(toBytes(key), toBytes(value), 0, 0, 0);
}

function keyAt(cursor: EntryCursor): string | undefined {
  if (!cursor.valid) return undefined;
  return toText(cursor.keyBytes.slice(cursor.keyOffset, cursor.keyOffset + cursor.keyLength));
}

function valueAt(cursor: EntryCursor): string {
  return toText(
    cursor.valueBytes.slice(cursor.valueOffset, cursor.valueOffset + cursor.valueLength),
  );
}

function dump(cursor: EntryCursor): string[] {
  const lines: string[] = [];
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
    lines.push(`${keyAt(cursor)}=${valueAt(cursor)}`);
  }
  return lines;
}

describe("write set", () => {
  test("the last write of a key wins, wherever it is looked up", () => {
    const writes = new WriteSet();
    put(writes, "a", "1");
    put(writes, "b", "2");
    put(writes, "a", "3");
    expect(writes.size).toBe(2);
    expect(toText(writes.get(toBytes("a"))?.value ?? EMPTY_BYTES)).toBe("3");
    expect(dump(writes.cursor())).toEqual(["a=3", "b=2"]);
    expect(writes.keys().map(toText)).toEqual(["a", "b"]);
  });

  test("a delete is a write: found as a marker", () => {
    const writes = new WriteSet();
    put(writes, "a", "1");
    writes.delete(toBytes("a"));
    const entry = writes.get(toBytes("a"));
    expect(entry?.meta).toBe(META_DELETE);
    expect(entry?.value).toHaveLength(0);
    expect(writes.get(toBytes("b"))).toBeUndefined();
  });

  test("keeps meta, user meta and expiry for its cursor, at the version of own writes", () => {
    const writes = new WriteSet();
    writes.put(toBytes("a"), toBytes("v"), 0x04, 9, 12345);
    const cursor = writes.cursor();
    cursor.seekToFirst();
    expect([cursor.meta, cursor.userMeta, cursor.expiresAt]).toEqual([0x04, 9, 12345]);
    expect(cursor.version).toBe(OWN_WRITE_VERSION);
  });

  test("counts what its entries cost in the log, replaced ones no longer", () => {
    const writes = new WriteSet();
    put(writes, "a", "x".repeat(500));
    put(writes, "bb", "2");
    put(writes, "a", "1");
    expect(writes.bytes).toBe(logRecordLength(1, 1, 0) + logRecordLength(2, 1, 0));
    const measured = new WriteSet((keyLength) => keyLength);
    put(measured, "abc", "1");
    expect(measured.bytes).toBe(3);
  });

  test("an open cursor sees neither later writes nor replacements", () => {
    const writes = new WriteSet();
    put(writes, "b", "1");
    put(writes, "d", "1");
    const before = writes.cursor();
    put(writes, "d", "2");
    put(writes, "c", "2");
    put(writes, "a", "2");
    const after = writes.cursor();
    put(writes, "b", "3");
    expect(dump(before)).toEqual(["b=1", "d=1"]);
    expect(dump(after)).toEqual(["a=2", "b=1", "c=2", "d=2"]);
    expect(dump(writes.cursor())).toEqual(["a=2", "b=3", "c=2", "d=2"]);
  });

  test("positions as the cursor contract says", () => {
    const writes = new WriteSet();
    for (const key of ["d", "b", "f"]) put(writes, key, "");
    const cursor = writes.cursor();
    const seek = (key: string, version: number): string | undefined => {
      cursor.seek(toBytes(key), version);
      return keyAt(cursor);
    };
    const seekBefore = (key: string, version: number): string | undefined => {
      cursor.seekBefore(toBytes(key), version);
      return keyAt(cursor);
    };
    expect(seek("a", Infinity)).toBe("b");
    expect(seek("d", Infinity)).toBe("d");
    expect(seek("d", 5)).toBe("f");
    expect(seek("g", Infinity)).toBeUndefined();
    expect(seekBefore("d", Infinity)).toBe("b");
    expect(seekBefore("d", -1)).toBe("d");
    expect(seekBefore("e", -1)).toBe("d");
    expect(seekBefore("b", Infinity)).toBeUndefined();
    cursor.seekToLast();
    cursor.prev();
    expect(keyAt(cursor)).toBe("d");
    cursor.close();
    expect(cursor.valid).toBe(false);
  });

  test("agrees with a sorted map under random use, old cursors included", () => {
    for (let seed = 1; seed <= 25; seed++) {
      const random = new SeededRandom(seed);
      const writes = new WriteSet();
      const twin = new Map<string, string>();
      const cursors: { cursor: EntryCursor; lines: string[] }[] = [];
      const lines = (): string[] =>
        [...twin].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}=${value}`);
      const keys = 1 + random.below(200);
      for (let step = 0; step < 400; step++) {
        const key = `${random.below(keys)}`;
        const value = `${step}`;
        put(writes, key, value);
        twin.set(key, value);
        if (random.chance(0.05)) cursors.push({ cursor: writes.cursor(), lines: lines() });
        const probe = `${random.below(keys)}`;
        const found = writes.get(toBytes(probe));
        if ((found === undefined ? undefined : toText(found.value)) !== twin.get(probe)) {
          throw new Error(`seed ${seed}, step ${step}: ${probe}`);
        }
      }
      for (const one of cursors) expect(dump(one.cursor)).toEqual(one.lines);
      expect(writes.size).toBe(twin.size);
    }
  });
});
