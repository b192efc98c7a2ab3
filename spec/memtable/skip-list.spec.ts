/** The skip list against a sorted array, through random splices and with live cursors on it. */

import { describe, expect, test } from "bun:test";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { sortEntries } from "../../src/memtable/entry-sort.ts";
import type { Memtable } from "../../src/memtable/memtable.ts";
import { SkipList } from "../../src/memtable/skip-list.ts";
import {
  compareEntries,
  entry,
  naiveSeek,
  randomEntries,
  randomKey,
  SEED,
  type SuiteEntry,
} from "../suites/sorted-entries.ts";
import { commit, replayed, shuffled } from "./filled-memtable.ts";
import { Memtable as EmptyMemtable } from "../../src/memtable/memtable.ts";

/** A list and the sorted array it must equal. Nodes are entry numbers + 1. */
class Pair {
  readonly entries: readonly SuiteEntry[];
  readonly list: SkipList;
  readonly #memtable: Memtable;
  sorted: SuiteEntry[] = [];
  #spliced = 0;

  constructor(entries: readonly SuiteEntry[]) {
    this.entries = entries;
    this.#memtable = replayed(entries);
    this.list = new SkipList(this.#memtable.entries());
  }

  splice(count: number): void {
    const to = Math.min(this.entries.length, this.#spliced + count);
    this.list.splice(sortEntries(this.#memtable.entries(), this.#spliced, to));
    this.sorted.push(...this.entries.slice(this.#spliced, to));
    this.sorted.sort(compareEntries);
    this.#spliced = to;
  }

  get isComplete(): boolean {
    return this.#spliced === this.entries.length;
  }

  at(node: number): SuiteEntry | undefined {
    return node === 0 ? undefined : this.entries[node - 1];
  }

  check(random: SeededRandom): void {
    const forward: (SuiteEntry | undefined)[] = [];
    for (let node = this.list.first(); node !== 0; node = this.list.next(node)) {
      forward.push(this.at(node));
    }
    expect(forward).toEqual(this.sorted);
    const backward: (SuiteEntry | undefined)[] = [];
    for (let node = this.list.last(); node !== 0; node = this.list.previous(node)) {
      backward.push(this.at(node));
    }
    expect(backward.reverse()).toEqual(this.sorted);
    expect(this.list.count).toBe(this.sorted.length);
    for (let i = 0; i < 40; i++) this.#checkSeek(random);
  }

  #checkSeek(random: SeededRandom): void {
    const near = this.entries[random.below(this.entries.length)] as SuiteEntry;
    const key = random.below(2) === 0 ? near.key : randomKey(random, "tiny");
    const version = [Infinity, near.version, near.version + 1, -1][random.below(4)] as number;
    const expected = this.sorted[naiveSeek(this.sorted, key, version) - 1];
    if (this.at(this.list.seekBefore(key, version)) !== expected) {
      throw new Error(`seekBefore ${key.toHex()}@${version} (seed ${SEED})`);
    }
  }
}

describe("a skip list", () => {
  for (const batch of [1, 2, 7, 48, 49, 300, 2000]) {
    test(`spliced in batches of up to ${batch} equals a sorted array (seed ${SEED})`, () => {
      const random = new SeededRandom(SEED + batch);
      const size = Math.min(2000, Math.max(300, batch * 6));
      const pair = new Pair(
        shuffled(randomEntries(random, size, "tiny", { versionsMax: 9 }), (n) => random.below(n)),
      );
      for (let step = 0; !pair.isComplete; step++) {
        pair.splice(random.below(8) === 0 ? 0 : 1 + random.below(batch));
        if (step % 16 === 0 || pair.isComplete) pair.check(random);
      }
      pair.check(random);
    });
  }

  test("takes ascending, descending and interleaved batches", () => {
    const random = new SeededRandom(SEED);
    const key = (i: number): SuiteEntry => entry(String(1000 + i), 1);
    const numbers = Array.from({ length: 400 }, (_, i) => i);
    for (const order of [
      numbers,
      numbers.toReversed(),
      numbers.map((i) => (i * 7) % 400),
      numbers.map((i) => (i % 2 === 0 ? i : 399 - i)).filter((i, at, all) => all.indexOf(i) === at),
    ]) {
      for (const batch of [1, 25, 400]) {
        const pair = new Pair(order.map(key));
        while (!pair.isComplete) pair.splice(batch);
        pair.check(random);
      }
    }
  });

  test("that is empty has no first, last or earlier node", () => {
    const { list } = new Pair([]);
    expect([list.first(), list.last(), list.seekBefore(new Uint8Array([1]), 1)]).toEqual([0, 0, 0]);
  });
});

describe("cursors on a growing memtable", () => {
  test(`stay where they are and see what is added ahead of them (seed ${SEED})`, () => {
    const random = new SeededRandom(SEED);
    const pending = shuffled(randomEntries(random, 3000, "tiny", { versionsMax: 60 }), (n) =>
      random.below(n),
    );
    const memtable = new EmptyMemtable(1 << 20, 0);
    const sorted: SuiteEntry[] = [];
    const cursor = memtable.cursor();
    let current: SuiteEntry | undefined;
    for (let step = 0; step < 6000; step++) {
      if (step % 5 === 0 && pending.length > 0) {
        const batch = pending.splice(0, 1 + random.below(6));
        commit(memtable, batch);
        // Another reader makes the list take them.
        memtable.cursor().close();
        sorted.push(...batch);
        sorted.sort(compareEntries);
      }
      if (sorted.length === 0) continue;
      if (current === undefined) {
        if (random.below(2) === 0) {
          cursor.seekToFirst();
          current = sorted[0];
        } else {
          cursor.seekToLast();
          current = sorted.at(-1);
        }
      } else {
        const index = sorted.indexOf(current);
        if (random.below(2) === 0) {
          cursor.next();
          current = sorted[index + 1];
        } else {
          cursor.prev();
          current = sorted[index - 1];
        }
      }
      expect(cursor.valid).toBe(current !== undefined);
      if (current === undefined) continue;
      const { keyBytes, keyOffset, keyLength, version } = cursor;
      const key = keyBytes.subarray(keyOffset, keyOffset + keyLength);
      if (compareEntries({ key, version }, current) !== 0) {
        throw new Error(`step ${step}: on ${key.toHex()}@${version} (seed ${SEED})`);
      }
    }
    expect(pending).toHaveLength(0);
  });
});
