/**
 * The first question of everybody: how fast are puts and gets? A million random 16-byte keys with
 * 100-byte values in bulk, then a million random gets, in Meles and in `bun:sqlite` (write-ahead log,
 * `synchronous = NORMAL`, a thousand rows per transaction), in one run. Both survive a process crash
 * at any point and lose at most the last moments to a power cut. Ratios come last.
 */

import { Database as Sqlite } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "../../src/index.ts";

const COUNT = 1_000_000;
const KEY_BYTES = 16;
const VALUE_BYTES = 100;
const SQLITE_ROWS_PER_TRANSACTION = 1_000;
/** What a release must reach on two cores of a shared virtual machine. */
const PUTS_WANTED = 300_000;
const GETS_WANTED = 400_000;

interface Speed {
  readonly putsPerSecond: number;
  readonly getsPerSecond: number;
}

const random = xorshift(20_261_122);
const keys = randomBytes(COUNT * KEY_BYTES);
const values = randomBytes(1 << 20);
const order = shuffled(COUNT);
const scratch = mkdtempSync(join(tmpdir(), "meles-bench-"));

try {
  const meles = await measureMeles(join(scratch, "meles"));
  print("meles", meles);
  const sqlite = measureSqlite(join(scratch, "sqlite.db"));
  print("bun:sqlite", sqlite);

  const putRatio = meles.putsPerSecond / sqlite.putsPerSecond;
  const getRatio = meles.getsPerSecond / sqlite.getsPerSecond;
  process.stdout.write(
    `put at least ${rate(PUTS_WANTED)}: ${yes(meles.putsPerSecond >= PUTS_WANTED)}\n`,
  );
  process.stdout.write(
    `get at least ${rate(GETS_WANTED)}: ${yes(meles.getsPerSecond >= GETS_WANTED)}\n`,
  );
  process.stdout.write(
    `meles / bun:sqlite: put ${putRatio.toFixed(1)}, get ${getRatio.toFixed(1)}\n`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function measureMeles(directory: string): Promise<Speed> {
  const db = await open(directory);
  const putting = performance.now();
  const batch = db.batch();
  for (let i = 0; i < COUNT; i++) {
    const wait = batch.put(key(i), value(i));
    if (wait !== undefined) await wait;
  }
  await batch.flush();
  const put = performance.now();

  let found = 0;
  for (let i = 0; i < COUNT; i++) {
    if (db.get(key(order[i] as number))?.length === VALUE_BYTES) found++;
  }
  const got = performance.now();
  await db.close();
  return speed(found, put - putting, got - put);
}

function measureSqlite(file: string): Speed {
  const db = new Sqlite(file);
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = NORMAL");
  db.run("CREATE TABLE kv (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID");
  const insert = db.prepare<undefined, [Uint8Array, Uint8Array]>(
    "INSERT OR REPLACE INTO kv VALUES (?, ?)",
  );
  const insertMany = db.transaction((from: number, to: number) => {
    for (let i = from; i < to; i++) insert.run(key(i), value(i));
  });
  const putting = performance.now();
  for (let i = 0; i < COUNT; i += SQLITE_ROWS_PER_TRANSACTION) {
    insertMany(i, i + SQLITE_ROWS_PER_TRANSACTION);
  }
  const put = performance.now();

  const select = db.prepare<{ value: Uint8Array }, [Uint8Array]>(
    "SELECT value FROM kv WHERE key = ?",
  );
  let found = 0;
  for (let i = 0; i < COUNT; i++) {
    if (select.get(key(order[i] as number))?.value.length === VALUE_BYTES) found++;
  }
  const got = performance.now();
  db.close();
  return speed(found, put - putting, got - put);
}

function speed(found: number, putMs: number, getMs: number): Speed {
  if (found !== COUNT) throw new Error(`${COUNT - found} of ${COUNT} keys were not found`);
  return { putsPerSecond: (COUNT / putMs) * 1000, getsPerSecond: (COUNT / getMs) * 1000 };
}

function key(i: number): Uint8Array {
  return keys.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES);
}

function value(i: number): Uint8Array {
  const start = (i * 61) % (values.length - VALUE_BYTES);
  return values.subarray(start, start + VALUE_BYTES);
}

function print(name: string, { putsPerSecond, getsPerSecond }: Speed): void {
  const numbers = `put ${rate(putsPerSecond).padStart(8)}   get ${rate(getsPerSecond).padStart(8)}`;
  process.stdout.write(`${name.padEnd(12)}${numbers}\n`);
}

function rate(perSecond: number): string {
  return `${Math.round(perSecond / 1000)} k/s`;
}

function yes(reached: boolean): string {
  return reached ? "yes" : "no";
}

/** Marsaglia's 32-bit generator: the same keys in every run. */
function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const whole = new Uint32Array(bytes.buffer);
  for (let i = 0; i < whole.length; i++) whole[i] = random();
  return bytes;
}

function shuffled(length: number): Uint32Array {
  const list = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = random() % (i + 1);
    const kept = list[i] as number;
    list[i] = list[j] as number;
    list[j] = kept;
  }
  return list;
}
