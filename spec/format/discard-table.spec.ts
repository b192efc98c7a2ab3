import { describe, expect, test } from "bun:test";
import { decodeDiscardTable, encodeDiscardTable } from "../../src/format/discard-table.ts";
import { fromHex } from "./hex.ts";

describe("discard table", () => {
  test("is 1 MiB of big-endian slots sorted by file", () => {
    const table = encodeDiscardTable(
      new Map([
        [2, 5],
        [1, 20_420],
      ]),
    );
    expect(table.length).toBe(1 << 20);
    expect(table.slice(0, 48)).toEqual(
      fromHex(`00 00 00 00 00 00 00 01 00 00 00 00 00 00 4f c4
               00 00 00 00 00 00 00 02 00 00 00 00 00 00 00 05 ${"00".repeat(16)}`),
    );
  });

  test("gives back what was written, also beyond 65,535 files", () => {
    const many = new Map(Array.from({ length: 65_536 }, (_, i) => [i + 1, i * 3]));
    for (const entries of [new Map<number, number>(), new Map([[7, 2 ** 50]]), many]) {
      expect(decodeDiscardTable(encodeDiscardTable(entries))).toEqual(entries);
    }
    expect(encodeDiscardTable(many).length).toBe(1 << 21);
  });

  test("nonsense is ignored: it is only a hint", () => {
    expect(decodeDiscardTable(new Uint8Array(0))).toEqual(new Map());
    expect(decodeDiscardTable(new Uint8Array(1000).fill(0xff))).toEqual(new Map());
    const table = encodeDiscardTable(
      new Map([
        [1, 10],
        [2, 20],
        [3, 30],
      ]),
    );
    table.fill(0xff, 16, 24);
    expect(decodeDiscardTable(table)).toEqual(
      new Map([
        [1, 10],
        [3, 30],
      ]),
    );
    // What follows the first free slot does not count.
    const reused = encodeDiscardTable(new Map([[1, 10]]));
    reused[39] = 9;
    expect(decodeDiscardTable(reused)).toEqual(new Map([[1, 10]]));
  });
});
