/**
 * The leveled policy: from an immutable tree to the next compaction, as a value. Pure, so that every
 * decision can be written down as a literal (spec/golden/compaction).
 *
 * In order of precedence:
 *  1. tables that hold nothing but delete markers and expired entries, with nothing to hide, are dropped unread;
 *  2. levels that are too large, by adjusted score (level 0 first when it is in urgent need; while its
 *     way down is taken, its newest tables become one, so that reads and writers have fewer to bear);
 *  3. delete markers that lie above about as many entries as they could delete, and level-0 tables
 *     that have expired, are brought down, so that space returns without new writes;
 *  4. tables with garbage are written again where they are.
 *
 * Correctness (I3, I4): of level 0 the oldest tables are taken, each new one overlapping those taken
 * before, so that no older overlapping table stays behind; targets are all overlapping tables; plans
 * that run at the same time never meet in a level. Within level 0 the newest tables are merged, without a
 * gap, while no flush is under way: tables there are ordered by their numbers, and the new one gets a number
 * above all it was made of and below all that comes later. Everything else in the tree counts as older then
 * (older-ranges.ts), so a delete marker stays as long as there is anything under it.
 */

import { at } from "../base/assert.ts";
import type { Version } from "../base/ids.ts";
import type { CompressionCode, TableMeta, TreeVersion } from "../manifest/version.ts";
import { collides, rewritePlan, totalBytes } from "./compaction-plan.ts";
import type { CompactionPlan, CompactionReason } from "./compaction-plan.ts";
import { anyOverlaps, hullOf, overlapping, overlapsAny, spansOverlap } from "./key-span.ts";
import type { KeySpan } from "./key-span.ts";
import { levelScores } from "./level-scores.ts";
import type { LevelScore } from "./level-scores.ts";
import { levelTargets } from "./level-targets.ts";
import type { LevelShape, LevelTargets } from "./level-targets.ts";
import {
  entriesBelow,
  expiredShare,
  garbageShare,
  hasEnded,
  isBottommost,
  isOverdue,
  isSettled,
  tombstoneShare,
} from "./table-garbage.ts";

export interface CompactionOptions extends LevelShape {
  /** Level-0 tables that start a compaction. */
  readonly levelZeroTables: number;
  /** Compression of new tables by level, the last entry for all deeper ones. A table of another compression is not moved. */
  readonly compression?: readonly CompressionCode[];
}

/** What a decision depends on besides the tree. */
export interface CompactionState {
  readonly options: CompactionOptions;
  /** Plans that are being carried out. */
  readonly running: readonly CompactionPlan[];
  /** Oracle.discardVersion. */
  readonly discardVersion: Version;
  readonly nowSeconds: number;
  /** A flush is under way: its table has a number already. */
  readonly isFlushing?: boolean;
  /** A memtable may hold versions older than the tree's: replayed from a directory that Badger wrote. */
  readonly memtablesMayHoldOlder?: boolean;
  /** Where scans have passed over many delete markers. */
  readonly wastedSpans?: readonly KeySpan[];
}

/** From so many times the starting number of level-0 tables on, nothing goes before level 0. */
const URGENT_LEVEL_ZERO_SCORE = 2;
/** A table is moved or cut so that merging it further down meets at most so many tables' worth. */
export const OVERLAP_TABLES_MAX = 10;
/** Fewer tables of level 0 are not worth becoming one; more bytes are not read in one go. */
const WITHIN_LEVEL_ZERO_MIN = 4;
const WITHIN_LEVEL_ZERO_BYTES_MAX = 512 * 1024 * 1024;
/** From this share of garbage on a table is written again. */
const GARBAGE_SHARE_MIN = 0.1;
const EXPIRED_SHARE_MIN = 0.5;
/** Markers are brought down when they could delete at least this share of the entries they meet. */
const RECLAIM_SHARE_MIN = 0.1;
/** … or when a scan has passed over many of them, and a table holds so many. */
export const MARKERS_WORTH_MIN = 250;
/** Expired level-0 tables are brought down when that rewrites at most so many entries per own entry; overdue ones always. */
const EXPIRED_COST_MAX = 10;

/** The next compaction, or `undefined` when nothing is worth it or everything worth it is under way. */
export function pickCompaction(
  version: TreeVersion,
  state: CompactionState,
): CompactionPlan | undefined {
  const targets = levelTargets(version.levels.map(totalBytes), state.options);
  const policy = new Decision(version, state, targets);
  return (
    policy.dropUnread() ??
    policy.relieveLevels() ??
    policy.bringDownMarkers() ??
    policy.rewriteGarbage()
  );
}

/** Level 0 into the base although its number of tables does not ask for it: it points to much garbage. */
export function pickLevelZero(
  version: TreeVersion,
  state: CompactionState,
): CompactionPlan | undefined {
  const targets = levelTargets(version.levels.map(totalBytes), state.options);
  return new Decision(version, state, targets).fromLevelZero("garbage", 0);
}

/** A plan that writes this very table again; `undefined` while it collides with one that runs. */
export function pickRewrite(
  version: TreeVersion,
  table: TableMeta,
  state: CompactionState,
): CompactionPlan | undefined {
  const plan =
    table.level === 0
      ? pickLevelZero(version, state)
      : rewritePlan(version, [table], table.sizeBytes * 2);
  return plan === undefined || collides(plan, state.running) ? undefined : plan;
}

/** One decision: the tree and what follows from it. */
class Decision {
  readonly #version: TreeVersion;
  readonly #state: CompactionState;
  readonly #targets: LevelTargets;

  constructor(version: TreeVersion, state: CompactionState, targets: LevelTargets) {
    this.#version = version;
    this.#state = state;
    this.#targets = targets;
  }

  dropUnread(): CompactionPlan | undefined {
    if (this.#state.memtablesMayHoldOlder === true) return undefined;
    for (const table of this.#version.levels.flat()) {
      if (!hasEnded(table, this.#state.nowSeconds)) continue;
      if (!isSettled(table, this.#state.discardVersion)) continue;
      if (!isBottommost(this.#version, table)) continue;
      const reason = table.tombstoneCount === table.entryCount ? "tombstones" : "expired";
      const plan = this.#plan("drop", reason, 0, table.level, [table], []);
      if (!this.#collides(plan)) return plan;
    }
    return undefined;
  }

  relieveLevels(): CompactionPlan | undefined {
    const { options, running } = this.#state;
    const scores = levelScores(this.#version, this.#targets, running, options);
    for (const { level, adjusted } of candidates(scores)) {
      const plan =
        level === 0
          ? (this.fromLevelZero("level-zero", adjusted) ?? this.#withinLevelZero(adjusted))
          : this.#fromLevel(
              level,
              level < this.#targets.wantedBaseLevel ? "drain" : "level-size",
              adjusted,
            );
      if (plan !== undefined) return plan;
    }
    return undefined;
  }

  bringDownMarkers(): CompactionPlan | undefined {
    const levelZero = this.fromLevelZero("tombstones", 0);
    if (levelZero !== undefined) {
      if (this.#isWorthBringingDown(levelZero)) return levelZero;
      if (this.#hasExpired(levelZero)) return { ...levelZero, reason: "expired" };
    }
    const last = this.#version.levels.length - 1;
    for (let level = 1; level < last; level++) {
      for (const table of at(this.#version.levels, level)) {
        if (table.tombstoneCount === 0) continue;
        const plan = this.#downFrom(level, [table], "tombstones", 0);
        if (this.#isWorthBringingDown(plan) && !this.#collides(plan)) return plan;
      }
    }
    return undefined;
  }

  rewriteGarbage(): CompactionPlan | undefined {
    const { discardVersion, nowSeconds } = this.#state;
    if (this.#state.memtablesMayHoldOlder === true) return undefined;
    const last = this.#version.levels.length - 1;
    let best: CompactionPlan | undefined;
    for (let level = 1; level <= last; level++) {
      for (const table of at(this.#version.levels, level)) {
        if (!isSettled(table, discardVersion)) continue;
        const expired = expiredShare(table, nowSeconds);
        const garbage = level === last ? garbageShare(table) : 0;
        const isExpired = expired >= EXPIRED_SHARE_MIN || isOverdue(table, nowSeconds);
        const score = Math.max(isExpired ? Math.max(expired, GARBAGE_SHARE_MIN) : 0, garbage);
        if (score < GARBAGE_SHARE_MIN || score <= (best?.score ?? 0)) continue;
        // Markers that may still hide something would be written again, and again.
        if (!isExpired && !isBottommost(this.#version, table)) continue;
        const reason = isExpired ? "expired" : "garbage";
        const plan = this.#plan("merge", reason, score, level, [table], []);
        if (!this.#collides(plan)) best = plan;
      }
    }
    return best;
  }

  /**
   * The oldest run of overlapping level-0 tables into the base. Tables that a running compaction
   * takes, and tables that overlap one, have to wait.
   */
  fromLevelZero(reason: CompactionReason, score: number): CompactionPlan | undefined {
    const levelZero = at(this.#version.levels, 0);
    const sources: TableMeta[] = [];
    const waiting: KeySpan[] = [];
    let span: KeySpan | undefined;
    for (let i = levelZero.length - 1; i >= 0; i--) {
      const table = at(levelZero, i);
      if (span === undefined) {
        const isFree = this.#isFree(table) && !waiting.some((one) => spansOverlap(one, table));
        if (!isFree) {
          waiting.push(table);
          continue;
        }
      } else if (
        !spansOverlap(span, table) ||
        !this.#isFree(table) ||
        waiting.some((one) => spansOverlap(one, table))
      ) {
        break;
      }
      sources.unshift(table);
      span = hullOf(sources);
    }
    if (span === undefined) return undefined;
    const plan = this.#downFrom(0, sources, reason, score);
    return this.#collides(plan) ? undefined : plan;
  }

  /**
   * The newest tables of level 0 into one, as long as each is no larger than what is taken with it: so every
   * entry is written again a few times only, however long the way down is taken.
   */
  #withinLevelZero(score: number): CompactionPlan | undefined {
    const levelZero = at(this.#version.levels, 0);
    if (this.#state.isFlushing === true) return undefined;
    const sources: TableMeta[] = [];
    let bytes = 0;
    for (const table of levelZero) {
      const isEven = sources.length < WITHIN_LEVEL_ZERO_MIN || table.sizeBytes <= bytes;
      if (!isEven || !this.#isFree(table) || !table.knownOrdered) break;
      sources.push(table);
      bytes += table.sizeBytes;
    }
    if (sources.length < WITHIN_LEVEL_ZERO_MIN || bytes > WITHIN_LEVEL_ZERO_BYTES_MAX) {
      return undefined;
    }
    const plan = this.#plan("merge", "level-zero", score, 0, sources, []);
    return { ...plan, tableSizeBytes: bytes * 2 };
  }

  /** The table of a level that costs least to merge down for what it brings; ties: the oldest data. */
  #fromLevel(level: number, reason: CompactionReason, score: number): CompactionPlan | undefined {
    let best: CompactionPlan | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const table of at(this.#version.levels, level)) {
      const plan = this.#downFrom(level, [table], reason, score);
      // A table full of markers frees what it meets: it counts as larger than it is.
      const brings = table.sizeBytes * (1 + 2 * tombstoneShare(table));
      const cost = totalBytes(plan.targets) / Math.max(1, brings);
      const isBetter =
        best === undefined ||
        cost < bestCost ||
        (cost === bestCost && table.maxVersion < at(best.sources, 0).maxVersion);
      if (!isBetter || this.#collides(plan)) continue;
      best = plan;
      bestCost = cost;
    }
    return best;
  }

  /** A plan that brings sources of one level to the next (level 0: to the base). */
  #downFrom(
    level: number,
    sources: readonly TableMeta[],
    reason: CompactionReason,
    score: number,
  ): CompactionPlan {
    const targetLevel = level === 0 ? this.#targets.baseLevel : level + 1;
    const targets = overlapping(at(this.#version.levels, targetLevel), hullOf(sources));
    const kind =
      sources.length === 1 && targets.length === 0 && this.#canMove(at(sources, 0), targetLevel)
        ? "move"
        : "merge";
    return this.#plan(kind, reason, score, level, sources, targets, targetLevel);
  }

  /** Nothing overlaps in the target level; is there also nothing to gain by writing the table again? */
  #canMove(table: TableMeta, targetLevel: number): boolean {
    const { options, nowSeconds } = this.#state;
    const { compression } = options;
    const wanted = compression?.[Math.min(targetLevel, compression.length - 1)];
    if (wanted !== undefined && wanted !== table.compression) return false;
    if (table.staleBytes > 0 || expiredShare(table, nowSeconds) >= EXPIRED_SHARE_MIN) return false;
    const deeper = this.#version.levels.slice(targetLevel + 1);
    if (table.tombstoneCount > 0) {
      return deeper.some((tables, i) => anyOverlaps(tables, targetLevel + 1 + i, table));
    }
    const next = deeper[0];
    if (next === undefined) return true;
    const limit = OVERLAP_TABLES_MAX * at(this.#targets.tableSizeBytes, targetLevel + 1);
    return (
      totalBytes(overlapping(next, table)) <= Math.max(limit, table.sizeBytes * OVERLAP_TABLES_MAX)
    );
  }

  #isWorthBringingDown(plan: CompactionPlan): boolean {
    let markers = 0;
    for (const source of plan.sources) {
      if (!isSettled(source, this.#state.discardVersion)) return false;
      markers += source.tombstoneCount;
    }
    if (markers === 0) return false;
    if (markers >= MARKERS_WORTH_MIN && this.#isWasted(plan)) return true;
    const below = entriesBelow(this.#version, plan.sourceLevel, hullOf(plan.sources));
    const own = plan.sources.reduce((sum, source) => sum + source.entryCount, 0);
    return markers >= RECLAIM_SHARE_MIN * (below > 0 ? below : own);
  }

  #isWasted({ sources }: CompactionPlan): boolean {
    const { wastedSpans = [] } = this.#state;
    return wastedSpans.some((span) => overlapsAny(sources, span));
  }

  #hasExpired(plan: CompactionPlan): boolean {
    const { discardVersion, nowSeconds } = this.#state;
    const own = plan.sources.reduce((sum, source) => sum + source.entryCount, 0);
    const met = plan.targets.reduce((sum, target) => sum + target.entryCount, 0);
    if (!plan.sources.every((source) => isSettled(source, discardVersion))) return false;
    if (plan.sources.some((source) => isOverdue(source, nowSeconds))) return true;
    return (
      met <= EXPIRED_COST_MAX * own &&
      plan.sources.every((source) => expiredShare(source, nowSeconds) >= EXPIRED_SHARE_MIN)
    );
  }

  #isFree(table: TableMeta): boolean {
    return this.#state.running.every((plan) =>
      plan.sources.every((source) => source.fileNumber !== table.fileNumber),
    );
  }

  #collides(plan: CompactionPlan): boolean {
    return collides(plan, this.#state.running);
  }

  #plan(
    kind: CompactionPlan["kind"],
    reason: CompactionReason,
    score: number,
    sourceLevel: number,
    sources: readonly TableMeta[],
    targets: readonly TableMeta[],
    targetLevel = sourceLevel,
  ): CompactionPlan {
    const tableSizeBytes = at(this.#targets.tableSizeBytes, targetLevel);
    return { kind, reason, sourceLevel, targetLevel, sources, targets, score, tableSizeBytes };
  }
}

/** Levels that want a compaction, most urgent first. The last level has nowhere to go. */
function candidates(scores: readonly LevelScore[]): LevelScore[] {
  const wanting = scores.slice(0, -1).filter(({ score }) => score >= 1);
  return wanting.sort((a, b) => {
    const urgentA = a.level === 0 && a.score >= URGENT_LEVEL_ZERO_SCORE;
    const urgentB = b.level === 0 && b.score >= URGENT_LEVEL_ZERO_SCORE;
    if (urgentA !== urgentB) return urgentA ? -1 : 1;
    return b.adjusted - a.adjusted || a.level - b.level;
  });
}
