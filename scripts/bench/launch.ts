/** Runs a job in a process of its own: one of ours, the Go program, or RocksDB's. */

import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Job, Measure, Outcome } from "./job.ts";
import type { Peers } from "./peers.ts";
import { dbBenchRuns, readDbBench } from "./rocksdb.ts";

const WATCH_MS = 20;

interface Ran {
  readonly stdout: string;
  readonly maxResidentBytes: number | undefined;
  readonly writtenBytes: number | undefined;
  readonly wallMs: number;
}

/**
 * Starts from an empty directory when the first step loads, else from what is there. Measures without
 * a name are not kept: they only make ready what is measured next.
 */
export async function launch(job: Job, peers: Peers): Promise<Outcome> {
  const outcome = await launchAny(job, peers);
  return { ...outcome, measures: outcome.measures.filter(({ name }) => name !== "") };
}

async function launchAny(job: Job, peers: Peers): Promise<Outcome> {
  if (job.steps[0]?.kind === "load") rmSync(job.directory, { recursive: true, force: true });
  mkdirSync(job.directory, { recursive: true });
  // What was deleted here and what the last process left to be written are not on this one's bill.
  if (process.platform !== "win32") Bun.spawnSync(["sync"]);
  if (job.store === "rocksdb") return launchRocksdb(job, peers.rocksdb as string);
  const text = JSON.stringify(job);
  const command =
    job.store === "badger"
      ? [peers.badger as string, text]
      : [process.execPath, join(peers.code, "scripts/bench/run-job.ts"), text, peers.modules];
  const { stdout, ...cost } = await run(command);
  const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
  return { ...cost, measures: lines.map((line): Measure => JSON.parse(line)) };
}

async function launchRocksdb(job: Job, program: string): Promise<Outcome> {
  const measures: Measure[] = [];
  let maxResidentBytes: number | undefined;
  let writtenBytes: number | undefined;
  let wallMs = 0;
  for (const part of dbBenchRuns(job)) {
    const ran = await run([program, ...part.flags]);
    measures.push(...readDbBench(part, ran.stdout));
    maxResidentBytes = Math.max(maxResidentBytes ?? 0, ran.maxResidentBytes ?? 0);
    writtenBytes = (writtenBytes ?? 0) + (ran.writtenBytes ?? 0);
    wallMs += ran.wallMs;
  }
  return { measures, maxResidentBytes, writtenBytes, wallMs };
}

async function run(command: string[]): Promise<Ran> {
  const start = performance.now();
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "pipe"] });
  let writtenBytes: number | undefined;
  const watch = setInterval(() => {
    writtenBytes = writtenSoFar(child.pid) ?? writtenBytes;
  }, WATCH_MS);
  try {
    const [stdout, stderr, exitCode] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    const wallMs = performance.now() - start;
    if (exitCode !== 0) {
      throw new Error(`${command[0]} ended with ${exitCode}: ${stderr.trim().slice(-2000)}`);
    }
    return { stdout, wallMs, writtenBytes, maxResidentBytes: child.resourceUsage()?.maxRSS };
  } finally {
    clearInterval(watch);
  }
}

/** Bytes of pages that a process has made dirty; Linux counts mapped files too. */
function writtenSoFar(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/io`, "utf8");
    return Number(/^write_bytes: (\d+)/m.exec(text)?.[1]);
  } catch {
    return undefined;
  }
}
