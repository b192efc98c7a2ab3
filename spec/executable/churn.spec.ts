/**
 * Space on a real disk, with real threads and real time: values are overwritten many times over, then
 * deleted or left to expire, and nobody calls any maintenance. A small slice by default;
 * `MELES_CHURN_FULL=1 bun test spec/executable/churn.spec.ts` writes 384 MB over 32 MB, loads 2 GB, and
 * prints figures. How long writers wait means something only on a machine that has nothing else to do.
 */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Database, open } from "../../src/index.ts";

const MIB = 1 << 20;
const VALUE_BYTES = 4096;
const isFull = process.env["MELES_CHURN_FULL"] !== undefined;
const liveBytes = (isFull ? 32 : 4) * MIB;
const writtenBytes = (isFull ? 384 : 48) * MIB;
const keyCount = liveBytes / VALUE_BYTES;
const ttlSeconds = isFull ? 12 : 3;

/** What the owner was promised, in milliseconds after the last write. */
const SETTLED_MS = 20_000;
const EMPTY_MS = 25_000;

const folder = mkdtempSync(join(tmpdir(), "meles-churn-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Blocks in use, with files that are removed but still open. */
function bytesOnDisk(directory: string): number {
  let bytes = 0;
  const add = (path: string): void => {
    // A file may go while we look.
    bytes += (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
  };
  for (const name of readdirSync(directory)) add(join(directory, name));
  if (process.platform !== "linux") return bytes;
  for (const descriptor of readdirSync("/proc/self/fd")) {
    const path = join("/proc/self/fd", descriptor);
    try {
      const target = readlinkSync(path);
      if (target.startsWith(directory) && target.endsWith(" (deleted)")) add(path);
    } catch {
      // Closed meanwhile.
    }
  }
  return bytes;
}

async function until(limitMs: number, isReached: () => boolean): Promise<number> {
  const started = performance.now();
  while (!isReached() && performance.now() - started < limitMs) await Bun.sleep(50);
  return performance.now() - started;
}

/** Random bytes, of which a few hundred different values are made by changing the first ones. */
function valueMaker(): (number: number) => Uint8Array {
  const pool = Array.from({ length: 64 }, () =>
    crypto.getRandomValues(new Uint8Array(VALUE_BYTES)),
  );
  return (number) => {
    const value = pool[number % pool.length] as Uint8Array;
    new DataView(value.buffer).setUint32(0, number);
    return value;
  };
}

const nameOf = (key: number): string => `key-${String(key).padStart(8, "0")}`;

interface Churned {
  /** Number of the last value of each key. */
  readonly last: Uint32Array;
  readonly peakBytes: number;
  readonly seconds: number;
}

async function churn(db: Database, ttl: number | undefined): Promise<Churned> {
  const values = valueMaker();
  const last = new Uint32Array(keyCount);
  const started = performance.now();
  let state = 99;
  let peakBytes = 0;
  for (let number = 0; number < writtenBytes / VALUE_BYTES; number++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // The low bits of such a generator take turns.
    const key = number < keyCount ? number : (state >>> 8) % keyCount;
    await db.put(nameOf(key), values(number), ttl === undefined ? undefined : { ttl });
    last[key] = number;
    if (number % 2048 === 0) peakBytes = Math.max(peakBytes, bytesOnDisk(db.path));
  }
  return { last, peakBytes, seconds: (performance.now() - started) / 1000 };
}

function report(mode: string, db: Database, figures: Record<string, number>): void {
  if (!isFull) return;
  const stats = db.stats();
  const written =
    stats.bytesWrittenLog +
    stats.bytesWrittenValueLog +
    stats.bytesWrittenFlush +
    stats.bytesWrittenCompaction +
    stats.bytesWrittenCollection;
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(2)}`);
  const amplification = (written / stats.bytesWrittenUser).toFixed(2);
  process.stderr.write(`${mode}: write amplification ${amplification}, ${shown.join(", ")}\n`);
}

/** What writers were promised, in milliseconds. */
const WAIT_P999_MS = 20;
const WAIT_LONGEST_MS = 100;

describe("a load of 2 GB with continuous overwrites", () => {
  test.skipIf(!isFull)(
    "never holds a writer up for long",
    async () => {
      const directory = join(folder, "load");
      const db = await open(directory);
      const values = valueMaker();
      const writes = 2048 * (MIB / VALUE_BYTES);
      const keys = writes / 4;
      const waits = new Float64Array(writes);
      for (let number = 0; number < writes; number++) {
        const key = number % 2 === 0 ? (number / 2) % keys : Math.imul(number, 0x9e3779b1) >>> 15;
        const before = performance.now();
        await db.put(nameOf(key % keys), values(number));
        waits[number] = performance.now() - before;
      }
      waits.sort();
      const [p999 = 0, longest = 0] = [waits[Math.floor(writes * 0.999)], waits[writes - 1]];
      report("load", db, { "p99.9 ms": p999, "longest ms": longest });
      await db.close();
      rmSync(directory, { recursive: true, force: true });
      expect(p999).toBeLessThanOrEqual(WAIT_P999_MS);
      expect(longest).toBeLessThanOrEqual(WAIT_LONGEST_MS);
    },
    300_000,
  );
});

describe("values overwritten many times over, and no call for maintenance", () => {
  test("leave little more than what lives; deleting it leaves nothing", async () => {
    const directory = join(folder, "deleted");
    const db = await open(directory);
    const { last, peakBytes, seconds } = await churn(db, undefined);
    const limit = Math.max(liveBytes * 1.6, 4 * MIB);
    const settledMs = await until(SETTLED_MS, () => bytesOnDisk(directory) <= limit);
    if (isFull) await Bun.sleep(4000);
    const settledBytes = bytesOnDisk(directory);
    expect(settledBytes).toBeLessThanOrEqual(limit);
    for (let key = 0; key < keyCount; key++) {
      const value = db.get(nameOf(key));
      expect(value?.length).toBe(VALUE_BYTES);
      expect(new DataView((value as Uint8Array).buffer).getUint32(0)).toBe(last[key] as number);
    }
    for (let key = 0; key < keyCount; key++) await db.delete(nameOf(key));
    const emptyMs = await until(EMPTY_MS, () => bytesOnDisk(directory) <= MIB);
    expect(bytesOnDisk(directory)).toBeLessThanOrEqual(4 * MIB);
    report("deleted", db, {
      "MB/s": writtenBytes / MIB / seconds,
      "peak MB": peakBytes / MIB,
      "settled MB": settledBytes / MIB,
      "settled after s": settledMs / 1000,
      "empty MB": bytesOnDisk(directory) / MIB,
      "empty after s": emptyMs / 1000,
    });
    await db.close();
    expect(bytesOnDisk(directory)).toBeLessThanOrEqual(4 * MIB);
  }, 120_000);

  test("leave nothing once they have expired", async () => {
    const directory = join(folder, "expired");
    const db = await open(directory);
    const { peakBytes, seconds } = await churn(db, ttlSeconds);
    const emptyMs = await until(ttlSeconds * 1000 + EMPTY_MS, () => bytesOnDisk(directory) <= MIB);
    expect(bytesOnDisk(directory)).toBeLessThanOrEqual(4 * MIB);
    expect(db.count()).toBe(0);
    report("expired", db, {
      "MB/s": writtenBytes / MIB / seconds,
      "peak MB": peakBytes / MIB,
      "empty MB": bytesOnDisk(directory) / MIB,
      "empty after s": emptyMs / 1000,
    });
    await db.close();
  }, 120_000);
});
