import { describe, expect, test } from "bun:test";
import { BannedNamespaces, decodeBan, encodeBan } from "../../src/format/namespace.ts";
import { fromHex } from "./hex.ts";

const NUMBERS = [0n, 1n, 0xffff_ffffn, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];

describe("the record of a ban", () => {
  test("is the engine's prefix and the namespace in eight bytes, the largest first", () => {
    expect(encodeBan(0x0102n)).toEqual(
      fromHex("21 62 61 64 67 65 72 21 62 61 6e 6e 65 64 00 00 00 00 00 00 01 02"),
    );
    for (const number of NUMBERS) expect(decodeBan(encodeBan(number))).toBe(number);
  });

  test("is nothing else", () => {
    const ban = encodeBan(7n);
    for (const key of [ban.slice(0, -1), new Uint8Array([...ban, 0]), ban.slice(1), fromHex("")]) {
      expect(decodeBan(key)).toBeUndefined();
    }
  });
});

describe("banned namespaces", () => {
  const keyIn = (namespace: bigint, offset: number, rest: number): Uint8Array => {
    const key = new Uint8Array(offset + 8 + rest).fill(0x61);
    new DataView(key.buffer).setBigUint64(offset, namespace);
    return key;
  };

  test("hide exactly the keys in them, wherever the key lies in a buffer", () => {
    for (const offset of [0, 1, 9]) {
      const banned = new BannedNamespaces(offset);
      for (const number of NUMBERS.filter((_, index) => index % 2 === 0)) banned.add(number);
      NUMBERS.forEach((number, index) => {
        const key = keyIn(number, offset, 1);
        const buffer = new Uint8Array([9, 9, 9, ...key, 9]);
        expect(banned.hides(key, 0, key.length)).toBe(index % 2 === 0);
        expect(banned.hides(buffer, 3, key.length)).toBe(index % 2 === 0);
      });
      for (const number of NUMBERS) {
        const short = keyIn(number, offset, 0);
        expect(banned.hides(short, 0, short.length)).toBe(false);
      }
    }
  });

  test("are listed in order, each once", () => {
    const banned = new BannedNamespaces(0);
    expect([banned.isEmpty, banned.list()]).toEqual([true, []]);
    for (const number of [...NUMBERS.toReversed(), ...NUMBERS]) banned.add(number);
    expect([banned.isEmpty, banned.list()]).toEqual([false, NUMBERS]);
  });
});
