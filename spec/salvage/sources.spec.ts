/** Which files count, which of two twins wins, and what is found in another place than it should be. */

import { describe, expect, test } from "bun:test";
import { concatBytes, toBytes, toText } from "../../src/base/bytes.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { encodeManifestRecord, type ManifestCreate } from "../../src/format/manifest-change.ts";
import { encodeManifestHeader, replayManifest } from "../../src/format/manifest-replay.ts";
import { META_POINTER } from "../../src/format/stored-value.ts";
import { tableFileName } from "../../src/format/file-names.ts";
import { VALUE_POINTER_SIZE, writeValuePointer } from "../../src/format/value-pointer.ts";
import { type OpenOptions, salvage, type SalvageReport } from "../../src/index.ts";
import { readFramedRecords } from "../../src/salvage/framed-records.ts";
import { TableBuilder } from "../../src/table/table-builder.ts";
import { TABLE_OPTIONS } from "../../src/table/table-options.ts";
import { readDirectory, writeFile } from "../suites/copy-file-system.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";
import { SEED } from "../suites/sorted-entries.ts";
import { makeDirectory, MASTER_KEY } from "./directories.ts";
import { type Files, takeInventory } from "./inventory.ts";

const SOURCE = "/damaged";

interface Outcome {
  readonly report: SalvageReport;
  /** Live entries of the new directory. */
  readonly live: ReadonlyMap<string, string>;
}

async function salvageFiles(files: Files, options: OpenOptions = {}): Promise<Outcome> {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory(SOURCE);
  for (const [name, bytes] of files) writeFile(fileSystem, `${SOURCE}/${name}`, bytes);
  const env = testEnv(fileSystem);
  const key = options.encryptionKey === undefined ? {} : { encryptionKey: options.encryptionKey };
  const report = await salvage(SOURCE, DIRECTORY, { env, ...key });
  const db = await openIn(env, { readOnly: true, ...key });
  const live = new Map([...db.scan()].map((entry) => [toText(entry.key), entry.text()]));
  await db.close();
  return { report, live };
}

function fileNames(files: Files, suffix: string): string[] {
  return [...files.keys()].filter((name) => name.endsWith(suffix));
}

describe("files that have changed places", () => {
  test.each<[string, OpenOptions]>([
    [".vlog", {}],
    [".vlog", { encryptionKey: MASTER_KEY, encryptionKeyRotationMs: 1 }],
    [".mem", {}],
    [".sst", { encryptionKey: MASTER_KEY, encryptionKeyRotationMs: 1, compression: "zstd" }],
  ])("%s %j: nothing is lost", async (suffix, options) => {
    const { files, masterKey } = await makeDirectory(SEED, options);
    const names = fileNames(files, suffix);
    expect(names.length).toBeGreaterThan(1);
    const turned = new Map(files);
    names.forEach((name, i) =>
      turned.set(name, files.get(names[(i + 1) % names.length] as string) as Uint8Array),
    );
    const { report } = await salvageFiles(turned, options);
    expect(report).toMatchObject({ lost: false, entries: takeInventory(files, masterKey).size });
  });
});

describe("tables that MANIFEST does not list", () => {
  /** A key that is deleted for good, before and after the compaction that forgets it. */
  async function forgotten(): Promise<{ before: Files; after: Files }> {
    const fileSystem = new MemoryFileSystem();
    const db = await openIn(testEnv(fileSystem), TINY);
    await db.put("deleted", "long ago");
    await db.put("kept", "1");
    await db.flush();
    const before = readDirectory(fileSystem, DIRECTORY);
    await db.delete("deleted");
    await db.compact();
    await db.close();
    return { before, after: readDirectory(fileSystem, DIRECTORY) };
  }

  test("are left out when a change deleted them, whatever else of MANIFEST is lost", async () => {
    const { before, after } = await forgotten();
    const [old = ""] = fileNames(before, ".sst");
    expect(after.has(old)).toBe(false);
    const manifest = after.get("MANIFEST") as Uint8Array;
    const files = new Map(after)
      .set(old, before.get(old) as Uint8Array)
      .set("MANIFEST", concatBytes(manifest, new Uint8Array(30).fill(0xee)));
    const { report, live } = await salvageFiles(files);
    expect([...live]).toEqual([["kept", "1"]]);
    expect(report.findings).toMatchObject([{ file: "MANIFEST", lost: false }]);
  });

  test("are left out when their numbers are in the past of a sound MANIFEST", async () => {
    const { before, after } = await forgotten();
    const [old = ""] = fileNames(before, ".sst");
    const { tables } = replayManifest(after.get("MANIFEST") as Uint8Array);
    const rewritten = concatBytes(
      encodeManifestHeader(0),
      encodeManifestRecord({ changes: [...tables.values()] }),
    );
    const files = new Map(after).set(old, before.get(old) as Uint8Array).set("MANIFEST", rewritten);
    const { report, live } = await salvageFiles(files);
    expect([...live]).toEqual([["kept", "1"]]);
    expect(report.findings).toEqual([]);
  });

  test("are taken when MANIFEST has lost its last change, exactly between two", async () => {
    const fileSystem = new MemoryFileSystem();
    const db = await openIn(testEnv(fileSystem), TINY);
    await db.put("first", "1");
    await db.flush();
    await db.put("second", "2");
    await db.flush();
    await db.close();
    const files = readDirectory(fileSystem, DIRECTORY);
    const manifest = files.get("MANIFEST") as Uint8Array;
    const { records } = readFramedRecords(manifest, 8);
    const cuts = records.map(({ offset }) => manifest.slice(0, offset));
    const cut = cuts.findLast((bytes) => replayManifest(bytes).tables.size === 1) as Uint8Array;
    const { report, live } = await salvageFiles(new Map(files).set("MANIFEST", cut));
    expect([...live]).toEqual([
      ["first", "1"],
      ["second", "2"],
    ]);
    expect(report).toMatchObject({ lost: false, findings: [{ lost: false }] });
    expect(report.findings[0]?.reason).toContain("taken, though MANIFEST does not list it");
  });

  test("are left out when they were never finished", async () => {
    const { after } = await forgotten();
    const [table = ""] = fileNames(after, ".sst");
    const half = (after.get(table) as Uint8Array).slice(0, 60);
    const { report, live } = await salvageFiles(new Map(after).set("000900.sst", half));
    expect([...live]).toEqual([["kept", "1"]]);
    expect(report).toMatchObject({ lost: false, findings: [{ file: "000900.sst" }] });
  });
});

test("an encrypted table survives a wrong bit in the lengths of its footer", async () => {
  const fileSystem = new MemoryFileSystem();
  const options = { ...TINY, encryptionKey: MASTER_KEY };
  const db = await openIn(testEnv(fileSystem), options);
  for (let i = 0; i < 100; i++) await db.put(`key ${i}`, "v");
  await db.flush();
  await db.close();
  const files = readDirectory(fileSystem, DIRECTORY);
  const [name = ""] = fileNames(files, ".sst");
  const bytes = (files.get(name) as Uint8Array).slice();
  const lengthAt = bytes.length - 4 - (bytes.at(-1) as number) - 4;
  for (let bit = 0; bit < 64; bit++) {
    const flipped = bytes.slice();
    const at = bit < 32 ? lengthAt + (bit >>> 3) : bytes.length - 8 + (bit >>> 3);
    flipped[at] = (flipped[at] as number) ^ (1 << (bit & 7));
    const { report, live } = await salvageFiles(new Map(files).set(name, flipped), options);
    expect([bit, live.size]).toEqual([bit, 100]);
    expect(report.lost).toBe(false);
  }
});

describe("twins: one key and version in two tables", () => {
  interface Twin {
    readonly level: number;
    readonly value: string | { readonly file: number };
  }

  /** Tables from 1 on, each with the key `twin` at version 7. */
  async function salvageTwins(...twins: readonly Twin[]): Promise<Outcome> {
    const fileSystem = new MemoryFileSystem();
    fileSystem.makeDirectory("/made");
    const changes: ManifestCreate[] = [];
    for (const [i, { level, value }] of twins.entries()) {
      const fileNumber = i + 1;
      const path = `/made/${tableFileName(fileNumber)}`;
      const file = fileSystem.open(path, { write: true, create: "exclusive" });
      const identity = { fileNumber, level, knownOrdered: false };
      const builder = new TableBuilder(file, identity, TABLE_OPTIONS);
      const isPointer = typeof value !== "string";
      const stored = isPointer ? new Uint8Array(VALUE_POINTER_SIZE) : toBytes(value);
      if (isPointer) writeValuePointer(stored, 0, value.file, 40, 20);
      const meta = isPointer ? META_POINTER : 0;
      builder.add(toBytes("twin"), 0, 4, 7, meta, 0, 0, stored, 0, stored.length, false);
      builder.finish();
      changes.push({ op: "create", fileNumber, level, keyId: 0, compression: 0 });
    }
    const manifest = concatBytes(encodeManifestHeader(0), encodeManifestRecord({ changes }));
    return salvageFiles(new Map(readDirectory(fileSystem, "/made")).set("MANIFEST", manifest));
  }

  test.each<[string, Twin[], string]>([
    [
      "the upper level",
      [
        { level: 0, value: "upper" },
        { level: 3, value: "lower" },
      ],
      "upper",
    ],
    [
      "the upper level, also with the smaller number",
      [
        { level: 3, value: "lower" },
        { level: 1, value: "upper" },
      ],
      "upper",
    ],
    [
      "in level 0 the newer file",
      [
        { level: 0, value: "older" },
        { level: 0, value: "newer" },
      ],
      "newer",
    ],
    [
      "one whose value can be had",
      [
        { level: 5, value: "there" },
        { level: 0, value: { file: 9 } },
      ],
      "there",
    ],
  ])("%s wins", async (_, twins, value) => {
    const { live, report } = await salvageTwins(...twins);
    expect([...live]).toEqual([["twin", value]]);
    expect(report).toMatchObject({ entries: 1, lost: false });
  });

  test("none wins when no value can be had, and that is told once", async () => {
    const { live, report } = await salvageTwins(
      { level: 0, value: { file: 9 } },
      { level: 1, value: { file: 8 } },
    );
    expect(live.size).toBe(0);
    expect(report.findings).toMatchObject([{ file: "000009.vlog", offset: 20, lost: true }]);
    expect(report.findings[0]?.reason).toBe(
      "the value of version 7 is lost with the file; the value log may lie in another directory, to be named as valueDirectory",
    );
  });
});
