/** What the interoperability specs do with Meles: write a history, read everything back. */

import { expect } from "bun:test";
import { join } from "node:path";
import { type Database, open, type OpenOptions } from "../../src/index.ts";
import type { FoundVersion, Ledger, LedgerWrite } from "./ledger.ts";
import { type HistoryShape, RandomHistory } from "./random-history.ts";

/** Commits one transaction, in one of the ways there are; its version. */
export async function commit(db: Database, writes: readonly LedgerWrite[]): Promise<number> {
  const [only] = writes;
  if (writes.length === 1 && only !== undefined) return commitOne(db, only);
  using transaction = db.begin();
  for (const { key, value, deleted, ...options } of writes) {
    if (deleted) transaction.delete(key);
    else transaction.put(key, value, putOptions(options));
  }
  return transaction.commit();
}

function commitOne(db: Database, write: LedgerWrite): Promise<number> {
  return write.deleted ? db.delete(write.key) : db.put(write.key, write.value, putOptions(write));
}

function putOptions(write: Pick<LedgerWrite, "userMeta" | "expiresAt" | "discard">) {
  const { userMeta, expiresAt, discard } = write;
  return { userMeta, expiresAt, discardEarlierVersions: discard };
}

/** Opens without background noise: warnings of background work are failures of the spec. */
export function openMeles(directory: string, options: OpenOptions = {}): Promise<Database> {
  return open(directory, {
    workers: "inline",
    memoryBudget: 16 << 20,
    logger: (level, message, fields) => {
      if (level !== "error") return;
      throw new Error(`${message} ${JSON.stringify(fields)}`);
    },
    ...options,
  });
}

/** Writes a history into an open database and its ledger. */
export async function writeHistory(
  db: Database,
  transactions: readonly (readonly LedgerWrite[])[],
  ledger: Ledger,
): Promise<void> {
  for (const writes of transactions) ledger.add(await commit(db, writes), writes);
}

/**
 * Everything Meles finds, by every way of reading: no damage, and point reads and a backward scan
 * that agree with the forward scan.
 */
export async function readMeles(
  db: Database,
  ledger: Ledger,
): Promise<{ versions: FoundVersion[]; live: FoundVersion[] }> {
  expect((await db.verify()).findings).toEqual([]);
  const live = db.scan().toArray();
  const backward = db.scan({ reverse: true }).toArray();
  expect(backward.reverse()).toEqual(live);
  expect(db.count()).toBe(live.length);
  const found = ledger.keys().flatMap((key) => db.getEntry(key) ?? []);
  expect(found).toEqual(live);
  return { versions: db.scan({ allVersions: true }).toArray(), live };
}

/** A history that a process of its own writes before it is killed. */
export interface ProbeOrder {
  readonly directory: string;
  readonly options: OpenOptions;
  /** Base64; JSON has no bytes. */
  readonly encryptionKey?: string;
  readonly seed: number;
  readonly shape: HistoryShape;
  readonly count: number;
}

/** Lets a process write a history and kill itself; what it had been told is in the ledger. */
export async function writeAndGetKilled(order: ProbeOrder, ledger: Ledger): Promise<void> {
  const probe = Bun.spawn(
    [process.execPath, join(import.meta.dir, "writer-probe.ts"), JSON.stringify(order)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const acknowledged = (await probe.stdout.text()).trim().split("\n").map(Number);
  await probe.exited;
  expect(probe.signalCode).toBe("SIGKILL");
  expect(acknowledged.length).toBe(order.count);
  const transactions = new RandomHistory(order.seed, order.shape).transactions(order.count);
  transactions.forEach((writes, index) => ledger.add(acknowledged[index] as number, writes));
}
