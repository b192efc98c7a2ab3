/**
 * Builds the Go program in `badger/` once per run of the specs. Where there is no Go, or its modules
 * cannot be had, nothing here fails: the specs that need it are left out, and one line says so. A
 * program that does not compile is a failure like any other.
 */

import { describe, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const SOURCE = join(import.meta.dir, "badger");
const CACHE = join(dirname(dirname(import.meta.dir)), "node_modules", ".cache", "interop");
/** A machine without a network should find out soon; one with it downloads 10 MB. */
const DOWNLOAD_LIMIT_MS = 60_000;

interface Built {
  readonly program: string | undefined;
  /** Why there is no program. */
  readonly reason: string;
}

/** Shared by all spec files of a run, each of which has its own copy of this module. */
const shared = globalThis as { interopBuilt?: Built; interopExcused?: boolean };

/** Path of the program. Only inside `withBadger`. */
export function badgerProgram(): string {
  const { program, reason } = built();
  if (program === undefined) throw new Error(reason);
  return program;
}

/** `describe` for specs that ask the real Badger; without it one skipped spec stands for all. */
export function withBadger(title: string, specs: () => void): void {
  const { program, reason } = built();
  if (program !== undefined) {
    describe(title, specs);
  } else if (shared.interopExcused !== true) {
    shared.interopExcused = true;
    test.skip(`interoperability with the real Badger is not checked: ${reason}`, () => {});
  }
}

function built(): Built {
  shared.interopBuilt ??= build();
  return shared.interopBuilt;
}

function build(): Built {
  if (Bun.which("go") === null) return { program: undefined, reason: "there is no Go here" };
  const download = go(["mod", "download"], DOWNLOAD_LIMIT_MS);
  if (!download.success) {
    const why = download.stderr.toString().trim().split("\n")[0] ?? "";
    return { program: undefined, reason: `its Go modules cannot be had (${why.slice(0, 60)})` };
  }
  const folder = cacheFolder();
  const program = join(folder, process.platform === "win32" ? "interop.exe" : "interop");
  const compile = go(["build", "-o", program, "."]);
  if (!compile.success) throw new Error(`the Go program: ${compile.stderr.toString()}`);
  return { program, reason: "" };
}

function go(command: string[], timeout?: number) {
  return Bun.spawnSync(["go", ...command], {
    cwd: SOURCE,
    // Badger needs no C, and a machine may have no compiler for it.
    env: { ...process.env, CGO_ENABLED: "0" },
    stdio: ["ignore", "ignore", "pipe"],
    ...(timeout === undefined ? {} : { timeout }),
  });
}

/** Beside the packages, so that it goes with them; a checkout that cannot be written to is fine too. */
function cacheFolder(): string {
  try {
    mkdirSync(CACHE, { recursive: true });
    return CACHE;
  } catch {
    return tmpdir();
  }
}
