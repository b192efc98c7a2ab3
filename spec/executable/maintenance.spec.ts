/** Maintenance from outside: a bank that is killed again and again, a question at a terminal, exit codes. */

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { SEED } from "../suites/sorted-entries.ts";
import { bash, environment, meles, PROGRAM } from "./program.ts";
import { PseudoTerminal } from "./pseudo-terminal.ts";

setDefaultTimeout(60_000);

const directory = mkdtempSync(join(tmpdir(), "meles-maintain-"));
let others = 0;
const fresh = (): string => join(directory, `db-${others++}`);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("a bank that is killed", () => {
  test(`loses no money, whenever it happens (seed ${SEED})`, async () => {
    const random = new SeededRandom(SEED);
    const bank = fresh();
    const vector = ["bank", "test", bank, "--accounts", "200", "--sync", "never"];
    for (let kill = 0; kill < 6; kill++) {
      const child = Bun.spawn([...PROGRAM, ...vector, "--seconds", "60"], {
        stdio: ["ignore", "ignore", "pipe"],
        env: environment(),
      });
      // Killed some time after it has begun to write, be it the recovery of the last kill.
      const before = logBytes(bank);
      while (logBytes(bank) === before) await Bun.sleep(2);
      await Bun.sleep(random.below(150));
      child.kill("SIGKILL");
      await child.exited;
    }
    const { code, out, err } = await meles([...vector, "--seconds", "0.2"]);
    expect([code, out]).toEqual([0, ""]);
    expect(err).toContain("the sum is 20000 in every snapshot");
    expect((await meles(["verify", bank])).code).toBe(0);
  });
});

function logBytes(path: string): number {
  try {
    return readdirSync(path)
      .filter((name) => name.endsWith(".mem"))
      .reduce((sum, name) => sum + readFileSync(join(path, name)).length, 0);
  } catch {
    return 0;
  }
}

describe("drop at a terminal", () => {
  test.each([
    ["y\n", 0, ""],
    ["n\n", 1, "k\tv\n"],
    ["\n", 1, "k\tv\n"],
  ])("asks, and takes %j for an answer", async (answer, code, left) => {
    const own = fresh();
    await meles(["put", own, "k", "v"]);
    await using terminal = new PseudoTerminal(["drop", own, "k"]);
    await terminal.see("delete every key that begins with k? [y/N] ");
    terminal.type(answer);
    expect(await terminal.exited).toBe(code);
    expect((await meles(["scan", own])).out).toBe(left);
  });
});

describe("a damaged directory", () => {
  test("is refused by get, listed by verify, and read again after salvage", async () => {
    const own = fresh();
    await meles(["put", own, "k", "v"]);
    writeFileSync(join(own, "MANIFEST"), "nonsense");
    const salvaged = fresh();
    const script = `meles get ${own} k; echo $?; meles verify ${own}; echo $?
meles salvage ${own} ${salvaged}; echo $?; meles get ${salvaged} k`;
    const { out } = await bash(script);
    expect(out).toMatch(
      /^3\nMANIFEST:0: .*\n(MANIFEST:\d+: .*\n)*4\nnote: MANIFEST:0: .*\n(note: .*\n)*0\nv$/,
    );
  });

  test("is dumped up to the damage, with its exit code", async () => {
    const own = fresh();
    await meles([own], { stdin: `PUT 'k' '${"v".repeat(50)}';` });
    const table = readdirSync(own).find((name) => name.endsWith(".sst")) as string;
    const bytes = readFileSync(join(own, table));
    bytes[20] = (bytes[20] as number) ^ 1;
    writeFileSync(join(own, table), bytes);
    expect(await meles(["dump", own])).toMatchObject({ code: 4, out: "" });
  });
});

test("dump … | load … is a copy, and dump … | head ends quietly", async () => {
  const [own, copy] = [fresh(), fresh()];
  const entries = Array.from({ length: 30_000 }, (_, i) => `{"key":"k${i}","value":"v${i}"}\n`);
  await meles(["load", own], { stdin: entries.join("") });
  const { code, out } = await bash(
    `set -o pipefail; meles dump ${own} | meles load ${copy} && meles dump ${own} | cmp - <(meles dump ${copy}) && echo same; meles dump ${own} | head -n 1; echo "\${PIPESTATUS[0]}"`,
  );
  expect([code, out]).toEqual([0, 'same\n{"key":"k0","value":"v0"}\n0\n']);
});
