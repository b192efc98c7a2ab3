/** What can happen in a simulated history, and how often. */

import { MelesError } from "../../src/base/errors.ts";
import { buffer, bytesOf, DIRECTORY } from "./database-life.ts";
import { type Commit, difference, isExpired, type Stored, type Write } from "./expected-commits.ts";
import type { OpenTransaction, Simulation } from "./simulation.ts";
import { Died } from "./world.ts";

export interface Step {
  readonly name: string;
  readonly weight: number;
  /** The database is another one afterwards. */
  readonly ends?: boolean;
  readonly take: (simulation: Simulation) => Promise<void> | void;
}

const TRANSACTIONS_MAX = 3;

export const STEPS: readonly Step[] = [
  { name: "burst of commits", weight: 24, take: burst },
  { name: "batch", weight: 6, take: batch },
  { name: "begin", weight: 9, take: begin },
  { name: "transaction step", weight: 18, take: transactionStep },
  { name: "end transaction", weight: 8, take: endTransaction },
  { name: "race", weight: 6, take: race },
  { name: "read", weight: 6, take: readRange },
  { name: "compare", weight: 6, take: (simulation) => simulation.compare() },
  {
    name: "flush",
    weight: 6,
    take: ({ current }) => durably(current.call(() => current.db.flush(), true)),
  },
  {
    name: "compact",
    weight: 3,
    take: ({ current }) => durably(current.call(() => current.db.compact(), true)),
  },
  {
    name: "collect garbage",
    weight: 2,
    take: ({ current }) =>
      durably(current.call(() => current.db.collectGarbage({ discardRatio: 0.01 }), true)),
  },
  {
    name: "sync",
    weight: 3,
    take: ({ current }) => durably(current.call(() => current.db.sync(), true)),
  },
  { name: "pass an interval", weight: 5, take: passInterval },
  { name: "pass time", weight: 3, take: passTime },
  { name: "jump the clock", weight: 1, take: jumpClock },
  { name: "rest", weight: 4, take: ({ current }) => current.life.rest() },
  { name: "drop prefix", weight: 2, take: dropPrefix },
  { name: "verify", weight: 1, take: verify },
  { name: "backup", weight: 1, take: backup },
  { name: "disk full", weight: 2, take: fillDisk },
  { name: "EIO soon", weight: 3, take: breakSoon },
  { name: "calm", weight: 3, take: calm },
  { name: "doom", weight: 6, take: doom },
  { name: "reopen", weight: 3, ends: true, take: (simulation) => simulation.reopen() },
  { name: "kill", weight: 2, ends: true, take: ({ world }) => die(world.end("kill")) },
  { name: "power loss", weight: 3, ends: true, take: ({ world }) => die(world.end("power loss")) },
];

async function durably(call: Promise<boolean>): Promise<void> {
  await call;
}

function die(_: void): never {
  throw new Died("kill");
}

// --------------------------------------------------------------------------------- commits

/** Several commits in the same turn or close to it; sometimes nobody waits for them yet. */
async function burst({ current, random, workload, expected }: Simulation): Promise<void> {
  for (let left = 1 + random.below(6); left > 0; left--) {
    const number = expected.nextNumber;
    if (random.below(2) === 0) {
      void current.put(workload.write(random, number));
    } else {
      const sync = random.below(5) === 0 ? true : undefined;
      void current.writeAll(workload.writes(random, number), sync);
    }
    if (random.below(4) === 0) current.life.runTask();
  }
  if (random.below(4) !== 0) await current.settleAll();
}

/** Bulk writes: not atomic, but in order, so each is like a commit of its own. */
async function batch(simulation: Simulation): Promise<void> {
  const { current, random, workload, expected } = simulation;
  if (current.hasInFlight) await current.settleAll();
  const writer = current.db.batch({ maxPendingBytes: 1 + random.below(20_000) });
  const issued: Commit[] = [];
  const done = await current.call(async () => {
    for (let left = 1 + random.below(60); left > 0; left--) {
      const write = workload.write(random, expected.nextNumber);
      issued.push(current.issue([write]));
      const { key, value, userMeta, expiresAt } = write;
      await (value === undefined
        ? writer.delete(bytesOf(key))
        : writer.put(bytesOf(key), bytesOf(value), { userMeta, expiresAt }));
    }
    await writer.flush();
  });
  if (done) {
    for (const commit of issued) commit.fate = "acknowledged";
    if (current.sync === "commit") expected.promise();
    return;
  }
  settleBatch(simulation, issued);
}

/** A batch that failed: some first part of it is there. */
function settleBatch({ current, expected, times }: Simulation, issued: readonly Commit[]): void {
  const content = current.content();
  for (const commit of issued) commit.fate = "failed";
  // Unreadable now: the part that is there may grow by recovery, and nothing else will.
  if (content === undefined) {
    for (const commit of issued) commit.fate = "open";
    return;
  }
  if (difference(expected.content(), content, times) === undefined) return;
  for (const commit of issued) {
    commit.fate = "acknowledged";
    if (difference(expected.content(), content, times) === undefined) return;
  }
  throw new Error("after a failed batch there is more than a first part of it");
}

async function dropPrefix(simulation: Simulation): Promise<void> {
  const { current, random, workload, expected } = simulation;
  await current.settleAll();
  const key = workload.key(random);
  const prefix = random.below(8) === 0 ? "" : key.slice(0, 1 + random.below(key.length));
  // What has expired is not seen, and may show again if the clock goes back.
  const { nowSeconds } = simulation.times;
  const writes: Write[] = [...expected.content()]
    .filter(([name, entry]) => name.startsWith(prefix) && !isExpired(entry, nowSeconds))
    .map(([name]) => ({ key: name, value: undefined, userMeta: 0, expiresAt: 0 }));
  simulation.tell(`prefix ${JSON.stringify(prefix)}, ${writes.length} keys`);
  void current.drop(prefix, writes, () =>
    prefix === "" ? current.db.dropAll() : current.db.dropPrefix(bytesOf(prefix)),
  );
}

// ---------------------------------------------------------------------------- transactions

async function begin(simulation: Simulation): Promise<void> {
  const { current, expected, transactions, random } = simulation;
  if (transactions.length >= TRANSACTIONS_MAX) return;
  await current.settleAll();
  if (expected.hasOpen) return;
  const real = current.db.begin(random.below(3) === 0 ? { readOnly: true } : {});
  transactions.push({
    real,
    content: expected.content(),
    writes: new Map(),
    readKeys: new Set(),
    readPrefixes: new Set(),
    after: expected.nextNumber - 1,
  });
}

function pickTransaction({ transactions, random }: Simulation): OpenTransaction | undefined {
  return transactions[random.below(Math.max(1, transactions.length))];
}

function transactionStep(simulation: Simulation): void {
  const transaction = pickTransaction(simulation);
  if (transaction === undefined) return;
  const { random, workload } = simulation;
  for (let left = 1 + random.below(4); left > 0; left--) {
    const kind = random.below(transaction.real.readOnly ? 2 : 4);
    if (kind === 0) readKey(simulation, transaction);
    else if (kind === 1) readPrefix(simulation, transaction);
    else {
      const write = workload.write(random, simulation.nextBuffered());
      buffer(transaction.real, write);
      transaction.writes.set(write.key, write);
      const { key, value, userMeta, expiresAt } = write;
      if (value === undefined) transaction.content.delete(key);
      else transaction.content.set(key, { value, userMeta, expiresAt });
    }
  }
}

function readKey(simulation: Simulation, transaction: OpenTransaction): void {
  const { current, random, workload, times } = simulation;
  const key = workload.key(random);
  const found = current.read(() => ({ entry: transaction.real.getEntry(bytesOf(key)) }));
  // A read that a fault made fail has told nothing that a later commit could change.
  if (found === undefined) return;
  if (!transaction.writes.has(key)) transaction.readKeys.add(key);
  const { entry } = found;
  const seen = new Map<string, Stored>();
  if (entry !== undefined) {
    const { userMeta, expiresAt } = entry;
    seen.set(key, { value: Buffer.from(entry.value).toString("latin1"), userMeta, expiresAt });
  }
  const wanted = [...transaction.content].filter(([name]) => name === key);
  const wrong = difference(new Map(wanted), seen, times);
  if (wrong !== undefined) throw new Error(`a transaction's get: ${wrong}`);
}

function readPrefix(simulation: Simulation, transaction: OpenTransaction): void {
  const { current, random, workload, times } = simulation;
  const key = workload.key(random);
  const prefix = key.slice(0, random.below(key.length + 1));
  const range = { prefix: bytesOf(prefix), reverse: random.below(3) === 0 };
  const found = current.content(transaction.real, range);
  if (found === undefined) return;
  transaction.readPrefixes.add(prefix);
  const wanted = [...transaction.content].filter(([name]) => name.startsWith(prefix));
  const wrong = difference(new Map(wanted), found, times);
  if (wrong !== undefined) throw new Error(`a transaction's scan: ${wrong}`);
}

async function endTransaction(simulation: Simulation): Promise<void> {
  const transaction = pickTransaction(simulation);
  if (transaction === undefined) return;
  const { current, random, expected } = simulation;
  simulation.transactions = simulation.transactions.filter((one) => one !== transaction);
  const { real, writes, readKeys, readPrefixes, after } = transaction;
  if (random.below(4) === 0 || writes.size === 0) {
    real.discard();
    return;
  }
  await current.settleAll();
  const others = expected.since(after);
  const touched = others
    .flatMap((commit) => commit.writes.map(({ key }) => key))
    .filter(
      (key) => readKeys.has(key) || [...readPrefixes].some((prefix) => key.startsWith(prefix)),
    );
  const commit = current.issue([...writes.values()]);
  try {
    await current.life.settle(real.commit());
  } catch (error) {
    if (error instanceof Died) throw error;
    if (error instanceof MelesError && error.code === "ERR_CONFLICT") {
      expected.withdraw(commit);
      // Commits that were lost with a fault may count as changes.
      const isNearDrop = others.some(
        ({ dropped }) => dropped !== undefined && hasReadIn(transaction, dropped),
      );
      if (touched.length === 0 && !isNearDrop && !current.isDisturbed)
        throw new Error("a false conflict", { cause: error });
      return;
    }
    commit.fate = "failed";
    current.note(error);
    current.judge();
    return;
  }
  if (touched.length > 0) throw new Error(`a missed conflict on ${JSON.stringify(touched[0])}`);
  commit.fate = "acknowledged";
  if (current.sync === "commit") expected.promise(commit);
}

function hasReadIn({ readKeys, readPrefixes }: OpenTransaction, prefix: string): boolean {
  return (
    [...readKeys].some((key) => key.startsWith(prefix)) ||
    [...readPrefixes].some((read) => read.startsWith(prefix) || prefix.startsWith(read))
  );
}

/** Transactions that meet: they read and write in turns, others commit in between, and all of them end. */
async function race(simulation: Simulation): Promise<void> {
  for (let left = 2; left > 0; left--) await begin(simulation);
  for (let left = 3; left > 0; left--) transactionStep(simulation);
  if (simulation.random.below(2) === 0) await burst(simulation);
  for (let left = 2; left > 0; left--) transactionStep(simulation);
  for (let left = TRANSACTIONS_MAX; left > 0; left--) await endTransaction(simulation);
}

function readRange(simulation: Simulation): void {
  const { current, random, workload, expected, times } = simulation;
  if (expected.hasOpen) return;
  const [low, high] = [workload.key(random), workload.key(random)].sort(byBytes) as [
    string,
    string,
  ];
  const range = { gte: bytesOf(low), lt: bytesOf(high), reverse: random.below(2) === 0 };
  const found = current.content(current.db, range);
  if (found === undefined) return;
  const wanted = [...expected.content()].filter(
    ([key]) => byBytes(low, key) <= 0 && byBytes(key, high) < 0,
  );
  const wrong = difference(new Map(wanted), found, times);
  if (wrong !== undefined) throw new Error(`a range: ${wrong}`);
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(bytesOf(a), bytesOf(b));
}

// ------------------------------------------------------------------------------------ time

/** After an interval, what was acknowledged before survives a power loss, at the level "interval". */
async function passInterval({ current, expected, random }: Simulation): Promise<void> {
  await current.settleAll();
  const last = expected.lastAcknowledged;
  current.life.clock.advance(1000 + random.below(200));
  await current.life.rest();
  if (current.sync === "interval" && !current.isDisturbed && last !== undefined)
    expected.promise(last);
}

async function passTime({ current, random }: Simulation): Promise<void> {
  current.life.clock.advance(random.below(random.below(3) === 0 ? 40_000 : 900));
  if (random.below(2) === 0) await current.life.rest();
}

function jumpClock({ world, random, times }: Simulation): void {
  world.wallMs = times.nowSeconds * 1000 + (random.below(120) - 60) * 1000;
}

// ------------------------------------------------------------------------------ disturbance

function fillDisk(simulation: Simulation): void {
  simulation.tell(simulation.faults.fillDisk(simulation.world.life));
}

function breakSoon(simulation: Simulation): void {
  simulation.tell(simulation.faults.breakSoon(simulation.world.life));
}

function calm({ world }: Simulation): void {
  world.life.faults = () => undefined;
}

function doom(simulation: Simulation): void {
  const { end, when, afterOperations } = simulation.faults.doom(simulation.world.life, 60);
  simulation.tell(`${end} ${when} operation ${afterOperations}`);
}

// --------------------------------------------------------------------------------- the rest

async function verify(simulation: Simulation): Promise<void> {
  await simulation.current.settleAll();
  await simulation.verify();
}

/**
 * A backup, restored into a database of its own, holds what this one holds; so does that with an incremental
 * one of what came after.
 */
async function backup(simulation: Simulation): Promise<void> {
  const { current, expected, random } = simulation;
  await current.settleAll();
  if (expected.hasOpen) return;
  const path = `${DIRECTORY}/.backup`;
  const parts: Uint8Array[] = [];
  const write = async (since: number): Promise<number | undefined> => {
    let version: number | undefined;
    await current.call(async () => {
      try {
        ({ version } = await current.db.backup(path, { since }));
      } catch (error) {
        // Deletions have been compacted away since then: only a full one is possible.
        if (!(since > 0 && error instanceof MelesError && error.code === "ERR_VERSION_GONE"))
          throw error;
      }
    });
    const bytes = simulation.world.disk.file(path)?.content();
    if (version !== undefined && bytes === undefined) throw new Error("there is no backup");
    if (version !== undefined && bytes !== undefined) parts.push(bytes);
    return version;
  };
  const version = await write(0);
  if (version === undefined) return;
  await expectRestored(simulation, parts);
  if (random.below(2) === 0) return;
  await burst(simulation);
  await current.settleAll();
  if (expected.hasOpen || (await write(version)) === undefined) return;
  await expectRestored(simulation, parts);
}

async function expectRestored(
  { current, expected, times }: Simulation,
  backups: readonly Uint8Array[],
): Promise<void> {
  const { open } = await import("../../src/open.ts");
  const { testEnv } = await import("../suites/open-database.ts");
  const copy = await open(":memory:", { env: { ...testEnv(), clock: current.life.clock } });
  for (const bytes of backups) await copy.restore(new Blob([bytes.slice().buffer]));
  const content = current.content(copy);
  const wrong = content === undefined ? undefined : difference(expected.content(), content, times);
  await copy.close();
  if (wrong !== undefined) throw new Error(`${backups.length} backups: ${wrong}`);
}
