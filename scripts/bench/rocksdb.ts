/**
 * RocksDB through its own `db_bench`: translates a job into runs of it and reads what it prints. Its
 * keys and values are its own, of the same sizes; everything else is as the job says. Pure.
 */

import type { Job, Measure, Step } from "./job.ts";

/** One run of the program: the steps that share its flags. */
export interface DbBenchRun {
  readonly flags: readonly string[];
  /** Names of the measures, in the order in which the benchmarks report. */
  readonly names: readonly string[];
}

interface Part {
  /** Of `db_bench`; several when all but the last report nothing. */
  readonly benchmark: string;
  readonly name: string;
  readonly flags: readonly string[];
  /** Goes into the run of the part before, whatever its flags. */
  readonly follows?: boolean;
}

/** Bits per key that give the false positives of one percent that Meles has. */
const BLOOM_BITS = 10;
/** Every write is timed, as in the other stores; reads are not, nor are they there. */
const TIMED = "--histogram=1";
/** Sizes of churn: `db_bench` has no mix of its own, so evenly spread with about the same mean. */
const CHURN_SIZES = { least: 64, most: 3680 };
export const CHURN_MEAN_BYTES = (CHURN_SIZES.least + CHURN_SIZES.most) / 2;

export function dbBenchRuns(job: Job): DbBenchRun[] {
  const runs: { benchmarks: string[]; names: string[]; flags: readonly string[] }[] = [];
  let isFresh = true;
  for (const step of job.steps) {
    if (step.kind === "reopen") isFresh = true;
    for (const part of translate(job, step)) {
      const last = runs.at(-1);
      const fits = part.follows === true || last?.flags.join(" ") === part.flags.join(" ");
      if (last !== undefined && fits && !isFresh) {
        last.benchmarks.push(part.benchmark);
        last.names.push(part.name);
      } else {
        runs.push({ benchmarks: [part.benchmark], names: [part.name], flags: part.flags });
      }
      isFresh = false;
    }
  }
  return runs.map(({ benchmarks, names, flags }) => ({
    names,
    flags: [
      ...commonFlags(job),
      `--benchmarks=${benchmarks.join(",")}`,
      `--use_existing_db=${benchmarks[0]?.startsWith("fill") === true ? 0 : 1}`,
      ...flags,
    ],
  }));
}

function commonFlags(job: Job): string[] {
  const churns = job.steps.some(({ kind }) => kind === "churn");
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
    ...(churns
      ? [
          "--value_size_distribution_type=uniform",
          `--value_size_min=${CHURN_SIZES.least}`,
          `--value_size_max=${CHURN_SIZES.most}`,
        ]
      : []),
    // Large values beside the tree, as in the stores with a value log.
    ...(churns || job.valueBytes >= job.valueThreshold
      ? [
          "--enable_blob_files=true",
          `--min_blob_size=${job.valueThreshold}`,
          `--blob_file_size=${job.valueLogFileBytes}`,
          "--enable_blob_garbage_collection=true",
        ]
      : []),
  ];
}

/** Nothing for what `db_bench` cannot do. */
function translate(job: Job, step: Step): Part[] {
  const { name } = step;
  const one = (benchmark: string, ...flags: string[]): Part[] => [{ benchmark, name, flags }];
  const fill = job.keyOrder === "random" ? "filluniquerandom" : "fillseq";
  switch (step.kind) {
    case "open":
      return one("readrandom", "--reads=1", "--report_open_timing=true");
    case "load":
      return one(fill, `--batch_size=${step.batch}`, TIMED);
    case "settle":
    case "quiet":
      return [{ benchmark: "flush,waitforcompaction", name, flags: [], follows: true }];
    case "get":
      return one(step.miss === true ? "readmissing" : "readrandom", `--reads=${step.ops}`);
    case "scan":
      if (step.how !== "views" && step.how !== "reverse") return [];
      return one(step.how === "views" ? "readseq" : "readreverse", `--reads=${job.count}`);
    case "ranges":
      return one("seekrandom", `--reads=${step.ops}`, `--seek_nexts=${step.length}`);
    case "puts":
      return one("overwrite", `--writes=${step.ops}`, TIMED);
    case "updates":
      return one("updaterandom", `--writes=${step.ops}`, TIMED);
    case "commits": {
      const each = Math.ceil(step.ops / step.writers);
      return one("overwrite", `--threads=${step.writers}`, `--writes=${each}`, TIMED);
    }
    case "churn":
      return [
        { benchmark: fill, name: "", flags: [] },
        ...one("overwrite", `--writes=${job.count * step.times}`, TIMED),
      ];
    case "clear":
      return one("deleteseq");
    case "crash":
    case "reopen":
    case "ycsb":
      return [];
  }
}

const RESULT = /^(\w+)\s*:\s+[\d.]+ micros\/op (\d+) ops\/sec [\d.]+ seconds (\d+) operations/;
const WAITED = /^waitforcompaction\(.*\): finished/;
const OPENED = /^OpenDb:\s+([\d.]+) milliseconds/;
const PERCENTILES = /P99: ([\d.]+) P99\.9: ([\d.]+)/;
const MAXIMUM = /Min: \S+\s+Median: \S+\s+Max: ([\d.]+)/;
const FOUND = /\((\d+) of (\d+) found\)/;

/** What a run printed so far, in the names of the job. */
export function readDbBench(run: DbBenchRun, output: string): Measure[] {
  const measures: Measure[] = [];
  let openMs = Number.NaN;
  let maxMs = 0;
  // Its progress line is written over itself with carriage returns.
  for (const line of output.split(/[\r\n]+| {10,}/).map((text) => text.trim())) {
    const name = run.names[measures.length];
    const result = RESULT.exec(line);
    openMs = Number(OPENED.exec(line)?.[1] ?? openMs);
    maxMs = Number(MAXIMUM.exec(line)?.[1] ?? maxMs * 1000) / 1000;
    const tail = PERCENTILES.exec(line);
    const last = measures.at(-1);
    if (result !== null && name !== undefined) {
      checkFound(result[1], line);
      const ops = Number(result[3]);
      const ms = Number.isNaN(openMs) ? (ops / Number(result[2])) * 1000 : openMs;
      measures.push({ name, ops, ms });
    } else if (WAITED.test(line) && name !== undefined) {
      measures.push({ name, ops: 1, ms: 0 });
    } else if (tail !== null && last !== undefined) {
      const waits = { p99Ms: Number(tail[1]) / 1000, p999Ms: Number(tail[2]) / 1000, maxMs };
      measures[measures.length - 1] = { ...last, ...waits };
    }
  }
  return measures;
}

/** A load leaves out what does not fill a last batch, no more. */
function checkFound(benchmark: string | undefined, line: string): void {
  const found = FOUND.exec(line);
  if (found === null || benchmark !== "readrandom") return;
  if (Number(found[1]) < 0.99 * Number(found[2])) throw new Error(`db_bench: ${found[0]}`);
}
