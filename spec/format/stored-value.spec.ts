import { describe, expect, test } from "bun:test";
import {
  isDeletedOrExpired,
  META_DELETE,
  META_IN_TRANSACTION,
  readExpiry,
  storedValueLength,
  writeStoredValueHeader,
} from "../../src/format/stored-value.ts";
import { uvarintSize } from "../../src/format/varint.ts";
import { fromHex } from "./hex.ts";

describe("stored value", () => {
  test("has the frozen header bytes of the worked example", () => {
    const target = new Uint8Array(16);
    expect(writeStoredValueHeader(target, 0, 0x40, 7, 0)).toBe(3);
    expect(target.slice(0, 3)).toEqual(fromHex("40 07 00"));
    expect(writeStoredValueHeader(target, 1, 0x40, 0, 4_102_444_800)).toBe(8);
    expect(target.slice(1, 8)).toEqual(fromHex("40 00 80 ae 99 a4 0f"));
    expect(storedValueLength(4_102_444_800, 6)).toBe(13);
  });

  test("an entry is gone from the second it expires, and when it is a delete marker", () => {
    expect(isDeletedOrExpired(META_IN_TRANSACTION, 0, 100)).toBe(false);
    expect(isDeletedOrExpired(META_IN_TRANSACTION, 101, 100)).toBe(false);
    expect(isDeletedOrExpired(META_IN_TRANSACTION, 100, 100)).toBe(true);
    expect(isDeletedOrExpired(META_IN_TRANSACTION | META_DELETE, 0, 100)).toBe(true);
  });

  test("an expiry beyond 2^53 - 1 reads as never, not as damage", () => {
    const bytes = fromHex("ff ff ff ff ff ff ff ff ff 01");
    expect(readExpiry(bytes, 0, 10)).toBe(Number.MAX_SAFE_INTEGER);
    expect(uvarintSize()).toBe(10);
  });
});
