import { expect, test } from "bun:test";

import { decodeLogLink, encodeLogLink } from "../../src/format/log-link.ts";

test("a link survives the header it is written into", () => {
  const link = { previousNumber: 41, previousBytes: 33_554_432 };
  expect(decodeLogLink(encodeLogLink(link))).toEqual(link);
  expect(encodeLogLink(link).toHex()).toEndWith("0000002902000000");
});

test("another base IV carries no link", () => {
  expect(decodeLogLink(new Uint8Array(12))).toBeUndefined();
  expect(decodeLogLink(new Uint8Array(12).fill(0xa0))).toBeUndefined();
});

// A length that was read as a larger one made recovery drop the log in silence.
test("a link with a wrong bit is none", () => {
  const iv = encodeLogLink({ previousNumber: 3, previousBytes: 17_553 });
  for (let bit = 0; bit < iv.length * 8; bit++) {
    const wrong = iv.slice();
    wrong[bit >> 3] = (wrong[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(decodeLogLink(wrong)).toBeUndefined();
  }
});
