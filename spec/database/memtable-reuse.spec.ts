/** Memory of flushed memtables is used again, but not while somebody reads it. */

import { expect, test } from "bun:test";
import { open } from "../../src/index.ts";
import { memoryEnv } from "../../src/env/system-env.ts";

const KEYS = 300;

test("a scan that began before many flushes goes on over what it began with", async () => {
  const db = await open("/db", { env: memoryEnv(), memtableSize: 65_536, workers: "inline" });
  const put = async (round: number): Promise<void> => {
    for (let i = 0; i < KEYS; i++) await db.put(`key${1000 + i}`, `${round} `.repeat(40));
  };
  await put(0);
  const walks: {
    readonly round: number;
    readonly steps: Iterator<{ readonly value: Uint8Array }>;
  }[] = [];
  for (let round = 1; round <= 30; round++) {
    const steps = db.scan()[Symbol.iterator]();
    for (let i = 0; i < 7 * (round % 5); i++) steps.next();
    if (round % 3 !== 0) walks.push({ round: round - 1, steps });
    await put(round);
    if (round % 4 === 0) await db.flush();
    // Older walks go on a little in between, and one of them ends.
    for (const { round: began, steps: other } of walks.slice(-6)) {
      const step = other.next();
      if (step.done !== true) expect(text(step.value.value)).toBe(`${began} `.repeat(40));
    }
    if (round % 7 === 0) walks.shift()?.steps.return?.();
  }
  for (const { round, steps } of walks) {
    let seen = 0;
    for (let step = steps.next(); step.done !== true; step = steps.next(), seen++) {
      expect(text(step.value.value)).toBe(`${round} `.repeat(40));
    }
    expect(seen).toBeGreaterThan(KEYS / 2);
  }
  await db.close();
});

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
