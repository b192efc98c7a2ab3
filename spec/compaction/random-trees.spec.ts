import { describe, expect, test } from "bun:test";
import { fullCompactionPlan } from "../../src/compaction/full-compaction.ts";
import { pickCompaction } from "../../src/compaction/leveled-policy.ts";
import type { CompactionOptions, CompactionState } from "../../src/compaction/leveled-policy.ts";
import { SeededRandom } from "../transaction/seeded-random.ts";
import { entry } from "./entries.ts";
import type { SpecEntry } from "./entries.ts";
import { ENTRY_BYTES, ModelTree } from "./model-tree.ts";
import type { Started } from "./model-tree.ts";

/** Small enough that a few dozen entries make several levels. */
const OPTIONS: CompactionOptions = {
  maxLevels: 5,
  baseLevelSizeBytes: 6 * ENTRY_BYTES,
  levelSizeMultiplier: 3,
  baseTableSizeBytes: 4 * ENTRY_BYTES,
  tableSizeMultiplier: 1,
  levelZeroTables: 3,
};

/** A database at random: writes, deletes, expiries, snapshots, Badger's collection, compactions side by side. */
class History {
  readonly #random: SeededRandom;
  readonly #tree = new ModelTree(OPTIONS.maxLevels);
  readonly #snapshots: number[] = [];
  readonly #running: Started[] = [];
  readonly #withBadger: boolean;
  readonly #versionsToKeep: number;
  #version = 0;
  #now = 1000;

  constructor(seed: number, withBadger: boolean) {
    this.#random = new SeededRandom(seed);
    this.#withBadger = withBadger;
    this.#versionsToKeep = this.#random.chance(0.7) ? 1 : 2;
  }

  run(steps: number): void {
    for (let i = 0; i < steps; i++) this.#step();
    while (this.#running.length > 0) this.#finishOne();
  }

  /** Closes all snapshots and compacts until nothing is left to do. */
  settle(full: boolean): ModelTree {
    this.#snapshots.length = 0;
    const before = this.#tree.nextFile;
    for (let i = 0; i < 1_000; i++) {
      const plan = full
        ? fullCompactionPlan(this.#tree.version, this.#state(), before)
        : pickCompaction(this.#tree.version, this.#state());
      if (plan === undefined) return this.#tree;
      this.#running.push(this.#tree.start(plan, this.#discardVersion()));
      this.#finishOne();
    }
    throw new Error(`seed ${this.#random.seed}: compaction does not come to rest`);
  }

  get visibleNow(): string {
    return this.#tree.visible(this.#version, this.#now);
  }

  #step(): void {
    const random = this.#random;
    const choice = random.below(100);
    if (choice < 35) this.#flush();
    else if (choice < 40 && this.#withBadger) this.#collectAsBadger();
    else if (choice < 45) this.#snapshots.push(this.#version);
    else if (choice < 50) this.#snapshots.splice(random.below(this.#snapshots.length + 1), 1);
    else if (choice < 55) this.#now += random.below(400);
    else if (choice < 80) this.#startOne();
    else this.#finishOne();
  }

  #flush(): void {
    const random = this.#random;
    const entries: SpecEntry[] = [];
    const from = random.below(20);
    for (let i = 1 + random.below(6); i > 0; i--) {
      const key = `k${String((from + random.below(8)) % 24).padStart(2, "0")}`;
      const word = random.pick(["", "", " del", " discard", ` ttl:${1000 + random.below(3000)}`]);
      this.#version++;
      entries.push(
        entry(`${key}@${this.#version}${word === " del" ? "" : `=v${this.#version}`}${word}`),
      );
    }
    this.#tree.flush(entries, true);
  }

  /** Badger's value-log collection: a version that is live in the tree is written again, on top. */
  #collectAsBadger(): void {
    // Such a directory is opened with its copies in place; none appear while a compaction runs.
    if (this.#running.length > 0) return;
    const stored = this.#tree.entries().filter((one) => one.value !== "");
    if (stored.length === 0) return;
    const copy = this.#random.pick(stored);
    // It moves the newest version of a key only; the race that let it move others is what users met.
    const newest = stored.filter((one) => one.key === copy.key && one.version > copy.version);
    if (newest.length > 0) return;
    this.#tree.flush([copy], false);
  }

  #startOne(): void {
    if (this.#running.length >= 3) return;
    const plan = pickCompaction(this.#tree.version, this.#state());
    if (plan !== undefined) this.#running.push(this.#tree.start(plan, this.#discardVersion()));
  }

  #finishOne(): void {
    const [started] = this.#running.splice(this.#random.below(this.#running.length), 1);
    if (started === undefined) return;
    const versions = this.#readVersions();
    const before = versions.map((at) => this.#tree.visible(at, this.#now));
    this.#tree.finish(started, this.#now, this.#versionsToKeep);
    this.#tree.check();
    versions.forEach((at, i) => {
      const after = this.#tree.visible(at, this.#now);
      if (before[i] === after) return;
      const { plan } = started;
      throw new Error(
        `seed ${this.#random.seed}: at ${at} after ${plan.kind} ${plan.sourceLevel} → ` +
          `${plan.targetLevel}:\n${after}\ninstead of\n${before[i]}`,
      );
    });
  }

  /** Every open snapshot, the latest state, and some versions between that nothing was dropped for yet. */
  #readVersions(): number[] {
    const from = this.#discardVersion();
    const between = Array.from(
      { length: 4 },
      () => from + this.#random.below(this.#version - from + 1),
    );
    return [...new Set([from, this.#version, ...this.#snapshots, ...between])];
  }

  #discardVersion(): number {
    return Math.min(this.#version, ...this.#snapshots);
  }

  #state(): CompactionState {
    return {
      options: OPTIONS,
      running: this.#running.map(({ plan }) => plan),
      discardVersion: this.#discardVersion(),
      nowSeconds: this.#now,
    };
  }
}

describe("random trees", () => {
  test("no compaction changes what any retained snapshot sees", () => {
    for (let seed = 1; seed <= 150; seed++) new History(seed, false).run(120);
  });

  test("nor does one in a directory where Badger wrote old versions on top", () => {
    for (let seed = 1; seed <= 150; seed++) new History(seed, true).run(120);
  });

  test("compaction comes to rest, with and without Badger's copies", () => {
    for (let seed = 1; seed <= 80; seed++) {
      const history = new History(seed, seed % 2 === 0);
      history.run(80);
      const before = history.visibleNow;
      history.settle(false);
      expect(history.visibleNow).toBe(before);
    }
  });

  test("a full compaction leaves exactly the visible entries, all in the last level", () => {
    for (let seed = 1; seed <= 120; seed++) {
      const history = new History(seed, seed % 2 === 0);
      history.run(80);
      const before = history.visibleNow;
      const tree = history.settle(true);
      expect(history.visibleNow).toBe(before);
      const perKey = new Set(tree.entries().map((one) => one.key));
      expect(tree.version.levels.slice(0, -1).flat()).toHaveLength(0);
      expect(perKey.size).toBe(before === "" ? 0 : before.split(" ").length);
    }
  });
});
