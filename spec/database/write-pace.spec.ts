/** Holding writers back: by bytes, gradually, and never for long at once. */

import { describe, expect, test } from "bun:test";
import { WritePace } from "../../src/database/write-pace.ts";

const MIB = 1 << 20;

/** Milliseconds that `bytes` in groups of `groupBytes` are held back in all, and at most at once. */
function heldBack(pressure: number, bytes: number, groupBytes: number): [number, number] {
  const pace = new WritePace({ value: () => pressure });
  let total = 0;
  let longest = 0;
  for (let written = groupBytes; written <= bytes; written += groupBytes) {
    const holdMs = pace.holdMs(written);
    total += holdMs;
    longest = Math.max(longest, holdMs);
  }
  return [total, longest];
}

describe("acknowledgements", () => {
  test("come at once while nothing is behind", () => {
    expect(heldBack(0, 100 * MIB, 4096)).toEqual([0, 0]);
    expect(heldBack(-3, 100 * MIB, 4096)).toEqual([0, 0]);
  });

  test("are held back the more the more work is behind, without a cliff", () => {
    const totals = Array.from({ length: 21 }, (_, i) => heldBack(i / 20, 16 * MIB, 4096)[0]);
    const steps = totals.slice(1).map((total, i) => total - (totals[i] as number));
    expect(steps.every((step) => step >= 0)).toBe(true);
    // No step is more than a few of those around it.
    const whole = totals.at(-1) as number;
    expect(Math.max(...steps)).toBeLessThan(whole / 8);
    // 8 MiB/s at the end.
    expect(whole).toBeWithin(1990, 2010);
  });

  test("of small commits and of large ones wait alike, none for long", () => {
    const [small, longestOfSmall] = heldBack(0.7, 8 * MIB, 100);
    const [large, longestOfLarge] = heldBack(0.7, 8 * MIB, 32 * 1024);
    expect(Math.abs(small - large)).toBeLessThan(small / 10);
    expect(Math.max(longestOfSmall, longestOfLarge)).toBeLessThanOrEqual(4);
  });

  test("of a MiB at a time are held back by their bytes, too, by 50 ms at most", () => {
    const [small] = heldBack(0.5, 64 * MIB, 4096);
    const [large, longestOfLarge] = heldBack(0.5, 64 * MIB, MIB);
    expect(Math.abs(small - large)).toBeLessThan(small / 10);
    expect(longestOfLarge).toBeLessThan(35);
    expect(heldBack(1, 64 * MIB, 8 * MIB)[1]).toBe(50);
  });

  test("forget what was owed when the work has caught up", () => {
    let pressure = 1;
    const pace = new WritePace({ value: () => pressure });
    expect(pace.holdMs(16 * MIB)).toBe(50);
    pressure = 0;
    expect(pace.holdMs(16 * MIB)).toBe(0);
    pressure = 1;
    expect(pace.holdMs(16 * MIB)).toBe(0);
  });
});
