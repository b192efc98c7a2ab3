/** The figures that Meles is to reach, and what a run says about them. Pure. */

import type { StoreName } from "./job.ts";
import { advantage, isMoreBetter, type Row, value } from "./row.ts";

/** A ratio to a peer, or a limit on our own figure. */
export type Target = Versus | Limit;

interface Versus {
  readonly text: string;
  /** Name of the row. */
  readonly row: string;
  readonly peer: StoreName;
  /** The peer's rows, when they go by other names: the best of them counts. */
  readonly of?: readonly string[];
  /** How many times better than the peer. */
  readonly times: number;
}

interface Limit {
  readonly text: string;
  readonly row: string;
  /** For rows where less is better: at most; else at least. */
  readonly limit: number;
  readonly beyond?: StoreName;
}

export interface Judged {
  readonly target: string;
  readonly wanted: string;
  readonly measured: string;
  readonly ok: boolean;
}

const SCANS = ["scan views", "scan entries"];
/** Badger's iterator with values, as its documentation uses it. Without prefetching it is faster. */
const PREFETCHING = ["scan prefetch", "scan entries"];
const LARGE_SCANS = ["scan 4 KiB views", "scan 4 KiB entries"];

function versus(
  text: string,
  row: string,
  times: number,
  peer: StoreName,
  of?: readonly string[],
): Target {
  return { text, row, peer, times, ...(of === undefined ? {} : { of }) };
}

/** `memoryBudget` that the stores are given, plus what the runtime itself may take. */
export const RESIDENT_LIMIT_MIB = 256 + 150;

export const TARGETS: readonly Target[] = [
  versus("batch put, random", "fill random", 2, "classic-level"),
  versus("batch put, random", "fill random", 3, "badger"),
  versus("batch put, random", "fill random", 2, "rocksdb"),
  versus("single puts, no sync", "put", 1.5, "badger"),
  versus("single puts, no sync", "put", 3, "classic-level"),
  versus("get hits", "get hot", 2, "lmdb"),
  versus("get hits", "get hot", 2, "rocksdb"),
  versus("get hits", "get hot", 5, "badger"),
  versus("get hits after reopen", "get after reopen", 2, "lmdb"),
  versus("get hits after reopen", "get after reopen", 2, "rocksdb"),
  versus("get hits after reopen", "get after reopen", 5, "badger"),
  versus("get misses", "get miss", 3, "lmdb"),
  versus("scan with forEach", "scan views", 2, "lmdb", SCANS),
  versus("scan with Entry objects", "scan entries", 1, "lmdb", SCANS),
  versus("scan with forEach", "scan views", 2, "badger", PREFETCHING),
  versus("scan with Entry objects", "scan entries", 1, "badger", PREFETCHING),
  versus("short ranges of 50", "range of 50", 1.5, "lmdb"),
  versus("4 KiB values, load", "load 4 KiB", 1.5, "lmdb"),
  versus("4 KiB values, load", "load 4 KiB", 1, "badger"),
  versus("4 KiB values, get", "get 4 KiB", 1.5, "lmdb"),
  versus("4 KiB values, get", "get 4 KiB", 1, "badger"),
  versus("4 KiB values, scan", "scan 4 KiB views", 1, "lmdb", LARGE_SCANS),
  { text: "durable, one writer, of raw write + fdatasync", row: "1 writer of raw", limit: 0.8 },
  versus("durable, 64 writers", "64 writers", 20, "meles", ["1 writer"]),
  versus("2 GB, total time", "2 GB: total", 1, "rocksdb"),
  versus("2 GB, write amplification", "2 GB: write amplification", 1, "badger"),
  { text: "2 GB, longest write stall", row: "2 GB: longest wait", limit: 100 },
  { text: "2 GB, resident memory", row: "2 GB: resident memory", limit: RESIDENT_LIMIT_MIB },
  { text: "overwrites, written", row: "steady: write amplification", limit: 2.5 },
  { text: "overwrites, space", row: "steady: mean space amplification", limit: 1.4 },
  versus("overwrites, written", "steady: write amplification", 1, "badger-defaults"),
  versus("overwrites, space", "steady: mean space amplification", 1, "badger-defaults"),
  versus("overwrites, written", "steady: write amplification", 1, "badger"),
  versus("overwrites, space", "steady: mean space amplification", 1, "badger"),
  { text: "open of 2 GB", row: "open", limit: 100, beyond: "lmdb" },
  { text: "WAL replay", row: "replay", limit: 200 },
];

/** Only the targets of which all sides were measured. */
export function judge(rows: readonly Row[], targets: readonly Target[] = TARGETS): Judged[] {
  return targets.flatMap((target) => {
    const row = rows.find(({ name }) => name === target.row);
    const ours = row === undefined ? undefined : value(row, "meles");
    if (row === undefined || ours === undefined) return [];
    const judged =
      "peer" in target ? judgeVersus(target, row, ours, rows) : judgeLimit(target, row, ours);
    return judged === undefined ? [] : [judged];
  });
}

function judgeVersus(
  { text, peer, times, of }: Versus,
  row: Row,
  ours: number,
  rows: readonly Row[],
): Judged | undefined {
  const names = of ?? [row.name];
  const ratios = rows
    .filter(({ name }) => names.includes(name))
    .map((other) => advantage(row, ours, value(other, peer)))
    .filter((ratio) => ratio !== undefined);
  if (ratios.length === 0) return undefined;
  // The best of the peer's ways leaves us the least advantage.
  const ratio = Math.min(...ratios);
  const against = peer === "meles" ? names.join(", ") : peer;
  return {
    target: text,
    wanted: `${times} × ${against}`,
    measured: `${ratio.toFixed(2)} ×`,
    ok: ratio >= times,
  };
}

function judgeLimit({ text, limit, beyond }: Limit, row: Row, ours: number): Judged | undefined {
  const base = beyond === undefined ? 0 : value(row, beyond);
  if (base === undefined) return undefined;
  const atLeast = isMoreBetter(row);
  const measured = ours - base;
  return {
    target: text,
    wanted: `${atLeast ? "≥" : "≤"} ${limit} ${row.unit}${beyond === undefined ? "" : ` beyond ${beyond}`}`,
    measured: `${measured.toFixed(2)} ${row.unit}`,
    ok: atLeast ? measured >= limit : measured <= limit,
  };
}
