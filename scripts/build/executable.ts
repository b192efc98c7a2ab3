/**
 * How `dist/meles` is made, and whether the one that is there is up to date. The only list of the
 * executable's entry points: the program and every worker thread's own.
 */

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { capture } from "../child.ts";
import { executable, root } from "../project.ts";

const workerEntry = "src/worker/background.worker.ts";
const entryPoints = ["shell/main.ts", workerEntry];

/** What the executable is made from. */
const sources = ["src", "shell", "grammar", "scripts/build", "package.json", "bun.lock"];

export interface BuildOptions {
  /** A platform of `bun build --compile`, e.g. `bun-linux-arm64`; without it this machine's. */
  readonly target?: string;
  /** Where to put the program; without it `dist/meles`. */
  readonly outfile?: string;
}

export interface Built {
  readonly outfile: string;
  readonly sizeBytes: number;
  readonly durationMs: number;
}

/** True when there is no executable or a source is younger than it. */
export function isStale(): boolean {
  if (!existsSync(executable)) return true;
  const built = statSync(executable).mtimeMs;
  return sources.some((source) => newest(join(root, source)) > built);
}

function newest(path: string): number {
  const info = statSync(path);
  if (!info.isDirectory()) return info.mtimeMs;
  // A directory's own time tells of files removed from it.
  return readdirSync(path).reduce(
    (latest, name) => Math.max(latest, newest(join(path, name))),
    info.mtimeMs,
  );
}

/** Compiles the executable. Throws with the compiler's words when it cannot. */
export async function build(options: BuildOptions = {}): Promise<Built> {
  const outfile = options.outfile ?? executable;
  mkdirSync(dirname(outfile), { recursive: true });
  // Compiled beside its place and renamed: a running program keeps its file, nobody sees half of one.
  const unfinished = join(dirname(outfile), `.meles-${process.pid}`);
  const command = [
    process.execPath,
    "build",
    "--compile",
    "--minify",
    // Starts in 17 instead of 60 ms (`meles version` on a busy machine). As ESM, or the thread entry is looked
    // for in another place.
    "--bytecode",
    "--format=esm",
    // Without these two a bunfig.toml or .env in the user's working directory runs in our program.
    "--no-compile-autoload-bunfig",
    "--no-compile-autoload-dotenv",
    ...Object.entries(await constants()).map(
      ([name, value]) => `--define=${name}=${JSON.stringify(value)}`,
    ),
    ...(options.target === undefined ? [] : [`--target=${options.target}`]),
    "--outfile",
    unfinished,
    ...entryPoints,
  ];
  try {
    const result = await capture(command, { cwd: root });
    if (result.exitCode !== 0) {
      throw new Error(`cannot compile meles:\n${result.stdout}${result.stderr}`);
    }
    const produced = existsSync(`${unfinished}.exe`) ? `${unfinished}.exe` : unfinished;
    renameSync(produced, outfile);
    return { outfile, sizeBytes: statSync(outfile).size, durationMs: result.durationMs };
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** What the program knows about its own making. */
async function constants(): Promise<Record<string, string>> {
  const commit = await capture(["git", "rev-parse", "--short", "HEAD"], { cwd: root }).catch(
    () => undefined,
  );
  return {
    ...(commit?.exitCode === 0 ? { MELES_COMMIT: commit.stdout.trim() } : {}),
    // Where src/worker/spawn.ts finds the thread entry inside the executable.
    MELES_WORKER_ENTRY: `./${workerEntry}`,
  };
}
