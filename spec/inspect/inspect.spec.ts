import { dirname } from "node:path";
import { describe, expect, test } from "bun:test";
import { quoteBytes } from "../../grammar/literals.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { inspectFile } from "../../src/inspect/inspect-file.ts";
import type { OpenOptions } from "../../src/options.ts";
import { frameOf } from "../backup/streams.ts";
import { readFixture } from "../fixtures/unpack.ts";
import { Seeded, SEED } from "../format/seeded.ts";
import { writeFile } from "../suites/copy-file-system.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";

async function described(
  fileSystem: MemoryFileSystem,
  path: string,
  format: "text" | "json" = "text",
  encryptionKey?: Uint8Array,
): Promise<{ text: string; findings: number; pieces: number }> {
  let text = "";
  let pieces = 0;
  const { findings } = await inspectFile(fileSystem, {
    path,
    directory: dirname(path),
    format,
    encryptionKey,
    quote: quoteBytes,
    write(piece) {
      text += piece;
      pieces++;
    },
  });
  return { text, findings, pieces };
}

interface Described {
  readonly findings: unknown[];
  readonly blocks?: { entries: { key: string; version: number; in?: string }[] }[];
  readonly records?: { key: string; version: number; recordBytes: number }[];
  readonly frames?: unknown[];
}

async function parsed(
  fileSystem: MemoryFileSystem,
  path: string,
  key?: Uint8Array,
): Promise<Described> {
  return JSON.parse((await described(fileSystem, path, "json", key)).text) as Described;
}

function folderOf(files: ReadonlyMap<string, Uint8Array>): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("/d");
  for (const [name, bytes] of files) writeFile(fileSystem, `/d/${name}`, bytes);
  return fileSystem;
}

describe("an inspection of what Meles writes", () => {
  const key = new Uint8Array(32).fill(5);
  const kinds: readonly (readonly [string, OpenOptions, Uint8Array | undefined])[] = [
    ["plain", {}, undefined],
    ["zstd", { compression: "zstd" }, undefined],
    ["encrypted", { compression: "zstd", encryptionKey: key }, key],
  ];
  for (const [name, options, encryptionKey] of kinds) {
    test(`${name}: shows every entry of tables and logs, and finds nothing wrong`, async () => {
      const files = new MemoryFileSystem();
      const db = await openIn(testEnv(files), { ...TINY, ...options, sync: "commit" });
      const value = "v".repeat(300);
      for (let i = 0; i < 1500; i++) await db.put(`key-${i % 900}`, `${i}${i % 3 ? "" : value}`);
      await db.flush();
      for (let i = 0; i < 20; i++) await db.put(`late-${i}`, value);
      const transaction = db.begin();
      transaction.put("a", "1");
      transaction.delete("key-1");
      await transaction.commit();
      const tables = db.tables();
      const inTables = tables.reduce((sum, table) => sum + table.entries, 0);
      let seenInTables = 0;
      let seenInLogs = 0;
      for (const file of files.list(DIRECTORY)) {
        const path = `${DIRECTORY}/${file}`;
        const text = await described(files, path, "text", encryptionKey);
        expect([file, text.findings]).toEqual([file, 0]);
        const told = await parsed(files, path, encryptionKey);
        expect(told.findings).toEqual([]);
        const isLive = tables.some((table) => table.file === file);
        if (isLive) seenInTables += told.blocks?.flatMap((block) => block.entries).length ?? 0;
        if (file.endsWith(".mem")) seenInLogs += told.records?.length ?? 0;
        if (file.endsWith(".mem")) expect(text.text).toContain("'late-19'@1520, in 0000");
      }
      expect(tables.length).toBeGreaterThan(0);
      expect(seenInTables).toBe(inTables);
      // 20 values, two writes of a transaction and its end marker.
      expect(seenInLogs).toBe(23);
      await db.close();
    });
  }
});

test("records larger than the window, and logs of many windows, are read whole", async () => {
  const files = new MemoryFileSystem();
  const db = await openIn(testEnv(files), { valueThreshold: 100 });
  const sizes = [50, 3 << 20, 200, (1 << 20) - 30, 700_000, 700_000, 9 << 20, 150];
  for (const [i, size] of sizes.entries()) await db.put(`key-${i}`, new Uint8Array(size));
  const records: NonNullable<Described["records"]>[number][] = [];
  for (const file of files.list(DIRECTORY).filter((name) => name.endsWith(".vlog"))) {
    const told = await parsed(files, `${DIRECTORY}/${file}`);
    expect(told.findings).toEqual([]);
    records.push(...(told.records ?? []));
  }
  const large = sizes.flatMap((size, i) => (size >= 100 ? [{ key: `key-${i}`, size }] : []));
  expect(records.map(({ key }) => key)).toEqual(large.map(({ key }) => key));
  records.forEach(({ recordBytes }, i) => {
    expect(recordBytes - (large[i]?.size ?? 0)).toBeLessThan(40);
  });
  await db.close();
});

test("long descriptions come in pieces", async () => {
  const fileSystem = folderOf(readFixture("small-9003-entries"));
  const { text, pieces, findings } = await described(fileSystem, "/d/000001.sst");
  expect(findings).toBe(0);
  expect(text.match(/^ {4}'key\//gm)?.length).toBe(9000);
  expect(pieces).toBeGreaterThan(10);
});

test("bytes are told apart from text in JSON, and cut between characters", async () => {
  const fileSystem = new MemoryFileSystem();
  const bytes = frameOf(
    { text: "text", value: new TextEncoder().encode("ö".repeat(1000)) },
    { text: "bytes", value: new Uint8Array([0xff, 0x00]) },
  );
  writeFile(fileSystem, "/x.bak", bytes);
  const [frame] = (await parsed(fileSystem, "/x.bak")).frames ?? [];
  expect(frame).toMatchObject({
    entries: [
      { key: "text", value: { start: "ö".repeat(20), length: 2000 } },
      { key: "bytes", value: { $bytes: "/wA=" } },
    ],
  });
});

test("control characters in a file's name stay in their quotes", async () => {
  const fileSystem = new MemoryFileSystem();
  writeFile(fileSystem, "/\u001b[2J.bak", new Uint8Array(0));
  const { text } = await described(fileSystem, "/\u001b[2J.bak");
  expect(text).toStartWith('b"\\x1b[2J.bak": backup, 0 bytes\n');
});

test("a manifest or key registry under another name is recognized", async () => {
  const files = readFixture("small-none-closed");
  const fileSystem = new MemoryFileSystem();
  writeFile(fileSystem, "/saved", files.get("MANIFEST") as Uint8Array);
  writeFile(fileSystem, "/keys", files.get("KEYREGISTRY") as Uint8Array);
  expect((await described(fileSystem, "/saved")).text).toStartWith("saved: manifest, ");
  expect((await described(fileSystem, "/keys")).text).toStartWith("keys: key registry, ");
});

describe("damaged files", () => {
  const key = new TextEncoder().encode("0123456789abcdef");
  for (const fixture of ["small-zstd-closed", "small-none-crash", "small-enc-crash", "case-disc"]) {
    test(`${fixture}: are described, whatever is in them (seed ${SEED})`, async () => {
      const random = new Seeded(SEED);
      const files = readFixture(fixture);
      for (const [name, whole] of files) {
        // Logs and DISCARD are mostly zeros: damage where something is.
        const used = 1 + whole.findLastIndex((byte) => byte !== 0);
        for (let round = 0; round < 60; round++) {
          const bytes = whole.slice(0, random.below(4) === 0 ? random.below(used + 1) : used + 30);
          for (let hits = random.below(4); hits > 0 && bytes.length > 0; hits--) {
            bytes[random.below(bytes.length)] = random.below(3) === 0 ? 0xff : random.below(256);
          }
          const fileSystem = folderOf(files);
          writeFile(fileSystem, `/d/${name}`, bytes);
          const where = `${name}, round ${round}`;
          const { findings } = await parsed(fileSystem, `/d/${name}`, key);
          const { text, findings: count } = await described(fileSystem, `/d/${name}`);
          expect(findings, where).toBeArray();
          expect(text.match(/^DAMAGE /gm)?.length ?? 0, where).toBe(count);
        }
      }
    });
  }
});
