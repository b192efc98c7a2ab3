/** What SECURITY.md promises, seen from outside. */

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bash, environment, meles, PROGRAM, type Run } from "./program.ts";
import { PseudoTerminal } from "./pseudo-terminal.ts";

setDefaultTimeout(60_000);

const directory = mkdtempSync(join(tmpdir(), "meles-security-"));
let others = 0;
const fresh = (): string => join(directory, `place-${others++}`);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const mode = (path: string): number => statSync(path).mode & 0o777;

describe("encryption keys", () => {
  test("appear in no output, no message, no history and no file", async () => {
    const own = fresh();
    const key = new TextEncoder().encode("sixteen byte key");
    const other = new TextEncoder().encode("another such key");
    const [keyFile, otherFile, hexFile, wrongFile] = ["a", "b", "c", "d"].map(
      (n) => `${own}-${n}`,
    ) as [string, string, string, string];
    writeFileSync(keyFile, key);
    writeFileSync(otherFile, other);
    writeFileSync(hexFile, `${key.toHex()}\n`);
    writeFileSync(wrongFile, `sixteen byte key and some more`);
    const history = `${own}-history`;
    const env = { MELES_HISTORY: history, MELES_KEY_FILE: keyFile };
    const runs: Run[] = [];
    const script = `PUT 'k' '${"v".repeat(3000)}'; SELECT * FROM meles_options; SELECT * FROM meles_tables; VERIFY; NONSENSE;`;
    runs.push(await meles([own, "--keep-going"], { stdin: script, env }));
    for (const command of ["info", "stats", "tables", "verify", "dump"]) {
      runs.push(await meles([command, own], { env }));
      runs.push(await meles([command, own, "--key-file", otherFile]));
      runs.push(await meles([command, own, "--key-file", wrongFile]));
      runs.push(await meles([command, own]));
    }
    runs.push(await meles(["inspect", join(own, "KEYREGISTRY"), "--key-file", hexFile]));
    runs.push(await meles(["salvage", own, fresh(), "--key-file", otherFile]));
    runs.push(await meles(["rotate-key", own, "--new-key-file", wrongFile], { env }));
    await using terminal = new PseudoTerminal([own, "--key-file", keyFile], env);
    await terminal.see("meles> ");
    terminal.type("SELECT * FROM meles_options;\r");
    await terminal.see("meles> ");
    terminal.type("\x04");
    await terminal.exited;
    const texts = runs.flatMap(({ out, err }) => [out, err]);
    texts.push(terminal.raw, readFileSync(history, "latin1"));
    for (const name of readdirSync(own)) texts.push(readFileSync(join(own, name), "latin1"));
    for (const secret of [key, other].flatMap(formsOf)) {
      expect(texts.filter((text) => text.includes(secret))).toEqual([]);
    }
    expect(runs.some(({ code }) => code === 3) && runs.some(({ code }) => code === 0)).toBe(true);
  });
});

describe("a crash", () => {
  /** What bash says about a child that was killed by SIGABRT. */
  async function obituary(command: string): Promise<string> {
    const place = fresh();
    mkdirSync(place);
    const script = `ulimit -c unlimited; cd ${place}; ${command} & sleep 3; kill -ABRT $!; wait $!; ls`;
    const { out, err } = await bash(script);
    return out + err;
  }

  test("of the executable that holds a key leaves no core dump", async () => {
    const own = fresh();
    writeFileSync(`${own}-key`, new Uint8Array(32).fill(5));
    // Where nothing dumps, there is nothing to see.
    const usual = await obituary("sleep 20");
    expect(usual).toContain("Abort");
    const program = PROGRAM.map((word) => `'${word}'`).join(" ");
    // A pipe without an end keeps it waiting for a statement.
    const found = await obituary(
      `mkfifo ${own}-in; ${program} ${own} --key-file ${own}-key <> ${own}-in`,
    );
    expect(found).toContain("Abort");
    expect(found).not.toContain("core");
  });
});

test("a key given in place of a key file is not repeated", async () => {
  const key = crypto.getRandomValues(new Uint8Array(32));
  for (const given of [key.toHex(), key.toBase64(), "thirty two character long secret"]) {
    const { code, out, err } = await meles(["get", fresh(), "k", "--key-file", given]);
    expect([code, out.includes(given), err.includes(given)]).toEqual([3, false, false]);
  }
});

describe("an authenticated directory", () => {
  test("is made, used and verified with one flag; one changed byte is damage, and no key shows", async () => {
    const own = fresh();
    const [keyFile, newKeyFile] = [`${own}-key`, `${own}-new-key`];
    const key = new TextEncoder().encode("a key that has thirty-two bytes.");
    writeFileSync(keyFile, key);
    writeFileSync(newKeyFile, "another one of thirty-two bytes.");
    const env = { MELES_KEY_FILE: keyFile };
    const runs: Run[] = [];
    const run = async (vector: readonly string[], options: object = {}): Promise<Run> => {
      const one = await meles(vector, { env, ...options });
      runs.push(one);
      return one;
    };
    const script = `PUT 'k' '${"v".repeat(9000)}'; FLUSH; PUT 'in' 'the log'; SELECT * FROM meles_options;`;
    expect((await run([own, "--authenticated"], { stdin: script })).code).toBe(0);
    expect((await run(["get", own, "in"])).out).toBe("the log");
    expect((await meles(["get", own, "in"])).code).toBe(3);
    expect((await run(["verify", own])).code).toBe(0);
    expect((await run(["backup", own, `${own}.bak`])).code).toBe(0);
    expect((await run(["restore", `${own}.bak`, `${own}-copy`, "--authenticated"])).code).toBe(0);
    expect((await run(["salvage", own, `${own}-saved`])).code).toBe(0);
    expect((await run(["get", `${own}-saved`, "in"])).out).toBe("the log");
    expect((await run(["inspect", join(own, "MANIFEST")])).out).toContain("000001");
    expect((await run(["inspect", join(own, "SEAL")])).code).toBe(2);
    expect((await run(["rotate-key", own, "--new-key-file", newKeyFile])).code).toBe(0);
    expect((await run(["get", own, "in"])).code).toBe(3);
    expect((await run(["get", own, "in", "--key-file", newKeyFile])).out).toBe("the log");
    const value = join(`${own}-copy`, "000001.vlog");
    const bytes = readFileSync(value);
    bytes[5000] = (bytes[5000] as number) ^ 1;
    writeFileSync(value, bytes);
    const read = await run(["get", `${own}-copy`, "k"]);
    expect([read.code, read.out]).toEqual([4, ""]);
    expect(read.err).toContain("000001.vlog");
    const verified = await run(["verify", `${own}-copy`]);
    expect([verified.code, verified.out.includes("000001.vlog")]).toEqual([4, true]);
    for (const name of readdirSync(own))
      expect([name, mode(join(own, name))]).toEqual([name, 0o600]);
    const texts = runs.flatMap(({ out, err }) => [out, err]);
    for (const place of [own, `${own}-copy`, `${own}-saved`]) {
      for (const name of readdirSync(place)) texts.push(readFileSync(join(place, name), "latin1"));
    }
    for (const secret of formsOf(key)) {
      expect(texts.filter((text) => text.includes(secret))).toEqual([]);
    }
  });
});

describe("files", () => {
  test("of a database are readable by their owner only, whatever the umask", async () => {
    const own = fresh();
    const script = `umask 000; printf "PUT 'k' '%2000d';" 1 | meles ${own}; meles backup ${own} ${own}.bak >/dev/null
printf "PUT 'a' '1'; PUT 'b' '%2000d';" 1 | meles ${own}; meles drop ${own} b --yes; meles salvage ${own} ${own}-new
MELES_HISTORY=${own}-history true`;
    await bash(script);
    const child = Bun.spawn(["bash", "-c", `umask 000; exec "$@"`, "bash", ...PROGRAM, own], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
      env: environment(),
    });
    void child.stdin.write(`PUT 'x' '${"v".repeat(2000)}'; GET 'x';\n`);
    await child.stdin.flush();
    await child.stdout.getReader().read();
    const seen = new Set<string>();
    for (const place of [own, `${own}-new`]) {
      expect([place, mode(place)]).toEqual([place, 0o700]);
      for (const name of readdirSync(place)) {
        seen.add(name.replace(/^\d+/, ""));
        expect([name, mode(join(place, name))]).toEqual([name, 0o600]);
      }
    }
    child.kill("SIGKILL");
    await child.exited;
    expect([...seen].sort()).toEqual(
      expect.arrayContaining([".mem", ".sst", ".vlog", "KEYREGISTRY", "LOCK", "MANIFEST"]),
    );
    expect(mode(`${own}.bak`)).toBe(0o600);
  });
});

describe("targets of EXPORT and backup", () => {
  test("never overwrite a file of a database, named directly or through links", async () => {
    const [own, victim, link] = [fresh(), fresh(), fresh()];
    await meles(["put", own, "k", "v"]);
    await meles(["put", victim, "k", "precious"]);
    symlinkSync(victim, link);
    // What a bad neighbour may have prepared in a directory that others write to.
    const trap = fresh();
    mkdirSync(trap);
    symlinkSync(join(victim, "MANIFEST"), join(trap, "out.csv.partial"));
    symlinkSync(join(victim, "new.sst"), join(trap, "out.bak.partial"));
    const before = readdirSync(victim).map((name) => Bun.hash(readFileSync(join(victim, name))));
    const targets = [
      join(victim, "MANIFEST"),
      join(victim, "x.csv"),
      join(link, "x.csv"),
      join(trap, "out.csv"),
    ];
    for (const target of targets) {
      const { code, err } = await meles([
        own,
        "-c",
        `EXPORT SELECT * FROM kv TO '${target}' AS csv;`,
      ]);
      expect([code, err]).toEqual([
        2,
        expect.stringContaining("lies in the directory of a database"),
      ]);
    }
    for (const target of [join(victim, "MANIFEST"), join(link, "b"), join(trap, "out.bak")]) {
      const { code, err } = await meles(["backup", own, target]);
      expect([code, err]).toEqual([
        2,
        expect.stringContaining("lies in the directory of a database"),
      ]);
    }
    const after = readdirSync(victim).map((name) => Bun.hash(readFileSync(join(victim, name))));
    expect(after).toEqual(before);
    expect((await meles(["get", victim, "k"])).out).toBe("precious");
  });

  test("may be any other file, also behind a link", async () => {
    const [own, place] = [fresh(), fresh()];
    await meles(["put", own, "k", "v"]);
    mkdirSync(place);
    // A file of that name alone makes no database.
    writeFileSync(join(place, "MANIFEST"), "Manifest-Version: 1.0\n");
    const link = fresh();
    symlinkSync(place, link);
    const exported = await meles([
      own,
      "-c",
      `EXPORT SELECT key FROM kv TO '${join(link, "x.csv")}';`,
    ]);
    expect(exported.code).toBe(0);
    expect(readFileSync(join(place, "x.csv"), "utf8")).toBe("key\nk\n");
    expect((await meles(["backup", own, join(link, "x.bak")])).code).toBe(0);
    expect(existsSync(join(place, "x.bak"))).toBe(true);
  });
});

describe("escape codes", () => {
  const nasty = "\x1b]0;owned\x07\x1b[2J";

  test("in keys, values and names of files reach no output of a command", async () => {
    const own = fresh();
    await meles(["put", own, `${nasty}key`, nasty + "v".repeat(2000)]);
    const log = readdirSync(own).find((name) => name.endsWith(".vlog")) as string;
    const bytes = readFileSync(join(own, log));
    bytes[100] = (bytes[100] as number) ^ 1;
    const damaged = fresh();
    await bash(`cp -r ${own} ${damaged}`);
    writeFileSync(join(damaged, log), bytes);
    writeFileSync(join(damaged, `${nasty}.vlog`), "");
    writeFileSync(join(damaged, `${nasty}.sst`), "");
    const missing = fresh() + nasty;
    const texts: string[] = [];
    for (const vector of [
      ["verify", damaged],
      ["verify", damaged, "--json"],
      ["salvage", damaged, fresh()],
      ["salvage", damaged, fresh(), "--json"],
      ["get", damaged, `${nasty}key`],
      ["tables", own],
      ["info", own],
      ["info", own, "--space"],
      ["inspect", join(damaged, log)],
      ["dump", own],
      ["dump", own, "--format", "csv"],
      ["dump", own, "--format", "sql"],
      ["scan", own],
      ["verify", missing],
      ["drop", own, nasty],
      ["salvage", own, missing, nasty],
      [nasty],
      ["put", own, "k", "v", `--ttl=${nasty}`],
    ]) {
      const { out, err } = await meles(vector);
      texts.push(out, err);
    }
    expect(texts.filter((text) => text.includes("\x1b") || text.includes("\x07"))).toEqual([]);
  });

  test("do not reach the terminal either, from a dump or a question", async () => {
    const own = fresh();
    await meles(["put", own, `${nasty}key`, nasty]);
    for (const format of ["jsonl", "csv", "sql"]) {
      await using dump = new PseudoTerminal(["dump", own, "--format", format]);
      expect(await dump.exited).toBe(0);
      expect(dump.raw).not.toContain("\x1b]0;");
    }
    // The banner named the directory as it is.
    const named = fresh() + nasty;
    await using shell = new PseudoTerminal([named]);
    await shell.see("meles> ");
    shell.type("\x04");
    await shell.exited;
    expect(shell.raw).not.toContain("\x1b]0;");
    await using drop = new PseudoTerminal(["drop", own, nasty]);
    await drop.see("[y/N] ");
    drop.type("n\n");
    expect(await drop.exited).toBe(1);
    expect(drop.raw).not.toContain("\x1b]0;");
  });
});

/** What a key may look like in a text. */
function formsOf(key: Uint8Array): string[] {
  return [new TextDecoder().decode(key), key.toHex(), key.toBase64(), Array.from(key).join(",")];
}
