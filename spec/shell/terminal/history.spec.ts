import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { History, historyPath, parseHistory } from "../../../shell/terminal/history.ts";
import { MemoryHost } from "../memory-host.ts";

const directory = mkdtempSync(join(tmpdir(), "meles-history-"));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
const newPath = (): string => join(directory, `state-${files++}`, "meles", "history");

describe("the history", () => {
  test("is kept across sessions, multi-line entries whole, readable by its owner only", () => {
    const path = newPath();
    const first = new History(path);
    first.add("SELECT *\nFROM kv;\n");
    first.add("GET 'a';");
    expect(new History(path).entries).toEqual(["SELECT *\nFROM kv;", "GET 'a';"]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8").split("\n")).toHaveLength(3);
  });

  test("a repeated entry moves to the end", () => {
    const path = newPath();
    const history = new History(path);
    for (const entry of ["a;", "b;", "a;"]) history.add(entry);
    expect(history.entries).toEqual(["b;", "a;"]);
    expect(new History(path).entries).toEqual(["b;", "a;"]);
  });

  test("what mentions encryption keys, and nothing at all, is not stored", () => {
    const path = newPath();
    const history = new History(path);
    for (const entry of [
      ".read key-file.sql",
      "-- MELES_KEY_FILE=x",
      "encryptionKey = 1;",
      "  \n",
    ]) {
      history.add(entry);
    }
    history.add("GET 'kept';");
    expect(history.entries).toEqual(["GET 'kept';"]);
    expect(readFileSync(path, "utf8")).toBe(`"GET 'kept';"\n`);
  });

  test("lines that are no entries are passed over", () => {
    expect(parseHistory('"a;"\n{"b":1}\n"cut off\n\n"c;"\n')).toEqual(["a;", "c;"]);
  });

  test("a file that has grown too long is cut to its newest entries", () => {
    const path = join(directory, "long");
    const line = JSON.stringify("x".repeat(10_000));
    const lines = Array.from({ length: 500 }, (_, i) => line.replace("x", String(i)));
    writeFileSync(path, `${lines.join("\n")}\n`);
    const history = new History(path);
    expect(history.entries).toHaveLength(500);
    expect(statSync(path).size).toBeLessThan(3_000_000);
    expect(new History(path).entries.at(-1)).toBe(history.entries.at(-1) as string);
  });

  test("without a path, or where nothing can be written, it lasts for the session", () => {
    for (const path of [undefined, "/proc/nowhere/history"]) {
      const history = new History(path);
      history.add("GET 'a';");
      expect(history.entries).toEqual(["GET 'a';"]);
    }
  });

  test("lives where environment and XDG say", () => {
    const at = (env: Record<string, string>): string | undefined =>
      historyPath(new MemoryHost({ env, homeDirectory: "/h" }));
    expect(at({})).toBe("/h/.local/state/meles/history");
    expect(at({ XDG_STATE_HOME: "/s" })).toBe("/s/meles/history");
    expect(at({ XDG_STATE_HOME: "relative" })).toBe("/h/.local/state/meles/history");
    expect(at({ MELES_HISTORY: "/x/y" })).toBe("/x/y");
    expect(at({ MELES_HISTORY: "" })).toBeUndefined();
  });
});
