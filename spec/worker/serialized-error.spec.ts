import { describe, expect, test } from "bun:test";
import { assert } from "../../src/base/assert.ts";
import * as errors from "../../src/base/errors.ts";
import { deserializeError, serializeError } from "../../src/worker/serialized-error.ts";

const {
  MelesError,
  CorruptionError,
  IoError,
  LockedError,
  ConflictError,
  StatementError,
  ERROR_CODES,
} = errors;

/** There and back as between threads. */
const cross = (error: unknown): Error => deserializeError(structuredClone(serializeError(error)));

const samples = [
  new MelesError("ERR_TRANSACTION_TOO_LARGE", "used 9, allowed 8"),
  new CorruptionError({ file: "000007.sst", offset: 4096, expected: "crc 1", actual: "crc 2" }),
  new CorruptionError({ file: "", offset: 0, expected: "x", actual: "y" }),
  new IoError({ operation: "write", path: "/data/000001.vlog", errno: "EIO" }),
  new IoError({ operation: "write", path: "/data/000001.vlog", errno: "ENOSPC" }),
  new LockedError("/data is in use", { pid: 77, isThisProcess: false }),
  new LockedError("/data is in use", { pid: undefined, isThisProcess: true }),
  new ConflictError(new Uint8Array([0, 255, 7])),
  new StatementError("ERR_SYNTAX", "unexpected FROM", {
    offset: 3,
    line: 1,
    column: 4,
    expected: ["name", "*"],
    report: "line\\n   ^",
  }),
  new StatementError("ERR_QUERY", "no such column", { offset: 0, line: 2, column: 1 }),
];

test.each(samples.map((error) => [`${error.name} ${error.code}`, error] as const))(
  "%s arrives as what it was",
  (_, error) => {
    const copy = cross(error);
    expect(copy.constructor).toBe(error.constructor);
    expect({ ...copy }).toEqual({ ...error });
    expect([copy.name, copy.message, copy.stack]).toEqual([error.name, error.message, error.stack]);
    expect("cause" in copy).toBe(false);
  },
);

test("no error class is forgotten here", () => {
  const classes = Object.values(errors).filter((value) => typeof value === "function");
  expect(classes.length).toBeGreaterThan(0);
  for (const one of classes) {
    expect(samples.map((error) => error.constructor)).toContain(one);
  }
});

test("every code survives", () => {
  for (const code of ERROR_CODES) {
    expect(cross(new MelesError(code, "m"))).toMatchObject({ code, message: "m" });
  }
});

describe("the cause", () => {
  const cause = new RangeError("the reason");

  test("crosses as its text, for every class that has one", () => {
    const position = { offset: 0, line: 1, column: 1 };
    for (const error of [
      new MelesError("ERR_IO", "m", { cause }),
      new CorruptionError({ file: "f", offset: 1, expected: "a", actual: "b", cause }),
      new IoError({ operation: "open", path: "p", errno: "EACCES", cause }),
      new StatementError("ERR_QUERY", "m", { ...position, cause }),
      new Error("m", { cause }),
    ]) {
      const copy = cross(error);
      expect(copy.cause).toBeInstanceOf(Error);
      expect(copy.cause).toMatchObject({ message: "the reason" });
    }
  });

  test("need not be an error", () => {
    expect(cross(new Error("m", { cause: 42 })).cause).toMatchObject({ message: "42" });
    expect(cross(new Error("m", { cause: Object.create(null) })).cause).toMatchObject({
      message: "something that has no text",
    });
  });
});

describe("errors that are not the database's", () => {
  test("an assertion failure stays outside the hierarchy, with its name", () => {
    try {
      assert(false, "levels are disjoint");
    } catch (error) {
      const copy = cross(error);
      expect(copy).not.toBeInstanceOf(MelesError);
      expect(copy).toMatchObject({ name: "AssertionFailure", message: "levels are disjoint" });
    }
    expect.assertions(2);
  });

  test("the engine's own errors keep their names and texts", () => {
    expect(cross(new RangeError("out of it"))).toMatchObject({
      name: "RangeError",
      message: "out of it",
    });
  });

  test("anything can be thrown", () => {
    for (const [thrown, message] of [
      ["text", "text"],
      [undefined, "undefined"],
      [null, "null"],
      [Symbol("s"), "Symbol(s)"],
      [{}, "[object Object]"],
    ] as const) {
      expect(cross(thrown)).toMatchObject({ name: "Error", message });
    }
  });
});
