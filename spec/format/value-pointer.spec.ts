import { expect, test } from "bun:test";
import {
  pointerFile,
  pointerLength,
  pointerOffset,
  writeValuePointer,
} from "../../src/format/value-pointer.ts";
import { fromHex } from "./hex.ts";

test("a value pointer has the frozen little-endian bytes", () => {
  const bytes = new Uint8Array(13);
  writeValuePointer(bytes, 1, 1, 60, 20);
  expect(bytes.slice(1)).toEqual(fromHex("01 00 00 00 3c 00 00 00 14 00 00 00"));
});

test("a value pointer gives back numbers up to 2^32 - 1", () => {
  const bytes = new Uint8Array(12);
  writeValuePointer(bytes, 0, 0xffff_fffe, 0xffff_ffff, 0x8000_0000);
  expect([pointerFile(bytes, 0), pointerLength(bytes, 0), pointerOffset(bytes, 0)]).toEqual([
    0xffff_fffe, 0xffff_ffff, 0x8000_0000,
  ]);
});
