/** Dot commands, run in scripts on a database in memory. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { splitName, splitWords } from "../../shell/dot-commands/dispatch.ts";
import { DOT_COMMANDS } from "../../shell/dot-commands/dot-command-table.ts";
import { run } from "./run-command.ts";

const directory = mkdtempSync(join(tmpdir(), "meles-dots-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function script(
  ...lines: readonly string[]
): Promise<{ out: string; err: string; code: number }> {
  return run([":memory:"], { stdin: lines.join("\n") });
}

describe("dot commands", () => {
  test(".help lists every row of the table, and only what matches a pattern", async () => {
    const { out } = await script(".help");
    for (const { name, summary } of DOT_COMMANDS) {
      expect(out).toContain(name);
      expect(out).toContain(summary);
    }
    const some = (await script(".help timer")).out;
    expect(some).toContain(".timer");
    expect(some).not.toContain(".mode");
    expect(await script(".help nonsense")).toMatchObject({ code: 2, out: "" });
  });

  test.each([
    [".mod json", ".mode"],
    [".mode jsno", "did you mean json?"],
    [".tmier on", "did you mean .timer?"],
    [".mode json csv", "usage: .mode [MODE]"],
    [".once", "usage: .once FILE"],
    [".timer maybe", "one of on, off"],
    [".maxrows many", "not a number"],
    [".render tuple", "not supported in this version"],
    [".render value", "usage: .render"],
    [".param nonsense", "NAME=VALUE"],
    [".param clear x", "there is no parameter x"],
    [".read /dev/null/x", "cannot read /dev/null/x"],
    [".output /dev/null/x/x", "cannot write to /dev/null/x/x"],
    [".read 'open", "a quote is not closed"],
    [".history x", "not a number"],
  ])("%s", async (line, message) => {
    const { code, out, err } = await script(line);
    if (line === ".mod json") {
      // An unambiguous beginning is enough.
      expect([code, err]).toEqual([0, ""]);
      return;
    }
    expect([code, out]).toEqual([2, ""]);
    expect(err).toStartWith("stdin:1:1: ");
    expect(err).toContain(message);
  });

  test(".mode and .headers change how results are written", async () => {
    const { out } = await script(
      "SELECT 1 AS n;",
      ".headers off",
      "SELECT 1 AS n;",
      ".mode jsonl",
      "SELECT 1 AS n;",
    );
    expect(out).toBe('n\n1\n1\n{"n":1}\n');
  });

  test(".render changes keys and values, together or apart", async () => {
    const { out } = await script(
      ".headers off",
      "PUT 'k' '{ \"a\": 1 }';",
      ".render hex",
      "SCAN;",
      ".render auto",
      ".render value json",
      "SCAN;",
      ".render key redacted",
      "SCAN;",
    );
    expect(out).toBe(`x'6b'\tx'7b202261223a2031207d'\nk\t{"a":1}\n<1 bytes>\t{"a":1}\n`);
  });

  test(".param sets, lists and clears", async () => {
    const { out, err, code } = await script(
      ".headers off",
      ".param name=it's; text",
      ".param n:=-2",
      ".param raw:=x'00ff'",
      ".param",
      "SELECT :name, :n * 2, :raw;",
      ".param clear name",
      "SELECT :name;",
    );
    expect(code).toBe(2);
    expect(out).toContain(":name     │ it's; text\n");
    expect(out).toContain(":n        │ -2\n");
    expect(out).toContain('it\'s; text\t-4\tb"\\x00\\xff"\n');
    expect(err).toContain(":name");
  });

  test(".timer tells the time on standard error", async () => {
    const { out, err } = await script(".timer on", "SELECT 1 AS n;");
    expect(out).toBe("n\n1\n");
    expect(err).toMatch(/^time: [\d.]+ ms\n$/);
  });

  test(".stats, .levels and .tables write rows in the current mode", async () => {
    const { out } = await script(
      ".mode jsonl",
      "PUT 'a' 'b';",
      "FLUSH;",
      ".levels",
      ".tables",
      ".stats",
    );
    const rows = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.filter((row) => "target_bytes" in row)).not.toBeEmpty();
    expect(rows.filter((row) => row["smallest_key"] === "a")).toHaveLength(1);
    expect(rows.find((row) => row["name"] === "version")).toEqual({ name: "version", value: 1 });
  });

  test(".open goes to another database and keeps this one if it cannot", async () => {
    const one = join(directory, "one");
    const two = join(directory, "two");
    const { out, code } = await run([one, "--keep-going", "--mode", "raw"], {
      stdin: `PUT 'k' 'in one';\n.open ${two}\nGET 'k';\nPUT 'k' 'in two';\n.open /dev/null\nGET 'k';\n.open ${two}\nGET 'k';\n`,
    });
    expect(out).toBe("in two\nin two\n");
    expect(code).toBe(3);
    expect((await run(["get", one, "k"])).out).toBe("in one");
  });

  test(".quit ends a script", async () => {
    expect(await script("SELECT 1 AS n;", ".quit", "BAD;")).toMatchObject({
      code: 0,
      out: "n\n1\n",
    });
  });

  test(".output collects many results, .once only the next", async () => {
    const file = join(directory, "with blank");
    const { out } = await script(
      `.output '${file}'`,
      "SELECT 1 AS a; SELECT 2 AS a;",
      ".output",
      "SELECT 3 AS a;",
      `.once "${file}2"`,
      "SELECT 4 AS a; SELECT 5 AS a;",
    );
    expect(out).toBe("a\n3\na\n5\n");
    expect(readFileSync(file, "utf8")).toBe("a\n1\na\n2\n");
    expect(readFileSync(`${file}2`, "utf8")).toBe("a\n4\n");
  });

  test("words are cut at blanks outside quotes", () => {
    expect(splitName("  .mode   json ; ")).toEqual({ name: ".mode", rest: "json" });
    expect(splitWords(`a 'b c' "d ""e""" f'g'h 'it''s'`)).toEqual([
      "a",
      "b c",
      'd "e"',
      "fgh",
      "it's",
    ]);
    expect(splitWords("")).toEqual([]);
  });
});
