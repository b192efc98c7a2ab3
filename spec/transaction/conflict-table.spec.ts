import { describe, expect, test } from "bun:test";
import { EMPTY_BYTES, toBytes, toText } from "../../src/base/bytes.ts";
import { ConflictTable } from "../../src/transaction/conflict-table.ts";
import { rangeContains, rangesOverlap, WHOLE_RANGE } from "../../src/transaction/key-range.ts";
import type { KeyRange } from "../../src/transaction/key-range.ts";
import { Oracle } from "../../src/transaction/oracle.ts";
import { ReadSet } from "../../src/transaction/read-set.ts";
import { SeededRandom } from "./seeded-random.ts";

/** Oracle and table wired as the commit queue does it. */
class Store {
  readonly oracle = new Oracle(0);
  readonly table: ConflictTable;

  constructor(capacityBytes?: number) {
    this.table = new ConflictTable(
      this.oracle,
      capacityBytes === undefined ? undefined : { capacityBytes },
    );
  }

  begin(): Update {
    const readVersion = this.oracle.beginRead();
    this.table.beginUpdate(readVersion);
    return new Update(this, readVersion);
  }

  /** A blind commit, not published yet. */
  write(...keys: string[]): number {
    const version = this.oracle.nextVersion();
    this.table.recordCommit(version, keys.map(toBytes));
    return version;
  }

  commit(...keys: string[]): number {
    const version = this.write(...keys);
    this.oracle.publish(version);
    return version;
  }
}

class Update {
  readonly reads = new ReadSet();

  readonly store: Store;
  readonly readVersion: number;

  constructor(store: Store, readVersion: number) {
    this.store = store;
    this.readVersion = readVersion;
  }

  get(...keys: string[]): this {
    for (const key of keys) this.reads.addKey(toBytes(key));
    return this;
  }

  scan(lower: string, upper: string): this {
    this.reads.addRange(toBytes(lower), true, toBytes(upper), false);
    return this;
  }

  conflict(): string | undefined {
    const key = this.store.table.findConflict(this.reads, this.readVersion);
    return key === undefined ? undefined : toText(key);
  }

  /** Commits the keys, or returns the key it lost on. */
  commit(...keys: string[]): string | undefined {
    const lost = this.conflict();
    this.discard();
    if (lost === undefined) this.store.commit(...keys);
    return lost;
  }

  discard(): void {
    this.store.table.endUpdate(this.readVersion);
    this.store.oracle.endRead(this.readVersion);
  }
}

describe("conflicts that are found", () => {
  test("lost update: both read and write one key", () => {
    const store = new Store();
    const [a, b] = [store.begin().get("k"), store.begin().get("k")];
    expect(a.commit("k")).toBeUndefined();
    expect(b.commit("k")).toBe("k");
  });

  test("write skew over keys", () => {
    const store = new Store();
    const [a, b] = [store.begin().get("x", "y"), store.begin().get("x", "y")];
    expect(a.commit("x")).toBeUndefined();
    expect(b.commit("y")).toBe("x");
  });

  test("write skew over ranges: each scans where the other inserts", () => {
    const store = new Store();
    const [a, b] = [store.begin().scan("a", "b"), store.begin().scan("c", "d")];
    expect(a.commit("c1")).toBeUndefined();
    expect(b.commit("a1")).toBe("c1");
  });

  test("phantom: a key inserted into a scanned range", () => {
    const store = new Store();
    const a = store.begin().scan("user:", "user;");
    store.commit("user:7");
    expect(a.commit("count")).toBe("user:7");
  });

  test("a key that was read as absent and then inserted", () => {
    const store = new Store();
    const a = store.begin().get("unique");
    store.commit("unique");
    expect(a.commit("unique")).toBe("unique");
  });

  test("a commit that was on its way to disk when the transaction started", () => {
    // The version is fixed, nothing is published: the snapshot does not hold the write, so it counts.
    const store = new Store();
    const version = store.write("k");
    const a = store.begin().get("k");
    store.oracle.publish(version);
    expect(a.commit("other")).toBe("k");
  });

  test("a commit recorded while nobody was active and published after another transaction ended", () => {
    const store = new Store();
    const first = store.begin();
    const version = store.write("k");
    first.discard();
    const second = store.begin().get("k");
    store.oracle.publish(version);
    expect(second.commit("other")).toBe("k");
  });

  test("a dropped range, for keys and for scans", () => {
    const dropped: KeyRange = {
      lower: toBytes("p"),
      lowerInclusive: true,
      upper: toBytes("q"),
      upperInclusive: false,
    };
    const store = new Store();
    const byKey = store.begin().get("p1");
    const byScan = store.begin().scan("a", "p5");
    const beside = store.begin().get("q").scan("a", "p");
    store.table.recordRange(store.oracle.nextVersion(), dropped);
    expect([byKey.conflict(), byScan.conflict(), beside.conflict()]).toEqual([
      "p1",
      "p",
      undefined,
    ]);
  });

  test("everything dropped", () => {
    const store = new Store();
    const [reader, blind] = [store.begin().get("a"), store.begin()];
    store.table.recordDropAll(store.oracle.nextVersion());
    expect([reader.conflict(), blind.conflict()]).toEqual(["a", undefined]);
  });

  test("a range dropped while nobody was active, before its version is published", () => {
    const store = new Store();
    const version = store.oracle.nextVersion();
    store.table.recordDropAll(version);
    const a = store.begin().get("a");
    store.oracle.publish(version);
    expect(a.conflict()).toBe("a");
  });
});

describe("work that does not conflict", () => {
  test("disjoint keys, many times over", () => {
    const store = new Store();
    const readers = Array.from({ length: 50 }, (_, i) =>
      store.begin().get(`r${i}`).scan(`s${i}`, `s${i}~`),
    );
    for (let i = 0; i < 2_000; i++) store.commit(`w${i}`);
    for (const reader of readers) expect(reader.conflict()).toBeUndefined();
  });

  test("blind writes", () => {
    const store = new Store();
    const [a, b] = [store.begin(), store.begin()];
    expect(a.commit("k")).toBeUndefined();
    expect(b.commit("k")).toBeUndefined();
  });

  test("what was committed and published before the snapshot", () => {
    const store = new Store();
    const keepsTableBusy = store.begin();
    store.commit("k");
    expect(store.begin().get("k").commit("k")).toBeUndefined();
    keepsTableBusy.discard();
  });

  test("the gap behind a scan that stopped at its limit", () => {
    const store = new Store();
    const [inside, behind] = [store.begin(), store.begin()];
    for (const update of [inside, behind]) {
      const scan = update.reads.openRange(WHOLE_RANGE, false);
      scan.coverTo(toBytes("m"), 0, 1);
      scan.finish("stopped");
    }
    const version = store.commit("n");
    expect(behind.conflict()).toBeUndefined();
    expect(version).toBe(1);
    store.commit("c");
    expect(inside.conflict()).toBe("c");
  });

  test("a commit that failed and was retracted", () => {
    const store = new Store();
    const a = store.begin().get("k");
    store.commit("other");
    const failed = store.write("k");
    store.write("k", "j");
    store.table.retractFrom(failed);
    expect(a.conflict()).toBeUndefined();
    store.commit("k");
    expect(a.conflict()).toBe("k");
  });

  test("a failed commit that was recorded while nobody was active", () => {
    const store = new Store();
    store.table.retractFrom(store.write("k"));
    expect(store.begin().get("k").conflict()).toBeUndefined();
  });
});

describe("memory", () => {
  test("nothing is indexed while no update transaction is active", () => {
    const store = new Store();
    for (let i = 0; i < 100; i++) store.commit(`${i}`);
    expect(store.table.sizeBytes).toBe(0);
  });

  test("what no active transaction can conflict with is forgotten", () => {
    const store = new Store();
    for (let round = 0; round < 20; round++) {
      const update = store.begin();
      for (let i = 0; i < 1_000; i++) store.commit(`${round}:${i}`);
      update.discard();
    }
    expect(store.table.sizeBytes).toBe(0);
    expect(store.table.activeUpdates).toBe(0);
  });

  test("a transaction older than what fits is told to run again; fresh ones stay exact", () => {
    const store = new Store(64 * 1024);
    const old = store.begin().get("untouched");
    const blind = store.begin();
    for (let i = 0; i < 10_000; i++) store.commit(`key ${i}`);
    expect(store.table.sizeBytes).toBeLessThanOrEqual(64 * 1024);
    const fresh = store.begin().get("key 10001", "key 1");
    store.commit("key 10000");
    expect(old.conflict()).toBe("untouched");
    expect(blind.conflict()).toBeUndefined();
    expect(fresh.conflict()).toBeUndefined();
  });

  test("one commit larger than the table is forgotten as a whole", () => {
    const store = new Store(1024);
    const old = store.begin().get("untouched");
    store.commit(...Array.from({ length: 1_000 }, (_, i) => `key ${i}`));
    expect(old.conflict()).toBe("untouched");
    expect(store.begin().get("key 1").conflict()).toBeUndefined();
  });
});

describe("against a plain list of commits", () => {
  interface Commit {
    version: number;
    keys: string[];
    range: KeyRange | undefined;
  }

  function naiveConflict(commits: readonly Commit[], reads: Reads, readVersion: number): boolean {
    return commits.some(
      (commit) =>
        commit.version > readVersion &&
        (commit.keys.some(
          (key) => reads.keys.has(key) || reads.ranges.some((one) => holds(one, key)),
        ) ||
          (commit.range !== undefined &&
            ([...reads.keys].some((key) => holds(commit.range as KeyRange, key)) ||
              reads.ranges.some((one) => rangesOverlap(one, commit.range as KeyRange))))),
    );
  }

  interface Reads {
    keys: Set<string>;
    ranges: KeyRange[];
  }

  const holds = (range: KeyRange, key: string): boolean => {
    const bytes = toBytes(key);
    return rangeContains(range, bytes, 0, bytes.length);
  };

  function history(seed: number, inOrder: boolean): void {
    const random = new SeededRandom(seed);
    const store = new Store();
    const commits: Commit[] = [];
    const open: { update: Update; reads: Reads }[] = [];
    const key = (): string => `${random.below(60)}`.padStart(2, "0");
    const range = (): KeyRange => {
      const [a, b] = [key(), key()].sort() as [string, string];
      return {
        lower: toBytes(a),
        lowerInclusive: random.chance(0.5),
        upper: toBytes(b),
        upperInclusive: random.chance(0.5),
      };
    };
    for (let step = 0; step < 1_200; step++) {
      const choice = random.below(100);
      if (choice < 20) {
        open.push({ update: store.begin(), reads: { keys: new Set(), ranges: [] } });
      } else if (choice < 50 && open.length > 0) {
        const { update, reads } = random.pick(open);
        if (random.chance(0.7)) {
          const read = key();
          update.get(read);
          reads.keys.add(read);
        } else {
          const bounds = range();
          update.reads.addRange(
            bounds.lower,
            bounds.lowerInclusive,
            bounds.upper,
            bounds.upperInclusive,
          );
          if (holdsAny(bounds)) reads.ranges.push(bounds);
        }
      } else if (choice < 75) {
        const version = inOrder ? store.oracle.nextVersion() : random.below(200) + 1;
        store.oracle.advanceTo(inOrder ? 0 : version);
        if (random.chance(0.03)) {
          const dropped = range();
          store.table.recordRange(version, dropped);
          commits.push({ version, keys: [], range: dropped });
        } else {
          const keys = Array.from({ length: random.below(5) }, key);
          store.table.recordCommit(version, keys.map(toBytes));
          commits.push({ version, keys, range: undefined });
        }
      } else if (choice < 82 && inOrder) {
        store.oracle.publish(store.oracle.lastIssued);
      } else if (open.length > 0) {
        const [{ update, reads }] = open.splice(random.below(open.length), 1) as [
          { update: Update; reads: Reads },
        ];
        const found = store.table.findConflict(update.reads, update.readVersion) !== undefined;
        const expected = naiveConflict(commits, reads, update.readVersion);
        if (found !== expected) {
          throw new Error(`seed ${seed}, step ${step}: ${found} instead of ${expected}`);
        }
        update.discard();
      }
    }
  }

  const holdsAny = (range: KeyRange): boolean => rangesOverlap(range, WHOLE_RANGE);

  test("random histories with commits in version order", () => {
    for (let seed = 1; seed <= 60; seed++) history(seed, true);
  });

  test("random histories with versions chosen by the caller", () => {
    for (let seed = 1; seed <= 60; seed++) history(seed, false);
  });

  test("names a key that really changed", () => {
    const store = new Store();
    const a = store.begin().get("a", "b").scan("c", "d");
    store.commit("x", "b", "c5");
    expect(["b", "c5"]).toContain(a.conflict() ?? toText(EMPTY_BYTES));
  });
});
