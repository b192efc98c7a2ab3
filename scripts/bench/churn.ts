/**
 * A life of overwrites: values of mixed sizes, nine of ten writes on a tenth of the keys, now and then a
 * deletion or a value that expires, until many times the live size has been written. `badger/churn.go`
 * is the twin of this file.
 */

import { mix, Xorshift } from "./data.ts";
import { bytesOnDisk } from "./disk.ts";
import { KEY_BYTES, type Measure } from "./job.ts";
import { waits } from "./statistics.ts";
import type { Bench } from "./steps.ts";

const SEED = 521_288_629;
const TTL_SECONDS = 4;
/** Chances in percent. */
const DELETE = 5;
const EXPIRE = 10;
const HOT = 90;
/** One key in so many is hot. */
const HOT_KEYS = 10;
const QUIET_MS = 2_000;
const POLL_MS = 200;

/** Seven of ten values are small, one of twenty is large. */
export function churnSize(dice: number): number {
  const spread = mix(dice);
  const kind = dice % 100;
  if (kind < 70) return 64 + (spread % 449);
  if (kind < 95) return 1024 + (spread % 3073);
  return 8192 + (spread % 24_577);
}

export async function runChurn(bench: Bench, name: string, times: number): Promise<Measure> {
  const { store, keys, values, count } = bench;
  const random = new Xorshift(SEED);
  const sizes = new Int32Array(count);
  const expires = new Float64Array(count).fill(Infinity);
  const took: number[] = [];
  const start = Bun.nanoseconds();
  let userBytes = 0;
  const timed = async (call: () => Promise<unknown> | undefined) => {
    const before = Bun.nanoseconds();
    await call();
    took.push((Bun.nanoseconds() - before) / 1e6);
  };
  const put = async (index: number, dice: number, expiring: boolean) => {
    const size = churnSize(dice);
    const key = keys.block(index, index + 1);
    const value = values.sized(dice % 1_000_000, size);
    await timed(() => (expiring ? putFor(key, value) : store.put(key, value)));
    sizes[index] = size;
    expires[index] = expiring ? performance.now() + TTL_SECONDS * 1000 : Infinity;
    userBytes += KEY_BYTES + size;
  };

  const putFor = (key: Uint8Array, value: Uint8Array) => {
    if (store.putFor === undefined) throw new Error("this store has no expiry");
    return store.putFor(key, value, TTL_SECONDS);
  };

  for (let i = 0; i < count; i++) await put(i, random.next(), false);
  const goal = userBytes * times;
  while (userBytes < goal) {
    const dice = random.next();
    const hot = mix(dice) % 100 < HOT;
    const reach = hot ? Math.ceil(count / HOT_KEYS) : count;
    const index = random.below(reach);
    const kind = random.below(100);
    if (kind < DELETE) {
      const key = keys.block(index, index + 1);
      await timed(() => store.delete(key));
      sizes[index] = 0;
      userBytes += KEY_BYTES;
    } else {
      await put(index, dice, kind < DELETE + EXPIRE);
    }
  }
  const ms = (Bun.nanoseconds() - start) / 1e6;
  await waitOutExpiry();
  const liveBytes = checkLive(bench, sizes, expires);
  return { name, ops: took.length, ms, userBytes, liveBytes, ...waits(Float64Array.from(took)) };
}

/** So that what is alive can be counted. */
async function waitOutExpiry(): Promise<void> {
  await Bun.sleep((TTL_SECONDS + 1) * 1000);
}

/** Bytes that ought to be there; every one of them is looked up. */
function checkLive(bench: Bench, sizes: Int32Array, expires: Float64Array): number {
  let live = 0;
  for (let i = 0; i < sizes.length; i++) {
    const size = expires[i] === Infinity ? (sizes[i] as number) : 0;
    const length = bench.store.get(bench.keys.at(i))?.length ?? 0;
    if (length !== size) throw new Error(`key ${i}: ${length} bytes instead of ${size}`);
    if (size > 0) live += KEY_BYTES + size;
  }
  return live;
}

/** Returns once the directory has not changed its size for a while; the waiting is not counted. */
export async function runQuiet(bench: Bench, name: string, limitMs: number): Promise<Measure> {
  const start = performance.now();
  let changed = start;
  let seen = -1;
  while (performance.now() - start < limitMs && performance.now() - changed < QUIET_MS) {
    await Bun.sleep(POLL_MS);
    const bytes = bytesOnDisk(bench.job.directory);
    if (bytes !== seen) changed = performance.now();
    seen = bytes;
  }
  return { name, ops: 1, ms: changed - start };
}

export async function runClear(bench: Bench, name: string): Promise<Measure> {
  const start = Bun.nanoseconds();
  for (let i = 0; i < bench.count; i++) await bench.store.delete(bench.keys.block(i, i + 1));
  return { name, ops: bench.count, ms: (Bun.nanoseconds() - start) / 1e6 };
}
