/**
 * RocksDB through its own `db_bench`: translates a job into runs of it and reads what it prints. Its
 * keys and values are its own, of the same sizes; everything else is as the job says.
 */

import type { Job, Measure, Step } from "./job.ts";

/** One run of the program: the steps that share its flags. */
export interface DbBenchRun {
  readonly flags: readonly string[];
  /** Names of the measures, in the order in which the benchmarks are printed. */
  readonly names: readonly string[];
}

interface Translation {
  readonly benchmark: string;
  readonly flags: readonly string[];
}

/** Bits per key that give the false positives of one percent that Meles has. */
const BLOOM_BITS = 10;
/** Every write is timed, as in the other stores; reads are not, nor are they there. */
const TIMED = "--histogram=1";

export function dbBenchRuns(job: Job): DbBenchRun[] {
  const runs: { benchmarks: string[]; names: string[]; flags: string; loads: boolean }[] = [];
  let fresh = false;
  for (const step of job.steps) {
    if (step.kind === "reopen") {
      fresh = true;
      continue;
    }
    const translation = translate(job, step);
    if (translation === undefined) continue;
    const flags = translation.flags.join(" ");
    const last = runs.at(-1);
    const follows = step.kind === "settle" || (last !== undefined && last.flags === flags);
    if (last !== undefined && follows && !fresh) {
      last.benchmarks.push(translation.benchmark);
      last.names.push(step.name);
    } else {
      const loads = step.kind === "load";
      runs.push({ benchmarks: [translation.benchmark], names: [step.name], flags, loads });
    }
    fresh = false;
  }
  return runs.map(({ benchmarks, names, flags, loads }) => ({
    names,
    flags: [
      ...commonFlags(job),
      `--benchmarks=${benchmarks.join(",")}`,
      `--use_existing_db=${loads ? 0 : 1}`,
      ...flags.split(" ").filter((flag) => flag !== ""),
    ],
  }));
}

function commonFlags(job: Job): string[] {
  return [
    `--db=${job.directory}`,
    `--num=${job.count}`,
    "--key_size=16",
    `--value_size=${job.valueBytes}`,
    "--compression_type=none",
    `--cache_size=${job.cacheBytes}`,
    `--write_buffer_size=${job.memtableBytes}`,
    `--bloom_bits=${BLOOM_BITS}`,
    "--max_background_jobs=2",
    `--sync=${job.durability === "power" ? 1 : 0}`,
    "--seed=20261122",
    ...(job.valueBytes >= job.valueThreshold ? blobFlags(job) : []),
  ];
}

/** Large values beside the tree, as in the stores with a value log. */
function blobFlags(job: Job): string[] {
  return [
    "--enable_blob_files=true",
    `--min_blob_size=${job.valueThreshold}`,
    "--enable_blob_garbage_collection=true",
  ];
}

function translate(job: Job, step: Step): Translation | undefined {
  switch (step.kind) {
    case "load": {
      const benchmark = job.keyOrder === "random" ? "filluniquerandom" : "fillseq";
      return { benchmark, flags: [`--batch_size=${step.batch}`, TIMED] };
    }
    case "settle":
      return { benchmark: "flush,waitforcompaction", flags: [] };
    case "get":
      return {
        benchmark: step.miss === true ? "readmissing" : "readrandom",
        flags: [`--reads=${step.ops}`],
      };
    case "scan":
      if (step.how !== "views" && step.how !== "reverse") return undefined;
      return {
        benchmark: step.how === "views" ? "readseq" : "readreverse",
        flags: [`--reads=${job.count}`],
      };
    case "ranges":
      return {
        benchmark: "seekrandom",
        flags: [`--reads=${step.ops}`, `--seek_nexts=${step.length}`],
      };
    case "puts":
      return { benchmark: "overwrite", flags: [`--writes=${step.ops}`, TIMED] };
    case "updates":
      return { benchmark: "updaterandom", flags: [`--writes=${step.ops}`, TIMED] };
    case "commits":
      return {
        benchmark: "overwrite",
        flags: [`--threads=${step.writers}`, `--writes=${Math.ceil(step.ops / step.writers)}`, TIMED],
      };
    case "reopen":
    case "ycsb":
      return undefined;
  }
}

const RESULT = /^(\w+)\s*:\s+([\d.]+) micros\/op (\d+) ops\/sec ([\d.]+) seconds (\d+) operations/;
const PERCENTILES = /P99: ([\d.]+) P99\.9: ([\d.]+)/;
const MAXIMUM = /Min: \S+\s+Median: \S+\s+Max: ([\d.]+)/;
const FOUND = /\((\d+) of (\d+) found\)/;

/** What a run printed, in the names of the job. */
export function readDbBench(run: DbBenchRun, output: string): Measure[] {
  const measures: Measure[] = [];
  let maxMs = 0;
  // Its progress line is written over itself with carriage returns.
  for (const line of output.split(/[\r\n]+| {10,}/)) {
    const result = RESULT.exec(line.trim());
    if (result !== null) {
      const name = run.names[measures.length];
      if (name === undefined) continue;
      const ops = Number(result[5]);
      measures.push({ name, ops, ms: (ops / Number(result[3])) * 1000 });
      const found = FOUND.exec(line);
      // A load leaves out what does not fill a last batch.
      if (found !== null && Number(found[1]) < 0.99 * Number(found[2]) && isRead(result[1])) {
        throw new Error(`db_bench: ${found[1]} of ${found[2]} found`);
      }
    }
    maxMs = Number(MAXIMUM.exec(line)?.[1] ?? maxMs * 1000) / 1000;
    const tail = PERCENTILES.exec(line);
    const last = measures.at(-1);
    if (tail !== null && last !== undefined) {
      const waits = { p99Ms: Number(tail[1]) / 1000, p999Ms: Number(tail[2]) / 1000, maxMs };
      measures[measures.length - 1] = { ...last, ...waits };
    }
  }
  return measures;
}

function isRead(benchmark: string | undefined): boolean {
  return benchmark === "readrandom";
}
