/**
 * Micro-benchmark of sorted tables: build, point reads, walks. One core, files in the system's
 * temporary directory (page cache).
 *
 *     bun scripts/bench/table.bench.ts [entries] [value bytes]
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EntrySlot } from "../../src/cursor/entry-slot.ts";
import { LevelCursor } from "../../src/cursor/level-cursor.ts";
import { BunFileSystem } from "../../src/env/bun-file-system.ts";
import { bloomHash } from "../../src/format/bloom-hash.ts";
import { BlockCache } from "../../src/table/block-cache.ts";
import { TableBuilder } from "../../src/table/table-builder.ts";
import { TABLE_OPTIONS } from "../../src/table/table-options.ts";
import type { TableOptions } from "../../src/table/table-options.ts";
import { TableReader } from "../../src/table/table-reader.ts";

const entryCount = Number(process.argv[2] ?? 1_000_000);
const valueBytes = Number(process.argv[3] ?? 100);
const directory = mkdtempSync(join(tmpdir(), "meles-table-bench-"));
const fileSystem = new BunFileSystem();
const KEY_BYTES = 16;

/** Sorted random 16-byte keys in one array. */
function makeKeys(count: number): Uint8Array {
  const numbers = new BigUint64Array(count);
  let state = 88172645463325252n;
  for (let i = 0; i < count; i++) {
    state ^= (state << 13n) & 0xffffffffffffffffn;
    state ^= state >> 7n;
    state ^= (state << 17n) & 0xffffffffffffffffn;
    numbers[i] = state;
  }
  numbers.sort();
  const keys = new Uint8Array(count * KEY_BYTES);
  const view = new DataView(keys.buffer);
  for (let i = 0; i < count; i++) {
    view.setBigUint64(i * KEY_BYTES, numbers[i] as bigint);
    view.setUint32(i * KEY_BYTES + 8, i);
    view.setUint32(i * KEY_BYTES + 12, Math.imul(i, 0x9e3779b1));
  }
  return keys;
}

function report(what: string, count: number, elapsedNs: number): void {
  const perSecond = (count / elapsedNs) * 1e3;
  const line = `${what.padEnd(46)} ${(elapsedNs / count).toFixed(0).padStart(6)} ns   ${perSecond.toFixed(2).padStart(7)} M/s`;
  process.stdout.write(`${line}\n`);
}

function best(rounds: number, run: () => void): number {
  let shortest = Infinity;
  for (let round = 0; round < rounds; round++) {
    const start = Bun.nanoseconds();
    run();
    shortest = Math.min(shortest, Bun.nanoseconds() - start);
  }
  return shortest;
}

const keys = makeKeys(entryCount);
const value = new Uint8Array(valueBytes).map((_, i) => (i * 31) & 0x3f);

function build(path: string, options: TableOptions): void {
  const file = fileSystem.open(path, { write: true, create: "truncate" });
  const builder = new TableBuilder(file, { fileNumber: 1, level: 1, knownOrdered: true }, options);
  for (let i = 0; i < entryCount; i++) {
    builder.add(
      keys,
      i * KEY_BYTES,
      KEY_BYTES,
      1 + (i & 1023),
      0x40,
      0,
      0,
      value,
      0,
      valueBytes,
      false,
    );
  }
  builder.finish();
  file.close();
}

function open(path: string, compression: 0 | 1 | 2, cache: BlockCache): TableReader {
  const file = fileSystem.open(path, { write: false, create: "never" });
  const source = { fileNumber: 1, level: 1, compression, keyId: 0 };
  return TableReader.open(file, source, cache, { verifyChecksums: "read" });
}

/** Search keys in random order, and their hashes. */
const probeCount = Math.min(entryCount, 500_000);
const probes: Uint8Array[] = [];
const probeHashes = new Uint32Array(probeCount);
let seed = 12345;
for (let i = 0; i < probeCount; i++) {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  const at = Math.floor((seed / 0x1_0000_0000) * entryCount) * KEY_BYTES;
  probes.push(keys.slice(at, at + KEY_BYTES));
  probeHashes[i] = bloomHash(keys, at, KEY_BYTES);
}

function benchGets(reader: TableReader, label: string, rounds = 5): void {
  const slot = new EntrySlot();
  let found = 0;
  const elapsed = best(rounds, () => {
    for (let i = 0; i < probeCount; i++) {
      const key = probes[i] as Uint8Array;
      if (reader.get(key, bloomHash(key, 0, KEY_BYTES), Number.MAX_SAFE_INTEGER, slot)) {
        found += slot.valueLength === valueBytes ? 1 : 0;
      }
    }
  });
  if (found !== rounds * probeCount) throw new Error(`found ${found}`);
  report(label, probeCount, elapsed);
}

function benchMisses(reader: TableReader): void {
  const slot = new EntrySlot();
  const absent = probes.map((probe) => {
    const key = probe.slice();
    key[15] = (key[15] as number) ^ 0xff;
    return key;
  });
  let found = 0;
  const elapsed = best(5, () => {
    for (const key of absent) {
      const hash = bloomHash(key, 0, KEY_BYTES);
      if (reader.get(key, hash, Number.MAX_SAFE_INTEGER, slot)) found++;
    }
  });
  if (found !== 0) throw new Error(`found ${found}`);
  report("get, absent", probeCount, elapsed);
}

function benchWalk(reader: TableReader, label: string, reverse: boolean, level: boolean): void {
  let count = 0;
  const elapsed = best(5, () => {
    const cursor = level ? new LevelCursor([reader]) : reader.cursor();
    count = 0;
    let bytes = 0;
    if (reverse) cursor.seekToLast();
    else cursor.seekToFirst();
    while (cursor.valid) {
      count++;
      bytes += cursor.valueLength + cursor.keyLength;
      if (reverse) cursor.prev();
      else cursor.next();
    }
    cursor.close();
    if (bytes === 0) throw new Error("nothing read");
  });
  if (count !== entryCount) throw new Error(`walked ${count}`);
  report(label, entryCount, elapsed);
}

try {
  const variants: [string, TableOptions][] = [
    ["none, xxhash64", TABLE_OPTIONS],
    ["none, crc32c", { ...TABLE_OPTIONS, checksum: "crc32c" }],
    ["zstd 1, xxhash64", { ...TABLE_OPTIONS, compression: 2 }],
    ["snappy, xxhash64", { ...TABLE_OPTIONS, compression: 1 }],
  ];
  for (const [name, options] of variants) {
    const path = join(directory, `${options.compression}-${options.checksum}.sst`);
    report(
      `build (${name})`,
      entryCount,
      best(3, () => build(path, options)),
    );
    const cache = new BlockCache(1024 * 1024 * 1024);
    const start = Bun.nanoseconds();
    const reader = open(path, options.compression, cache);
    report("open (per table)", 1, Bun.nanoseconds() - start);
    benchWalk(reader, "walk forward, uncached", false, false);
    benchWalk(reader, "walk backward, uncached", true, false);
    benchWalk(reader, "walk forward through a level cursor", false, true);
    benchGets(reader, "get, cold cache", 1);
    benchGets(reader, "get, cached, incl. hash");
    benchMisses(reader);
    reader.close();
  }
} finally {
  rmSync(directory, { recursive: true });
}
