import { describe, expect, test } from "bun:test";
import { COMMANDS, UNSUPPORTED_COMMANDS } from "../../shell/command-table.ts";
import { EXIT_DONE, EXIT_ERROR } from "../../shell/exit-codes.ts";
import { main } from "../../shell/main.ts";
import { MemoryHost } from "./memory-host.ts";

async function run(...vector: string[]): Promise<{ code: number; out: string; err: string }> {
  const host = new MemoryHost();
  const code = await main(vector, host);
  return { code, out: host.stdout.text(), err: host.stderr.text() };
}

describe("the command table", () => {
  test("help lists every command, and none that is not there", async () => {
    const { code, out } = await run("help");
    expect(code).toBe(EXIT_DONE);
    for (const { name, summary } of COMMANDS)
      expect(out).toMatch(new RegExp(`^  ${name}\\b.*${summary.slice(0, 12)}`, "m"));
    for (const name of UNSUPPORTED_COMMANDS)
      expect(out).not.toMatch(new RegExp(`^  ${name}\\b`, "m"));
  });

  test("help COMMAND names every flag the command accepts", async () => {
    for (const { name, flags } of COMMANDS) {
      const { out } = await run("help", name);
      expect(out).toStartWith(`meles ${name}`);
      for (const flag of flags) expect(out).toContain(`--${flag}`);
      expect((await run(name, "--help")).out).toBe(out);
    }
  });

  test("--version and --help need no command", async () => {
    expect((await run("--version")).out).toBe((await run("version")).out);
    expect((await run("-h")).out).toBe((await run("help")).out);
  });

  test.each(["bash", "zsh", "fish"])(
    "the %s completion knows every command and flag",
    async (shell) => {
      const { code, out } = await run("completion", shell);
      expect(code).toBe(EXIT_DONE);
      for (const { name, flags } of COMMANDS) {
        expect(out).toContain(name);
        for (const flag of flags) expect(out).toMatch(new RegExp(`(--|-l )${flag}\\b`));
      }
    },
  );

  test("the bash completion is valid and completes", async () => {
    const { out } = await run("completion", "bash");
    const script = `${out}\nCOMP_WORDS=(meles sc); COMP_CWORD=1; _meles; echo "\${COMPREPLY[@]}"
COMP_WORDS=(meles scan dir --mode j); COMP_CWORD=4; _meles; echo "\${COMPREPLY[@]}"
COMP_WORDS=(meles get dir --li); COMP_CWORD=3; _meles; echo "\${COMPREPLY[@]}"`;
    const bash = Bun.spawnSync(["bash", "-c", script], { cwd: "/" });
    expect(bash.stderr.toString()).toBe("");
    expect(bash.stdout.toString()).toBe("scan\njson jsonl\n--literal\n");
  });

  test.each([
    [["frobnicate", "x"], "there is no command frobnicate"],
    [["hlep"], "did you mean help?"],
    [["get"], "get needs DIR"],
    [["get", "dir"], "get needs KEY"],
    [["get", "dir", "key", "more"], 'get does not take "more"'],
    [["get", "dir", "key", "--mode", "json"], "get has no flag --mode"],
    [["completion", "fihs"], "did you mean fish?"],
    [["help", "gte"], "did you mean get?"],
    [[], "which directory?"],
    [["shell", "dir", "--bogus"], "unknown flag --bogus"],
  ])("%j is a usage error", async (vector, message) => {
    const { code, out, err } = await run(...vector);
    expect(code).toBe(EXIT_ERROR);
    expect(out).toBe("");
    expect(err).toStartWith("meles: ");
    expect(err).toContain(message);
    expect(err.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
  });

  test.each([...UNSUPPORTED_COMMANDS])(
    "%s says that this version does not have it",
    async (name) => {
      const { code, err } = await run(name, "dir");
      expect(code).toBe(EXIT_ERROR);
      expect(err).toBe(`meles: ${name} is not supported in this version\n`);
    },
  );

  test("a bare word with nothing to run creates no directory", async () => {
    const { code, err } = await run("surely-not-there");
    expect(code).toBe(EXIT_ERROR);
    expect(err).toContain("there is no command or directory surely-not-there");
    expect(await Bun.file("surely-not-there").exists()).toBe(false);
  });
});
