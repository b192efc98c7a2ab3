import { describe, expect, test } from "bun:test";
import { toBytes, toText } from "../../src/base/bytes.ts";
import { DropCursor } from "../../src/compaction/drop-rules.ts";
import type { DropRules } from "../../src/compaction/drop-rules.ts";
import { SeededRandom } from "../transaction/seeded-random.ts";
import { drain, EntriesCursor, entry, foldable, naiveDrop, show, visible } from "./entries.ts";
import type { SpecEntry } from "./entries.ts";

const NOW = 1000;

function cursorOver(lines: readonly string[], rules: Partial<DropRules> = {}): DropCursor {
  return new DropCursor(new EntriesCursor(lines.map(entry)), {
    discardVersion: 100,
    versionsToKeep: 1,
    nowSeconds: NOW,
    mayHaveOlder: () => false,
    ...rules,
  });
}

function kept(lines: readonly string[], rules: Partial<DropRules> = {}): string[] {
  return drain(cursorOver(lines, rules)).map(show);
}

describe("superseded versions", () => {
  test("only the newest stays when no snapshot needs another", () => {
    expect(kept(["a@9=z", "a@7=y", "a@3=x", "b@1=w"])).toEqual(["a@9=z", "b@1=w"]);
  });

  test("everything above the discard version stays, and the newest at or below it", () => {
    const lines = ["a@9=z", "a@7=y", "a@5=x", "a@3=w"];
    expect(kept(lines, { discardVersion: 6 })).toEqual(["a@9=z", "a@7=y", "a@5=x"]);
    expect(kept(lines, { discardVersion: 0 })).toEqual(lines);
  });

  test("as many stay as the option says, not counting those above the discard version", () => {
    const lines = ["a@9=z", "a@7=y", "a@5=x", "a@3=w"];
    expect(kept(lines, { versionsToKeep: 2 })).toEqual(["a@9=z", "a@7=y"]);
    expect(kept(lines, { versionsToKeep: 2, discardVersion: 7 })).toEqual([
      "a@9=z",
      "a@7=y",
      "a@5=x",
    ]);
    expect(kept(lines, { versionsToKeep: 0 })).toEqual(lines);
  });

  test("discard-earlier ends the history whatever the option says", () => {
    expect(kept(["a@9=z", "a@7=y discard", "a@5=x"], { versionsToKeep: 0 })).toEqual([
      "a@9=z",
      "a@7=y discard",
    ]);
  });
});

describe("delete markers and expired entries", () => {
  test("go with everything they hide when nothing older can exist elsewhere", () => {
    expect(kept(["a@9 del", "a@7=y", "b@3=x"])).toEqual(["b@3=x"]);
    expect(kept(["a@9=z ttl:999", "a@7=y"])).toEqual([]);
  });

  test("stay when something older may exist elsewhere, per key and not for the whole compaction", () => {
    const mayHaveOlder = (bytes: Uint8Array, offset: number, length: number): boolean =>
      toText(bytes.slice(offset, offset + length)) === "b";
    expect(kept(["a@9 del", "b@9 del", "b@5=x", "c@9 del"], { mayHaveOlder })).toEqual(["b@9 del"]);
  });

  test("an expired entry that has to stay becomes a bare delete marker", () => {
    const mayHaveOlder = (): boolean => true;
    expect(kept(["a@9=long ttl:1000", "b@9 vlog:60 ttl:1"], { mayHaveOlder })).toEqual([
      "a@9 del",
      "b@9 del",
    ]);
  });

  test("an entry that expires later is no marker", () => {
    expect(kept(["a@9=z ttl:1001", "a@7=y"])).toEqual(["a@9=z ttl:1001"]);
  });

  test("above the discard version they stay, and so does what they hide", () => {
    const lines = ["a@9 del", "a@7=y"];
    expect(kept(lines, { discardVersion: 8 })).toEqual(lines);
  });

  test("a marker ends the history even when more versions are asked for", () => {
    expect(kept(["a@9=z", "a@7 del", "a@5=x", "a@3=w"], { versionsToKeep: 5 })).toEqual(["a@9=z"]);
  });
});

describe("merge entries", () => {
  test("stay and do not count as versions", () => {
    expect(kept(["a@9=+1 merge", "a@8=+2 merge", "a@7=y", "a@5=x"])).toEqual([
      "a@9=+1 merge",
      "a@8=+2 merge",
      "a@7=y",
    ]);
  });

  test("stay below a version that merely supersedes", () => {
    expect(kept(["a@9=z", "a@8=+2 merge", "a@7=y"])).toEqual(["a@9=z", "a@8=+2 merge"]);
  });

  test("go below a delete, an expiry or discard-earlier", () => {
    expect(kept(["a@9 del", "a@8=+2 merge"])).toEqual([]);
    expect(kept(["a@9=z ttl:5", "a@8=+2 merge"])).toEqual([]);
    expect(kept(["a@9=z discard", "a@8=+2 merge"])).toEqual(["a@9=z discard"]);
  });

  test("once expired are like any expired entry", () => {
    expect(kept(["a@9=+1 merge ttl:5", "a@8=y"])).toEqual([]);
  });
});

describe("what is reported", () => {
  test("value-log bytes of dropped and of bared entries", () => {
    const lines = [
      "a@9 vlog:100",
      "a@7 vlog:60",
      "b@5 vlog:11 ttl:1",
      "c@3 vlog:5",
      "d@9 del",
      "d@2 vlog:3",
    ];
    const cursor = cursorOver(lines, { mayHaveOlder: () => true });
    expect(drain(cursor).map(show)).toEqual(["a@9 vlog:100", "b@5 del", "c@3 vlog:5", "d@9 del"]);
    expect([...cursor.discardedBytes]).toEqual([[7, 60 + 11 + 3]]);
    expect([cursor.entriesIn, cursor.entriesOut]).toEqual([6, 4]);
  });

  test("up to which version time travel has become incomplete", () => {
    const thinned = (lines: readonly string[], rules: Partial<DropRules> = {}): number => {
      const cursor = cursorOver(lines, rules);
      drain(cursor);
      return cursor.thinnedVersion;
    };
    expect(thinned(["a@9=z", "b@4=y"])).toBe(0);
    expect(thinned(["a@9=z", "a@7=y", "a@3=x", "b@8=y", "b@1=w"])).toBe(9);
    expect(thinned(["a@9=z", "a@7=y", "a@3=x"], { versionsToKeep: 2 })).toBe(7);
    expect(thinned(["a@9 del"])).toBe(0);
    expect(thinned(["a@9 del", "a@7=y"])).toBe(9);
  });

  test("which entries start a key, and which the next compaction could drop", () => {
    const cursor = cursorOver(["a@9=z", "a@7=y", "a@5=x", "b@8 del", "c@1=v"], {
      discardVersion: 6,
    });
    const flags: string[] = [];
    for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
      const [shown] = [
        show({
          ...entry("?@0"),
          key: toText(cursor.keyBytes.slice(3, 4)),
          version: cursor.version,
        }),
      ];
      flags.push(`${shown}${cursor.startsKey ? " starts" : ""}${cursor.stale ? " stale" : ""}`);
    }
    expect(flags).toEqual([
      "a@9 starts",
      "a@7 stale",
      "a@5 stale",
      "b@8 starts stale",
      "c@1 starts",
    ]);
  });

  test("a seek starts at a key's newest version", () => {
    const cursor = cursorOver(["a@9=z", "b@8=y", "b@7=x"]);
    cursor.seek(toBytes("b"), Infinity);
    expect([cursor.valid, cursor.version]).toEqual([true, 8]);
    cursor.next();
    expect(cursor.valid).toBe(false);
  });
});

describe("random histories", () => {
  const WORDS = [
    "",
    "",
    "",
    "",
    " del",
    " discard",
    " merge",
    " ttl:500",
    " ttl:2000",
    " merge ttl:500",
  ];

  function randomEntries(random: SeededRandom, prefix: string, words = WORDS): SpecEntry[] {
    const entries = new Map<string, SpecEntry>();
    for (let i = random.below(40); i > 0; i--) {
      const id = `${prefix}${random.below(6)}@${1 + random.below(12)}`;
      const word = random.pick(words);
      const body =
        word === " del" ? "" : random.chance(0.3) ? ` vlog:${1 + random.below(9)}` : `=v${i}`;
      entries.set(id, entry(`${id}${body}${word}`));
    }
    return [...entries.values()];
  }

  test("the cursor agrees with the naive rules", () => {
    for (let seed = 1; seed <= 1_500; seed++) {
      const random = new SeededRandom(seed);
      const entries = randomEntries(random, "k");
      const older = new Set(["k1", "k3", "k4"]);
      const discardVersion = random.below(14);
      const versionsToKeep = random.below(4);
      const cursor = new DropCursor(new EntriesCursor(entries), {
        discardVersion,
        versionsToKeep,
        nowSeconds: NOW,
        mayHaveOlder: (bytes, offset, length) =>
          older.has(toText(bytes.slice(offset, offset + length))),
      });
      const found = drain(cursor).map(show);
      const expected = naiveDrop(entries, {
        discardVersion,
        versionsToKeep,
        nowSeconds: NOW,
        mayHaveOlder: (key) => older.has(key),
      }).map(show);
      if (found.join("\n") !== expected.join("\n")) {
        throw new Error(`seed ${seed}:\n${found.join("\n")}\ninstead of\n${expected.join("\n")}`);
      }
    }
  });

  test("every read version at or above the discard version sees the same before and after", () => {
    for (let seed = 1; seed <= 1_500; seed++) {
      const random = new SeededRandom(seed);
      const compacted = randomEntries(random, "k");
      const ids = new Set(compacted.map((one) => `${one.key}@${one.version}`));
      // Whatever lies elsewhere: any version, above or below, of keys the predicate must then name.
      const elsewhere = randomEntries(random, "k").filter(
        (one) => !ids.has(`${one.key}@${one.version}`) && random.chance(0.5),
      );
      const keysElsewhere = new Set(elsewhere.map((one) => one.key));
      const discardVersion = random.below(14);
      const cursor = new DropCursor(new EntriesCursor(compacted), {
        discardVersion,
        versionsToKeep: 1 + random.below(2),
        nowSeconds: NOW,
        mayHaveOlder: (bytes, offset, length) =>
          keysElsewhere.has(toText(bytes.slice(offset, offset + length))),
      });
      const rest = drain(cursor);
      const after = [...rest, ...elsewhere];
      const before = [...compacted, ...elsewhere];
      for (let at = discardVersion; at <= 14; at++) {
        const [seen, wanted] = [visible(after, at, NOW), visible(before, at, NOW)];
        if (seen.join() !== wanted.join()) {
          throw new Error(`seed ${seed} at ${at}: ${seen} instead of ${wanted}`);
        }
      }
      for (let at = cursor.thinnedVersion; at <= 14; at++) {
        expect(visible(after, at, NOW)).toEqual(visible(before, at, NOW));
      }
    }
  });

  test("a merge operator's history folds to the same at every version", () => {
    const words = [" merge", " merge", " merge", " discard", " del", " merge ttl:500"];
    for (let seed = 1; seed <= 500; seed++) {
      const random = new SeededRandom(seed);
      const entries = randomEntries(random, "k", words);
      const discardVersion = random.below(14);
      const cursor = new DropCursor(new EntriesCursor(entries), {
        discardVersion,
        versionsToKeep: 1,
        nowSeconds: NOW,
        mayHaveOlder: () => false,
      });
      const after = drain(cursor);
      for (let at = discardVersion; at <= 14; at++) {
        expect(foldable(after, at, NOW)).toEqual(foldable(entries, at, NOW));
      }
    }
  });

  test("running the rules twice changes nothing more", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new SeededRandom(seed);
      const rules: DropRules = {
        discardVersion: random.below(14),
        versionsToKeep: random.below(3),
        nowSeconds: NOW,
        mayHaveOlder: () => random.seed % 2 === 0,
      };
      const once = drain(new DropCursor(new EntriesCursor(randomEntries(random, "k")), rules));
      const twice = drain(new DropCursor(new EntriesCursor(once), rules));
      expect(twice.map(show)).toEqual(once.map(show));
    }
  });
});
