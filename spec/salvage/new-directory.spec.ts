import { describe, expect, test } from "bun:test";
import { toBytes, toText } from "../../src/base/bytes.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { META_DELETE } from "../../src/format/stored-value.ts";
import { NewDirectory, type NewDirectoryOptions } from "../../src/salvage/new-directory.ts";
import { codeOf } from "../database/outcomes.ts";
import { DIRECTORY, openIn, testEnv } from "../suites/open-database.ts";

const OPTIONS: NewDirectoryOptions = {
  masterKey: undefined,
  compression: 0,
  externalMagic: 0,
  valueThreshold: 100,
  tableSizeBytes: 2000,
};

function loaded(options: NewDirectoryOptions): {
  env: ReturnType<typeof testEnv>;
  finish: () => void;
} {
  const env = testEnv(new MemoryFileSystem());
  const directory = NewDirectory.create(env, DIRECTORY, options);
  for (let i = 0; i < 100; i++) {
    const key = toBytes(`key-${String(i).padStart(3, "0")}`);
    // A key with many versions fills a table by itself, and stays in it.
    for (let version = i === 50 ? 200 : 2; version > 0; version--) {
      const isMarker = version === 2 && i % 7 === 0;
      const value = toBytes(isMarker ? "" : `${i}@${version} `.repeat(i % 5 === 0 ? 40 : 2));
      directory.add(key, version, isMarker ? META_DELETE : 0, i, i === 9 ? 4e9 : 0, value);
    }
  }
  return { env, finish: () => directory.finish(200, 200) };
}

describe.each([
  ["in clear", OPTIONS],
  ["encrypted, zstd", { ...OPTIONS, masterKey: new Uint8Array(32).fill(3), compression: 2 }],
] as const)("a directory loaded in bulk, %s", (_, options) => {
  test("opens, and holds exactly what was added", async () => {
    const { env, finish } = loaded(options);
    finish();
    const db = await openIn(env, {
      readOnly: true,
      ...(options.masterKey === undefined ? {} : { encryptionKey: options.masterKey }),
    });
    expect(db.tables().length).toBeGreaterThan(3);
    expect(new Set(db.tables().map(({ level }) => level))).toEqual(new Set([6]));
    expect((await db.verify()).findings).toEqual([]);
    const entries = db.scan({ allVersions: true }).toArray();
    expect(entries.length).toBe(99 * 2 + 200);
    for (const { key, version, userMeta, expiresAt, deleted, value } of entries) {
      const i = Number(toText(key).slice(4));
      const isMarker = version === 2 && i % 7 === 0;
      expect([userMeta, expiresAt, deleted]).toEqual([i, i === 9 ? 4e9 : 0, isMarker]);
      if (!isMarker) expect(toText(value)).toBe(`${i}@${version} `.repeat(i % 5 === 0 ? 40 : 2));
    }
    await db.close();
  });
});

test("until it is finished nothing takes it for a database", async () => {
  const { env, finish } = loaded(OPTIONS);
  expect(await codeOf(openIn(env))).toBe("ERR_CORRUPTION");
  finish();
  expect(await codeOf(openIn(env))).toBeUndefined();
});
