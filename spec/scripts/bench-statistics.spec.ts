/** Numbers about numbers: quantiles, spreads, waiting times, the distribution of YCSB, keys and values. */

import { describe, expect, test } from "bun:test";
import { Keys, mix, Values, Xorshift } from "../../scripts/bench/data.ts";
import { median, quantile, relativeSpread, waits } from "../../scripts/bench/statistics.ts";
import { Zipf } from "../../scripts/bench/zipf.ts";

describe("quantiles", () => {
  test("the median of an odd number of samples is the middle one, in whatever order they come", () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  test("the median of an even number of samples lies between the two middle ones", () => {
    expect(median([1, 2, 10, 4])).toBe(3);
  });

  test("the outermost quantiles are the least and the greatest sample", () => {
    expect(quantile([3, 1, 2], 0)).toBe(1);
    expect(quantile([3, 1, 2], 1)).toBe(3);
  });

  test("between two ranks a quantile is interpolated", () => {
    expect(quantile([0, 10], 0.25)).toBe(2.5);
  });

  test("of no samples there is no quantile", () => {
    expect(quantile([], 0.5)).toBeNaN();
  });

  test("samples are left in their order", () => {
    const samples = [3, 1, 2];
    median(samples);
    expect(samples).toEqual([3, 1, 2]);
  });

  test("the spread of equal samples is nothing", () => {
    expect(relativeSpread([7, 7, 7])).toBe(0);
  });

  test("the spread is the distance of the quartiles over the median", () => {
    expect(relativeSpread([1, 2, 3, 4, 5])).toBeCloseTo(2 / 3);
  });
});

describe("waiting times", () => {
  test("one long wait among a thousand shows in the maximum, not in the 99th percentile", () => {
    const samples = new Float64Array(1000).fill(1);
    samples[500] = 80;
    expect(waits(samples)).toEqual({ p99Ms: 1, p999Ms: 1, maxMs: 80 });
  });

  test("two among a thousand show in the 99.9th percentile", () => {
    const samples = new Float64Array(1000).fill(1);
    samples[0] = 80;
    samples[999] = 90;
    expect(waits(samples)).toEqual({ p99Ms: 1, p999Ms: 80, maxMs: 90 });
  });

  test("nothing waited for is no wait", () => {
    expect(waits(new Float64Array(0))).toEqual({ p99Ms: 0, p999Ms: 0, maxMs: 0 });
  });
});

describe("keys and values", () => {
  test("random keys differ for all indexes and are no rising sequence", () => {
    const keys = new Keys("random");
    const seen = Array.from({ length: 5000 }, (_, i) => keys.at(i).toHex());
    expect(new Set(seen).size).toBe(5000);
    expect(seen).not.toEqual(seen.toSorted());
  });

  test("sequential keys rise with their index as bytes do", () => {
    const keys = new Keys("sequential");
    const seen = [0, 1, 255, 256, 65_536].map((i) => keys.at(i).toHex());
    expect(seen).toEqual(seen.toSorted());
  });

  test("a block of keys is the keys one after the other", () => {
    const keys = new Keys("random");
    const block = keys.block(10, 13);
    const single = [10, 11, 12].map((i) => keys.at(i).toHex());
    expect(block.toHex()).toBe(single.join(""));
  });

  // The program in Go makes its keys by itself; this is what both must agree on.
  test("the first random keys are the ones that the Go program makes", () => {
    const keys = new Keys("random");
    expect([mix(1), mix(0xffff_ffff)]).toEqual([0x514e_28b7, 0x81f1_6f39]);
    expect(keys.at(0).toHex()).toBe(
      "00000000" + hexOf(0x9e3779b9) + hexOf(0x3c6ef372) + hexOf(0xdaa66d2b),
    );
  });

  test("values of neighbours differ and have the length asked for", () => {
    const values = new Values(100);
    expect(values.at(1).length).toBe(100);
    expect(values.at(1).toHex()).not.toBe(values.at(2).toHex());
    expect(values.sized(3, 4096).length).toBe(4096);
  });
});

function hexOf(index: number): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, mix(index), true);
  return bytes.toHex();
}

describe("the zipfian distribution", () => {
  const items = 1000;
  const draws = 200_000;

  test("every draw names an item", () => {
    const other = new Zipf(items, new Xorshift(11));
    const ranks = Array.from({ length: 10_000 }, () => other.rank());
    expect(ranks.every((rank) => Number.isInteger(rank) && rank >= 0 && rank < items)).toBe(true);
  });

  test("the first item is drawn about as often as theory has it", () => {
    let zeta = 0;
    for (let i = 1; i <= items; i++) zeta += 1 / i ** 0.99;
    const only = new Zipf(items, new Xorshift(13));
    let first = 0;
    for (let i = 0; i < draws; i++) if (only.rank() === 0) first++;
    expect(first / draws).toBeCloseTo(1 / zeta, 2);
  });

  test("scattered draws are as uneven, but not for neighbours", () => {
    const scattered = new Uint32Array(items);
    const other = new Zipf(items, new Xorshift(17));
    for (let i = 0; i < draws; i++) {
      const at = other.scattered();
      scattered[at] = (scattered[at] as number) + 1;
    }
    const most = scattered.indexOf(Math.max(...scattered));
    expect(scattered[most] as number).toBeGreaterThan(draws / 20);
    expect(most).toBe(mix(0) % items);
  });
});
