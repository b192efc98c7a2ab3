/** Programs of the specs that use the library, compiled to one file each, with their background thread. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");
const WORKER_ENTRY = "src/worker/background.worker.ts";

const made = new Map<string, Promise<string>>();
let directory: string | undefined;

/** The compiled program, made at the first call; it is gone when the process ends. */
export function compileProgram(entry: string): Promise<string> {
  let program = made.get(entry);
  if (program === undefined) {
    program = compile(entry);
    made.set(entry, program);
  }
  return program;
}

async function compile(entry: string): Promise<string> {
  if (directory === undefined) {
    const own = mkdtempSync(join(tmpdir(), "meles-compiled-"));
    directory = own;
    process.on("exit", () => rmSync(own, { recursive: true, force: true }));
  }
  const outfile = join(directory, basename(entry, ".ts"));
  const command = [process.execPath, "build", "--compile", "--no-compile-autoload-bunfig"];
  const define = `--define=MELES_WORKER_ENTRY="./${WORKER_ENTRY}"`;
  const child = Bun.spawn([...command, define, "--outfile", outfile, entry, WORKER_ENTRY], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const told = (await Promise.all([child.stdout.text(), child.stderr.text()])).join("");
  if ((await child.exited) !== 0) throw new Error(`cannot compile ${entry}:\n${told}`);
  return outfile;
}
