/**
 * Collection pace: how much to move when, how much may stay unmerged, and from where on writers are slowed
 * down. All of it follows from how much lives. Pure.
 *
 * What the figures are chosen for: 4 KiB values overwritten at random as fast as they are taken, the worst
 * case. Emptying files that are `u` live costs u / (1 − u) bytes per byte freed, and at a given ratio of all
 * bytes to live ones no choice of files does better than the emptiest ones: 1.25 × costs 1.6 bytes moved per
 * byte written, 1.33 × costs 1.2, 1.43 × costs 0.9. On top of that ratio comes whatever is not known to be
 * garbage yet, and what a pass holds twice while it runs. Both shrink with the size of a pass, but every pass
 * writes all tables it meets again, 0.9 % of what lives. So
 *
 *  - a pass comes with the merge of level 0, at a 28th of the live bytes, or when it frees 6 × the tables
 *    it has to write again;
 *  - it moves no more than 1.2 × what was written since the last one. This bounds what is written in all;
 *  - memtables are flushed in quarters of that, so that a pass finds little in memory that it knows nothing of;
 *  - writers are slowed down while a pass runs and garbage has grown beyond a quarter of what lives. This
 *    bounds the space.
 *
 * Measured over many rounds of overwrites, on two cores busy with other work; space is that of the directory,
 * written is everything, against live and user bytes:
 *
 *     a tenth moved in one go, passes of their own whenever the goal is missed   space 1.46   written 2.60
 *     the values here, with 32, 128 and 512 MiB live                             space 1.39   written 2.47 … 2.54
 *
 * Where tables are a larger part of what lives, a pass costs more and comes later. With 1.5 × the tables
 * unmerged, values of 1 KiB take 1.48 × with 2.9 × written, and a mix of 64 B to 32 KiB with hot keys, where
 * tables are an eighth, 1.59 × with 2.0 ×; with 3 × the tables the mix took 2.66 ×, with 1 × 1.49 × and 2.2 ×.
 */

import type { CollectionGoal } from "./collection-policy.ts";

/** Bytes, as the account of the value log has them. */
export interface ValueLogLoad {
  /** Pointed to by tables. */
  readonly liveBytes: number;
  /** … of level 0. */
  readonly levelZeroBytes: number;
  /** Pointed to by memtables. */
  readonly memoryBytes: number;
  /** Size of all tables. */
  readonly tableBytes: number;
  /** Share of new entries that replace older ones, 0 … 1. */
  readonly replacedShare: number;
  /** What may move on account of what was written (`moveCredit`). */
  readonly creditBytes: number;
}

const MIB = 1 << 20;

/** All bytes of the value log against live ones: wanted while writes come in, and when there is time. */
const SPACE_WANTED = 1.22;
const SPACE_WANTED_PAUSED = 1.18;
const SLACK_BYTES = MIB;
/** Files with a smaller share of garbage are never worth it. */
export const GARBAGE_SHARE_MIN = 0.15;

/** While writes come in, so many bytes may move per byte written: this bounds what is written in all. */
const MOVED_PER_WRITTEN_BYTE = 1.2;
/** In one go no more than so many parts of the live bytes: what moves takes space twice for a while. */
const MOVE_PARTS = 12;
/** … but so many times the tables that have to be written again for it. */
const MOVE_PER_TABLE_BYTES = 2;
const MOVE_BYTES_MIN = 2 * MIB;
/** Asked for, more moves in one go, so that tables are written again less often. */
const FORCED_MOVE_BYTES_MIN = 64 * MIB;

/** Tables are written again only to empty files when that frees so many times their size … */
const FREED_PER_TABLE_BYTE = 6;
/** … or this share of all that lives, however large the tables are. */
const FREED_SHARE = 0.2;

/** What is unmerged above the base hides garbage: so many parts of the live bytes at most … */
const UNMERGED_PARTS = 28;
/** … but so many times the tables that a merge writes again. */
const UNMERGED_PER_TABLE_BYTES = 1.5;
const UNMERGED_BYTES_MIN = MIB;
/** Flushed in so many parts when all of it replaces something: a pass then finds little in memory. */
const FLUSHES_PER_PASS = 4;
/** The same while writes pause and there is time to look closer. */
const PAUSED_PARTS = 64;
/** New keys hide nothing, but that may change at any time: never more than so many times as much. */
const REPLACED_SHARE_MIN = 1 / 16;

/** Garbage against what lives that passes leave behind; writers feel what comes on top of one pass. */
const DEBT_FELT_FROM = 0.17;
/** So much further on they are slowed down most. */
const DEBT_RANGE = 0.08;
/** The least live bytes that garbage is measured against. */
const DEBT_LIVE_BYTES_MIN = 16 * MIB;

/** Small enough that a few of them are a small part of the live bytes. */
const FILE_BYTES_MIN = MIB;
const FILE_PARTS_LOADED = 16;
const FILE_PARTS_REPLACED = 64;

/** What collection by itself works towards. */
export function paceGoal(load: ValueLogLoad, isPaused: boolean): CollectionGoal {
  return {
    spaceAmplification: isPaused ? SPACE_WANTED_PAUSED : SPACE_WANTED,
    slackBytes: SLACK_BYTES,
    garbageShareMin: GARBAGE_SHARE_MIN,
    moveBytesMax: isPaused
      ? moveBytesMax(load)
      : Math.min(moveBytesMax(load), Math.max(0, load.creditBytes)),
    hiddenBytes: hiddenBytes(load) - load.memoryBytes * (1 - load.replacedShare),
  };
}

/** Asked for: any file with this share of garbage, whatever the total. */
export function forcedGoal(load: ValueLogLoad, garbageShareMin: number): CollectionGoal {
  return {
    spaceAmplification: 1,
    slackBytes: 0,
    garbageShareMin,
    moveBytesMax: Math.max(FORCED_MOVE_BYTES_MIN, moveBytesMax(load)),
  };
}

/** The credit after so many more bytes were written to the value log, and so many moved. */
export function moveCredit(load: ValueLogLoad, writtenBytes: number, movedBytes: number): number {
  const most = moveBytesMax(load);
  const credit = load.creditBytes + writtenBytes * MOVED_PER_WRITTEN_BYTE - movedBytes;
  return Math.max(-most, Math.min(most, credit));
}

function moveBytesMax({ liveBytes, tableBytes }: ValueLogLoad): number {
  return Math.max(MOVE_BYTES_MIN, liveBytes / MOVE_PARTS, tableBytes * MOVE_PER_TABLE_BYTES);
}

/** Bytes that tables still point to although level 0 is expected to have replaced them. */
function hiddenBytes({ levelZeroBytes, replacedShare }: ValueLogLoad): number {
  return levelZeroBytes * replacedShare;
}

/** Whether tables of so many bytes are worth writing again only for what that frees. */
export function isRewriteWorth(load: ValueLogLoad, freedBytes: number, bytes: number): boolean {
  const allLiveBytes = load.liveBytes + load.tableBytes;
  return freedBytes >= Math.min(bytes * FREED_PER_TABLE_BYTE, allLiveBytes * FREED_SHARE);
}

/** Bytes that a memtable may point to before it is flushed. */
export function memtableBytesMax(load: ValueLogLoad): number {
  // Of new keys there is nothing to be known.
  const parts = 1 + (FLUSHES_PER_PASS - 1) * load.replacedShare;
  return Math.floor(unmergedBytesMax(load) / parts);
}

/** Bytes that level 0 may point to before it is merged, so that garbage becomes known. */
export function unmergedBytesMax(load: ValueLogLoad): number {
  const replaced = Math.max(REPLACED_SHARE_MIN, load.replacedShare);
  return Math.max(UNMERGED_BYTES_MIN, Math.floor(passBytes(load) / replaced));
}

/** … while writes pause. */
export function pausedUnmergedBytesMax({ liveBytes }: ValueLogLoad): number {
  return liveBytes / PAUSED_PARTS;
}

/** What is replaced between two merges of level 0. */
function passBytes({ liveBytes, tableBytes }: ValueLogLoad): number {
  return Math.max(liveBytes / UNMERGED_PARTS, tableBytes * UNMERGED_PER_TABLE_BYTES);
}

/** How far collection is behind: 0 or less nothing, 1 as far as it may get. `garbageBytes` could go. */
export function collectionDebt(load: ValueLogLoad, garbageBytes: number): number {
  const hidden = hiddenBytes(load);
  const liveBytes = Math.max(load.liveBytes - hidden, DEBT_LIVE_BYTES_MIN);
  const feltFrom = DEBT_FELT_FROM + passBytes(load) / liveBytes;
  return ((garbageBytes + hidden) / liveBytes - feltFrom) / DEBT_RANGE;
}

/**
 * Lets the size of value-log files follow the live bytes: small data, small files, small moves. What memtables
 * point to counts as far as it will not replace any of them: without it a load of 400 MB into an empty
 * directory made 231 files, and spent a third of its time on them. New keys leave no garbage behind, so
 * nothing is gained by smaller files.
 */
export function fileBytesMax({ liveBytes, memoryBytes, replacedShare }: ValueLogLoad): number {
  const replaced = Math.min(liveBytes, memoryBytes * replacedShare);
  const parts = FILE_PARTS_LOADED + (FILE_PARTS_REPLACED - FILE_PARTS_LOADED) * replacedShare;
  return Math.max(FILE_BYTES_MIN, Math.floor((liveBytes + memoryBytes - replaced) / parts));
}
