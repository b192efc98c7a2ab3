/**
 * The small parts that everything is made of, each ready to be called over and over: checksums, hashes,
 * compression of a block, reads from a sorted table, reads and writes of a database in memory.
 */

import { Values } from "../data.ts";
import { open } from "../../../src/index.ts";
import { bloomHash } from "../../../src/format/bloom-hash.ts";
import { checksumMatches, writeChecksum } from "../../../src/format/checksum.ts";
import {
  compressBlock,
  COMPRESSION_SNAPPY,
  COMPRESSION_ZSTD,
  decompressBlock,
} from "../../../src/format/compression.ts";
import { readUvarint, writeUvarint } from "../../../src/format/varint.ts";
import { tableBenches } from "./table.ts";

export interface MicroBench {
  readonly name: string;
  /** Calls of the part within one `run`: entries of a walk, say. */
  readonly calls: number;
  readonly run: () => unknown;
}

const BLOCK_BYTES = 4096;
const ENTRIES = 10_000;

/** `folder` takes the files of the tables. */
export async function microBenches(folder: string): Promise<MicroBench[]> {
  return [
    ...formatBenches(),
    ...compressionBenches(),
    ...tableBenches(folder),
    ...(await databaseBenches()),
  ];
}

function formatBenches(): MicroBench[] {
  const bytes = new Values(BLOCK_BYTES).at(1).slice();
  const target = new Uint8Array(BLOCK_BYTES);
  const sum = new Uint8Array(64);
  let number = 0;
  const checksum = (kind: "crc32c" | "xxhash64", size: number): MicroBench => ({
    name: `${kind}, ${size} B`,
    calls: 1,
    run: () => writeChecksum(sum, 0, kind, bytes, 0, size),
  });
  const end = writeChecksum(sum, 0, "xxhash64", bytes, 0, BLOCK_BYTES);
  const message = sum.slice(0, end);
  return [
    {
      name: "memcpy, 4096 B",
      calls: 1,
      run: () => target.set(bytes),
    },
    {
      name: "bloom hash, 16 B",
      calls: 1,
      run: () => {
        number = (number + 16) % 4000;
        return bloomHash(bytes, number, 16);
      },
    },
    checksum("crc32c", 16),
    checksum("crc32c", 128),
    checksum("crc32c", 4096),
    checksum("xxhash64", 4096),
    {
      name: "check xxhash64, 4096 B",
      calls: 1,
      run: () => checksumMatches(message, 0, end, bytes, 0, BLOCK_BYTES),
    },
    {
      name: "varint, write and read",
      calls: 1,
      run: () => {
        number = (number + 12_345) % 100_000_000;
        return readUvarint(target, 0, writeUvarint(target, 0, number));
      },
    },
  ];
}

function compressionBenches(): MicroBench[] {
  // Text-like: half of every 64 bytes repeats.
  const block = new Values(BLOCK_BYTES).at(2).slice();
  for (let at = 0; at < BLOCK_BYTES; at += 64) block.fill(0x20, at, at + 32);
  const codes = [
    ["snappy", COMPRESSION_SNAPPY],
    ["zstd 1", COMPRESSION_ZSTD],
  ] as const;
  return codes.flatMap(([name, code]) => {
    const packed = compressBlock(code, 1, block);
    return [
      { name: `${name}, compress 4096 B`, calls: 1, run: () => compressBlock(code, 1, block) },
      {
        name: `${name}, decompress 4096 B`,
        calls: 1,
        run: () => decompressBlock(code, packed, BLOCK_BYTES),
      },
    ];
  });
}

async function databaseBenches(): Promise<MicroBench[]> {
  const db = await open(":memory:");
  const keys = Array.from({ length: ENTRIES }, (_, i) => `key${String(i).padStart(8, "0")}`);
  const value = new Values(100).at(3).slice();
  for (const key of keys) await db.put(key, value);
  let turn = 0;
  const next = () => keys[(turn = (turn + 7919) % ENTRIES)] as string;
  return [
    { name: "get, memtable", calls: 1, run: () => db.get(next()) },
    { name: "get, absent", calls: 1, run: () => db.get("nothing") },
    { name: "put, awaited, in memory", calls: 1, run: () => db.put(next(), value) },
    {
      name: "update: a read and a write, in memory",
      calls: 1,
      run: () =>
        db.update((transaction) => {
          const key = next();
          transaction.get(key);
          transaction.put(key, value);
        }),
    },
  ];
}
