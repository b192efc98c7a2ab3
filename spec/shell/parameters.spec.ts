import { describe, expect, test } from "bun:test";
import * as language from "../../grammar/index.ts";
import { argumentBytes, parseLiteral } from "../../shell/literals.ts";
import { parametersFor, parseAssignment } from "../../shell/parameters.ts";

describe("literals", () => {
  test.each<[string, unknown]>([
    ["'it''s'", "it's"],
    ['b"\\x00a"', Uint8Array.of(0, 97)],
    ["x'00ff'", Uint8Array.of(0, 255)],
    ["b64'AAE='", Uint8Array.of(0, 1)],
    ["42", 42],
    [" -1.5 ", -1.5],
    ["15m", 900],
    ["true", true],
    ["null", null],
  ])("%s", (text, value) => {
    expect(parseLiteral(language, text)).toEqual(value as never);
  });

  test.each([
    "",
    "a",
    "1 + 1",
    "1; DROP ALL",
    "1 AS x",
    "1 FROM kv",
    "'open",
    "1, 2",
    "--",
    "-'x'",
    "* FROM kv",
  ])("%j is none", (text) => {
    expect(() => parseLiteral(language, text)).toThrow("is no literal");
  });

  test("an argument is its text unless literals were asked for", () => {
    expect(argumentBytes(undefined, "x'00'")).toBe("x'00'");
    expect(argumentBytes(language, "x'00'")).toEqual(Uint8Array.of(0));
    expect(() => argumentBytes(language, "42")).toThrow("no text or byte string");
  });
});

describe("parameters", () => {
  test("are text, whatever they look like, unless := says otherwise", () => {
    expect(parseAssignment(language, "id=42")).toEqual(["id", "42"]);
    expect(parseAssignment(language, ":id=null")).toEqual(["id", "null"]);
    expect(parseAssignment(language, "id='a' = \n'b'")).toEqual(["id", "'a' = \n'b'"]);
    expect(parseAssignment(language, "id:=42")).toEqual(["id", 42]);
    expect(parseAssignment(language, "2=x")).toEqual(["2", "x"]);
    for (const bad of ["", "id", "=x", "a b=c", "0=x", "1a=x"]) {
      expect(() => parseAssignment(language, bad)).toThrow("NAME=VALUE");
    }
  });

  test("go to a statement by name, or by position when it uses ?", () => {
    const values = new Map<string, string>([
      ["1", "first"],
      ["2", "second"],
      ["4", "unreachable"],
      ["name", "value"],
    ]);
    expect(parametersFor(values, true)).toEqual(["first", "second"]);
    expect(parametersFor(values, false)).toMatchObject({ name: "value" });
  });
});
