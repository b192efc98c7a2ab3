/** Whole commands on real directories, in this process: what they write and how they exit. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitCodeOf } from "../../shell/exit-codes.ts";
import { ConflictError } from "../../src/index.ts";
import { run } from "./run-command.ts";

const directory = mkdtempSync(join(tmpdir(), "meles-commands-"));
const database = join(directory, "cities");
let others = 0;
const fresh = (): string => join(directory, `other-${others++}`);

beforeAll(async () => {
  const { code, err } = await run([database], {
    stdin: `PUT 'city:1' '{"name":"Köln"}'; PUT 'city:2' 'Bonn'; PUT b"\\x00" x'ff00';`,
  });
  expect([code, err]).toEqual([0, ""]);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("commands", () => {
  test("put, get, del and scan", async () => {
    const own = fresh();
    expect(await run(["put", own, "k", "v 1"])).toMatchObject({ code: 0, out: "", err: "" });
    expect(await run(["get", own, "k"])).toMatchObject({ code: 0, out: "v 1", err: "" });
    expect(
      await run(["put", own, "--literal", 'b"\\x00"', "x'00ff'", "--ttl", "1h"]),
    ).toMatchObject({ code: 0 });
    const { outBytes } = await run(["get", own, "--literal", "x'00'"]);
    expect([...outBytes]).toEqual([0, 255]);
    expect((await run(["scan", own])).out).toBe('b"\\x00"\tb"\\x00\\xff"\nk\tv 1\n');
    expect((await run(["scan", own, "k", "--json"])).out).toBe('[\n{"key":"k","value":"v 1"}\n]\n');
    expect(await run(["del", own, "k", "not there"])).toMatchObject({ code: 0, out: "" });
    expect((await run(["scan", own, "--keys-only", "--mode", "csv"])).out).toBe(
      'key\n"b""\\x00"""\n',
    );
  });

  test("scan goes backwards and stops at a limit", async () => {
    const { out } = await run(["scan", database, "city:", "--reverse", "--limit", "1"]);
    expect(out).toBe("city:2\tBonn\n");
  });

  test("info, stats, levels, tables and vlogs tell of the directory, as text and as JSON", async () => {
    const info = JSON.parse((await run(["info", database, "--json"])).out) as Record<
      string,
      unknown
    >;
    expect(info).toMatchObject({ path: database, table_entries: 3, encrypted: false });
    expect((await run(["info", database])).out).toMatch(/table_entries = 3\n/);
    const stats = JSON.parse((await run(["stats", database, "--json"])).out) as Record<
      string,
      unknown
    >;
    expect(stats["version"]).toBe(3);
    for (const command of ["levels", "tables", "vlogs"]) {
      const { code, out } = await run([command, database, "--json"]);
      expect([code, Array.isArray(JSON.parse(out))]).toEqual([0, true]);
    }
  });

  test.each([
    ["an unknown command", ["frobnicate", "x"]],
    ["an unknown flag", [":memory:", "--frobnicate"]],
    ["a wrong statement", [":memory:", "-c", "SELEC 1;"]],
    ["an unknown column", [":memory:", "-c", "SELECT nope FROM kv;"]],
    ["a missing script", [":memory:", "-f", "/nonexistent/file.sql"]],
    ["a wrong parameter", [":memory:", "--param", "novalue", "-c", "GET 'a'"]],
  ])("2 for %s", async (_, vector) => {
    const { code, out, err } = await run(vector);
    expect([code, out]).toEqual([2, ""]);
    expect(err).not.toContain("internal error");
  });

  test("1 and silence for a key that is not there", async () => {
    expect(await run(["get", database, "nope"])).toMatchObject({ code: 1, out: "", err: "" });
  });

  test("3 with one line for what cannot be opened", async () => {
    const file = join(directory, "a-file");
    writeFileSync(file, "x");
    const foreign = join(directory, "foreign");
    mkdirSync(foreign);
    writeFileSync(join(foreign, "readme"), "hello");
    const short = join(directory, "short-key");
    writeFileSync(short, "too short");
    const cases: [string[], string][] = [
      [["get", join(directory, "none"), "k"], "there is no database at"],
      [[join(directory, "none"), "--readonly", "-c", "GET 'a'"], "there is no database at"],
      [["get", file, "k"], "is a file"],
      [[join(file, "under"), "-c", "GET 'a'"], "is a file"],
      [["get", foreign, "k"], "is no database"],
      [[foreign, "-c", "GET 'a'"], "is no database"],
      [["get", database, "k", "--key-file", short], "holds 9 bytes"],
      [["get", database, "k", "--key-file", "/nonexistent/key"], "cannot read the key file"],
    ];
    for (const [vector, message] of cases) {
      const { code, out, err } = await run(vector);
      expect([vector, code, out]).toEqual([vector, 3, ""]);
      expect(err).toContain(message);
      expect(err.trimEnd().split("\n")).toHaveLength(1);
    }
    expect(readdirSync(foreign)).toEqual(["readme"]);
    expect(existsSync(join(directory, "none"))).toBe(false);
  });

  test("3 for the wrong encryption key, the right one opens", async () => {
    const own = fresh();
    const key = join(directory, "key");
    writeFileSync(key, `${"0f".repeat(32)}\n`);
    const wrong = join(directory, "wrong-key");
    writeFileSync(wrong, "w".repeat(32));
    expect(await run(["put", own, "k", "v", "--key-file", key])).toMatchObject({ code: 0 });
    expect(await run(["get", own, "k"], { env: { MELES_KEY_FILE: key } })).toMatchObject({
      code: 0,
      out: "v",
    });
    expect(await run(["get", own, "k", "--key-file", wrong])).toMatchObject({ code: 3, out: "" });
    expect(await run(["get", own, "k"])).toMatchObject({ code: 3, out: "" });
  });

  test("a read-only database refuses writes and is left as it was", async () => {
    const before = readdirSync(database).sort();
    const { code, err } = await run([database, "--readonly", "-c", "GET 'city:2'; PUT 'x' 'y';"]);
    expect(code).toBe(2);
    expect(err).toContain("read-only");
    expect(readdirSync(database).sort()).toEqual(before);
  });

  test("stop at the first error and tell where it is", async () => {
    const own = fresh();
    const script = "PUT 'a' '1';\n\nPUT 'b' '2'; SELEC 1;\nPUT 'c' '3';\n";
    const { code, out, err } = await run([own], { stdin: script });
    expect([code, out]).toEqual([2, ""]);
    expect(err).toStartWith("stdin:3:14: ");
    expect(err).toContain("SELEC 1;\n");
    expect(err).toContain("^^^^^");
    expect(err).toContain("did you mean SELECT?");
    expect((await run(["scan", own, "--keys-only"])).out).toBe("a\nb\n");
  });

  test("--keep-going goes on, and the exit code still tells", async () => {
    const own = fresh();
    const { code, err } = await run([own, "--keep-going"], {
      stdin: "PUT 'a' '1';\nSELECT nope FROM kv;\nPUT 'c' '3';\nBAD;\n",
    });
    expect(code).toBe(2);
    expect(err).toMatch(/^stdin:2:8: [^]*^stdin:4:1: /m);
    expect((await run(["scan", own, "--keys-only"])).out).toBe("a\nc\n");
  });

  test("-c and -f run in the order given, .read from within", async () => {
    const one = join(directory, "one.sql");
    const two = join(directory, "two.sql");
    writeFileSync(one, `PUT 'n' '2';\n.read ${two}\n`);
    writeFileSync(two, "GET 'n';\nGET 'nope';\n.mode json\nGET 'n'");
    const { code, out, err } = await run([
      ":memory:",
      "--mode",
      "raw",
      "-c",
      "PUT 'n' '1'; GET 'n'",
      "-f",
      one,
    ]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toBe('1\n2\n[\n{"value":"2"}\n]\n');
  });

  test("an error in a file that another one reads names that file", async () => {
    const inner = join(directory, "inner.sql");
    writeFileSync(inner, "-- fine\nBAD;");
    const { code, err } = await run([":memory:", "-c", `.read ${inner}\nGET 'x'`]);
    expect(code).toBe(2);
    expect(err).toStartWith(`${inner}:2:1: `);
    const self = join(directory, "self.sql");
    writeFileSync(self, `.read ${self}`);
    expect((await run([":memory:", "-f", self])).err).toContain("files deep");
  });

  test("parameters are text unless := makes them literals", async () => {
    const { code, out } = await run([
      database,
      "--mode=jsonl",
      "--param",
      "key=city:2",
      "--param",
      "n:=1",
      "--param",
      "1=first",
      "-c",
      "SELECT key FROM kv WHERE key = :key LIMIT :n; SELECT ? AS p;",
    ]);
    expect([code, out]).toEqual([0, '{"key":"city:2"}\n{"p":"first"}\n']);
  });

  test("a transaction that is left open is dropped, with a word about it", async () => {
    const own = fresh();
    const { code, err } = await run([own], { stdin: "BEGIN; PUT 'a' 'b';" });
    expect(code).toBe(0);
    expect(err).toContain("the transaction was not committed");
    expect((await run(["scan", own])).out).toBe("");
  });

  test("the rc file is read before, unless --no-rc", async () => {
    const config = fresh();
    mkdirSync(join(config, "meles"), { recursive: true });
    writeFileSync(join(config, "meles", "rc"), ".mode jsonl\n");
    const env = { XDG_CONFIG_HOME: config };
    expect((await run([":memory:", "-c", "SELECT 1 AS n"], { env })).out).toBe('{"n":1}\n');
    expect((await run([":memory:", "--no-rc", "-c", "SELECT 1 AS n"], { env })).out).toBe("n\n1\n");
  });

  test(".output and .once send results to files", async () => {
    const file = join(directory, "out.tsv");
    const script = `.once ${file}\nSELECT 1 AS a; SELECT 2 AS a;\n.output ${file}.2\nSELECT 3 AS a;\n.output\nSELECT 4 AS a;`;
    expect((await run([":memory:"], { stdin: script })).out).toBe("a\n2\na\n4\n");
    expect(await Bun.file(file).text()).toBe("a\n1\n");
    expect(await Bun.file(`${file}.2`).text()).toBe("a\n3\n");
  });

  test("colours only where they are wanted", async () => {
    const colors = (env: Record<string, string>, ...flags: string[]) =>
      run([":memory:", "--mode", "table", ...flags, "-c", "SELECT null AS n"], { env });
    // oxlint-disable-next-line no-control-regex
    const colored = /\x1b\[/;
    expect((await colors({})).out).not.toMatch(colored);
    expect((await colors({}, "--color")).out).toMatch(colored);
    expect((await colors({ FORCE_COLOR: "1" })).out).toMatch(colored);
    expect((await colors({ FORCE_COLOR: "1", NO_COLOR: "1" })).out).not.toMatch(colored);
    expect((await colors({ NO_COLOR: "1" }, "--color=always")).out).toMatch(colored);
  });

  test("4 for damage: verify lists it, statements stop at it", async () => {
    const own = fresh();
    await run(["put", own, "k", "v"]);
    expect(await run(["verify", own])).toMatchObject({ code: 0, out: "" });
    const table = readdirSync(own).find((name) => name.endsWith(".sst")) ?? "";
    const path = join(own, table);
    const bytes = readFileSync(path);
    bytes[4] = (bytes[4] as number) ^ 1;
    writeFileSync(path, bytes);
    const { code, out } = await run(["verify", own]);
    expect(code).toBe(4);
    expect(out).toContain(table);
    expect((await run(["get", own, "k"])).code).toBe(4);
    expect((await run([own, "--readonly", "-c", "SCAN;"])).code).toBe(4);
  });

  test.each(["BAD;", "SELECT nope FROM kv;"])(
    "a transaction in which %s failed cannot commit its other half",
    async (bad) => {
      const own = fresh();
      const stdin = `BEGIN; PUT 'a' '1'; ${bad} PUT 'b' '2'; COMMIT; ROLLBACK; PUT 'c' '3';`;
      const { code, err } = await run([own, "--keep-going"], { stdin });
      expect(code).toBe(2);
      expect(err).toContain("ROLLBACK");
      expect((await run(["scan", own])).out).toBe("c\t3\n");
    },
  );

  test("5 for a conflict that retries did not get past", () => {
    expect(exitCodeOf(new ConflictError(new Uint8Array(1)))).toBe(5);
  });
});
