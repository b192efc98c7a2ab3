/** Reading ahead changes how often a file is read, and nothing else. */

import { describe, expect, test } from "bun:test";
import { CorruptionError } from "../../src/base/errors.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import type { File } from "../../src/env/file-system.ts";
import { RecordWindow } from "../../src/value-log/record-window.ts";
import { ioFailure } from "../suites/faulty-file-system.ts";
import { SEED } from "../suites/sorted-entries.ts";
import { ENCRYPTED, PLAIN, ValueLog } from "./value-log-fixture.ts";

const FILE_BYTES = 1 << 20;

function fileOf(
  fileSystem: MemoryFileSystem,
  path: string,
  seed: number,
): File & { reads: number } {
  const file = fileSystem.open(path, { write: true, create: "exclusive" });
  const bytes = new Uint8Array(FILE_BYTES);
  new SeededRandom(seed).fill(bytes);
  file.write(bytes, 0, bytes.length, 0);
  const read = file.read.bind(file);
  const counting = Object.assign(file, { reads: 0 });
  counting.read = (...parts) => {
    counting.reads++;
    return read(...parts);
  };
  return counting;
}

test("records in a row need few reads, in any order each needs its own", () => {
  const file = fileOf(new MemoryFileSystem(), "/a", 1);
  const window = new RecordWindow();
  const target = new Uint8Array(1000);
  for (let i = 0; i < 1000; i++) expect(window.read(file, 1, target, 1000, i * 1010)).toBe(1000);
  expect(file.reads).toBeLessThan(12);
  file.reads = 0;
  for (let i = 0; i < 100; i++) window.read(file, 1, target, 1000, ((i * 37) % 100) * 10_000);
  expect(file.reads).toBe(100);
});

test(`whatever is read of whatever files, the bytes are those of the file (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const below = (bound: number): number => Math.floor(random.next() * bound);
  const fileSystem = new MemoryFileSystem();
  const files = [1, 2, 3].map((number) => fileOf(fileSystem, `/${number}`, number));
  const window = new RecordWindow();
  const target = new Uint8Array(400_000);
  const expected = new Uint8Array(400_000);
  let number = 0;
  let position = 0;
  for (let round = 0; round < 5000; round++) {
    const length = 1 + below(round % 50 === 0 ? 400_000 : 3000);
    if (below(30) === 0) {
      number = below(3);
      position = below(FILE_BYTES);
    }
    if (below(100) === 0) window.clear();
    const file = files[number] as File;
    const got = window.read(file, number, target, length, position);
    expect(got).toBe(file.read(expected, 0, length, position));
    expect(Buffer.compare(target.subarray(0, got), expected.subarray(0, got))).toBe(0);
    position += length + below(200);
    if (position >= FILE_BYTES) position = 0;
  }
});

// A sector that the disk refuses, or a sealed frame that was forged, made every record unreadable that was
// read together with it.
test("a record is read although one behind it cannot be", () => {
  const file = fileOf(new MemoryFileSystem(), "/a", 1);
  const read = file.read.bind(file);
  for (const failure of [
    ioFailure("read", "/a", "EIO"),
    new CorruptionError({ file: "a", offset: 50_000, expected: "a frame", actual: "another" }),
  ]) {
    file.read = (target, offset, length, position) => {
      if (position + length > 50_000) throw failure;
      return read(target, offset, length, position);
    };
    const window = new RecordWindow();
    const target = new Uint8Array(1000);
    for (let i = 0; i < 49; i++) expect(window.read(file, 1, target, 1000, i * 1000)).toBe(1000);
    expect(() => window.read(file, 1, target, 1000, 49_500)).toThrow(failure);
  }
});

describe.each([
  ["plain", PLAIN],
  ["encrypted", ENCRYPTED],
] as const)("values in a row in a %s file", (_name, keys) => {
  test("are what was written, also those written while others were read ahead", () => {
    const log = new ValueLog({}, keys);
    const stored = [];
    for (let i = 0; i < 200; i++) {
      stored.push(log.write(50 + (i % 100), `key${i}`));
      if (i % 10 === 9) log.expectReadable(stored.slice(-25));
    }
    log.expectReadable(stored);
    log.close();
  });

  test("are read again before a record that was read ahead is called damaged", () => {
    const log = new ValueLog({}, keys);
    const stored = Array.from({ length: 20 }, (_, i) => log.write(60, `key${i}`));
    const good = log.bytesOf("000001.vlog");
    const notYet = good.slice();
    notYet.fill(0, good.length - 300);
    log.overwrite("000001.vlog", notYet);
    log.expectReadable(stored.slice(0, 10));
    log.overwrite("000001.vlog", good);
    log.expectReadable(stored);
    log.close();
  });
});
