/**
 * The process of one round of the gate: `bun scripts/bench/run-gate.ts FOLDER`. Meles and its yardstick
 * take turns in one process, a few milliseconds each, so that a busy moment of the machine meets both.
 * Prints a line of JSON per ratio: its name and what every turn took.
 */

import { mkdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { BareLoop, type BareWork } from "./bare-loop.ts";
import { BATCH, batchOf, job, type Shape } from "./family.ts";
import type { Turns } from "./gate-decision.ts";
import type { Step, StoreName } from "./job.ts";
import { type Bench, openBench, rawCommits, runStep } from "./steps.ts";

const SMALL: Shape = { count: 60_000, valueBytes: 100 };
const LARGE: Shape = { count: 8192, valueBytes: 4096 };
const DURABLE: Shape = { count: 1000, valueBytes: 100, durability: "power" };
/** Code is not compiled yet, files are not yet in memory. */
const WARM_UP_TURNS = 2;
const SYNCS_PER_TURN = 30;

type Turn = () => unknown;

const folder = process.argv[2] ?? "";
await besideSqlite();
await besideBareLoops();
await besideSyncs();

async function besideSqlite(): Promise<void> {
  const ours = await bench("meles", "small", SMALL);
  const sqlite = await bench("bun:sqlite", "small", SMALL);
  const pair = (name: string, turns: number, stepOf: (store: StoreName) => Step) =>
    compare(
      `${name} / bun:sqlite`,
      turns,
      () => runStep(ours, stepOf("meles")),
      () => runStep(sqlite, stepOf("bun:sqlite")),
    );
  await compare("fill / bun:sqlite", 12, loadingTurn(ours, 12), loadingTurn(sqlite, 12));
  await ours.store.endLoad();
  await Promise.all([ours.store.settle(), sqlite.store.settle()]);
  await pair("get", 20, () => ({ kind: "get", name: "", ops: 4000 }));
  await pair("miss", 16, () => ({ kind: "get", name: "", ops: 6000, miss: true }));
  await pair("scan", 10, (store) => ({
    kind: "scan",
    name: "",
    how: store === "meles" ? "views" : "entries",
  }));
  await pair("range of 50", 16, () => ({ kind: "ranges", name: "", ops: 300, length: 50 }));
  await pair("put", 16, () => ({ kind: "puts", name: "", ops: 1000 }));
  await pair("update", 16, () => ({ kind: "updates", name: "", ops: 600 }));
  await ours.store.close();
  await sqlite.store.close();
}

async function besideBareLoops(): Promise<void> {
  const ours = await bench("meles", "large", LARGE);
  const bare = async (name: string, work: BareWork, turns: number, ops: number, turn: Turn) => {
    const loop = new BareLoop(work, join(folder, work), LARGE.valueBytes);
    await compare(`${name} / ${work}`, turns, turn, () => loop.run(ops));
    loop.close();
  };
  const loads = 16;
  await bare("4 KiB load", "append", loads, LARGE.count / loads, loadingTurn(ours, loads));
  await ours.store.endLoad();
  await ours.store.settle();
  await bare("4 KiB get", "pread", 20, 1000, () =>
    runStep(ours, { kind: "get", name: "", ops: 1000 }),
  );
  await bare("4 KiB scan", "memcpy", 10, LARGE.count, () =>
    runStep(ours, { kind: "scan", name: "", how: "views" }),
  );
  await ours.store.close();
}

async function besideSyncs(): Promise<void> {
  const ours = await bench("meles", "durable", DURABLE);
  await loadingTurn(ours, 1)();
  await ours.store.endLoad();
  for (const writers of [1, 64]) {
    const raw = rawCommits(ours.job);
    const ops = writers * SYNCS_PER_TURN;
    const step: Step = { kind: "puts", name: "", ops: SYNCS_PER_TURN };
    await compare(
      `${writers} writer${writers > 1 ? "s" : ""} / write + fdatasync`,
      12,
      () => Promise.all(Array.from({ length: writers }, () => runStep(ours, step))),
      () => raw.run(SYNCS_PER_TURN),
      ops / SYNCS_PER_TURN,
    );
    raw.close();
  }
  await ours.store.close();
}

async function bench(store: StoreName, name: string, shape: Shape): Promise<Bench> {
  const directory = join(folder, `${name}-${store.replace(":", "-")}`);
  mkdirSync(directory, { recursive: true });
  return openBench(job(store, directory, shape, []), "");
}

/** Writes the next part of the entries, in batches. */
function loadingTurn(
  { store, keys, values, job: { count, valueBytes } }: Bench,
  turns: number,
): Turn {
  const batch = Math.min(BATCH, batchOf(valueBytes), count / turns);
  let done = 0;
  return async () => {
    const end = done + count / turns;
    for (; done < end; done += batch) await store.writeBatch(keys, values, done, done + batch);
  };
}

/** Times each by turns and prints both lists; `work` when ours does so many times as much. */
async function compare(
  name: string,
  turns: number,
  ours: Turn,
  theirs: Turn,
  work = 1,
): Promise<void> {
  const oursNs: number[] = [];
  const theirsNs: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    if (turn % 2 === 0) oursNs.push(await time(ours));
    theirsNs.push(await time(theirs));
    if (turn % 2 === 1) oursNs.push(await time(ours));
  }
  const turned: Turns = {
    name,
    work,
    oursNs: oursNs.slice(WARM_UP_TURNS),
    theirsNs: theirsNs.slice(WARM_UP_TURNS),
  };
  writeSync(1, `${JSON.stringify(turned)}\n`);
}

async function time(turn: Turn): Promise<number> {
  const start = Bun.nanoseconds();
  await turn();
  return Bun.nanoseconds() - start;
}
