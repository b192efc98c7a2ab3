/** Numbers of value-log files, and what is known of their garbage before anything was examined. */

import { afterAll, expect, test } from "bun:test";

import type { FileSystem } from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { decodeDiscardTable, encodeDiscardTable } from "../../src/format/discard-table.ts";
import { disposeFixture, unpackFixture } from "../fixtures/unpack.ts";
import { writeFile } from "../suites/copy-file-system.ts";
import { DIRECTORY, openIn, openPath, testEnv, TINY } from "../suites/open-database.ts";
import { settle } from "../suites/test-clock.ts";
import { codeOf } from "./outcomes.ts";

const unpacked: string[] = [];
afterAll(() => unpacked.forEach(disposeFixture));

const VALUE = "v".repeat(1000);

function valueLogs(files: FileSystem): number[] {
  const names = files.list(DIRECTORY).filter((name) => name.endsWith(".vlog"));
  return names.map((name) => Number.parseInt(name, 10));
}

const slots = (files: FileSystem) =>
  decodeDiscardTable(files.readFile(`${DIRECTORY}/DISCARD`) ?? new Uint8Array(0));

test("the number of the newest file is not given out again when collection has removed it", async () => {
  const env = testEnv(new MemoryFileSystem());
  let last = 0;
  for (let round = 0; round < 4; round++) {
    const db = await openIn(env, { ...TINY, workers: "inline" });
    for (let i = 0; i < 20; i++) await db.put(`key-${i}`, VALUE);
    const used = valueLogs(env.fileSystem);
    expect(Math.min(...used)).toBeGreaterThan(last);
    last = Math.max(...used);
    for (let i = 0; i < 20; i++) await db.delete(`key-${i}`);
    await db.collectGarbage();
    await settle();
    expect(valueLogs(env.fileSystem)).toEqual([]);
    await db.close();
    // One slot says so, with nothing to drop; those of older files are gone.
    expect([...slots(env.fileSystem)]).toEqual([[last, 0]]);
  }
});

// The file got a number that no reader takes, and the directory was refused from then on.
test.each([
  ["value log", "4294967294.vlog"],
  ["log", "4294967294.mem"],
])(
  "behind the last number there is no %s: a commit fails, and the directory stays one",
  async (_, name) => {
    const env = testEnv(new MemoryFileSystem());
    await (await openIn(env, TINY)).close();
    writeFile(env.fileSystem, `${DIRECTORY}/${name}`, new Uint8Array(20));
    for (let round = 0; round < 2; round++) {
      const db = await openIn(env, { ...TINY, workers: "inline" });
      const code = await codeOf(db.put("key", VALUE));
      expect([undefined, "ERR_OVERFLOW"]).toContain(code);
      if (round === 0) expect(code).toBe("ERR_OVERFLOW");
      await db.close();
    }
  },
);

test("a slot that DISCARD cannot rightly have moves no number, and a lost DISCARD none that tables name", async () => {
  const env = testEnv(new MemoryFileSystem());
  const first = await openIn(env, TINY);
  await first.put("key", VALUE);
  await first.close();
  const path = `${DIRECTORY}/DISCARD`;
  writeFile(env.fileSystem, path, encodeDiscardTable(new Map([[4_000_000_000, 5]])));
  const second = await openIn(env, TINY);
  await second.put("other", VALUE);
  await second.close();
  expect(valueLogs(env.fileSystem)).toEqual([1, 2]);
  env.fileSystem.remove(path);
  env.fileSystem.remove(`${DIRECTORY}/000002.vlog`);
  const third = await openIn(env, TINY);
  await third.put("third", VALUE);
  await third.close();
  expect(valueLogs(env.fileSystem)).toEqual([1, 3]);
});

// Without having examined Badger's tables everything counted as garbage.
test("a directory of Badger that is only read shows the garbage that Badger knew of", async () => {
  const told = new Map([
    [1, 0],
    [2, 5000],
    [3, 2 ** 40],
  ]);
  for (const name of ["mixed-none-versions", "case-disc"]) {
    const path = unpackFixture(name);
    unpacked.push(path);
    await Bun.write(`${path}/DISCARD`, encodeDiscardTable(told));
    const db = await openPath(path, { readOnly: true });
    const files = db.valueLogs();
    expect(files.length).toBeGreaterThan(1);
    for (const { file, discardBytes, sizeBytes } of files) {
      const known = told.get(Number.parseInt(file, 10)) ?? 0;
      expect(discardBytes).toBe(Math.min(sizeBytes, known));
    }
    const space = db.explainSpace().files.filter(({ file }) => file.endsWith(".vlog"));
    expect(space.map(({ garbageBytes }) => garbageBytes)).toEqual(
      files.map(({ discardBytes }) => discardBytes),
    );
    await db.close();
  }
});
