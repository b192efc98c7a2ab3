/** `meles backup`, `restore` and `inspect`, whole commands on real files. */

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../../shell/main.ts";
import { FIXTURES } from "../fixtures/unpack.ts";
import { MemoryHost, type MemoryHostOptions } from "../shell/memory-host.ts";
import { entryLines } from "./streams.ts";

const folder = mkdtempSync(join(tmpdir(), "meles-backup-commands-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const FULL = join(FIXTURES, "backup-since", "full.bak");

async function run(
  vector: readonly string[],
  options: MemoryHostOptions = {},
): Promise<{ code: number; out: string; err: string; bytes: Uint8Array }> {
  const host = new MemoryHost(options);
  const code = await main(vector, host);
  const bytes = host.stdout.bytes();
  return { code, out: host.stdout.text(), err: host.stderr.text(), bytes };
}

function linesOf(bytes: Uint8Array): string[] {
  return entryLines(bytes).toSorted();
}

describe("backup and restore", () => {
  test("carry Badger's backup into a directory and out again", async () => {
    expect(await run(["restore", FULL, at("a")])).toMatchObject({
      code: 0,
      out: "5\n",
      err: "meles: 6 entries restored\n",
    });
    expect(await run(["backup", at("a"), at("a.bak")])).toMatchObject({
      code: 0,
      out: "5\n",
      err: "",
    });
    expect(linesOf(readFileSync(at("a.bak")))).toEqual(linesOf(readFileSync(FULL)));
    expect((await run(["get", at("a"), "b"])).out).toBe("x".repeat(40));
  });

  test("go through standard output and input", async () => {
    await run(["restore", FULL, at("b")]);
    const written = await run(["backup", at("b"), "-", "--since", "4"]);
    expect(written.code).toBe(0);
    expect(written.err).toBe("meles: the next backup goes on with --since 5\n");
    expect(linesOf(written.bytes)).toEqual(['d@5 "" user 0 expires 0 meta 1']);
    const whole = await run(["backup", at("b"), "-"]);
    const pieces = [whole.bytes.slice(0, 11), whole.bytes.slice(11)];
    const restored = await run(["restore", "-", at("c")], { stdin: pieces });
    expect(restored).toMatchObject({ code: 0, out: "5\n" });
    const again = await run(["backup", at("c"), "-"]);
    expect(again.bytes).toEqual(whole.bytes);
  });

  test("since the last version there is nothing, and the version to go on with stays", async () => {
    await run(["restore", FULL, at("d")]);
    expect((await run(["backup", at("d"), at("d.bak"), "--since", "5"])).out).toBe("5\n");
    expect(readFileSync(at("d.bak")).length).toBe(0);
  });

  test("damage is exit code 4 and says what stays", async () => {
    writeFileSync(at("cut.bak"), readFileSync(FULL).subarray(0, 100));
    const { code, err } = await run(["restore", at("cut.bak"), at("e")]);
    expect(code).toBe(4);
    expect(err).toBe(
      "meles: cut.bak is damaged at byte 100: expected 51 more bytes of a frame, found the end of " +
        "the stream (the 3 entries before that are restored and stay)\n",
    );
    expect((await run(["get", at("e"), "c"])).out).toBe("3");
  });

  test.each([
    [["backup", "DIR", "FILE", "--since", "-1"], "--since -1: not a version"],
    [["backup", "DIR", "FILE", "--since", "yesterday"], "not a version"],
    [["backup", "DIR"], "backup needs FILE"],
    [["restore", at("none.bak"), at("none")], "none.bak: ENOENT"],
    [["restore", folder, at("none")], "is a directory; a backup is a file"],
  ])("%j is refused before anything is opened", async (vector, message) => {
    const { code, err } = await run(vector);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(existsSync(at("none"))).toBe(false);
  });

  test("a directory that is not there, or a file that cannot be, is no backup", async () => {
    expect((await run(["backup", at("missing"), at("x.bak")])).code).toBe(3);
    await run(["restore", FULL, at("f")]);
    expect((await run(["backup", at("f"), at("no/such/x.bak")])).code).toBe(2);
    expect(readdirSync(folder).filter((name) => name.startsWith("x.bak"))).toEqual([]);
  });

  test("binary data does not go to a terminal", async () => {
    const { code, err } = await run(["backup", at("a"), "-"], { terminal: true });
    expect(code).toBe(2);
    expect(err).toContain("no text for a terminal");
  });

  test("progress is shown on a terminal only, and cleared", async () => {
    const { out, err } = await run(["backup", at("a"), at("p.bak")], {
      terminal: true,
      env: { TERM: "xterm" },
    });
    expect(out).toBe("5\n");
    expect(err).toBe("\r\u001b[K146 B · 6 entries\r\u001b[K");
  });
});

describe("inspect", () => {
  test("prints a backup as text, and as JSON", async () => {
    const { code, out } = await run(["inspect", FULL]);
    expect(code).toBe(0);
    expect(out).toStartWith("full.bak: backup, 146 bytes\n");
    expect(out).toContain("    'a'@1 = '1', user meta 9, stream 1\n");
    const json = await run(["inspect", FULL, "--json"]);
    expect(JSON.parse(json.out)).toMatchObject({ kind: "backup", entryCount: 6, findings: [] });
  });

  test("does not care who has the directory open, and finds damage", async () => {
    await run(["put", at("g"), "key", "value"]);
    const [table = ""] = readdirSync(at("g")).filter((name) => name.endsWith(".sst"));
    const path = join(at("g"), table);
    expect((await run(["inspect", path])).out).toContain("    'key'@1 = 'value'");
    const bytes = readFileSync(path);
    bytes[3] = (bytes[3] as number) ^ 0xff;
    writeFileSync(path, bytes);
    const { code, out } = await run(["inspect", path]);
    expect(code).toBe(4);
    expect(out).toContain("DAMAGE at byte 0: block 0");
  });

  test("needs a file that can be read", async () => {
    expect((await run(["inspect", at("missing.sst")])).code).toBe(2);
    expect((await run(["inspect", folder])).err).toContain("is a directory; name one file in it");
  });
});
