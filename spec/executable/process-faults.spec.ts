/**
 * What the surroundings of a real process can do to it: too few descriptors, rivals for the same
 * directory, files that somebody removes, cuts or replaces under an open database.
 */

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { MelesError } from "../../src/base/errors.ts";
import type { Database } from "../../src/database/contract.ts";
import { openPath, TINY } from "../suites/open-database.ts";
import { type Failure, Subject } from "./subject.ts";

setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "meles-process-"));
let others = 0;
const fresh = (): string => join(folder, `db-${others++}`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("processes that race to open a directory", () => {
  test("one wins, the others name its pid", async () => {
    const path = fresh();
    const subjects = await Promise.all(Array.from({ length: 5 }, () => Subject.start(path)));
    try {
      for (let round = 0; round < 4; round++) {
        const answers = await Promise.all(subjects.map((subject) => subject.try("open", {})));
        const winners = subjects.filter((_, index) => answers[index]?.failure === undefined);
        expect(winners.length).toBe(1);
        const [winner] = winners as [Subject];
        for (const { failure } of answers) {
          if (failure === undefined) continue;
          expect(failure.code).toBe("ERR_LOCKED");
          expect(failure.message).toContain(`pid ${winner.pid}`);
        }
        await winner.call("put", "key", 100);
        await winner.call("close");
      }
    } finally {
      for (const subject of subjects) await subject.kill();
    }
  });
});

describe("a process with few descriptors", () => {
  const OPTIONS = { ...TINY, sync: "commit" as const, valueThreshold: 32_768 };

  test("says so and loses nothing", async () => {
    const path = fresh();
    await using subject = await Subject.start(path, (command) => [
      "bash",
      "-c",
      'ulimit -n 24 && exec "$@"',
      "bash",
      ...command,
    ]);
    await subject.call("open", OPTIONS);
    const kept: string[] = [];
    let first: Failure | undefined;
    let failures = 0;
    for (let number = 0; number < 1500 && failures < 50; number++) {
      const key = `key-${number}`;
      const { failure } = await subject.try("put", key, 900);
      if (failure === undefined) kept.push(key);
      else {
        failures++;
        first ??= failure;
        expect(["ERR_IO", "ERR_READ_ONLY"]).toContain(failure.code);
      }
    }
    expect(first?.message).toContain("EMFILE");
    for (const key of kept) {
      const { value, failure } = await subject.try("get", key);
      if (failure === undefined) expect(value).toBe(`${key}:`.padEnd(900, key));
      else expect(failure.code).toBe("ERR_IO");
    }
    await subject.kill();
    await using unlimited = await Subject.start(path);
    await unlimited.call("open", OPTIONS);
    for (const key of kept) {
      expect(await unlimited.call("get", key)).toBe(`${key}:`.padEnd(900, key));
    }
    expect(await unlimited.call("verify")).toEqual([]);
    await unlimited.call("put", "one more", 900);
  });
});

/** What somebody does to a file of an open database. */
const MEDDLING: Readonly<Record<string, (path: string, other: string) => void>> = {
  removes: (path) => unlinkSync(path),
  empties: (path) => truncateSync(path, 0),
  "cuts in half": (path) => truncateSync(path, Math.floor(statSync(path).size / 2)),
  "replaces by another file": (path, other) => {
    copyFileSync(other, `${path}.new`);
    renameSync(`${path}.new`, path);
  },
  "writes nonsense into": (path) => writeFileSync(path, Buffer.alloc(statSync(path).size, 0x5a)),
};

const COUNT = 400;
const valueOf = (number: number): string => `${number}:`.padEnd(100 + (number % 7) * 60, "v");

async function filled(path: string): Promise<Database> {
  const db = await openPath(path, { ...TINY, sync: "commit", blockCacheSize: 0 });
  for (let number = 0; number < COUNT; number++) await db.put(`k${number}`, valueOf(number));
  await db.flush();
  await db.compact();
  for (let number = 0; number < 20; number++) await db.put(`k${number}`, valueOf(number));
  return db;
}

/** Right, or a typed error: never another value, never nothing. */
function expectRightOrTyped(read: () => Uint8Array | undefined, wanted: string): boolean {
  let value: Uint8Array | undefined;
  try {
    value = read();
  } catch (error) {
    expect(error).toBeInstanceOf(MelesError);
    // A wrong header may name a data key that nobody has.
    const codes = ["ERR_IO", "ERR_CORRUPTION", "ERR_ENCRYPTION_KEY"];
    expect(codes).toContain((error as MelesError).code);
    return false;
  }
  expect(value === undefined ? undefined : new TextDecoder().decode(value)).toBe(wanted);
  return true;
}

async function typedOrDone(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(MelesError);
    return false;
  }
}

describe("somebody", () => {
  const kinds = [".sst", ".vlog", ".mem", "MANIFEST", "DISCARD", "KEYREGISTRY", "LOCK"];
  for (const [does, meddle] of Object.entries(MEDDLING)) {
    test(`${does} a file of an open database: right answers or typed errors, then and later`, async () => {
      for (const kind of kinds) {
        const path = fresh();
        const db = await filled(path);
        const names = readdirSync(path).filter((name) => name.endsWith(kind));
        const [name] = names;
        if (name === undefined) continue;
        const other = readdirSync(path).find((one) => one !== name && one.endsWith(".sst"));
        meddle(join(path, name), join(path, other ?? name));
        for (let number = 0; number < COUNT; number += 3) {
          expectRightOrTyped(() => db.get(`k${number}`), valueOf(number));
        }
        await typedOrDone(() => db.put("new", "value"));
        await typedOrDone(() => db.flush());
        await typedOrDone(() => db.compact());
        await typedOrDone(() => db.verify());
        await typedOrDone(() => db.close());
        await expectReopens(path);
        rmSync(path, { recursive: true });
      }
    });
  }
});

/** What was meddled with is noticed, or does not matter. A log that is gone takes with it what only it held. */
async function expectReopens(path: string): Promise<void> {
  const before = readdirSync(path).map((name) => readFileSync(join(path, name)).length);
  let db: Database;
  try {
    db = await openPath(path, TINY);
  } catch (error) {
    expect(error).toBeInstanceOf(MelesError);
    expect(readdirSync(path).map((name) => readFileSync(join(path, name)).length)).toEqual(before);
    return;
  }
  for (let number = 0; number < COUNT; number += 3) {
    expectRightOrTyped(() => db.get(`k${number}`), valueOf(number));
  }
  await typedOrDone(() => db.close());
}
