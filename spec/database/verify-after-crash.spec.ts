/**
 * What a power cut leaves is never called damage: verification of the directory as it lies there has
 * notes at most. And where a salvage has nothing to tell, it has what the engine recovers.
 */

import { describe, expect, test } from "bun:test";
import type { FileSystem } from "../../src/env/file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { type OpenOptions, salvage, verifyDirectory } from "../../src/index.ts";
import { readDirectory, writeFile } from "../suites/copy-file-system.ts";
import { Ledger } from "../suites/ledger.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";
import { PowerCutFileSystem } from "../suites/power-cut-file-system.ts";
import { SEED } from "../suites/sorted-entries.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";

const KEY = new Uint8Array(16).fill(3);

async function liveState(fileSystem: FileSystem, options: OpenOptions): Promise<string[]> {
  const db = await openIn(testEnv(fileSystem), options);
  try {
    return [...db.scan()].map(
      ({ key, version, value }) => `${key.toHex()}@${version} ${Bun.hash(value)}`,
    );
  } finally {
    await db.close();
  }
}

async function check(
  left: MemoryFileSystem,
  options: OpenOptions,
  where: string,
): Promise<boolean> {
  const key = options.encryptionKey === undefined ? {} : { encryptionKey: options.encryptionKey };
  const env = testEnv(left);
  const { findings } = await verifyDirectory(DIRECTORY, { env, ...key });
  expect(findings, where).toEqual([]);
  const report = await salvage(DIRECTORY, "/salvaged", { env, ...key });
  if (report.findings.length > 0) return false;
  const result = new MemoryFileSystem();
  result.makeDirectory(DIRECTORY);
  for (const [name, bytes] of readDirectory(left, "/salvaged")) {
    writeFile(result, `${DIRECTORY}/${name}`, bytes);
  }
  expect(await liveState(result, options), where).toEqual(await liveState(left, options));
  return true;
}

describe.each<readonly [string, OpenOptions]>([
  ['sync "commit"', { sync: "commit" }],
  ['sync "interval"', { sync: "interval" }],
  [
    'sync "commit", authenticated',
    { sync: "commit", encryptionKey: new Uint8Array(32), authenticatedEncryption: true },
  ],
  ['sync "never", encrypted', { sync: "never", encryptionKey: KEY, encryptionKeyRotationMs: 700 }],
])("after a power cut with %s", (_, more) => {
  test(`there is no damage, whatever the disk did with the rest (seed ${SEED})`, async () => {
    const options = { ...TINY, ...more };
    const random = new SeededRandom(SEED);
    const system = new PowerCutFileSystem();
    const env = testEnv(system);
    const db = await openIn(env, options);
    const ledger = new Ledger(5);
    const cuts: MemoryFileSystem[] = [];
    system.onChange = () => {
      if (random.next() > 0.06) return;
      cuts.push(system.cut(DIRECTORY, random.below(3) === 0 ? undefined : random));
    };
    for (let i = 0; i < 200; i++) {
      await ledger.commit(db);
      if (i % 60 === 59) await db.flush();
      if (i % 130 === 129) await db.compact();
      if (i % 20 === 19) env.clock.advance(300);
    }
    system.onChange = () => undefined;
    await db.close();
    let compared = 0;
    for (const [i, left] of cuts.entries()) {
      // Before the first file has a durable name there is nothing to look at.
      if (left.list(DIRECTORY).every((name) => name === "LOCK" || name === "KEYREGISTRY")) continue;
      if (await check(left, options, `seed ${SEED}, cut ${i}`)) compared++;
    }
    expect(compared).toBeGreaterThan(5);
  }, 60_000);
});
