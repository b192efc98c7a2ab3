/** Runs a job in a process of its own: one of ours, the Go program, or RocksDB's. */

import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bytesOnDisk } from "./disk.ts";
import type { Job, Measure, Outcome, SpaceSample } from "./job.ts";
import type { Peers } from "./peers.ts";
import { dbBenchRuns, readDbBench } from "./rocksdb.ts";

const WATCH_MS = 20;
const SPACE_MS = 250;

type Ran = Omit<Outcome, "diskBytes">;

/**
 * Starts from an empty directory when the first step loads, else from what is there. Measures without
 * a name are not kept: they only make ready what is measured next.
 */
export async function launch(job: Job, peers: Peers): Promise<Outcome> {
  if (job.steps[0]?.kind === "load") rmSync(job.directory, { recursive: true, force: true });
  mkdirSync(job.directory, { recursive: true });
  // What was deleted here and what the last process left to be written are not on this one's bill.
  if (process.platform !== "win32") Bun.spawnSync(["sync"]);
  const ran = await launchAny(job, peers);
  const measures = ran.measures.filter(({ name }) => name !== "");
  return { ...ran, measures, diskBytes: bytesOnDisk(job.directory) };
}

async function launchAny(job: Job, peers: Peers): Promise<Ran> {
  if (job.store === "rocksdb") return launchRocksdb(job, peers.rocksdb as string);
  const text = JSON.stringify(job);
  const command =
    job.store === "badger" || job.store === "badger-defaults"
      ? [peers.badger as string, text]
      : [process.execPath, join(peers.code, "scripts/bench/run-job.ts"), text, peers.modules];
  return run(job, command, (output) =>
    output
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line): Measure => JSON.parse(line)),
  );
}

async function launchRocksdb(job: Job, program: string): Promise<Ran> {
  const parts: Ran[] = [];
  for (const part of dbBenchRuns(job)) {
    parts.push(await run(job, [program, ...part.flags], (output) => readDbBench(part, output)));
  }
  const starts = parts.map((_, i) => sum(parts.slice(0, i).map(({ wallMs }) => wallMs)));
  return {
    measures: parts.flatMap(({ measures }, i) =>
      measures.map((measure) => after(measure, starts[i] as number, parts.slice(0, i))),
    ),
    space: parts.flatMap(({ space }, i) =>
      space.map(({ ms, bytes }) => ({ ms: ms + (starts[i] as number), bytes })),
    ),
    maxResidentBytes: Math.max(...parts.map((part) => part.maxResidentBytes ?? 0)),
    writtenBytes: sum(parts.map((part) => part.writtenBytes ?? 0)),
    wallMs: sum(parts.map(({ wallMs }) => wallMs)),
  };
}

/** A measure of one process of several, as if they were one. */
function after(measure: Measure, startMs: number, before: readonly Ran[]): Measure {
  const { endMs, writtenBytes } = measure;
  if (endMs === undefined || writtenBytes === undefined) return measure;
  const earlier = sum(before.map((part) => part.writtenBytes ?? 0));
  return { ...measure, endMs: endMs + startMs, writtenBytes: writtenBytes + earlier };
}

/** `read` turns all that was printed so far into measures; it is asked again as more comes. */
async function run(job: Job, command: string[], read: (output: string) => Measure[]): Promise<Ran> {
  const start = performance.now();
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "pipe"] });
  const space: SpaceSample[] = [];
  let writtenBytes: number | undefined;
  const watch = setInterval(() => {
    writtenBytes = writtenSoFar(child.pid) ?? writtenBytes;
  }, WATCH_MS);
  const sample = () => {
    space.push({ ms: performance.now() - start, bytes: bytesOnDisk(job.directory) });
  };
  const watchSpace = job.watchesSpace === true ? setInterval(sample, SPACE_MS) : undefined;
  const seen: Measure[] = [];
  const follow = async () => {
    let output = "";
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      output += decoder.decode(chunk, { stream: true });
      if (job.watchesSpace !== true || !output.endsWith("\n")) continue;
      const fresh = read(output).slice(seen.length);
      if (fresh.length === 0) continue;
      writtenBytes = writtenSoFar(child.pid) ?? writtenBytes;
      const diskBytes = bytesOnDisk(job.directory);
      const endMs = performance.now() - start;
      seen.push(...fresh.map((measure) => ({ ...measure, diskBytes, writtenBytes, endMs })));
    }
    seen.push(...read(output).slice(seen.length));
  };
  try {
    const [, stderr, exitCode] = await Promise.all([follow(), child.stderr.text(), child.exited]);
    const wallMs = performance.now() - start;
    if (exitCode !== 0 && child.signalCode !== "SIGKILL") {
      throw new Error(`${command[0]} ended with ${exitCode}: ${stderr.trim().slice(-2000)}`);
    }
    const maxResidentBytes = child.resourceUsage()?.maxRSS;
    return { measures: seen, space, wallMs, writtenBytes, maxResidentBytes };
  } finally {
    clearInterval(watch);
    clearInterval(watchSpace);
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
