/**
 * `bun run build [--target=PLATFORM] [--outfile=FILE] [--no-smoke]`: compiles `dist/meles` and, unless
 * told otherwise or built for another platform, drives it from another directory (scripts/smoke.ts).
 */

import { parseArgs } from "node:util";
import { build } from "./build/executable.ts";
import { duration, handOver } from "./child.ts";
import { ensureInstalled, root } from "./project.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    outfile: { type: "string" },
    "no-smoke": { type: "boolean", default: false },
  },
});

await ensureInstalled("runtime");
const built = await build({
  ...(values.target === undefined ? {} : { target: values.target }),
  ...(values.outfile === undefined ? {} : { outfile: values.outfile }),
}).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
const mebibytes = (built.sizeBytes / 1024 / 1024).toFixed(1);
process.stdout.write(`${built.outfile}: ${mebibytes} MiB in ${duration(built.durationMs)}\n`);

if (!values["no-smoke"] && values.target === undefined) {
  const smoke = [process.execPath, "scripts/smoke.ts", "--executable", built.outfile];
  process.exitCode = await handOver(smoke, root);
}
