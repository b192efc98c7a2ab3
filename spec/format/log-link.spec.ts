import { expect, test } from "bun:test";

import { decodeLogLink, encodeLogLink } from "../../src/format/log-link.ts";

test("a link survives the header it is written into", () => {
  const link = { previousNumber: 41, previousBytes: 33_554_432 };
  expect(decodeLogLink(encodeLogLink(link))).toEqual(link);
  expect(Buffer.from(encodeLogLink(link)).toString("hex")).toBe("4d4c53700000002902000000");
});

test("another base IV carries no link", () => {
  expect(decodeLogLink(new Uint8Array(12))).toBeUndefined();
  expect(decodeLogLink(new Uint8Array(12).fill(0xa0))).toBeUndefined();
});
