/** Directories that the real Badger wrote, read through the whole database, as they are and after work on them. */

import { afterAll, describe, expect, test } from "bun:test";

import { toText } from "../../src/base/bytes.ts";
import type { Database, Entry } from "../../src/database/contract.ts";
import type { OpenOptions } from "../../src/index.ts";
import { disposeFixture, unpackFixture } from "../fixtures/unpack.ts";
import { openPath } from "../suites/open-database.ts";
import { entryText, expectedText, readExpectations } from "./badger-expectations.ts";
import { codeOf } from "./outcomes.ts";

const KEY_16 = new TextEncoder().encode("0123456789abcdef");
const KEY_32 = new TextEncoder().encode("0123456789abcdef0123456789abcdef");

const unpacked: string[] = [];
function unpack(name: string): string {
  const folder = unpackFixture(name);
  unpacked.push(folder);
  return folder;
}
afterAll(() => unpacked.forEach(disposeFixture));

function line({ key, version, value, userMeta, expiresAt, deleted }: Entry): string {
  const shown = deleted ? "deleted" : toText(value);
  return `${toText(key)}@${version} ${shown} ${userMeta} ${expiresAt}`;
}

const SMALL_LIVE = [
  "apricot@2 orange 0 0",
  "banana@2 yellow 0 4102444800",
  `big@3 ${"B".repeat(40)} 0 0`,
  "disc@5 d 0 0",
];
const SMALL_ALL = ["apple@4 deleted 0 0", "apple@1 red 7 0", ...SMALL_LIVE];

function expectSmall(db: Database): void {
  expect(db.scan().toArray().map(line)).toEqual(SMALL_LIVE);
  expect(db.scan({ reverse: true }).toArray().map(line)).toEqual(SMALL_LIVE.toReversed());
  expect(db.get("apple")).toBeUndefined();
  expect(db.has("apple")).toBe(false);
  expect(toText(db.get("big") as Uint8Array)).toBe("B".repeat(40));
  expect(db.getEntry("banana")?.expiresAt).toBe(4102444800);
  expect(db.count()).toBe(4);
}

describe("the small database", () => {
  for (const kind of ["none", "snappy", "zstd", "enc"]) {
    for (const stop of ["closed", "crash"]) {
      const options: OpenOptions = kind === "enc" ? { encryptionKey: KEY_16 } : {};
      test(`${kind}, ${stop}: read, written to, compacted, reopened`, async () => {
        const path = unpack(`small-${kind}-${stop}`);
        const reader = await openPath(path, { ...options, readOnly: true });
        expectSmall(reader);
        expect(reader.scan({ allVersions: true }).toArray().map(line)).toEqual(SMALL_ALL);
        await reader.close();

        const writer = await openPath(path, { ...options, valueThreshold: 32 });
        expectSmall(writer);
        expect(await writer.put("apple", "green")).toBe(6);
        await writer.delete("disc");
        await writer.compact();
        expect((await writer.verify()).findings).toEqual([]);
        await writer.close();

        const again = await openPath(path, options);
        expect(again.scan().toArray().map(line)).toEqual([
          "apple@6 green 0 0",
          ...SMALL_LIVE.slice(0, 3),
        ]);
        expect(again.stats().version).toBe(7);
        await again.close();
      });
    }
  }

  test("an encrypted one is refused without its key, and with another", async () => {
    for (const name of ["small-enc-closed", "small-enc-crash"]) {
      const path = unpack(name);
      for (const readOnly of [true, false]) {
        expect(await codeOf(openPath(path, { readOnly }))).toBe("ERR_ENCRYPTION_KEY");
        for (const wrong of [KEY_32, new Uint8Array(16)]) {
          const refused = openPath(path, { readOnly, encryptionKey: wrong });
          expect(await codeOf(refused)).toBe("ERR_ENCRYPTION_KEY");
        }
      }
      const db = await openPath(path, { encryptionKey: KEY_16 });
      expectSmall(db);
      await db.close();
    }
  });

  test("one without encryption is refused with a key", async () => {
    const path = unpack("small-none-closed");
    const refused = openPath(path, { encryptionKey: KEY_16 });
    expect(await codeOf(refused)).toBe("ERR_ENCRYPTION_KEY");
    const db = await openPath(path);
    expectSmall(db);
    await db.close();
  });

  // Badger thins without a record of it: an old version read there may lack keys that it had.
  test("versions inside Badger's tables cannot be travelled to; those in its logs can", async () => {
    const closed = await openPath(unpack("small-none-closed"));
    expect(await codeOf(() => closed.begin({ at: 3 }))).toBe("ERR_VERSION_GONE");
    expect(closed.begin({ at: 5 }).count()).toBe(4);
    await closed.put("more", "x");
    await closed.compact();
    expect(await codeOf(() => closed.begin({ at: 4 }))).toBe("ERR_VERSION_GONE");
    await closed.close();
    const crashed = await openPath(unpack("small-none-crash"));
    const old = crashed.begin({ at: 3 });
    expect(old.scan().toArray().map(line)).toEqual(["apple@1 red 7 0", ...SMALL_LIVE.slice(0, 3)]);
    await crashed.close();
  });
});

describe("special cases", () => {
  async function linesOf(name: string, options: OpenOptions = {}): Promise<string[]> {
    const db = await openPath(unpack(name), { readOnly: true, ...options });
    const lines = db.scan({ allVersions: true }).toArray().map(line);
    const forward = db.scan().toArray().map(line);
    expect(db.scan({ reverse: true }).toArray().map(line)).toEqual(forward.toReversed());
    for (const entry of db.scan()) expect(db.get(entry.key)).toEqual(entry.value);
    expect((await db.verify()).findings).toEqual([]);
    await db.close();
    return lines;
  }

  test("one table with three versions of every key", async () => {
    const lines = await linesOf("small-9003-entries");
    expect(lines.length).toBe(9003);
    expect(lines.slice(0, 4).map((text) => text.split(" ")[0])).toEqual([
      "key/00000@3",
      "key/00000@2",
      "key/00000@1",
      "key/00007@3",
    ]);
  });

  test("a managed database, closed and killed", async () => {
    const expected = ["k@10 v10 0 0", "m@7 v7 0 0", "m@5 v5 0 0"];
    expect(await linesOf("case-managed")).toEqual(expected);
    expect(await linesOf("case-managed-crash")).toEqual(expected);
  });

  test("engine keys do not show", async () => {
    for (const name of ["case-ban", "case-ban-crash"]) {
      const keys = (await linesOf(name)).map((text) => text.split("@")[0]);
      expect(keys).toEqual(["seq"]);
    }
  });

  test("tables of StreamWriter", async () => {
    const keys = (await linesOf("case-sw")).map((text) => text.split(" ")[0]);
    expect(keys).toEqual(["m2@9", "s0@1", "s1@2", "s2@3"]);
  });

  test("overwritten keys with values in three value-log files", async () => {
    const lines = await linesOf("case-disc");
    expect(lines.length).toBe(60);
    for (let i = 0; i < 20; i++) {
      const key = `k${String(i).padStart(2, "0")}`;
      const versions = lines.slice(i * 3, i * 3 + 3).map((text) => text.slice(0, 12).trim());
      expect(versions.map((text) => text.split(/[@ ]/)[1])).toEqual([
        String(41 + i),
        String(21 + i),
        String(1 + i),
      ]);
      expect(versions[0]).toStartWith(`${key}@${41 + i} c`);
    }
  });

  test("ValueThreshold 0: what the kill has left of it is read", async () => {
    expect(await linesOf("case-vt0")).toEqual(["k@1 v 0 0"]);
    expect(await linesOf("case-vt0-crash")).toEqual([]);
  });
});

describe("8,000 random operations of Badger", () => {
  for (const [name, options] of [
    ["mixed-none-versions", { versionsToKeep: 5 }],
    ["mixed-zstd-gc", {}],
    ["mixed-aes256", { encryptionKey: KEY_32, versionsToKeep: 2 }],
  ] as const) {
    const live = readExpectations(`${name}.live`);
    const liveLines = live.map(expectedText);
    const versions = new Set(readExpectations(`${name}.versions`).map(expectedText));

    function expectLive(db: Database): void {
      expect(db.scan().toArray().map(entryText)).toEqual(liveLines);
      expect(db.scan({ reverse: true }).toArray().map(entryText)).toEqual(liveLines.toReversed());
      expect(db.count()).toBe(live.length);
      const found = live.map(({ key }) => db.getEntry(Buffer.from(key, "base64")));
      expect(found.map((entry) => (entry === undefined ? "" : entryText(entry)))).toEqual(
        liveLines,
      );
    }

    function expectOnlyKnownVersions(db: Database): void {
      const unknown: string[] = [];
      for (const entry of db.scan({ allVersions: true })) {
        const text = entryText(entry);
        if (!versions.has(text)) unknown.push(text);
      }
      expect(unknown).toEqual([]);
    }

    test(`${name}: read exactly, deleted keys stay deleted`, async () => {
      const db = await openPath(unpack(name), { ...options, readOnly: true });
      expectLive(db);
      expectOnlyKnownVersions(db);
      const alive = new Set(live.map(({ key }) => key));
      for (const { key } of readExpectations(`${name}.versions`)) {
        if (!alive.has(key)) expect(db.get(Buffer.from(key, "base64"))).toBeUndefined();
      }
      expect((await db.verify()).findings).toEqual([]);
      await db.close();
    });

    test(`${name}: the same after compaction, reopening and new writes`, async () => {
      const path = unpack(name);
      const db = await openPath(path, { ...options, valueThreshold: 128 });
      expectLive(db);
      const snapshot = db.begin({ readOnly: true });
      await db.put(new Uint8Array([0]), "first");
      const victim = Buffer.from(live[10]?.key ?? "", "base64");
      await db.delete(victim);
      await db.compact();
      expect(snapshot.scan().toArray().map(entryText)).toEqual(liveLines);
      snapshot.discard();
      await db.compact();
      expect((await db.verify()).findings).toEqual([]);
      await db.close();

      const again = await openPath(path, options);
      expect(again.get(victim)).toBeUndefined();
      await again.delete(new Uint8Array([0]));
      const expected = liveLines.filter((_, index) => index !== 10);
      expect(again.scan().toArray().map(entryText)).toEqual(expected);
      await again.close();
    });
  }

  test("mixed-aes256 is refused without its key", async () => {
    const path = unpack("mixed-aes256");
    expect(await codeOf(openPath(path))).toBe("ERR_ENCRYPTION_KEY");
    const wrong = openPath(path, { encryptionKey: new Uint8Array(32).fill(1) });
    expect(await codeOf(wrong)).toBe("ERR_ENCRYPTION_KEY");
  });
});
