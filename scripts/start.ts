/**
 * `bun start [DIR] [ARGUMENT…]`: Meles on a fresh checkout. Installs what is missing, builds the
 * executable when it is missing or older than its sources, and opens the shell on DIR (default
 * `./data`). Statements may come on stdin; only results go to stdout; the shell's exit code is ours.
 */

import { build, isStale } from "./build/executable.ts";
import { handOver } from "./child.ts";
import { ensureInstalled, executable, root } from "./project.ts";

const given = process.argv.slice(2);
const directory = given[0] === undefined || given[0].startsWith("-") ? "./data" : given.shift();

await ensureInstalled("runtime");
process.exitCode = await handOver([...(await program()), directory ?? "./data", ...given], root);

/** The compiled program, or the sources where compiling is impossible: slower to start, nothing else. */
async function program(): Promise<string[]> {
  if (!isStale()) return [executable];
  process.stderr.write("building dist/meles …\n");
  try {
    await build();
    return [executable];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${reason}\nrunning from source instead\n`);
    return [process.execPath, `${root}/shell/main.ts`];
  }
}
