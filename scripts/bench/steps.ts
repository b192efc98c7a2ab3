/** Runs the steps of a job on a store in this process and measures each. */

import { runChurn, runClear, runQuiet } from "./churn.ts";
import { BareLoop } from "./bare-loop.ts";
import { Keys, Values, Xorshift } from "./data.ts";
import { type Job, KEY_BYTES, type Measure, type Step } from "./job.ts";
import { waits } from "./statistics.ts";
import { readyStore } from "./stores/open-store.ts";
import type { Store } from "./stores/store.ts";
import { runYcsb } from "./ycsb.ts";

const ACCESS_SEED = 88_172_645;
const NS_PER_MS = 1e6;
const COMMIT_SLICES = 10;
const RAW_PER_SLICE = 50;
/** About what a log record has beside key and value. */
const FRAME_BYTES = 24;

export interface Bench {
  readonly job: Job;
  readonly keys: Keys;
  readonly values: Values;
  /** Entries in the database by now. */
  count: number;
  /** How many steps have drawn keys: each draws others. */
  turn: number;
  store: Store;
  readonly open: () => Promise<Store>;
  /** Milliseconds that opening took. */
  readonly opening: number;
}

/** Opens the store of a job. */
export async function openBench(job: Job, modules: string): Promise<Bench> {
  const open = await readyStore(job, modules);
  const start = Bun.nanoseconds();
  const store = await open();
  return {
    job,
    keys: new Keys(job.keyOrder),
    values: new Values(job.valueBytes),
    count: job.count,
    turn: 0,
    open,
    store,
    opening: (Bun.nanoseconds() - start) / NS_PER_MS,
  };
}

export async function runSteps(
  job: Job,
  modules: string,
  report: (measure: Measure) => void,
): Promise<void> {
  const bench = await openBench(job, modules);
  for (const step of job.steps) {
    const measure = await runStep(bench, step);
    if (measure !== undefined) report(measure);
  }
  await bench.store.close();
}

/** Nothing for what a store cannot do. */
export async function runStep(bench: Bench, step: Step): Promise<Measure | undefined> {
  const { name } = step;
  switch (step.kind) {
    case "open":
      return { name, ops: 1, ms: bench.opening };
    case "churn":
      return runChurn(bench, name, step.times);
    case "quiet":
      return runQuiet(bench, name, step.limitMs);
    case "clear":
      return runClear(bench, name);
    case "crash":
      process.kill(process.pid, "SIGKILL");
      return new Promise<undefined>(() => {});
    case "load":
      return load(bench, name, step.batch, step.limitMs);
    case "settle":
      return timed(name, 1, () => bench.store.settle());
    case "reopen":
      return timed(name, 1, async () => {
        await bench.store.close();
        bench.store = await bench.open();
      });
    case "get":
      return gets(bench, name, step.ops, step.miss === true);
    case "scan":
      return scan(bench, name, step.how);
    case "ranges":
      return ranges(bench, name, step.ops, step.length);
    case "puts":
      return timedCalls(name, step.ops, writes(bench, bench.store.put.bind(bench.store)));
    case "updates": {
      const { update } = bench.store;
      return update === null ? undefined : timedCalls(name, step.ops, writes(bench, update));
    }
    case "commits":
      return commits(bench, name, step.ops, step.writers);
    case "ycsb":
      return runYcsb(bench, name, step.ops, step.workload);
  }
}

async function load(
  bench: Bench,
  name: string,
  batch: number,
  limitMs = Infinity,
): Promise<Measure> {
  const { store, keys, values, job } = bench;
  const batches = Math.ceil(job.count / batch);
  const took = new Float64Array(batches);
  const start = Bun.nanoseconds();
  let before = start;
  let done = 0;
  for (let i = 0; i < batches; i++) {
    const to = Math.min(done + batch, job.count);
    const waiting = store.writeBatch(keys, values, done, to);
    if (waiting !== undefined) await waiting;
    done = to;
    const now = Bun.nanoseconds();
    took[i] = (now - before) / NS_PER_MS;
    before = now;
    if (now - start > limitMs * NS_PER_MS) break;
  }
  await store.endLoad();
  const ms = (Bun.nanoseconds() - start) / NS_PER_MS;
  bench.count = done;
  return { name, ops: done, ms, ...waits(took.subarray(0, Math.ceil(done / batch))) };
}

function gets(bench: Bench, name: string, ops: number, miss: boolean): Measure {
  const { store, keys, count, job } = bench;
  const random = new Xorshift(ACCESS_SEED + bench.turn++);
  const offset = miss ? job.count : 0;
  let found = 0;
  const start = Bun.nanoseconds();
  for (let i = 0; i < ops; i++) {
    const value = store.get(keys.at(offset + random.below(count)));
    if (value !== undefined && value.length === job.valueBytes) found++;
  }
  const ms = (Bun.nanoseconds() - start) / NS_PER_MS;
  if (found !== (miss ? 0 : ops)) throw new Error(`${name}: ${found} of ${ops} found`);
  return { name, ops, ms };
}

async function scan(
  bench: Bench,
  name: string,
  how: Parameters<Store["scan"]>[0],
): Promise<Measure | undefined> {
  const start = Bun.nanoseconds();
  const ops = await bench.store.scan(how);
  const ms = (Bun.nanoseconds() - start) / NS_PER_MS;
  if (ops === undefined) return undefined;
  if (ops !== bench.count) throw new Error(`${name}: walked ${ops} of ${bench.count}`);
  return { name, ops, ms };
}

async function ranges(bench: Bench, name: string, ops: number, length: number): Promise<Measure> {
  const { store, keys, count } = bench;
  const random = new Xorshift(ACCESS_SEED + bench.turn++);
  let entries = 0;
  const start = Bun.nanoseconds();
  for (let i = 0; i < ops; i++) {
    const seen = store.range(keys.at(random.below(count)), length);
    entries += typeof seen === "number" ? seen : await seen;
  }
  const ms = (Bun.nanoseconds() - start) / NS_PER_MS;
  // Ranges near the end of the keys are shorter.
  if (entries < 0.9 * ops * length) throw new Error(`${name}: only ${entries} entries`);
  return { name, ops, ms };
}

type Write = (key: Uint8Array, value: Uint8Array) => Promise<unknown> | undefined;

/** Overwrites random keys, one after the other. Each key is fresh memory: a store may keep it for a while. */
function writes(bench: Bench, write: Write): () => Promise<unknown> | undefined {
  const { keys, values, count } = bench;
  const random = new Xorshift(ACCESS_SEED + bench.turn++);
  return () => {
    const index = random.below(count);
    return write(keys.block(index, index + 1), values.at(index + 1));
  };
}

/** One call after the other, each waited for, each timed. */
async function timedCalls(
  name: string,
  ops: number,
  call: () => Promise<unknown> | undefined,
): Promise<Measure> {
  const took = new Float64Array(ops);
  const start = Bun.nanoseconds();
  let before = start;
  for (let i = 0; i < ops; i++) {
    const waiting = call();
    if (waiting !== undefined) await waiting;
    const now = Bun.nanoseconds();
    took[i] = (now - before) / NS_PER_MS;
    before = now;
  }
  return { name, ops, ms: (before - start) / NS_PER_MS, ...waits(took) };
}

/**
 * Some writers at once, each waiting for its own commit before the next. In slices, a bare append and
 * sync beside each, for the disk's own pace changes from second to second.
 */
async function commits(bench: Bench, name: string, ops: number, writers: number): Promise<Measure> {
  const write = writes(bench, bench.store.put.bind(bench.store));
  const raw = rawCommits(bench.job);
  const took = new Float64Array(ops);
  let ms = 0;
  let rawMs = 0;
  let begun = 0;
  for (let slice = 1; slice <= COMMIT_SLICES; slice++) {
    const end = Math.floor((ops * slice) / COMMIT_SLICES);
    const writer = async () => {
      while (begun < end) {
        const i = begun++;
        const before = Bun.nanoseconds();
        await write();
        took[i] = (Bun.nanoseconds() - before) / NS_PER_MS;
      }
    };
    const start = Bun.nanoseconds();
    await Promise.all(Array.from({ length: writers }, writer));
    const middle = Bun.nanoseconds();
    raw.run(RAW_PER_SLICE);
    ms += (middle - start) / NS_PER_MS;
    rawMs += (Bun.nanoseconds() - middle) / NS_PER_MS;
  }
  raw.close();
  const rawRate = (RAW_PER_SLICE * COMMIT_SLICES * 1000) / rawMs;
  return { name, ops, ms, rawRate, ...waits(took) };
}

/** Appends records as long as a commit of one entry, and waits for each to be on the disk. */
export function rawCommits({ directory, valueBytes }: Job): BareLoop {
  return new BareLoop("sync", `${directory}.raw`, KEY_BYTES + valueBytes + FRAME_BYTES);
}

async function timed(name: string, ops: number, run: () => Promise<unknown>): Promise<Measure> {
  const start = Bun.nanoseconds();
  await run();
  return { name, ops, ms: (Bun.nanoseconds() - start) / NS_PER_MS };
}
