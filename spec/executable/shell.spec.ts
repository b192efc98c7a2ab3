/** Drives the program from outside: exit codes, streams, signals, and a person at a terminal. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bash, environment, meles, PROGRAM } from "./program.ts";
import { PseudoTerminal } from "./pseudo-terminal.ts";

const directory = mkdtempSync(join(tmpdir(), "meles-shell-"));
const database = join(directory, "cities");
let others = 0;
const fresh = (): string => join(directory, `other-${others++}`);

beforeAll(async () => {
  const { code, err } = await meles([database], {
    stdin: `PUT 'city:1' '{"name":"Köln"}'; PUT 'city:2' 'Bonn'; PUT b"\\x00" x'ff00';`,
  });
  expect([code, err]).toEqual([0, ""]);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("one-shot commands", () => {
  test("put, get, del and scan", async () => {
    const own = fresh();
    expect(await meles(["put", own, "k", "v 1"])).toMatchObject({ code: 0, out: "", err: "" });
    expect(await meles(["get", own, "k"])).toMatchObject({ code: 0, out: "v 1", err: "" });
    expect(
      await meles(["put", own, "--literal", 'b"\\x00"', "x'00ff'", "--ttl", "1h"]),
    ).toMatchObject({ code: 0 });
    const { outBytes } = await meles(["get", own, "--literal", "x'00'"]);
    expect([...outBytes]).toEqual([0, 255]);
    expect((await meles(["scan", own])).out).toBe('b"\\x00"\tb"\\x00\\xff"\nk\tv 1\n');
    expect((await meles(["scan", own, "k", "--json"])).out).toBe(
      '[\n{"key":"k","value":"v 1"}\n]\n',
    );
    expect(await meles(["del", own, "k", "not there"])).toMatchObject({ code: 0, out: "" });
    expect((await meles(["scan", own, "--keys-only", "--mode", "csv"])).out).toBe(
      'key\n"b""\\x00"""\n',
    );
  });

  test("put - takes exact bytes from standard input, get gives them back", async () => {
    const own = fresh();
    const value = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) & 255);
    expect(await meles(["put", own, "big", "-"], { stdin: value })).toMatchObject({ code: 0 });
    expect((await meles(["get", own, "big"])).outBytes).toEqual(value);
  });

  test("scan goes backwards and stops at a limit", async () => {
    const { out } = await meles(["scan", database, "city:", "--reverse", "--limit", "1"]);
    expect(out).toBe("city:2\tBonn\n");
  });

  test("info, stats, levels, tables and vlogs tell of the directory, as text and as JSON", async () => {
    const info = JSON.parse((await meles(["info", database, "--json"])).out) as Record<
      string,
      unknown
    >;
    expect(info).toMatchObject({ path: database, table_entries: 3, encrypted: false });
    expect((await meles(["info", database])).out).toMatch(/table_entries = 3\n/);
    const stats = JSON.parse((await meles(["stats", database, "--json"])).out) as Record<
      string,
      unknown
    >;
    expect(stats["version"]).toBe(3);
    for (const command of ["levels", "tables", "vlogs"]) {
      const { code, out } = await meles([command, database, "--json"]);
      expect([code, Array.isArray(JSON.parse(out))]).toEqual([0, true]);
    }
  });
});

describe("exit codes", () => {
  test("1 and silence for a key that is not there", async () => {
    expect(await meles(["get", database, "nope"])).toMatchObject({ code: 1, out: "", err: "" });
  });

  test.each([
    ["an unknown command", ["frobnicate", "x"]],
    ["an unknown flag", [":memory:", "--frobnicate"]],
    ["a wrong statement", [":memory:", "-c", "SELEC 1;"]],
    ["an unknown column", [":memory:", "-c", "SELECT nope FROM kv;"]],
    ["a missing script", [":memory:", "-f", "/nonexistent/file.sql"]],
    ["a wrong parameter", [":memory:", "--param", "novalue", "-c", "GET 'a'"]],
  ])("2 for %s", async (_, vector) => {
    const { code, out, err } = await meles(vector);
    expect([code, out]).toEqual([2, ""]);
    expect(err).not.toContain("internal error");
  });

  test("3 with one line for what cannot be opened", async () => {
    const file = join(directory, "a-file");
    writeFileSync(file, "x");
    const foreign = join(directory, "foreign");
    await bash(`mkdir '${foreign}'; echo hello > '${foreign}/readme'`);
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
      const { code, out, err } = await meles(vector);
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
    expect(await meles(["put", own, "k", "v", "--key-file", key])).toMatchObject({ code: 0 });
    expect(await meles(["get", own, "k"], { env: { MELES_KEY_FILE: key } })).toMatchObject({
      code: 0,
      out: "v",
    });
    expect(await meles(["get", own, "k", "--key-file", wrong])).toMatchObject({ code: 3, out: "" });
    expect(await meles(["get", own, "k"])).toMatchObject({ code: 3, out: "" });
  });

  test("3 while another process has the database open, named by its pid", async () => {
    const own = fresh();
    const holder = Bun.spawn([...PROGRAM, own], {
      stdin: "pipe",
      stdout: "pipe",
      env: environment(),
    });
    try {
      holder.stdin.write("PUT 'k' 'v'; GET 'k';\n");
      await holder.stdin.flush();
      const reader = holder.stdout.getReader();
      await reader.read();
      const { code, err } = await meles(["get", own, "k"]);
      expect(code).toBe(3);
      expect(err).toContain(String(holder.pid));
      await holder.stdin.end();
      expect(await holder.exited).toBe(0);
      reader.releaseLock();
    } finally {
      holder.kill("SIGKILL");
    }
  });

  test("4 for damage: verify lists it, statements stop at it", async () => {
    const own = fresh();
    await meles(["put", own, "k", "v"]);
    expect(await meles(["verify", own])).toMatchObject({ code: 0, out: "" });
    const table = readdirSync(own).find((name) => name.endsWith(".sst")) ?? "";
    await bash(`printf A | dd of='${own}/${table}' bs=1 seek=4 conv=notrunc`);
    const { code, out } = await meles(["verify", own]);
    expect(code).toBe(4);
    expect(out).toContain(table);
    expect((await meles(["get", own, "k"])).code).toBe(4);
    expect((await meles([own, "--readonly", "-c", "SCAN;"])).code).toBe(4);
  });

  test("a read-only database refuses writes and is left as it was", async () => {
    const before = readdirSync(database).sort();
    const { code, err } = await meles([database, "--readonly", "-c", "GET 'city:2'; PUT 'x' 'y';"]);
    expect(code).toBe(2);
    expect(err).toContain("read-only");
    expect(readdirSync(database).sort()).toEqual(before);
  });
});

describe("scripts", () => {
  test("stop at the first error and tell where it is", async () => {
    const own = fresh();
    const script = "PUT 'a' '1';\n\nPUT 'b' '2'; SELEC 1;\nPUT 'c' '3';\n";
    const { code, out, err } = await meles([own], { stdin: script });
    expect([code, out]).toEqual([2, ""]);
    expect(err).toStartWith("stdin:3:14: ");
    expect(err).toContain("SELEC 1;\n");
    expect(err).toContain("^^^^^");
    expect(err).toContain("did you mean SELECT?");
    expect((await meles(["scan", own, "--keys-only"])).out).toBe("a\nb\n");
  });

  test("--keep-going goes on, and the exit code still tells", async () => {
    const own = fresh();
    const { code, err } = await meles([own, "--keep-going"], {
      stdin: "PUT 'a' '1';\nSELECT nope FROM kv;\nPUT 'c' '3';\nBAD;\n",
    });
    expect(code).toBe(2);
    expect(err).toMatch(/^stdin:2:8: [^]*^stdin:4:1: /m);
    expect((await meles(["scan", own, "--keys-only"])).out).toBe("a\nc\n");
  });

  test("-c and -f run in the order given, .read from within", async () => {
    const one = join(directory, "one.sql");
    const two = join(directory, "two.sql");
    writeFileSync(one, `PUT 'n' '2';\n.read ${two}\n`);
    writeFileSync(two, "GET 'n';\nGET 'nope';\n.mode json\nGET 'n'");
    const { code, out, err } = await meles([
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
    const { code, err } = await meles([":memory:", "-c", `.read ${inner}\nGET 'x'`]);
    expect(code).toBe(2);
    expect(err).toStartWith(`${inner}:2:1: `);
    const self = join(directory, "self.sql");
    writeFileSync(self, `.read ${self}`);
    expect((await meles([":memory:", "-f", self])).err).toContain("files deep");
  });

  test("parameters are text unless := makes them literals", async () => {
    const { code, out } = await meles([
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

  test("twenty thousand puts on standard input, read back in a pipe", async () => {
    const own = fresh();
    const lines = Array.from({ length: 20_000 }, (_, i) => `PUT 'k${i}' 'größe;${i}';`).join("\n");
    expect(await meles([own], { stdin: lines })).toMatchObject({ code: 0, out: "", err: "" });
    expect((await meles([own, "-c", "COUNT 'k'", "--mode", "raw"])).out).toBe("20000\n");
    expect((await meles(["get", own, "k19999"])).out).toBe("größe;19999");
  });

  test("characters cut by pipe buffers arrive whole; invalid ones are refused", async () => {
    const value = "→".repeat(100_000);
    const { out } = await meles([":memory:", "--mode", "raw"], {
      stdin: `PUT 'k' '${value}'; GET 'k';`,
    });
    expect(out).toBe(`${value}\n`);
    const bad = Buffer.from("PUT 'a' 'b';\nPUT 'k' '\xff';\n", "latin1");
    const refused = await meles([":memory:"], { stdin: bad });
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("stdin:2: the input is not valid UTF-8");
  });

  test("a writer that waits for answers gets them", async () => {
    const child = Bun.spawn([...PROGRAM, ":memory:", "--mode", "raw"], {
      stdin: "pipe",
      stdout: "pipe",
      env: environment(),
    });
    const reader = child.stdout.getReader();
    for (const value of ["one", "two", "three"]) {
      child.stdin.write(`PUT 'k' '${value}'; GET 'k';`);
      await child.stdin.flush();
      const { value: bytes } = await reader.read();
      expect(new TextDecoder().decode(bytes)).toBe(`${value}\n`);
    }
    await child.stdin.end();
    expect(await child.exited).toBe(0);
    reader.releaseLock();
  });

  test("a transaction that is left open is dropped, with a word about it", async () => {
    const own = fresh();
    const { code, err } = await meles([own], { stdin: "BEGIN; PUT 'a' 'b';" });
    expect(code).toBe(0);
    expect(err).toContain("the transaction was not committed");
    expect((await meles(["scan", own])).out).toBe("");
  });

  test("the rc file is read before, unless --no-rc", async () => {
    const config = fresh();
    await bash(`mkdir -p '${config}/meles'; echo '.mode jsonl' > '${config}/meles/rc'`);
    const env = { XDG_CONFIG_HOME: config };
    expect((await meles([":memory:", "-c", "SELECT 1 AS n"], { env })).out).toBe('{"n":1}\n');
    expect((await meles([":memory:", "--no-rc", "-c", "SELECT 1 AS n"], { env })).out).toBe(
      "n\n1\n",
    );
  });

  test(".output and .once send results to files", async () => {
    const file = join(directory, "out.tsv");
    const script = `.once ${file}\nSELECT 1 AS a; SELECT 2 AS a;\n.output ${file}.2\nSELECT 3 AS a;\n.output\nSELECT 4 AS a;`;
    expect((await meles([":memory:"], { stdin: script })).out).toBe("a\n2\na\n4\n");
    expect(await Bun.file(file).text()).toBe("a\n1\n");
    expect(await Bun.file(`${file}.2`).text()).toBe("a\n3\n");
  });
});

describe("streams and signals", () => {
  const many = "SELECT key, value, version FROM kv";

  test("… | head is a quiet success", async () => {
    const own = fresh();
    const lines = Array.from({ length: 5000 }, (_, i) => `PUT 'k${i}' '${"v".repeat(100)}';`).join(
      "\n",
    );
    await meles([own], { stdin: lines });
    const { out, err } = await bash(
      `meles '${own}' -c '${many}' | head -1; echo "\${PIPESTATUS[0]}"`,
    );
    expect([out, err]).toEqual(["key\tvalue\tversion\n0\n", ""]);
    const scan = await bash(`meles scan '${own}' | head -1 >&2; echo "\${PIPESTATUS[0]}"`);
    expect(scan.out).toBe("0\n");
    expect(scan.err).toBe(`k0\t${"v".repeat(100)}\n`);
  });

  test.skipIf(!existsSync("/dev/full"))(
    "a full disk on standard output is an error with a message",
    async () => {
      for (const command of [
        `get '${database}' city:2`,
        `'${database}' -c 'SCAN;'`,
        "help",
        "version",
      ]) {
        const { out, err } = await bash(`meles ${command} > /dev/full; echo $?`);
        expect([command, out]).toEqual([command, "2\n"]);
        expect(err).toContain("no space left on the device");
      }
    },
  );

  test("a closed standard input is an empty one", async () => {
    expect(await bash(`meles '${database}' <&-`)).toMatchObject({ code: 0, out: "", err: "" });
  });

  test("colours only where they are wanted", async () => {
    const run = (env: Record<string, string>, ...flags: string[]) =>
      meles([":memory:", "--mode", "table", ...flags, "-c", "SELECT null AS n"], { env });
    // oxlint-disable-next-line no-control-regex
    const colored = /\x1b\[/;
    expect((await run({})).out).not.toMatch(colored);
    expect((await run({}, "--color")).out).toMatch(colored);
    expect((await run({ FORCE_COLOR: "1" })).out).toMatch(colored);
    expect((await run({ FORCE_COLOR: "1", NO_COLOR: "1" })).out).not.toMatch(colored);
    expect((await run({ NO_COLOR: "1" }, "--color=always")).out).toMatch(colored);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "%s while waiting for input closes the database and exits with %d",
    async (signal, code) => {
      const own = fresh();
      const child = Bun.spawn([...PROGRAM, own], {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "pipe",
        env: environment(),
      });
      child.stdin.write("PUT 'k' 'v'; GET 'k';");
      await child.stdin.flush();
      const reader = child.stdout.getReader();
      await reader.read();
      child.kill(signal);
      expect(await child.exited).toBe(code);
      reader.releaseLock();
      expect((await meles(["get", own, "k"])).out).toBe("v");
    },
  );

  test("SIGINT stops a running statement with 130", async () => {
    const own = fresh();
    const lines = Array.from({ length: 3000 }, (_, i) => `PUT 'k${i}' 'v';`).join("\n");
    await meles([own], { stdin: lines });
    const child = Bun.spawn([...PROGRAM, own, "-f", "-"], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      env: environment(),
    });
    const reader = child.stdout.getReader();
    child.stdin.write("SELECT 1;");
    await child.stdin.flush();
    await reader.read();
    // Some billion comparisons: without the signal this would take minutes.
    const product = Array.from({ length: 400 }, () => "length(replace(value, 'v', key)) > 0").join(
      " AND ",
    );
    child.stdin.write(`${`SELECT count(*) FROM kv WHERE ${product};\n`.repeat(2000)}`);
    await child.stdin.flush();
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    reader.releaseLock();
  });
});

describe("a person at a terminal", () => {
  test("types, edits over lines, completes, sees results, leaves", async () => {
    const own = fresh();
    await using terminal = new PseudoTerminal([own]);
    await terminal.see("meles> ");
    terminal.type("put 'user:1' 'one';\r");
    await terminal.see("meles> ");
    terminal.type("sel\t* from kv\r");
    await terminal.see("…> ");
    terminal.type("where key = 'us\t");
    await terminal.see("'user:");
    terminal.type("1';\r");
    await terminal.see("user:1 │ one");
    await terminal.see("(1 row)");
    await terminal.see("meles> ");
    terminal.type("begin;\r");
    await terminal.see("meles(tx 1)> ");
    terminal.type("put 'a' 'b';\r");
    await terminal.see("meles(tx 1)*> ");
    terminal.type("select nope from kv;\r");
    await terminal.see("there is no column nope");
    await terminal.see("meles(tx 1)!> ");
    terminal.type("rollback;\r");
    await terminal.see("meles> ");
    terminal.type("\x04");
    expect(await terminal.exited).toBe(0);
    expect((await meles(["scan", own])).out).toBe("user:1\tone\n");
  });

  test("a pasted script waits for Enter", async () => {
    await using terminal = new PseudoTerminal([":memory:"]);
    await terminal.see("meles> ");
    terminal.type("\x1b[200~PUT 'a' '1';\nPUT 'b' '2';\n\x1b[201~");
    await terminal.see("PUT 'b' '2';");
    expect(terminal.raw).not.toContain("version");
    terminal.type("COUNT;\r");
    await terminal.see("count");
    await terminal.see("2\n");
    await terminal.see("meles> ");
    terminal.type(".quit\r");
    expect(await terminal.exited).toBe(0);
  });

  test("Ctrl-C drops what was typed and keeps the session", async () => {
    await using terminal = new PseudoTerminal([":memory:"]);
    await terminal.see("meles> ");
    terminal.type("PUT 'k' 'v';\r");
    await terminal.see("meles> ");
    terminal.type("half a statement\x03");
    await terminal.see("^C");
    await terminal.see("meles> ");
    terminal.type("GET 'k';\r");
    await terminal.see(" v\n");
    terminal.type("\x04");
    expect(await terminal.exited).toBe(0);
  });

  test("the history is there in the next session", async () => {
    const history = join(directory, "history");
    const env = { MELES_HISTORY: history };
    {
      await using terminal = new PseudoTerminal([":memory:"], env);
      await terminal.see("meles> ");
      terminal.type("SELECT 6 * 7 AS answer;\r");
      await terminal.see("42");
      terminal.type("\x04");
      expect(await terminal.exited).toBe(0);
    }
    await using terminal = new PseudoTerminal([":memory:"], env);
    await terminal.see("meles> ");
    terminal.type("\x12answer");
    await terminal.see("search: answer");
    terminal.type("\r");
    await terminal.see("42");
    terminal.type("\x04");
    expect(await terminal.exited).toBe(0);
  });

  test("a dumb terminal gets no escape codes", async () => {
    await using terminal = new PseudoTerminal([":memory:"], { TERM: "dumb" });
    await terminal.see("meles> ");
    terminal.type("SELECT 1\n");
    await terminal.see("…> ");
    terminal.type("+ 1 AS sum;\n");
    await terminal.see("2\n");
    await terminal.see("meles> ");
    terminal.type(".quit\n");
    expect(await terminal.exited).toBe(0);
    expect(terminal.raw).not.toContain("\x1b");
  });

  test("data never reaches the terminal with escape codes in it", async () => {
    const own = fresh();
    await meles(["put", own, "k", "\x1b]0;owned\x07\x1b[2J"]);
    await using terminal = new PseudoTerminal([own]);
    await terminal.see("meles> ");
    for (const mode of ["table", "line", "json", "jsonl", "csv", "tsv", "markdown", "raw"]) {
      terminal.type(`.mode ${mode}\rSCAN;\r`);
      await terminal.see("SCAN;");
      await terminal.see("meles> ");
    }
    terminal.type("\x04");
    expect(await terminal.exited).toBe(0);
    expect(terminal.raw).not.toContain("\x1b]0;");
    expect(terminal.raw).not.toContain("\x1b[2J");
  });

  test("SIGTERM gives the terminal back and closes the database", async () => {
    const own = fresh();
    await using terminal = new PseudoTerminal([own]);
    await terminal.see("meles> ");
    terminal.type("PUT 'k' 'v';\r");
    await terminal.see("meles> ");
    terminal.signal("SIGTERM");
    expect(await terminal.exited).toBe(143);
    expect(terminal.raw).toContain("\x1b[?2004l");
    expect((await meles(["get", own, "k"])).out).toBe("v");
  });
});
