/**
 * `bun run bench [NAME…]`: runs the benchmarks `scripts/bench/NAME.bench.ts`, all of them without a
 * name, each in a process of its own so that none warms up or litters the heap of the next.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { handOver } from "./child.ts";
import { ensureInstalled, root } from "./project.ts";

const folder = join(root, "scripts", "bench");
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".bench.ts"))
  .map((file) => file.slice(0, -".bench.ts".length))
  .toSorted();

const wanted = process.argv.length > 2 ? process.argv.slice(2) : names;
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(" ")}; there are ${names.join(" ")}\n`);
  process.exit(2);
}

await ensureInstalled("all");
for (const name of wanted) {
  process.stdout.write(`== ${name}\n`);
  const exitCode = await handOver([process.execPath, join(folder, `${name}.bench.ts`)], root);
  if (exitCode !== 0) process.exitCode = exitCode;
}
