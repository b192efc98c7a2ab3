/**
 * Verification of directories that are not open: a sound one has no findings, and no damage goes unseen,
 * whether the directory can still be opened or not.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { concatBytes } from "../../src/base/bytes.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { encodeTableFooter, decodeTableFooter } from "../../src/format/table-footer.ts";
import {
  decodeTableIndex,
  encodeTableIndex,
  type TableIndexFields,
} from "../../src/format/table-index.ts";
import type { TableIndexExtension } from "../../src/format/table-index-extension.ts";
import { findRecords } from "../../src/salvage/record-scan.ts";
import { type DirectoryReport, type OpenOptions, verifyDirectory } from "../../src/index.ts";
import { makeDirectory, type Made, MASTER_KEY } from "../salvage/directories.ts";
import { writeFile } from "../suites/copy-file-system.ts";
import { DIRECTORY, openIn, testEnv } from "../suites/open-database.ts";
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
    expect(report.entries).toBeGreaterThan(600);
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

describe("verification tells", () => {
  let made: Made;
  const has = (name: string): Uint8Array => made.files.get(name) as Uint8Array;
  const tables = (): string[] => [...made.files.keys()].filter((name) => name.endsWith(".sst"));

  beforeAll(async () => {
    made = await makeDirectory(SEED);
  });

  test("a table that is missing, and one too many", async () => {
    const [name = "", other = ""] = tables();
    const files = new Map(made.files);
    files.delete(name);
    files.set("000999.sst", has(other));
    const { findings, notes } = await verify(files, made);
    const missing = { file: name, offset: 0, message: "missing, though MANIFEST lists it" };
    expect(findings).toContainEqual(missing);
    const orphan = notes.find(({ file }) => file === "000999.sst");
    expect(orphan?.message).toContain("MANIFEST does not list it");
  });

  test("value logs that have changed places", async () => {
    const logs = [...made.files.keys()].filter((name) => name.endsWith(".vlog"));
    const [first = "", second = ""] = logs;
    const swapped = new Map(made.files).set(first, has(second)).set(second, has(first));
    const { findings } = await verify(swapped, made);
    expect(findings.some(({ file }) => file === first)).toBe(true);
  });

  test("a value log that is missing, by the values that went with it", async () => {
    const files = new Map(made.files);
    const name = [...files.keys()].find((file) => file.endsWith(".vlog")) as string;
    files.delete(name);
    const { findings } = await verify(files, made);
    expect(findings.length).toBeGreaterThan(0);
    expect(findings[0]).toMatchObject({ file: name });
    expect(findings[0]?.message).toContain("missing, and with it the value of version");
  });

  test("a file that is named wrongly, and drafts that were left over", async () => {
    const files = new Map(made.files);
    files.set("7.vlog", new Uint8Array(20)).set("MANIFEST-REWRITE", new Uint8Array(3));
    const { findings, notes } = await verify(files, made);
    expect(findings).toMatchObject([{ file: "7.vlog" }]);
    expect(notes).toMatchObject([
      { file: "MANIFEST-REWRITE", message: "left over from an interrupted write" },
    ]);
  });

  test("a lost MANIFEST, and goes on with logs and value logs", async () => {
    const files = new Map(made.files);
    files.delete("MANIFEST");
    const { findings, entries } = await verify(files, made);
    expect(findings).toMatchObject([{ file: "MANIFEST" }]);
    expect(entries).toBeGreaterThan(10);
  });

  test("what a torn write has left apart from damage", async () => {
    const log = [...made.files.keys()].filter((name) => name.endsWith(".mem")).at(-1) as string;
    const torn = new Map(made.files).set(log, has(log).slice(0, -3));
    expect(await verify(torn, made)).toMatchObject({ findings: [], notes: [{ file: log }] });
    const damaged = has(log).slice();
    damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] as number) ^ 0x55;
    const { findings } = await verify(new Map(made.files).set(log, damaged), made);
    expect(findings).toMatchObject([{ file: log }]);
  });
});

test("verification notes a log that is shorter than the next one knows", async () => {
  const made = await makeDirectory(SEED);
  const [older = ""] = [...made.files.keys()].filter((name) => name.endsWith(".mem"));
  const bytes = made.files.get(older) as Uint8Array;
  const { offsets } = findRecords(bytes);
  const cut = new Map(made.files).set(older, bytes.slice(0, offsets[offsets.length >> 1]));
  const { findings, notes } = await verify(cut, made);
  expect(findings).toEqual([]);
  expect(notes.map(({ message }) => message)).toEqual([
    expect.stringContaining("bytes are missing at the end; the next open drops later logs"),
  ]);
});

describe("verification of a table", () => {
  /** A directory with one table, whose index `change` has rewritten, checksum and all. */
  async function withIndex(
    change: (fields: TableIndexFields) => Partial<TableIndexFields>,
  ): Promise<string[]> {
    const fileSystem = new MemoryFileSystem();
    const env = testEnv(fileSystem);
    const db = await openIn(env);
    for (let i = 0; i < 300; i++) await db.put(`key ${i}`, "v".repeat(i), { userMeta: 1 });
    await db.delete("key 7");
    await db.flush();
    await db.close();
    const path = `${DIRECTORY}/000001.sst`;
    const bytes = fileSystem.readFile(path) as Uint8Array;
    const { indexOffset, indexLength } = decodeTableFooter(bytes, bytes.length);
    const fields = decodeTableIndex(bytes.subarray(indexOffset, indexOffset + indexLength));
    // Decoding has added the index's own length to the size; encoding adds it again.
    const onDiskSize = fields.onDiskSize - indexLength;
    const index = encodeTableIndex({ ...fields, onDiskSize, ...change({ ...fields, onDiskSize }) });
    const parts = [bytes.subarray(0, indexOffset), index, encodeTableFooter(index, "xxhash64")];
    writeFile(fileSystem, path, concatBytes(...parts));
    const { findings } = await verifyDirectory(DIRECTORY, { env });
    const open = await openIn(env, { readOnly: true });
    // The open database sees the same.
    expect((await open.verify()).findings).toEqual(findings);
    await open.close();
    return findings.map(({ message }) => message);
  }

  test("finds nothing wrong with an index that is only written again", async () => {
    expect(await withIndex(() => ({}))).toEqual([]);
  });

  const extended = (fields: TableIndexFields, more: Partial<TableIndexExtension>) => ({
    extension: { ...(fields.extension as TableIndexExtension), ...more },
  });

  test.each<[string, (fields: TableIndexFields) => Partial<TableIndexFields>, RegExp]>([
    [
      "a filter that denies keys",
      () => ({ bloomFilter: new Uint8Array(65).fill(0, 0, 64).fill(7, 64) }),
      /denies 300 keys/,
    ],
    ["a wrong count", () => ({ keyCount: 299 }), /promises 299 entries, there are 300/],
    [
      "a newest version that is too old",
      () => ({ maxVersion: 4 }),
      /promises 4 as the newest version/,
    ],
    ["a wrong plain size", () => ({ uncompressedSize: 5 }), /plain bytes/],
    ["a wrong size on disk", () => ({ onDiskSize: 5 }), /bytes on disk/],
    [
      "delete markers that are not there",
      (fields) => extended(fields, { tombstoneCount: 9 }),
      /promises 9 delete markers, there are 1/,
    ],
    [
      "another largest key",
      (fields) => extended(fields, { largestKey: new Uint8Array(20) }),
      /another largest key/,
    ],
    [
      "bytes in a value log",
      (fields) => extended(fields, { valueLogBytes: new Map([[3, 9]]) }),
      /other bytes in the value log/,
    ],
    ["an expiry", (fields) => extended(fields, { maxExpiresAt: 9 }), /last expiry/],
    [
      "a block left out",
      ({ blocks }) => ({
        blocks: {
          keys: blocks.keys.slice(blocks.keyStarts[1]),
          keyStarts: blocks.keyStarts
            .slice(1)
            .map((start) => start - (blocks.keyStarts[1] as number)),
          offsets: blocks.offsets.slice(1),
          lengths: blocks.lengths.slice(1),
        },
      }),
      /bytes belong to no block/,
    ],
  ])("finds %s", async (_, change, message) => {
    const found = await withIndex(change);
    expect(found.some((text) => message.test(text))).toBe(true);
  });
});
