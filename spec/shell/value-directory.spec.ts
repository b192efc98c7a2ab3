/** `--value-dir` for every command that takes a directory, on a real disk, in this process. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMANDS } from "../../shell/command-table.ts";
import { run } from "./run-command.ts";

const root = mkdtempSync(join(tmpdir(), "meles-value-dir-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const at = (name: string): string => join(root, name);
const [home, values, keyFile] = [at("db"), at("values"), at("key")];
const pair = ["--value-dir", values, "--key-file", keyFile];
const LARGE = "large ".repeat(500);

beforeAll(async () => {
  writeFileSync(keyFile, new Uint8Array(32).fill(3));
  const entries = Array.from({ length: 20 }, (_, i) => `{"key":"key-${i}","value":"${LARGE}"}\n`);
  expect((await run(["load", home, ...pair], { stdin: entries.join("") })).code).toBe(0);
});

test("every command that takes a DIR takes it", () => {
  const takers = COMMANDS.filter(({ positionals }) =>
    positionals.some(({ name }) => name === "DIR"),
  );
  expect(takers.length).toBeGreaterThan(15);
  for (const { flags } of takers) expect(flags).toContain("value-dir");
});

describe("a database in two directories", () => {
  test("is read, written and described", async () => {
    expect(readdirSync(values).some((name) => name.endsWith(".vlog"))).toBe(true);
    expect(readdirSync(home).some((name) => name.endsWith(".vlog"))).toBe(false);
    expect((await run(["get", home, "key-7", ...pair])).out.trimEnd()).toBe(LARGE.trimEnd());
    expect((await run(["put", home, "more", LARGE, ...pair])).code).toBe(0);
    expect((await run(["del", home, "more", ...pair])).code).toBe(0);
    expect((await run(["scan", home, "--keys-only", ...pair])).out.split("\n")).toHaveLength(21);
    const info = JSON.parse((await run(["info", home, "--json", ...pair])).out);
    expect(info).toMatchObject({ path: home, value_directory: values });
    expect(info.value_log_bytes).toBeGreaterThan(20 * LARGE.length);
    for (const command of ["stats", "levels", "tables", "vlogs", "dump", "gc", "flatten"]) {
      expect([command, (await run([command, home, ...pair])).code]).toEqual([command, 0]);
    }
    const query = await run([
      home,
      ...pair,
      "-c",
      "select count(*) as n from kv",
      "--mode",
      "json",
    ]);
    expect(JSON.parse(query.out)).toEqual([{ n: 20 }]);
  });

  test("is verified, backed up, restored into two others and salvaged", async () => {
    expect((await run(["verify", home, ...pair])).code).toBe(0);
    expect((await run(["backup", home, at("backup"), ...pair])).code).toBe(0);
    const others = ["--value-dir", at("values-2")];
    expect((await run(["restore", at("backup"), at("db-2"), ...others])).code).toBe(0);
    expect(readdirSync(at("values-2")).some((name) => name.endsWith(".vlog"))).toBe(true);
    const salvaged = await run(["salvage", home, at("new"), ...pair]);
    expect(salvaged).toMatchObject({ code: 0 });
    const found = await run(["get", at("new"), "key-3", "--key-file", keyFile]);
    expect(found.out.trimEnd()).toBe(LARGE.trimEnd());
  });

  test("is not opened by half: one line says what to do, and the code that it cannot be opened", async () => {
    for (const command of ["get", "verify", "salvage", "rotate-key", "gc"]) {
      const more = {
        get: ["key-1"],
        salvage: [at("never")],
        "rotate-key": ["--new-key-file", keyFile],
      };
      const words = [command, home, ...((more as Record<string, string[]>)[command] ?? [])];
      const { code, err } = await run([...words, "--key-file", keyFile]);
      expect([command, code]).toEqual([command, command === "salvage" ? 2 : 3]);
      expect(err).toContain("valueDirectory");
      expect(err).toContain(values);
      expect(err.trimEnd().split("\n")).toHaveLength(1);
    }
  });

  test("its value logs are inspected by themselves, with the keys of the database", async () => {
    const file = join(values, readdirSync(values).find((name) => name.endsWith(".vlog")) as string);
    for (const flags of [[], ["--database", home]]) {
      const { code, out } = await run(["inspect", file, "--key-file", keyFile, ...flags]);
      expect(code).toBe(0);
      expect(out).toContain("large large");
    }
    const paired = await run(["inspect", join(values, "PAIR")]);
    expect(paired.out).toContain(home);
  });

  test("is left for another by .open, which has its own value directory", async () => {
    const script = [`.open ${at("db-3")}`, "put 'a' 'b';", `.open ${home} ${values}`];
    const told = await run([home, ...pair], {
      stdin: [...script, "select count(*) as n from kv;", `.open ${home}`, "get 'key-1';"].join(
        "\n",
      ),
    });
    expect(told).toMatchObject({ code: 0, err: "" });
    expect(told.out).toContain("20");
    expect(readdirSync(at("db-3"))).not.toContain("PAIR");
  });

  test("gets another master key", async () => {
    writeFileSync(at("key-2"), new Uint8Array(32).fill(4));
    const { code } = await run(["rotate-key", home, ...pair, "--new-key-file", at("key-2")]);
    expect(code).toBe(0);
    const now = ["--value-dir", values, "--key-file", at("key-2")];
    expect((await run(["get", home, "key-7", ...now])).code).toBe(0);
  });
});
