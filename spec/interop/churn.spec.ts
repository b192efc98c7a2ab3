/**
 * Badger opens the directory at any time while values are overwritten, moved and removed: what a kill
 * would leave is copied again and again in the middle of it, and Badger finds exactly what was
 * acknowledged. A snapshot that is open all the while reads the same in the end, and frees the space.
 */

import { expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { toText } from "../../src/base/bytes.ts";
import { type Database, open } from "../../src/index.ts";
import { withBadger } from "./badger-build.ts";
import { BadgerProcess } from "./badger-process.ts";
import { ScratchFolder } from "./scratch-folder.ts";

const KEYS = 512;
const VALUE_BYTES = 4096;
const LIVE_BYTES = KEYS * VALUE_BYTES;
const TIMES = 10;
const BEFORE = KEYS * 3;
const COPIES = 5;
const FREED_MS = 20_000;

const nameOf = (key: number): string => `key-${String(key).padStart(6, "0")}`;

function valueOf(number: number): Uint8Array {
  const value = new Uint8Array(VALUE_BYTES).fill(number % 251);
  new DataView(value.buffer).setUint32(0, number);
  return value;
}

const numberIn = (value: Uint8Array): number =>
  new DataView(value.buffer, value.byteOffset).getUint32(0);

/** Number of the last value by key. */
async function overwrite(db: Database, last: Uint32Array, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number++) {
    const key = number < KEYS ? number : Math.imul(number, 0x9e3779b1) >>> 23;
    await db.put(nameOf(key % KEYS), valueOf(number));
    last[key % KEYS] = number;
  }
}

async function until(limitMs: number, isReached: () => boolean): Promise<void> {
  const started = performance.now();
  while (!isReached() && performance.now() - started < limitMs) await Bun.sleep(50);
}

withBadger("a directory that is churned", () => {
  test("is one that Badger reads at any time, and keeps what a snapshot sees", async () => {
    using folder = new ScratchFolder();
    const db = await open(folder.at("data"), { workers: 1 });
    const last = new Uint32Array(KEYS);
    // What it reads lies between garbage.
    await overwrite(db, last, 0, BEFORE);
    const snapshot = db.begin({ readOnly: true });
    const seen = last.slice();
    const step = Math.ceil((KEYS * TIMES) / COPIES);
    for (let copy = 1; copy <= COPIES; copy++) {
      await overwrite(db, last, BEFORE + (copy - 1) * step, BEFORE + copy * step);
      const directory = folder.at(`killed-${copy}`);
      cpSync(folder.at("data"), directory, { recursive: true });
      await using badger = await BadgerProcess.open(directory);
      const { live } = await badger.dump();
      expect(live.length).toBe(KEYS);
      for (const { key, value } of live) {
        expect(numberIn(value)).toBe(last[Number(toText(key).slice(4))] as number);
      }
      await badger.close();
    }
    // Values that the snapshot reads were moved meanwhile.
    expect(db.stats().bytesWrittenCollection).toBeGreaterThan(0);
    for (let key = 0; key < KEYS; key++) {
      expect(numberIn(snapshot.get(nameOf(key)) as Uint8Array)).toBe(seen[key] as number);
    }
    expect(snapshot.scan({ keysOnly: true }).toArray().length).toBe(KEYS);
    snapshot.discard();
    await until(FREED_MS, () => db.size().total <= LIVE_BYTES * 1.6);
    expect(db.size().total).toBeLessThanOrEqual(LIVE_BYTES * 1.6);
    await db.close();
    await using badger = await BadgerProcess.open(folder.at("data"));
    const { live } = await badger.dump();
    expect(live.map(({ value }) => numberIn(value))).toEqual([...last]);
    await badger.call("verify");
  }, 120_000);
});
