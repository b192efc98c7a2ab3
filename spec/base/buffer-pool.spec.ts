/** Buffers that are used again: never two users of one, never more kept than allowed. */

import { describe, expect, test } from "bun:test";
import { BufferPool } from "../../src/base/buffer-pool.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";

const KIB = 1024;

describe("a buffer that was given back", () => {
  test("is taken again by whoever needs no more", () => {
    const pool = new BufferPool(512 * KIB);
    const first = pool.take(200 * KIB);
    pool.giveBack(first);
    expect(pool.take(255 * KIB)).toBe(first);
    expect(pool.take(10)).not.toBe(first);
  });

  test("is the smallest that will do", () => {
    const pool = new BufferPool(512 * KIB);
    const [large, small] = [pool.take(256 * KIB), pool.take(8 * KIB)];
    pool.giveBack(large);
    pool.giveBack(small);
    expect(pool.take(5 * KIB)).toBe(small);
    expect(pool.take(5 * KIB)).toBe(large);
  });

  test("is let go when as much is kept as allowed", () => {
    const pool = new BufferPool(64 * KIB);
    const [kept, dropped] = [pool.take(64 * KIB), pool.take(64 * KIB)];
    pool.giveBack(kept);
    pool.giveBack(dropped);
    expect(pool.take(64 * KIB)).toBe(kept);
    expect(pool.take(64 * KIB)).not.toBe(dropped);
  });
});

test("what is taken is always long enough, and nobody else's", () => {
  const random = new SeededRandom(11);
  const pool = new BufferPool(1024 * KIB);
  const taken = new Set<Uint8Array>();
  for (let i = 0; i < 5000; i++) {
    const [oldest] = taken;
    if (oldest !== undefined && random.below(2) === 0) {
      taken.delete(oldest);
      pool.giveBack(oldest);
      continue;
    }
    const length = random.below(300 * KIB);
    const buffer = pool.take(length);
    expect(buffer.length).toBeGreaterThanOrEqual(length);
    expect(taken.has(buffer)).toBe(false);
    taken.add(buffer);
  }
});
