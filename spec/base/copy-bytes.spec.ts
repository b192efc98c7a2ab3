/** Copies of every length around the switch from a loop to the native copy, from any kind of buffer. */

import { describe, expect, test } from "bun:test";
import { copyBytes, copyOut } from "../../src/base/copy-bytes.ts";

const LENGTHS = [0, 1, 7, 23, 24, 25, 26, 64, 4096];

function numbered(bytes: Uint8Array): Uint8Array {
  for (let i = 0; i < bytes.length; i++) bytes[i] = i * 7 + 3;
  return bytes;
}

const BUFFERS: Record<string, (length: number) => Uint8Array> = {
  "a plain array": (length) => new Uint8Array(length),
  "shared memory": (length) => new Uint8Array(new SharedArrayBuffer(length)),
  "a view into a larger buffer": (length) => new Uint8Array(length + 100).subarray(50, 50 + length),
  "a Buffer": (length) => Buffer.alloc(length),
};

for (const [from, makeSource] of Object.entries(BUFFERS)) {
  for (const [to, makeTarget] of Object.entries(BUFFERS)) {
    test(`from ${from} to ${to} copies the slice and nothing else`, () => {
      for (const length of LENGTHS) {
        for (const offset of [0, 1, 5]) {
          const source = numbered(makeSource(length + 10));
          const target = makeTarget(length + 10).fill(0xee);
          copyBytes(source, offset, target, 3, length);
          const expected = new Uint8Array(length + 10).fill(0xee);
          expected.set(source.subarray(offset, offset + length), 3);
          expect(new Uint8Array(target)).toEqual(expected);
        }
      }
    });
  }
}

describe("a copy", () => {
  test("within one buffer does not disturb its source", () => {
    for (const length of LENGTHS) {
      const buffer = numbered(new Uint8Array(length * 2 + 1));
      const source = buffer.slice(0, length);
      copyBytes(buffer, 0, buffer, length + 1, length);
      expect(buffer.subarray(0, length)).toEqual(source);
      expect(buffer.subarray(length + 1)).toEqual(source);
    }
  });

  test("taken out is the caller's own, with a buffer of just its size", () => {
    for (const length of LENGTHS) {
      const source = numbered(new Uint8Array(length + 9));
      const copy = copyOut(source, 4, length);
      expect(copy).toEqual(source.slice(4, 4 + length));
      expect(copy.buffer.byteLength).toBe(length);
      source.fill(0);
      if (length > 0) expect(copy[0]).toBe(4 * 7 + 3);
    }
  });
});
