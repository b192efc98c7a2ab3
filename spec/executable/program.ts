/**
 * Runs the program as a process: from source, or the compiled executable that MELES_EXECUTABLE names.
 * Every run has an environment of its own, so that nobody's rc file, history or colours interfere.
 */

import { join } from "node:path";

const MAIN = join(import.meta.dir, "..", "..", "shell", "main.ts");

/** The command line of the program, for `bash -c` and for spawning. */
export const PROGRAM: readonly string[] =
  process.env["MELES_EXECUTABLE"] === undefined
    ? [process.execPath, MAIN]
    : [process.env["MELES_EXECUTABLE"]];

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly outBytes: Uint8Array;
  readonly err: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, XDG_CONFIG_HOME: "/dev/null", MELES_HISTORY: "", ...more };
}

export async function meles(vector: readonly string[], options: RunOptions = {}): Promise<Run> {
  const child = Bun.spawn([...PROGRAM, ...vector], {
    stdin: new Blob([options.stdin ?? ""]),
    stdout: "pipe",
    stderr: "pipe",
    env: environment(options.env),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const [outBytes, err, code] = await Promise.all([
    child.stdout.bytes(),
    child.stderr.text(),
    child.exited,
  ]);
  return { code, out: new TextDecoder().decode(outBytes), outBytes, err };
}

/** Runs a shell line in which `meles` is the program. */
export async function bash(script: string): Promise<Run> {
  const quoted = PROGRAM.map((word) => `'${word}'`).join(" ");
  const child = Bun.spawn(["bash", "-c", `meles() { ${quoted} "$@"; }; ${script}`], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: environment(),
  });
  const [outBytes, err, code] = await Promise.all([
    child.stdout.bytes(),
    child.stderr.text(),
    child.exited,
  ]);
  return { code, out: new TextDecoder().decode(outBytes), outBytes, err };
}
