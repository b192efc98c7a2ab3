/** The memtable against a map of maps, and what it promises the commit queue and recovery. */

import { describe, expect, test } from "bun:test";
import { EntrySlot } from "../../src/cursor/entry-slot.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { bloomHash } from "../../src/format/bloom-hash.ts";
import { transactionEndLength, writeTransactionEnd } from "../../src/format/log-record.ts";
import { META_DELETE, META_IN_TRANSACTION, META_POINTER } from "../../src/format/stored-value.ts";
import { VALUE_POINTER_SIZE, writeValuePointer } from "../../src/format/value-pointer.ts";
import { Memtable, type MemtableMemory } from "../../src/memtable/memtable.ts";
import { entry, randomKey, SEED, type SuiteEntry } from "../suites/sorted-entries.ts";
import { commit, committed, stage } from "./filled-memtable.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** What a get finds: `version/meta/userMeta/expiresAt/value`, or "nothing". */
function lookUp(memtable: Memtable, key: Uint8Array, version: number): string {
  const slot = new EntrySlot();
  if (!memtable.get(key, bloomHash(key, 0, key.length), version, slot)) return "nothing";
  const { valueBytes, valueOffset, valueLength } = slot;
  const value = valueBytes.subarray(valueOffset, valueOffset + valueLength);
  return `${slot.version}/${slot.meta}/${slot.userMeta}/${slot.expiresAt}/${value.toHex()}`;
}

/** Every version of every key; a version written again replaces the one before. */
class NaiveMemtable {
  readonly #keys = new Map<string, Map<number, SuiteEntry>>();

  put(one: SuiteEntry): void {
    const versions = this.#keys.get(one.key.toHex()) ?? new Map<number, SuiteEntry>();
    versions.set(one.version, one);
    this.#keys.set(one.key.toHex(), versions);
  }

  lookUp(key: Uint8Array, version: number): string {
    const versions = [...(this.#keys.get(key.toHex())?.values() ?? [])];
    const visible = versions.filter((one) => one.version <= version);
    if (visible.length === 0) return "nothing";
    const newest = visible.reduce((a, b) => (b.version > a.version ? b : a));
    const { meta, userMeta, expiresAt, value } = newest;
    return `${newest.version}/${meta}/${userMeta}/${expiresAt}/${value.toHex()}`;
  }

  /** `key@version` of every live entry, in the order a cursor shows them. */
  inOrder(): string[] {
    return [...this.#keys.entries()]
      .map(([hex, versions]) => ({ key: Uint8Array.fromHex(hex), versions }))
      .sort((a, b) => Buffer.compare(a.key, b.key))
      .flatMap(({ key, versions }) =>
        [...versions.keys()].sort((a, b) => b - a).map((version) => `${key.toHex()}@${version}`),
      );
  }
}

function walk(memtable: Memtable): string[] {
  const found: string[] = [];
  const cursor = memtable.cursor();
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
    const { keyBytes, keyOffset, keyLength } = cursor;
    const key = keyBytes.subarray(keyOffset, keyOffset + keyLength);
    found.push(`${key.toHex()}@${cursor.version}`);
  }
  return found;
}

/** Memory that another memtable has left full of other entries. */
function usedMemory(): MemtableMemory {
  const memtable = new Memtable(1 << 20, 0);
  for (let i = 0; i < 5000; i++) commit(memtable, [entry(`tiny${i}`, 5000 - i, "left over")]);
  return memtable.takeMemory() as MemtableMemory;
}

describe.each([
  ["point reads", () => 1 << 20],
  ["point reads in memory that was used before", usedMemory],
])("%s", (_name, memory) => {
  for (const shape of ["tiny", "suffixed", "numbered", "binary"] as const) {
    test(`answer like a map at every version, over ${shape} keys (seed ${SEED})`, () => {
      const random = new SeededRandom(SEED);
      const memtable = new Memtable(memory(), 0);
      const naive = new NaiveMemtable();
      const keys: Uint8Array[] = [];
      for (let step = 0; step < 4000; step++) {
        const isNew = keys.length === 0 || random.below(3) === 0;
        const key = isNew
          ? randomKey(random, shape)
          : (keys[random.below(keys.length)] as Uint8Array);
        if (isNew) keys.push(key);
        // Mostly ascending as commits are, at times long late or the very same version again.
        const version = random.below(10) === 0 ? random.below(step + 1) : step >>> 1;
        const one = entry(key, version, `value ${step}`, {
          meta: random.below(4),
          userMeta: step & 0xff,
          expiresAt: random.below(2) * step,
        });
        commit(memtable, [one]);
        naive.put(one);
        const asked = keys[random.below(keys.length)] as Uint8Array;
        const at = random.below(step + 10);
        const found = lookUp(memtable, asked, at);
        if (found !== naive.lookUp(asked, at)) {
          throw new Error(`step ${step}: ${asked.toHex()}@${at} gave ${found}`);
        }
      }
      for (const key of keys) {
        for (const at of [-1, 0, 1, 500, 1999, Infinity]) {
          expect(lookUp(memtable, key, at)).toBe(naive.lookUp(key, at));
        }
      }
      for (let i = 0; i < 500; i++) {
        const stranger = randomKey(random, shape);
        expect(lookUp(memtable, stranger, 1e9)).toBe(naive.lookUp(stranger, 1e9));
      }
      expect(walk(memtable)).toEqual(naive.inOrder());
    });
  }

  test("find nothing in an empty memtable", () => {
    expect(lookUp(new Memtable(memory(), 0), text("tiny1"), Infinity)).toBe("nothing");
    expect(walk(new Memtable(memory(), 0))).toEqual([]);
  });

  test("tell a key from its prefixes and extensions", () => {
    const memtable = committed([entry("ab", 1, "ab"), entry("abc", 2, "abc")]);
    expect(lookUp(memtable, text("ab"), 9)).toStartWith("1/");
    expect(lookUp(memtable, text("abc"), 9)).toStartWith("2/");
    for (const other of ["a", "abcd", "b", "ab\0"]) {
      expect(lookUp(memtable, text(other), 9)).toBe("nothing");
    }
  });

  test("tell keys with one hash apart", () => {
    const colliding = findCollision();
    const memtable = committed([entry(colliding[0], 1, "x"), entry(colliding[1], 2, "y")]);
    expect(lookUp(memtable, colliding[0], 9)).toEndWith("/78");
    expect(lookUp(memtable, colliding[1], 9)).toEndWith("/79");
  });

  test("find the later of two records with the same key and version", () => {
    const memtable = committed([entry("k", 5, "first"), entry("k", 4, "old")]);
    commit(memtable, [entry("k", 5, "second"), entry("k", 5, "third")]);
    expect(lookUp(memtable, text("k"), 5)).toEndWith(text("third").toHex());
    expect(lookUp(memtable, text("k"), 4)).toEndWith(text("old").toHex());
    expect(walk(memtable)).toEqual(["6b@5", "6b@4"]);
  });

  test("find a version that was inserted long after newer ones", () => {
    const memtable = committed([entry("k", 10, "ten"), entry("k", 30, "thirty")]);
    commit(memtable, [entry("k", 20, "twenty"), entry("k", 5, "five")]);
    commit(memtable, [entry("k", 10, "ten again")]);
    expect([4, 5, 10, 19, 20, 29, 30].map((at) => lookUp(memtable, text("k"), at))).toEqual([
      "nothing",
      ...["five", "ten again", "ten again", "twenty", "twenty", "thirty"].map((value, i) => {
        const version = [5, 10, 10, 20, 20, 30][i] as number;
        return `${version}/64/0/0/${text(value).toHex()}`;
      }),
    ]);
  });

  test("take versions up to 2^53 − 1 and keys up to 65,000 bytes", () => {
    const long = new Uint8Array(65_000).fill(0xff);
    const top = Number.MAX_SAFE_INTEGER;
    const memtable = committed([entry(long, top, "top"), entry(long, top - 1, "below")]);
    expect(lookUp(memtable, long, Infinity)).toStartWith(`${top}/`);
    expect(lookUp(memtable, long, top - 1)).toStartWith(`${top - 1}/`);
    expect(lookUp(memtable, long.subarray(1), Infinity)).toBe("nothing");
  });
});

/** Two keys with the same 32-bit hash, found by the birthday paradox. */
function findCollision(): [Uint8Array, Uint8Array] {
  const random = new SeededRandom(SEED);
  const seen = new Map<number, Uint8Array>();
  for (let i = 0; i < 500_000; i++) {
    const key = new Uint8Array(9);
    random.fill(key);
    const hash = bloomHash(key, 0, key.length);
    const other = seen.get(hash);
    if (other !== undefined && Buffer.compare(other, key) !== 0) return [other, key];
    seen.set(hash, key);
  }
  throw new Error(`no two of 500,000 keys share a hash (seed ${SEED})`);
}

describe("staging", () => {
  test("reserved records are invisible until they are indexed", () => {
    const memtable = new Memtable(4096, 0);
    stage(memtable, [entry("a", 1, "x")]);
    expect(memtable.isEmpty).toBe(true);
    expect(lookUp(memtable, text("a"), 9)).toBe("nothing");
    expect(walk(memtable)).toEqual([]);
    memtable.index();
    expect(lookUp(memtable, text("a"), 9)).toStartWith("1/");
    expect(memtable.indexedBytes).toBe(memtable.usedBytes);
  });

  test("what is rolled back leaves no trace, and its place is used again", () => {
    const memtable = committed([entry("a", 1, "kept")]);
    const before = memtable.usedBytes;
    const from = stage(memtable, [
      entry("a", 2, "a much longer value than the next"),
      entry("b", 2),
    ]);
    expect(from).toBe(before);
    memtable.rollBack(from);
    expect(memtable.usedBytes).toBe(before);
    memtable.index();
    expect(walk(memtable)).toEqual(["61@1"]);
    commit(memtable, [entry("a", 3, "new")]);
    expect(walk(memtable)).toEqual(["61@3", "61@1"]);
    expect(lookUp(memtable, text("b"), 9)).toBe("nothing");
    expect(memtable.maxVersion).toBe(3);
  });

  test("part of the staged tail can be rolled back", () => {
    const memtable = new Memtable(4096, 0);
    stage(memtable, [entry("a", 1)]);
    const from = stage(memtable, [entry("b", 2)]);
    memtable.rollBack(from);
    memtable.index();
    expect(walk(memtable)).toEqual(["61@1"]);
  });

  test("what was indexed cannot be rolled back", () => {
    const memtable = committed([entry("a", 1)]);
    expect(() => memtable.rollBack(20)).toThrow("only an unindexed tail");
    expect(() => memtable.rollBack(memtable.usedBytes + 1)).toThrow("only an unindexed tail");
  });

  test("more than there is room for is refused", () => {
    const memtable = new Memtable(100, 0);
    expect(memtable.freeBytes).toBe(80);
    expect(memtable.reserve(80)).toBe(20);
    expect(memtable.freeBytes).toBe(0);
    expect(() => memtable.reserve(1)).toThrow("rotated before it overflowed");
  });

  test("the end marker of a transaction takes log space but is no entry", () => {
    const memtable = new Memtable(4096, 0);
    stage(memtable, [entry("a", 7), entry("b", 7)]);
    writeTransactionEnd(memtable.arena, memtable.reserve(transactionEndLength(7)), 7);
    memtable.index();
    expect(memtable.count).toBe(2);
    expect(walk(memtable)).toEqual(["61@7", "62@7"]);
    expect(memtable.indexedBytes).toBe(memtable.usedBytes);
  });
});

describe("bookkeeping", () => {
  test("knows its versions, and whether everything in it is newer than what lies below", () => {
    const memtable = new Memtable(4096, 10);
    expect(memtable.minVersion).toBe(Infinity);
    commit(memtable, [entry("a", 12), entry("b", 11)]);
    expect([memtable.minVersion, memtable.maxVersion]).toEqual([11, 12]);
    expect(memtable.isKnownOrdered).toBe(true);
    commit(memtable, [entry("c", 10)]);
    expect(memtable.isKnownOrdered).toBe(false);
  });

  test("counts what Badger would need to replay it", () => {
    const memtable = committed([entry("key", 1, "value"), entry("k", 2)]);
    expect(memtable.readerBytes).toBe(2 * 42 + 3 + 5 + 1);
  });

  test("counts delete markers and the value-log bytes that its entries point to, by file", () => {
    const pointer = (file: number, length: number): Uint8Array => {
      const bytes = new Uint8Array(VALUE_POINTER_SIZE);
      writeValuePointer(bytes, 0, file, length, 20);
      return bytes;
    };
    const memtable = committed([
      entry("a", 1, pointer(3, 100), { meta: META_POINTER }),
      entry("b", 2, pointer(4, 50), { meta: META_POINTER }),
      entry("a", 3, pointer(3, 7), { meta: META_POINTER | META_IN_TRANSACTION }),
      entry("b", 4, "", { meta: META_DELETE }),
      entry("c", 5, "a value of the size", { meta: 0 }),
    ]);
    expect(memtable.tombstones).toBe(1);
    expect([...memtable.valueLogBytes]).toEqual([
      [3, 107],
      [4, 50],
    ]);
    expect(memtable.pointedBytes).toBe(157);
  });

  test("a replay that was cut keeps only what lies before its end", () => {
    const memtable = new Memtable(4096, 0);
    const first = stage(memtable, [entry("a", 1, "x")]);
    const second = stage(memtable, [entry("b", 2, "y")]);
    memtable.indexRecord(first);
    memtable.finishReplay(second);
    expect(memtable.usedBytes).toBe(second);
    expect(walk(memtable)).toEqual(["61@1"]);
    expect(lookUp(memtable, text("a"), 9)).toStartWith("1/");
    commit(memtable, [entry("c", 3)]);
    expect(walk(memtable)).toEqual(["61@1", "63@3"]);
  });
});

test("110,000 entries of 50,000 keys are found and ordered, through every growth", () => {
  const count = 110_000;
  const memtable = new Memtable(8 << 20, 0);
  const keyOf = (i: number): Uint8Array => text(`key-${(i * 7919) % 50_000}`);
  for (let i = 0; i < count; i++) {
    commit(memtable, [entry(keyOf(i), i + 1, i % 1000 === 0 ? `v${i}` : "")]);
    // Cursors taken between growths make the list take the entries in pieces.
    if (i === 500 || i === 1023 || i === 1024 || i === 70_000)
      expect(walk(memtable)).toHaveLength(i + 1);
  }
  expect(memtable.count).toBe(count);
  for (let i = 0; i < count; i += 997) {
    expect(lookUp(memtable, keyOf(i), i + 1)).toStartWith(`${i + 1}/`);
    expect(lookUp(memtable, keyOf(i), i)).toStartWith(
      i < 50_000 ? "nothing" : `${i + 1 - 50_000}/`,
    );
  }
  const order = walk(memtable);
  expect(order).toHaveLength(count);
  for (let i = 1; i < count; i++) {
    const [key = "", version] = (order[i] as string).split("@");
    const [keyBefore = "", versionBefore] = (order[i - 1] as string).split("@");
    // Hex of ASCII sorts as the bytes do.
    if (keyBefore > key || (keyBefore === key && Number(versionBefore) <= Number(version))) {
      throw new Error(`${order[i - 1]} before ${order[i]}`);
    }
  }
});
