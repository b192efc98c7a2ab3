/** Drives the program from outside: exit codes, streams, signals, and a person at a terminal. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bash, environment, meles, PROGRAM } from "./program.ts";
import { PseudoTerminal } from "./pseudo-terminal.ts";

// Processes on a busy machine take their time.
setDefaultTimeout(30_000);

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
  test.each([
    [0, ["get", database, "city:2"]],
    [1, ["get", database, "nope"]],
    [2, ["frobnicate", database]],
    [2, [database, "-c", "SELEC 1;"]],
    [3, ["get", join(directory, "none"), "k"]],
  ] as const)("exit with %d for %j", async (code, vector) => {
    expect((await meles(vector)).code).toBe(code);
  });

  test("put - takes exact bytes from standard input, get gives them back", async () => {
    const own = fresh();
    const value = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) & 255);
    expect(await meles(["put", own, "big", "-"], { stdin: value })).toMatchObject({ code: 0 });
    expect((await meles(["get", own, "big"])).outBytes).toEqual(value);
  });
});

describe("locking", () => {
  test("exits with 3 while another process has the database open, named by its pid", async () => {
    const own = fresh();
    const holder = Bun.spawn([...PROGRAM, own], {
      stdin: "pipe",
      stdout: "pipe",
      env: environment(),
    });
    try {
      void holder.stdin.write("PUT 'k' 'v'; GET 'k';\n");
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
});

describe("scripts", () => {
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
      void child.stdin.write(`PUT 'k' '${value}'; GET 'k';`);
      await child.stdin.flush();
      const { value: bytes } = await reader.read();
      expect(new TextDecoder().decode(bytes)).toBe(`${value}\n`);
    }
    await child.stdin.end();
    expect(await child.exited).toBe(0);
    reader.releaseLock();
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

  test("a closed standard error changes nothing", async () => {
    const { code, out } = await bash(
      `meles :memory: --mode raw -c 'FLUSH; COMPACT; SELECT 1' 2>&-`,
    );
    expect([code, out]).toEqual([0, "1\n"]);
  });

  test("a closed standard input is an empty one", async () => {
    expect(await bash(`meles '${database}' <&-`)).toMatchObject({ code: 0, out: "", err: "" });
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
      void child.stdin.write("PUT 'k' 'v'; GET 'k';");
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
    // Far more work than anybody waits for.
    const wide = Array.from({ length: 100 }, () => "length(replace(value, 'v', key)) > 0").join(
      " AND ",
    );
    const script = join(directory, "endless.sql");
    writeFileSync(script, `SELECT 1;\n${`SELECT count(*) FROM kv WHERE ${wide};\n`.repeat(5000)}`);
    const child = Bun.spawn([...PROGRAM, own, "-f", script], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: environment(),
    });
    const reader = child.stdout.getReader();
    await reader.read();
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
    await terminal.see("\nmeles> ");
    terminal.signal("SIGTERM");
    expect(await terminal.exited).toBe(143);
    await terminal.receive("\x1b[?2004l");
    expect((await meles(["get", own, "k"])).out).toBe("v");
  });
});
