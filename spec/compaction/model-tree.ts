/**
 * A tree with its entries in memory: carries plans out on arrays, with the real policy, older ranges
 * and drop rules, so that random histories can compare what readers see before and after.
 */

import { compareBytes, toBytes } from "../../src/base/bytes.ts";
import { applyPlan, planInputs } from "../../src/compaction/compaction-plan.ts";
import type { CompactionPlan } from "../../src/compaction/compaction-plan.ts";
import { DropCursor } from "../../src/compaction/drop-rules.ts";
import { olderRanges, OlderRangeTracker } from "../../src/compaction/older-ranges.ts";
import type { OlderRanges } from "../../src/compaction/older-ranges.ts";
import { META_DELETE } from "../../src/format/stored-value.ts";
import type { TableMeta, TreeVersion } from "../../src/manifest/version.ts";
import { current, EntriesCursor, inOrder, visible } from "./entries.ts";
import type { SpecEntry } from "./entries.ts";
import { tree } from "./tables.ts";

export const ENTRY_BYTES = 100;

/** A plan under way: its decisions were made on the tree as it was when it started. */
export interface Started {
  readonly plan: CompactionPlan;
  readonly older: OlderRanges;
  readonly discardVersion: number;
  readonly isBottom: boolean;
  /** Of the first output; numbers are taken at the start. */
  readonly firstFile: number;
}

const FILE_NUMBERS = 100;

export class ModelTree {
  version: TreeVersion;
  thinnedVersion = 0;
  nextFile = 1;
  readonly #entries = new Map<number, readonly SpecEntry[]>();

  constructor(levels: number) {
    this.version = tree([], levels);
  }

  /** Everything stored, in the order a reader meets it. */
  entries(): SpecEntry[] {
    return this.version.levels.flat().flatMap((table) => [...this.entriesOf(table)]);
  }

  entriesOf(table: TableMeta): readonly SpecEntry[] {
    return this.#entries.get(table.fileNumber) ?? [];
  }

  visible(readVersion: number, nowSeconds: number): string {
    return visible(this.entries(), readVersion, nowSeconds).join(" ");
  }

  /** A new table on top. */
  flush(entries: readonly SpecEntry[], knownOrdered: boolean): void {
    const table = this.#make(0, entries, 0, knownOrdered);
    this.version = {
      levels: [[table, ...(this.version.levels[0] ?? [])], ...this.version.levels.slice(1)],
    };
  }

  /** Decides everything that a job takes along. */
  start(plan: CompactionPlan, discardVersion: number): Started {
    const deeper = this.version.levels.slice(plan.targetLevel + 1).flat();
    const firstFile = this.nextFile;
    this.nextFile += FILE_NUMBERS;
    return {
      firstFile,
      plan,
      older: olderRanges(this.version, plan, false),
      discardVersion,
      isBottom: deeper.length === 0,
    };
  }

  finish(started: Started, nowSeconds: number, versionsToKeep: number): void {
    const { plan } = started;
    let outputs: TableMeta[] = [];
    if (plan.kind === "move") {
      outputs = plan.sources.map((table) => ({ ...table, level: plan.targetLevel }));
    } else if (plan.kind === "merge") {
      outputs = this.#merge(started, nowSeconds, versionsToKeep);
    }
    this.version = applyPlan(this.version, plan, outputs);
  }

  /** I5: deeper levels are disjoint. I3: tables known to be ordered are. */
  check(): void {
    this.#checkOrder();
    this.version.levels.forEach((tables, level) => {
      tables.forEach((table, i) => {
        if (table.level !== level)
          throw new Error(`table ${table.fileNumber} is on level ${level}`);
        const next = tables[i + 1];
        if (level === 0 || next === undefined) return;
        if (compareBytes(table.largestKey, next.smallestKey) >= 0) {
          throw new Error(
            `tables ${table.fileNumber} and ${next.fileNumber} of level ${level} overlap`,
          );
        }
      });
    });
  }

  #checkOrder(): void {
    const newestBelow = new Map<string, number>();
    for (const table of this.version.levels.flat().reverse()) {
      const entries = this.entriesOf(table);
      for (const { key, version } of entries) {
        const below = newestBelow.get(key);
        if (table.knownOrdered && below !== undefined && version < below) {
          throw new Error(
            `table ${table.fileNumber} is not ordered: ${key}@${below} lies below ${version}`,
          );
        }
      }
      for (const { key, version } of entries) {
        newestBelow.set(key, Math.max(version, newestBelow.get(key) ?? 0));
      }
    }
  }

  #merge(started: Started, nowSeconds: number, versionsToKeep: number): TableMeta[] {
    const { plan, older, discardVersion, isBottom, firstFile } = started;
    const merged = new Map<string, SpecEntry>();
    for (const table of planInputs(plan)) {
      for (const one of this.entriesOf(table)) {
        const id = `${one.key}@${one.version}`;
        if (!merged.has(id)) merged.set(id, one);
      }
    }
    const tracker = new OlderRangeTracker(older);
    const cursor = new DropCursor(new EntriesCursor([...merged.values()]), {
      discardVersion,
      versionsToKeep,
      nowSeconds,
      mayHaveOlder: (bytes, offset, length) => tracker.mayHaveOlder(bytes, offset, length),
    });
    const known = isBottom || planInputs(plan).every((table) => table.knownOrdered);
    const outputs: TableMeta[] = [];
    let entries: SpecEntry[] = [];
    let staleBytes = 0;
    const close = (): void => {
      if (entries.length > 0)
        outputs.push(
          this.#make(plan.targetLevel, entries, staleBytes, known, firstFile + outputs.length),
        );
      entries = [];
      staleBytes = 0;
    };
    for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
      if (cursor.startsKey && entries.length * ENTRY_BYTES >= plan.tableSizeBytes) close();
      entries.push(current(cursor));
      if (cursor.stale) staleBytes += ENTRY_BYTES;
    }
    close();
    this.thinnedVersion = Math.max(this.thinnedVersion, cursor.thinnedVersion);
    return outputs;
  }

  #make(
    level: number,
    given: readonly SpecEntry[],
    staleBytes: number,
    knownOrdered: boolean,
    fileNumber = this.nextFile++,
  ): TableMeta {
    const entries = inOrder(given);
    const expiries = entries.map((one) => one.expiresAt).filter((expiry) => expiry > 0);
    this.#entries.set(fileNumber, entries);
    return {
      fileNumber,
      level,
      sizeBytes: entries.length * ENTRY_BYTES,
      smallestKey: toBytes(entries[0]?.key ?? ""),
      largestKey: toBytes(entries.at(-1)?.key ?? ""),
      maxVersion: Math.max(...entries.map((one) => one.version)),
      entryCount: entries.length,
      tombstoneCount: entries.filter((one) => (one.meta & META_DELETE) !== 0).length,
      endingCount: entries.filter((one) => (one.meta & META_DELETE) !== 0 || one.expiresAt > 0)
        .length,
      staleBytes,
      minExpiresAt: expiries.length === 0 ? 0 : Math.min(...expiries),
      maxExpiresAt: expiries.length === 0 ? 0 : Math.max(...expiries),
      valueLogBytes: new Map(),
      hasStatistics: true,
      knownOrdered,
      compression: 0,
      keyId: 0,
    };
  }
}
