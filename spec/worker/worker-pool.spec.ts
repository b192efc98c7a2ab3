import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { LogLevel } from "../../src/env/env.ts";
import { ManualClock } from "../../src/env/manual-clock.ts";
import { systemEnv } from "../../src/env/system-env.ts";
import { backgroundExecutor } from "../../src/worker/background-executor.ts";
import { WorkerPool } from "../../src/worker/worker-pool.ts";
import { executorSuite } from "../suites/executor.suite.ts";
import { makeGate, runTestJob, type TestJob } from "./test-jobs.ts";

const entry = new URL("./test-jobs.worker.ts", import.meta.url);
const missingEntry = new URL("./no-such.worker.ts", import.meta.url);
const muteEntry = new URL("./mute.worker.ts", import.meta.url);
const brokenEntry = new URL("./broken.worker.ts", import.meta.url);

type Pool = WorkerPool<TestJob, unknown>;
const pools: Pool[] = [];
afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.close())));

/** A pool over test jobs that counts its threads and keeps its log. */
function makePool(
  options: { parallelism?: number; spawn?: (count: number) => Worker; clock?: ManualClock } = {},
) {
  const log: { level: LogLevel; message: string; fields: Record<string, unknown> | undefined }[] =
    [];
  const started: Worker[] = [];
  const inline: TestJob[] = [];
  const pool: Pool = new WorkerPool({
    parallelism: options.parallelism ?? 2,
    spawn() {
      const worker = options.spawn?.(started.length) ?? new Worker(entry);
      started.push(worker);
      return worker;
    },
    runInline(job) {
      inline.push(job);
      return runTestJob(job);
    },
    clock: options.clock ?? systemEnv().clock,
    log: (level, message, fields) => log.push({ level, message, fields }),
  });
  pools.push(pool);
  return {
    pool,
    started,
    inline,
    warnings: () => log.filter((line) => line.level === "warn"),
    log,
  };
}

/** The code a promise rejects with. */
const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => ({ value }),
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

executorSuite("WorkerPool", () => makePool().pool);
executorSuite(
  "WorkerPool whose threads cannot start",
  () => makePool({ spawn: () => new Worker(missingEntry) }).pool,
);

describe("threads", () => {
  test("start when they are needed, and are used again", async () => {
    const { pool, started } = makePool();
    expect(started.length).toBe(0);
    for (let i = 0; i < 5; i++) await pool.run({ kind: "echo", value: i });
    expect(started.length).toBe(1);
    for (let i = 0; i < 5; i++) await pool.run({ kind: "echo", value: i }, { priority: "flush" });
    expect(started.length).toBe(2);
  });

  test("run as many jobs at once as promised, and no more", async () => {
    const { pool, started } = makePool({ parallelism: 2 });
    const { gate, arrived, open } = makeGate();
    const jobs = Array.from({ length: 4 }, () => pool.run({ kind: "wait", gate }));
    await arrived(2);
    expect(started.length).toBe(2);
    expect(gate[0]).toBe(2);
    open();
    expect(await Promise.all(jobs)).toEqual([1, 1, 1, 1]);
    expect(started.length).toBe(2);
  });

  test("never let a flush wait for background jobs", async () => {
    const { pool } = makePool({ parallelism: 1 });
    const { gate, arrived, open } = makeGate();
    const long = [pool.run({ kind: "wait", gate }), pool.run({ kind: "wait", gate })];
    await arrived(1);
    expect(await pool.run({ kind: "echo", value: "flushed" }, { priority: "flush" })).toBe(
      "flushed",
    );
    expect(gate[0]).toBe(1);
    open();
    await Promise.all(long);
  });

  test("never let a background job take the place kept for flushes", async () => {
    const { pool, started } = makePool({ parallelism: 1 });
    await pool.run({ kind: "echo", value: 0 }, { priority: "flush" });
    const { gate, arrived, open } = makeGate();
    const jobs = [pool.run({ kind: "wait", gate }), pool.run({ kind: "wait", gate })];
    await arrived(1);
    expect(started.length).toBe(2);
    await pool.run({ kind: "echo", value: 1 }, { priority: "flush" });
    expect(gate[0]).toBe(1);
    open();
    await Promise.all(jobs);
  });

  test("take flushes beyond the first one as well when they have nothing else to do", async () => {
    const { pool } = makePool({ parallelism: 1 });
    const { gate, arrived, open } = makeGate();
    const flushes = [1, 2].map(() => pool.run({ kind: "wait", gate }, { priority: "flush" }));
    await arrived(2);
    open();
    await Promise.all(flushes);
  });

  test("prefer a waiting flush to a background job that has waited longer", async () => {
    const { pool } = makePool({ parallelism: 1 });
    const [compaction, flush] = [makeGate(), makeGate()];
    const first = pool.run({ kind: "wait", gate: compaction.gate });
    const second = pool.run({ kind: "wait", gate: flush.gate }, { priority: "flush" });
    await Promise.all([compaction.arrived(1), flush.arrived(1)]);
    const cells = new Int32Array(new SharedArrayBuffer(4));
    const waitedLonger = pool.run({ kind: "increment", cells });
    const waitingFlush = pool.run({ kind: "increment", cells }, { priority: "flush" });
    compaction.open();
    expect(await Promise.all([waitingFlush, waitedLonger])).toEqual([1, 2]);
    flush.open();
    await Promise.all([first, second]);
  });

  test("write their log through the owner's", async () => {
    const { pool, log } = makePool();
    await pool.run({ kind: "echo", value: 0 });
    expect(log).toEqual([{ level: "debug", message: "runs a job", fields: { kind: "echo" } }]);
  });
});

describe("a thread that dies", () => {
  test("fails its job, with a typed error, and is replaced", async () => {
    const { pool, started, warnings } = makePool({ parallelism: 1 });
    await pool.run({ kind: "echo", value: 0 });
    expect(await codeOf(pool.run({ kind: "exit" }))).toBe("ERR_ABORTED");
    expect(await pool.run({ kind: "echo", value: 1 })).toBe(1);
    expect(started.length).toBe(2);
    expect(warnings()).toEqual([]);
  });

  test("does not take the jobs behind it along", async () => {
    const { pool } = makePool({ parallelism: 1 });
    const results = [
      pool.run({ kind: "exit" }),
      pool.run({ kind: "echo", value: 1 }),
      pool.run({ kind: "echo", value: 2 }),
    ].map(codeOf);
    expect(await Promise.all(results)).toEqual(["ERR_ABORTED", { value: 1 }, { value: 2 }]);
  });

  test("may do so between two jobs, without a trace", async () => {
    const { pool, started } = makePool({ parallelism: 1 });
    expect(await pool.run({ kind: "crash-later" })).toBe("answered");
    const [worker] = started;
    await new Promise((resolve) => worker?.addEventListener("close", resolve));
    expect(await pool.run({ kind: "echo", value: 1 })).toBe(1);
    expect(started.length).toBe(2);
  });

  test("has its uncaught error as the cause", async () => {
    const { pool } = makePool();
    const error = await pool.run({ kind: "crash-now" }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "ERR_ABORTED" });
    expect(String((error as Error).cause)).toContain("crashed at once");
  });
});

describe("what cannot cross between threads", () => {
  test("a job that cannot be cloned fails, and the thread goes on", async () => {
    const { pool, started } = makePool({ parallelism: 1 });
    const error = await pool.run({ kind: "echo", value: () => 1 }).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: "DataCloneError" });
    expect(await pool.run({ kind: "echo", value: 1 })).toBe(1);
    expect(started.length).toBe(1);
  });

  test("a result that cannot be cloned fails its job, and the thread goes on", async () => {
    const { pool, started } = makePool({ parallelism: 1 });
    const error = await pool.run({ kind: "unclonable" }).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: "DataCloneError" });
    expect(await pool.run({ kind: "echo", value: 1 })).toBe(1);
    expect(started.length).toBe(1);
  });

  test("something thrown that is no error arrives as one", async () => {
    const error = await makePool()
      .pool.run({ kind: "fail-strangely" })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ message: "just a text" });
  });
});

describe("threads that cannot start", () => {
  test.each([
    ["the entry is missing", () => new Worker(missingEntry)],
    ["the entry throws", () => new Worker(brokenEntry)],
    [
      "the system refuses a thread",
      () => {
        throw new Error("no more threads");
      },
    ],
  ] as const)("because %s: jobs run here, after exactly one warning", async (_, spawn) => {
    const { pool, inline, warnings } = makePool({ parallelism: 2, spawn });
    const jobs = [1, 2, 3, 4].map((value) =>
      pool.run({ kind: "echo", value }, { priority: value === 2 ? "flush" : "background" }),
    );
    expect(await Promise.all(jobs)).toEqual([1, 2, 3, 4]);
    expect(await pool.run({ kind: "echo", value: 5 })).toBe(5);
    expect(inline.length).toBe(5);
    expect(warnings().length).toBe(1);
    expect(warnings()[0]?.message).toContain("extra entry point");
    expect(pool.parallelism).toBe(1);
  });

  test("the jobs they had accepted keep their place", async () => {
    const { pool, inline } = makePool({ parallelism: 1, spawn: () => new Worker(missingEntry) });
    const jobs = [1, 2, 3].map((value) => pool.run({ kind: "echo", value }));
    await Promise.all(jobs);
    expect(inline.map((job) => job.kind === "echo" && job.value)).toEqual([1, 2, 3]);
  });

  test("a thread that never reports is given up after a while", async () => {
    const clock = new ManualClock();
    const { pool, inline, warnings } = makePool({ spawn: () => new Worker(muteEntry), clock });
    const job = pool.run({ kind: "echo", value: 1 });
    clock.advance(9_999);
    expect(inline.length).toBe(0);
    clock.advance(1);
    expect(await job).toBe(1);
    expect(warnings()[0]?.fields).toEqual({
      reason: "the background thread did not start within 10000 ms",
    });
  });

  test("a thread that did start is not given up later, however long its job takes", async () => {
    const clock = new ManualClock();
    const { pool } = makePool({ clock });
    const { gate, arrived, open } = makeGate();
    const job = pool.run({ kind: "wait", gate });
    await arrived(1);
    expect(clock.pendingTimers).toBe(0);
    clock.advance(1_000_000);
    open();
    expect(await job).toBe(1);
  });

  test("those that did start go on and take over what waits", async () => {
    const { pool, started, inline, warnings } = makePool({
      parallelism: 3,
      spawn: (count) => new Worker(count === 0 ? entry : missingEntry),
    });
    await pool.run({ kind: "echo", value: 0 });
    const jobs = [1, 2, 3, 4, 5].map((value) => pool.run({ kind: "echo", value }));
    expect(await Promise.all(jobs)).toEqual([1, 2, 3, 4, 5]);
    expect(inline).toEqual([]);
    expect(warnings().length).toBe(1);
    expect(started.length).toBeLessThanOrEqual(3);
    expect(pool.parallelism).toBe(1);
  });

  test("if only the one for flushes did, it keeps to flushes, and the rest runs here", async () => {
    const { pool, inline, warnings } = makePool({
      spawn: (count) => new Worker(count === 0 ? entry : missingEntry),
    });
    expect(await pool.run({ kind: "echo", value: 0 }, { priority: "flush" })).toBe(0);
    expect(await pool.run({ kind: "echo", value: 1 })).toBe(1);
    expect(inline).toEqual([{ kind: "echo", value: 1 }]);
    expect(await pool.run({ kind: "echo", value: 2 }, { priority: "flush" })).toBe(2);
    expect(inline.length).toBe(1);
    expect(warnings().length).toBe(1);
  });
});

describe("close", () => {
  test("waits for running jobs and refuses waiting ones", async () => {
    const { pool } = makePool({ parallelism: 1 });
    const { gate, arrived, open } = makeGate();
    const running = pool.run({ kind: "wait", gate });
    await arrived(1);
    const waiting = codeOf(pool.run({ kind: "echo", value: 1 }));
    let closed = false;
    const closing = pool.close().then(() => (closed = true));
    expect(await waiting).toBe("ERR_CLOSED");
    expect(closed).toBe(false);
    open();
    expect(await running).toBe(1);
    await closing;
  });

  test("ends the threads", async () => {
    const { pool, started } = makePool();
    await pool.run({ kind: "echo", value: 0 });
    const ended = new Promise((resolve) => started[0]?.addEventListener("close", resolve));
    await pool.close();
    await ended;
  });

  test("comes to an end although a thread dies, or never starts, meanwhile", async () => {
    const dying = makePool();
    const lost = codeOf(dying.pool.run({ kind: "exit" }));
    await dying.pool.close();
    expect(await lost).toBe("ERR_ABORTED");
    const stillborn = makePool({ spawn: () => new Worker(missingEntry) });
    const refused = codeOf(stillborn.pool.run({ kind: "echo", value: 1 }));
    await stillborn.pool.close();
    expect(await refused).toBe("ERR_CLOSED");
    expect(stillborn.inline).toEqual([]);
  });
});

describe("the process", () => {
  const probe = join(import.meta.dir, "pool-probe.ts");
  const run = (mode: string): string =>
    Bun.spawnSync([process.execPath, probe, mode], { stderr: "inherit" }).stdout.toString();

  test("ends although a pool is open and idle", () => expect(run("idle")).toBe("started idle"));

  test("stays until the last job is done", () => expect(run("pending")).toBe("started done"));

  test("ends while a pool that was used again is idle", () =>
    expect(run("again")).toBe("started idle idle"));
});

describe("the default executor", () => {
  test("runs the real jobs on background threads, with the entry found from source", async () => {
    const warnings: string[] = [];
    const executor = backgroundExecutor(
      systemEnv({ log: (_, message) => warnings.push(message) }),
      1,
    );
    expect(await executor.run({ kind: "ping" })).toMatchObject({
      kind: "ping",
      thread: "background",
    });
    await executor.close();
    expect(warnings).toEqual([]);
  });

  test('runs them here when told "inline"', async () => {
    const executor = backgroundExecutor(systemEnv(), "inline");
    expect(await executor.run({ kind: "ping" })).toMatchObject({ thread: "main" });
    await executor.close();
  });
});
