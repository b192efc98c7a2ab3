/** The figures that Meles is to reach, and what a run says about them. Pure. */

import type { StoreName } from "./job.ts";
import type { Series } from "./series.ts";

/** `measure` of Meles at least `times` that of a peer (`of`, when it goes by another name there). */
export interface Target {
  readonly text: string;
  readonly measure: string;
  readonly peer: StoreName;
  readonly of?: readonly string[];
  readonly times: number;
}

function target(
  text: string,
  measure: string,
  peer: StoreName,
  times: number,
  of?: readonly string[],
): Target {
  return { text, measure, peer, times, ...(of === undefined ? {} : { of }) };
}

const SCANS = ["scan views", "scan entries"];
const LARGE_SCANS = ["scan 4 KiB views", "scan 4 KiB entries"];

export const TARGETS: readonly Target[] = [
  target("batch put, 1 M random", "fill random", "classic-level", 2),
  target("batch put, 1 M random", "fill random", "badger", 3),
  target("batch put, 1 M random", "fill random", "rocksdb", 2),
  target("single puts, no sync", "put", "badger", 1.5),
  target("single puts, no sync", "put", "classic-level", 3),
  target("get hits", "get hot", "lmdb", 2),
  target("get hits", "get hot", "rocksdb", 2),
  target("get hits", "get hot", "badger", 5),
  target("get hits after reopen", "get after reopen", "lmdb", 2),
  target("get hits after reopen", "get after reopen", "rocksdb", 2),
  target("get hits after reopen", "get after reopen", "badger", 5),
  target("get misses", "get miss", "lmdb", 3),
  target("scan with forEach", "scan views", "lmdb", 2, SCANS),
  target("scan with Entry objects", "scan entries", "lmdb", 1, SCANS),
  target("scan with forEach", "scan views", "badger", 2, SCANS),
  target("scan with Entry objects", "scan entries", "badger", 1, SCANS),
  target("short ranges of 50", "range of 50", "lmdb", 1.5),
  target("4 KiB values, load", "load 4 KiB", "lmdb", 1.5),
  target("4 KiB values, load", "load 4 KiB", "badger", 1),
  target("4 KiB values, get", "get 4 KiB", "lmdb", 1.5),
  target("4 KiB values, get", "get 4 KiB", "badger", 1),
  target("4 KiB values, scan", "scan 4 KiB views", "lmdb", 1, LARGE_SCANS),
  target("durable, one writer", "1 writer", "raw", 0.8),
  target("durable, 64 writers", "64 writers", "meles", 20, ["1 writer"]),
];

export interface Judged {
  readonly target: string;
  readonly wanted: string;
  readonly measured: string;
  readonly ok: boolean;
}

/** Only the targets of which both sides were measured. A peer counts with the best of its ways. */
export function judge(series: readonly Series[], targets: readonly Target[] = TARGETS): Judged[] {
  return targets.flatMap((wanted) => {
    const { text, measure, peer, times, of = [measure] } = wanted;
    const ours = best(series, "meles", [measure]);
    const theirs = best(series, peer, of);
    if (ours === undefined || theirs === undefined) return [];
    const ratio = ours / theirs;
    const versus = peer === "meles" ? (of[0] as string) : peer;
    return [
      {
        target: text,
        wanted: `${times} × ${versus}`,
        measured: `${ratio.toFixed(2)} ×`,
        ok: ratio >= times,
      },
    ];
  });
}

function best(
  series: readonly Series[],
  store: StoreName,
  measures: readonly string[],
): number | undefined {
  const rates = series
    .flatMap((one) => measures.map((measure) => one.rate(store, measure)))
    .filter((rate) => rate !== undefined);
  return rates.length === 0 ? undefined : Math.max(...rates);
}
