/** RocksDB's own benchmark program: the command lines it is given, and what is read out of its prose. */

import { describe, expect, test } from "bun:test";
import type { Job, Step } from "../../scripts/bench/job.ts";
import { dbBenchRuns, readDbBench } from "../../scripts/bench/rocksdb.ts";

function job(steps: readonly Step[], changed: Partial<Job> = {}): Job {
  return {
    store: "rocksdb",
    directory: "/tmp/x",
    keyOrder: "random",
    count: 1000,
    valueBytes: 100,
    durability: "process",
    cacheBytes: 1,
    memtableBytes: 2,
    valueThreshold: 1024,
    valueLogFileBytes: 3,
    steps,
    ...changed,
  };
}

const benchmarks = (flags: readonly string[]) =>
  flags.filter((flag) => /^--(?:benchmarks|use_existing_db)=/.test(flag));

describe("the command lines", () => {
  test("a load makes a new database, reads go on with it in a run of their own", () => {
    const runs = dbBenchRuns(
      job([
        { kind: "load", name: "fill", batch: 100 },
        { kind: "get", name: "first", ops: 10 },
        { kind: "get", name: "again", ops: 10 },
      ]),
    );
    expect(runs.map(({ flags }) => benchmarks(flags))).toEqual([
      ["--benchmarks=filluniquerandom", "--use_existing_db=0"],
      ["--benchmarks=readrandom,readrandom", "--use_existing_db=1"],
    ]);
    expect(runs.map(({ names }) => names)).toEqual([["fill"], ["first", "again"]]);
  });

  test("settling belongs to the run whose work it waits for", () => {
    const runs = dbBenchRuns(
      job([
        { kind: "load", name: "fill", batch: 100 },
        { kind: "settle", name: "" },
      ]),
    );
    expect(runs.map(({ flags }) => benchmarks(flags)[0])).toEqual([
      "--benchmarks=filluniquerandom,flush,waitforcompaction",
    ]);
  });

  test("reopening is a new run, whatever the flags", () => {
    const runs = dbBenchRuns(
      job([
        { kind: "get", name: "a", ops: 10 },
        { kind: "reopen", name: "" },
        { kind: "get", name: "b", ops: 10 },
      ]),
    );
    expect(runs).toHaveLength(2);
  });

  test("what it cannot do is left out", () => {
    expect(dbBenchRuns(job([{ kind: "ycsb", name: "A", ops: 1, workload: "A" }]))).toEqual([]);
  });

  test("large values go to blob files, small ones do not", () => {
    const load: Step = { kind: "load", name: "fill", batch: 100 };
    const blobs = (valueBytes: number) =>
      dbBenchRuns(job([load], { valueBytes }))[0]?.flags.includes("--enable_blob_files=true");
    expect([blobs(1023), blobs(1024)]).toEqual([false, true]);
  });

  test("durable commits are synced and shared among threads", () => {
    const step: Step = { kind: "commits", name: "8", ops: 100, writers: 8 };
    const flags = dbBenchRuns(job([step], { durability: "power" }))[0]?.flags ?? [];
    expect(flags).toContain("--sync=1");
    expect(flags).toContain("--threads=8");
    expect(flags).toContain("--writes=13");
  });
});

describe("what it prints", () => {
  const run = { flags: [], names: ["fill", "quiet", "read"] };
  const printed = [
    "RocksDB:    version 7.8.3",
    "... finished 1000 ops\r... finished 2000 ops                              ",
    "filluniquerandom :       2.732 micros/op 365977 ops/sec 0.820 seconds 300000 operations;   40.5 MB/s",
    "Microseconds per write:",
    "Count: 300 Average: 2731.1300  StdDev: 1304.01",
    "Min: 1077  Median: 2569.6429  Max: 10872",
    "Percentiles: P50: 2569.64 P75: 3540.45 P99: 9166.67 P99.9: 10872.00 P99.99: 10872.00",
    "waitforcompaction(/tmp/x): started",
    "waitforcompaction(/tmp/x): finished",
    "readrandom   :       5.089 micros/op 200000 ops/sec 0.5 seconds 100000 operations;   21.6 MB/s (100000 of 100000 found)",
  ].join("\n");

  test("gives operations, time and waits by the names of the job", () => {
    const [fill, quiet, read] = readDbBench(run, printed);
    expect(fill?.name).toBe("fill");
    expect(fill?.ops).toBe(300_000);
    expect(fill?.ms).toBeCloseTo((300_000 / 365_977) * 1000, 6);
    expect([fill?.p99Ms, fill?.p999Ms, fill?.maxMs]).toEqual([9.16667, 10.872, 10.872]);
    expect(quiet?.name).toBe("quiet");
    expect(read).toEqual({ name: "read", ops: 100_000, ms: 500 });
  });

  test("keys that should be there and are not are an error", () => {
    const missing = printed.replace("(100000 of", "(90000 of");
    expect(() => readDbBench(run, missing)).toThrow("90000 of 100000 found");
  });

  test("the time of opening is what counts where it was asked for", () => {
    const opened =
      "OpenDb:     23.5 milliseconds\nreadrandom : 5.0 micros/op 2262 ops/sec 0.000 seconds 1 operations;";
    expect(readDbBench({ flags: [], names: ["open"] }, opened)).toEqual([
      { name: "open", ops: 1, ms: 23.5 },
    ]);
  });

  test("half of a report gives what is there so far", () => {
    expect(readDbBench(run, printed.slice(0, printed.indexOf("readrandom"))).length).toBe(2);
  });
});
