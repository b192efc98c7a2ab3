import { expect, test } from "bun:test";
import { ptr } from "bun:ffi";
import { allocateSlab } from "../../src/env/large-pages.ts";
import { systemEnv } from "../../src/env/system-env.ts";

const MIB = 1 << 20;

test.each([1, 4096, 2 * MIB - 1, 2 * MIB, 5 * MIB + 17])(
  "a slab of %d bytes is as long as asked for, all zeros, and can be written to its ends",
  (sizeBytes) => {
    const slab = systemEnv().allocateSlab?.(sizeBytes) as Uint8Array;
    expect(slab.length).toBe(sizeBytes);
    expect(slab.every((byte) => byte === 0)).toBe(true);
    slab.fill(0xff);
    expect(slab[sizeBytes - 1]).toBe(0xff);
  },
);

test.if(process.platform === "linux")("a large slab begins with a large page", () => {
  const slab = systemEnv().allocateSlab?.(4 * MIB) as Uint8Array;
  expect(Number(ptr(slab)) % (2 * MIB)).toBe(0);
});

test("where the C library cannot be found there is memory all the same", () => {
  expect(allocateSlab(3 * MIB, () => undefined).length).toBe(3 * MIB);
});
