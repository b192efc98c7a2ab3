import { expect, test } from "bun:test";
import { CorruptionError } from "../../src/base/errors.ts";
import { decodeLogHeader, encodeLogHeader } from "../../src/format/log-header.ts";
import { expectDamageContained } from "./damage-suite.ts";
import { fromHex } from "./hex.ts";

const BASE_IV = fromHex("a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 aa ab");

test("a log header has the frozen bytes", () => {
  expect(encodeLogHeader(1, BASE_IV)).toEqual(
    fromHex("00 00 00 00 00 00 00 01 a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 aa ab"),
  );
});

test("a log header gives back key id and IV, and is refused when cut short", () => {
  const header = encodeLogHeader(2 ** 40 + 3, BASE_IV);
  expect(decodeLogHeader(header)).toEqual({ keyId: 2 ** 40 + 3, baseIv: BASE_IV });
  for (let length = 0; length < 20; length++) {
    expect(() => decodeLogHeader(header.subarray(0, length))).toThrow(CorruptionError);
  }
  expectDamageContained(header, decodeLogHeader);
});
