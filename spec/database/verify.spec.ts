/** Verification of a database that is open: damage that comes while it is, and stopping on demand. */

import { describe, expect, test } from "bun:test";

import type { Database } from "../../src/database/contract.ts";
import { overlapsIn } from "../../src/database/verify.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import type { OpenOptions } from "../../src/index.ts";
import { DIRECTORY, openIn, testEnv, TINY } from "../suites/open-database.ts";
import { codeOf } from "./outcomes.ts";

async function filled(
  options: OpenOptions = {},
): Promise<{ db: Database; system: MemoryFileSystem }> {
  const system = new MemoryFileSystem();
  const db = await openIn(testEnv(system), { ...TINY, ...options });
  for (let number = 0; number < 300; number++) {
    await db.put(`key-${number}`, `${number}:`.padEnd(number % 3 === 0 ? 400 : 50, "v"));
  }
  await db.flush();
  return { db, system };
}

function flip(system: MemoryFileSystem, ending: string, part: number): string {
  const name = system.list(DIRECTORY).find((one) => one.endsWith(ending)) as string;
  const file = system.open(`${DIRECTORY}/${name}`, { write: true, create: "never" });
  const byte = new Uint8Array(1);
  const at = Math.floor(file.size() * part);
  file.read(byte, 0, 1, at);
  byte[0] = (byte[0] as number) ^ 0x10;
  file.write(byte, 0, 1, at);
  file.close();
  return name;
}

describe("verification of an open database", () => {
  test("finds nothing where nothing is wrong, and counts what it saw", async () => {
    const { db } = await filled();
    const { findings, entries } = await db.verify();
    expect([findings, entries]).toEqual([[], 300]);
    await db.close();
  });

  test.each([".sst", ".vlog"])("finds damage that came to a %s meanwhile", async (ending) => {
    const { db, system } = await filled();
    const name = flip(system, ending, 0.4);
    const { findings } = await db.verify();
    expect(findings.length).toBeGreaterThan(0);
    expect(findings.every(({ file }) => file === name)).toBe(true);
    // Reading goes on, and so does writing.
    await db.put("more", "value");
    expect(db.has("more")).toBe(true);
    await db.close();
  });

  test("finds a value-log file that somebody has removed, unless nothing needs it", async () => {
    const { db, system } = await filled();
    const name = system.list(DIRECTORY).find((one) => one.endsWith(".vlog")) as string;
    system.remove(`${DIRECTORY}/${name}`);
    const { findings } = await db.verify();
    expect(findings.map(({ file }) => file)).toContain(name);
    for (let number = 0; number < 300; number += 3) await db.delete(`key-${number}`);
    expect((await db.verify()).findings).toEqual([]);
    await db.close();
  });

  test("stops when it is told to", async () => {
    const { db } = await filled();
    const controller = new AbortController();
    const verifying = db.verify({ signal: controller.signal });
    controller.abort();
    expect(await codeOf(verifying)).toBe("ERR_ABORTED");
    expect((await db.verify()).findings).toEqual([]);
    await db.close();
  });
});

test("tables of a level that share keys are told, those of level 0 may", () => {
  const table = (fileNumber: number, level: number, smallest: string, largest: string) => ({
    fileNumber,
    level,
    smallestKey: Buffer.from(smallest),
    largestKey: Buffer.from(largest),
  });
  const zero = [table(1, 0, "a", "z"), table(2, 0, "b", "c")];
  expect(overlapsIn([zero, [table(3, 1, "a", "f"), table(4, 1, "g", "k")]])).toEqual([]);
  expect(overlapsIn([zero, [table(3, 1, "a", "g"), table(4, 1, "g", "k")]])).toEqual([
    { file: "000004.sst", offset: 0, message: "overlaps 000003.sst in level 1" },
  ]);
});
