/** The soak: what counts as growing, and that it finds what is wrong. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";

import { judge, type Sample } from "../../scripts/soak/flatness.ts";
import { SoakError, SoakWork } from "../../scripts/soak/work.ts";
import { openIn, testEnv } from "../suites/open-database.ts";

const MIB = 1 << 20;

/** Samples of which one measurement grows by so much each time. */
function growing(name: keyof Sample, step: number): Sample[] {
  const start: Sample = { rssBytes: 150 * MIB, descriptors: 20, diskBytes: 10 * MIB };
  return Array.from({ length: 40 }, (_, index) => ({
    ...start,
    [name]: start[name] + index * step,
  }));
}

describe("a series of measurements", () => {
  test.each([
    ["rssBytes", 2 * MIB, 8 * MIB],
    ["descriptors", 0.2, 1],
    ["diskBytes", MIB, 3 * MIB],
  ] as const)("of %s is flat up to some growth, and grows from some on", (name, flat, steep) => {
    const verdict = (step: number): boolean | undefined =>
      judge(growing(name, step)).find((one) => one.name === name)?.isFlat;
    expect([verdict(0), verdict(flat), verdict(steep)]).toEqual([true, true, false]);
  });

  test("may jump while it warms up", () => {
    const samples = growing("rssBytes", 0).map((sample, index) =>
      index < 10 ? { ...sample, rssBytes: 20 * MIB } : sample,
    );
    expect(judge(samples).every(({ isFlat }) => isFlat)).toBe(true);
  });

  test("too short to judge is an error", () => {
    expect(() => judge(growing("rssBytes", 0).slice(0, 7))).toThrow("too short");
  });
});

test("a lost write and money from nowhere are found", async () => {
  const db = await openIn(testEnv());
  const work = new SoakWork(db, Math.random);
  await work.prepare();
  work.check();
  await db.put("churn/000007", "from nowhere");
  expect(() => work.check()).toThrow(SoakError);
  await db.delete("churn/000007");
  work.check();
  await db.put("account/3", "1000000");
  expect(() => work.check()).toThrow("accounts hold");
  await db.close();
});

test("a short soak is clean and says what it did", async () => {
  const script = join(import.meta.dir, "../../scripts/soak.ts");
  const child = Bun.spawn([process.execPath, script, "--minutes", "0.05"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const told = await child.stdout.text();
  expect(told).toMatch(/^soak: \d+ commits, .* \d reopenings; rssBytes \d+ → \d+/);
  // Three seconds are no time to judge memory by.
  expect([0, 1]).toContain(await child.exited);
}, 60_000);
