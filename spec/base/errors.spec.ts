/** Errors tell what happened, where, and what to do; bugs are not among them. */

import { describe, expect, test } from "bun:test";
import { assert, at, unreachable } from "../../src/base/assert.ts";
import {
  ConflictError,
  CorruptionError,
  ERROR_CODES,
  IoError,
  MelesError,
  StatementError,
} from "../../src/base/errors.ts";

describe("an error of the database", () => {
  test("has a stable code, a name, and keeps its cause", () => {
    const cause = new Error("the disk");
    const error = new MelesError("ERR_CLOSED", "the database is closed", { cause });
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.code, error.message]).toEqual([
      "MelesError",
      "ERR_CLOSED",
      "the database is closed",
    ]);
    expect(error.cause).toBe(cause);
    expect("cause" in new MelesError("ERR_CLOSED", "closed")).toBe(false);
  });

  test("has one of the documented codes, each named once", () => {
    expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length);
    for (const code of ERROR_CODES) expect(code).toMatch(/^ERR_[A-Z_]+$/);
  });

  test("about damage names file, offset, what was expected and what was found", () => {
    const fields = { file: "000003.sst", offset: 77, expected: "checksum 1", actual: "2" };
    const error = new CorruptionError(fields);
    expect(error).toMatchObject({ ...fields, code: "ERR_CORRUPTION", name: "CorruptionError" });
    expect(error.message).toBe("000003.sst is damaged at byte 77: expected checksum 1, found 2");
    expect(new CorruptionError({ ...fields, file: "" }).message).toStartWith("data is damaged");
  });

  test("about I/O tells a full disk, after which writing resumes, from all else", () => {
    for (const [errno, code] of [
      ["ENOSPC", "ERR_DISK_FULL"],
      ["EDQUOT", "ERR_DISK_FULL"],
      ["EIO", "ERR_IO"],
      ["UNKNOWN", "ERR_IO"],
    ] as const) {
      const error = new IoError({ operation: "write", path: "/db/00001.mem", errno });
      expect(error).toMatchObject({ code, errno, operation: "write", path: "/db/00001.mem" });
      expect(error.message).toStartWith("cannot write /db/00001.mem: ");
      expect(error.message).toContain(code === "ERR_DISK_FULL" ? "free some space" : errno);
    }
  });

  test("about a conflict says to run the transaction again, and knows the key", () => {
    const error = new ConflictError(new Uint8Array([1]));
    expect(error.code).toBe("ERR_CONFLICT");
    expect(error.message).toContain("run the transaction again");
    expect(error.key).toEqual(new Uint8Array([1]));
  });

  test("about a statement has a position and a report, even when none was given", () => {
    const error = new StatementError("ERR_SYNTAX", "no", { offset: 3, line: 1, column: 4 });
    expect(error).toMatchObject({ code: "ERR_SYNTAX", line: 1, column: 4, offset: 3 });
    expect([error.expected, error.report]).toEqual([[], "no"]);
    for (const one of [error, new ConflictError(new Uint8Array(1))]) {
      expect(one).toBeInstanceOf(MelesError);
    }
  });
});

describe("an assertion", () => {
  test("passes what holds and throws an error that is not the database's", () => {
    assert(true, "holds");
    for (const action of [
      () => assert(false, "the arena holds whole records"),
      () => unreachable("x" as never),
      () => at([], 0),
    ]) {
      let thrown: unknown;
      try {
        action();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(Error);
      expect(thrown).not.toBeInstanceOf(MelesError);
    }
    expect(() => assert(false, "the arena holds whole records")).toThrow("whole records");
  });

  test("gives the element it has made sure of", () => {
    expect(at([5, 6], 1)).toBe(6);
    expect(at(new Uint8Array([0]), 0)).toBe(0);
    expect(() => at([5], 1)).toThrow("index 1 is outside a list of 1");
    expect(() => at([5], -1)).toThrow("outside a list");
  });
});
