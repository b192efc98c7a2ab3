import { describe, expect, test } from "bun:test";
import { checkFlags, parseArguments } from "../../shell/arguments.ts";
import { FLAG_NAMES, flagUsage } from "../../shell/flags.ts";
import { editDistance, nearest } from "../../shell/suggest.ts";

describe("arguments", () => {
  test("flags and positionals may stand in any order", () => {
    const given = parseArguments(["--mode", "json", "dir", "-c", "GET 'a';", "--readonly"]);
    expect(given.positionals).toEqual(["dir"]);
    expect(given.value("mode")).toBe("json");
    expect(given.value("command")).toBe("GET 'a';");
    expect(given.has("readonly")).toBe(true);
    expect(given.has("no-rc")).toBe(false);
  });

  test("-c takes whatever follows, even what looks like a flag", () => {
    expect(parseArguments(["-c", "-- a comment"]).value("command")).toBe("-- a comment");
    expect(parseArguments(["-c--x"]).value("command")).toBe("--x");
  });

  test("the order of -c and -f is kept", () => {
    const { flags } = parseArguments(["-f", "one", "-c", "two", "--file=three"]);
    expect(flags.map(({ name, value }) => `${name}:${value}`)).toEqual([
      "file:one",
      "command:two",
      "file:three",
    ]);
  });

  test("behind -- everything is positional, and a single dash always is", () => {
    expect(parseArguments(["put", "d", "-", "--", "--mode", "-x"]).positionals).toEqual([
      "put",
      "d",
      "-",
      "--mode",
      "-x",
    ]);
  });

  test("--color takes a value or stands for always", () => {
    expect(parseArguments(["--color", "dir"]).value("color")).toBe("always");
    expect(parseArguments(["--color", "dir"]).positionals).toEqual(["dir"]);
    expect(parseArguments(["--color", "never", "dir"]).value("color")).toBe("never");
    expect(parseArguments(["--color=auto"]).value("color")).toBe("auto");
    expect(parseArguments(["--no-color"]).value("color")).toBe("never");
  });

  test.each([
    [["--mdoe", "json"], /unknown flag --mdoe; did you mean --mode\?/],
    [["-x"], /unknown flag -x/],
    [["--mode"], /--mode needs a value: MODE/],
    [["--mode", "jsno"], /not one of .*; did you mean json\?/],
    [["--readonly=yes"], /--readonly takes no value/],
  ])("%j is refused with a hint", (vector, message) => {
    expect(() => parseArguments(vector)).toThrow(message);
  });

  test("a flag that the command would ignore is refused", () => {
    const given = parseArguments(["--keep-going"]);
    expect(() => checkFlags(given, "get", ["literal"])).toThrow("get has no flag --keep-going");
    expect(() => checkFlags(given, "shell", ["keep-going"])).not.toThrow();
  });

  test("every flag can be parsed the way help writes it", () => {
    for (const name of FLAG_NAMES) {
      const [typed = ""] = flagUsage(name).split(", ").at(-1)?.split(/[ [=]/) ?? [];
      expect(typed).toBe(`--${name}`);
    }
  });
});

describe("did you mean", () => {
  test("a swap, an omission and an addition are one slip each", () => {
    expect(editDistance("sacn", "scan")).toBe(1);
    expect(editDistance("sca", "scan")).toBe(1);
    expect(editDistance("scann", "scan")).toBe(1);
    expect(editDistance("", "scan")).toBe(4);
    expect(editDistance("scan", "scan")).toBe(0);
  });

  test("only what is near is suggested", () => {
    expect(nearest("hlep", ["help", "get"])).toBe("help");
    expect(nearest("gte", ["help", "get"])).toBe("get");
    expect(nearest("data", ["help", "get", "stats"])).toBeUndefined();
  });
});
