/**
 * Verification of directories that are not open: a sound one has no findings, and no damage goes unseen,
 * whether the directory can still be opened or not.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { type DirectoryReport, type OpenOptions, verifyDirectory } from "../../src/index.ts";
import { makeDirectory, type Made, MASTER_KEY } from "../salvage/directories.ts";
import { writeFile } from "../suites/copy-file-system.ts";
import { DIRECTORY, testEnv } from "../suites/open-database.ts";
import { SEED } from "../suites/sorted-entries.ts";

type Files = ReadonlyMap<string, Uint8Array>;

function filesIn(files: Files): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory(DIRECTORY);
  for (const [name, bytes] of files) writeFile(fileSystem, `${DIRECTORY}/${name}`, bytes);
  return fileSystem;
}

function verify(files: Files, made: Made): Promise<DirectoryReport> {
  const key = made.masterKey === undefined ? {} : { encryptionKey: made.masterKey };
  return verifyDirectory(DIRECTORY, { env: testEnv(filesIn(files)), ...key });
}

/** Bytes that mean nothing: hints, the vector of a file that is not encrypted, the application's mark. */
function isIdle(name: string, at: number, made: Made): boolean {
  if (name === "DISCARD") return true;
  if (name === "MANIFEST") return at === 4 || at === 5;
  if (made.masterKey !== undefined) return false;
  return name === "KEYREGISTRY" ? at < 16 : /\.(mem|vlog)$/.test(name) && at >= 8 && at < 20;
}

describe.each<readonly [string, OpenOptions]>([
  ["plain", {}],
  ["zstd", { compression: "zstd" }],
  ["encrypted", { encryptionKey: MASTER_KEY, encryptionKeyRotationMs: 1 }],
])("a directory, %s", (_, options) => {
  let made: Made;

  beforeAll(async () => {
    made = await makeDirectory(SEED, options);
  });

  test("has no findings when nothing is damaged, and every byte was read", async () => {
    const report = await verify(made.files, made);
    expect(report.findings).toEqual([]);
    expect(report.notes).toEqual([]);
    const total = [...made.files].reduce((sum, [, bytes]) => sum + bytes.length, 0);
    const hints = made.files.get("DISCARD")?.length ?? 0;
    expect(report.bytes).toBe(total - hints);
    expect(report.entries).toBeGreaterThan(700);
  });

  test("a single changed bit, anywhere, is seen", async () => {
    const random = new SeededRandom(SEED);
    const names = [...made.files.keys()];
    for (let round = 0; round < 60; round++) {
      const name = names[random.below(names.length)] as string;
      const bytes = (made.files.get(name) as Uint8Array).slice();
      const at = random.below(bytes.length);
      if (isIdle(name, at, made)) continue;
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      const report = await verify(new Map(made.files).set(name, bytes), made);
      const seen = [...report.findings, ...report.notes];
      if (seen.length === 0) throw new Error(`seed ${SEED}, round ${round}: byte ${at} of ${name}`);
    }
  }, 30_000);
});
