/** Run by bun-file-system.spec.ts in a second process: holds a lock until standard input ends. */

import { BunFileSystem } from "../../src/env/bun-file-system.ts";

const [directory = "", mode] = process.argv.slice(2);
const lock = new BunFileSystem().lockDirectory(
  directory,
  mode === "shared" ? "shared" : "exclusive",
);
process.stdout.write("held\n");
for await (const _ of Bun.stdin.stream()) void _;
lock.release();
