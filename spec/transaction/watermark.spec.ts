import { describe, expect, test } from "bun:test";
import { Watermark } from "../../src/transaction/watermark.ts";
import { SeededRandom } from "./seeded-random.ts";

describe("watermark", () => {
  test("knows no oldest version while nobody reads", () => {
    const watermark = new Watermark();
    expect(watermark.oldest).toBeUndefined();
    watermark.add(4);
    watermark.remove(4);
    expect(watermark.oldest).toBeUndefined();
    expect(watermark.size).toBe(0);
  });

  test("counts duplicates: the version stays the oldest until its last reader is gone", () => {
    const watermark = new Watermark();
    watermark.add(3);
    watermark.add(3);
    watermark.add(7);
    watermark.remove(3);
    expect(watermark.oldest).toBe(3);
    watermark.remove(3);
    expect(watermark.oldest).toBe(7);
  });

  test("takes a time-travel reader below all others", () => {
    const watermark = new Watermark();
    watermark.add(10);
    watermark.add(2);
    expect(watermark.oldest).toBe(2);
    watermark.remove(2);
    expect(watermark.oldest).toBe(10);
  });

  test("refuses to give back a version that was not taken", () => {
    const watermark = new Watermark();
    watermark.add(1);
    expect(() => watermark.remove(2)).toThrow("not registered");
  });

  test("agrees with a sorted list under random use", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = new SeededRandom(seed);
      const watermark = new Watermark();
      const twin: number[] = [];
      let now = 1;
      for (let step = 0; step < 2_000; step++) {
        const opening = random.chance(step % 500 < 250 ? 0.6 : 0.4);
        if (opening || twin.length === 0) {
          now += random.below(3);
          const version = random.chance(0.1) ? random.below(now) : now;
          watermark.add(version);
          twin.push(version);
        } else {
          const [version] = twin.splice(random.below(twin.length), 1);
          watermark.remove(version as number);
        }
        const oldest = twin.length === 0 ? undefined : Math.min(...twin);
        if (watermark.oldest !== oldest || watermark.size !== twin.length) {
          throw new Error(`seed ${seed}, step ${step}: ${watermark.oldest} instead of ${oldest}`);
        }
      }
    }
  });
});
