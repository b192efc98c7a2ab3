import { expect, test } from "bun:test";
import {
  memFileName,
  parseMemFileName,
  parseTableFileName,
  parseValueLogFileName,
  tableFileName,
  valueLogFileName,
} from "../../src/format/file-names.ts";

test("tables and value logs have six digits, write-ahead logs five, and more when needed", () => {
  expect(tableFileName(1)).toBe("000001.sst");
  expect(valueLogFileName(42)).toBe("000042.vlog");
  expect(memFileName(1)).toBe("00001.mem");
  expect([tableFileName(1_234_567), memFileName(123_456)]).toEqual(["1234567.sst", "123456.mem"]);
});

test("canonical names give back their number", () => {
  for (const fileNumber of [1, 99_999, 100_000, 999_999, 1_000_000, 0xffff_fffe]) {
    const numbered = { kind: "numbered", fileNumber } as const;
    expect(parseTableFileName(tableFileName(fileNumber))).toEqual(numbered);
    expect(parseMemFileName(memFileName(fileNumber))).toEqual(numbered);
    expect(parseValueLogFileName(valueLogFileName(fileNumber))).toEqual(numbered);
  }
});

test("names that Badger would stumble over are told apart from foreign files", () => {
  for (const name of ["1.vlog", "old.vlog", "-00001.vlog", "0000001.vlog", ".vlog", "1e5.vlog"]) {
    expect(parseValueLogFileName(name)).toEqual({ kind: "misnamed" });
  }
  for (const name of ["000001.mem", "1.mem", "99999999999999999999.mem", "4294967295.mem"]) {
    expect(parseMemFileName(name)).toEqual({ kind: "misnamed" });
  }
  expect(parseTableFileName("foo.sst")).toEqual({ kind: "misnamed" });
  for (const name of ["MANIFEST", "000001.sst.bak", "000001.vlog"]) {
    expect(parseTableFileName(name)).toEqual({ kind: "other" });
  }
});
