/**
 * `bun run test [PATH…] [-t PATTERN]`: runs every spec, or those named, with `bun test`. Passing specs
 * are counted, everything else is shown. The last line is the verdict, alone: `N passed, N failed`,
 * and `, N skipped` when any were. Exit code 1 when a spec failed or none ran.
 */

import { ensureInstalled, root } from "./project.ts";
import { SpecReport } from "./test/report.ts";

/** A spec that loops without a break ignores its timeout; the run as a whole does not. */
const RUN_MS_MAX = 20 * 60_000;

await ensureInstalled("all", "0 passed, 1 failed\n");

const report = new SpecReport();
const child = Bun.spawn(
  [process.execPath, "test", "--timeout", "30000", ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    // Plain text, whatever the terminal: the report below reads it.
    env: { ...process.env, FORCE_COLOR: undefined, NO_COLOR: "1" },
  },
);
process.on("SIGINT", () => child.kill("SIGINT"));

const limit = setTimeout(() => {
  show(`stopped after ${RUN_MS_MAX / 60_000} minutes, after or in ${report.file ?? "no file yet"}`);
  child.kill("SIGKILL");
}, RUN_MS_MAX);

await Promise.all([relay(child.stderr), relay(child.stdout)]);
clearTimeout(limit);
const verdict = report.verdict(await child.exited);
process.stdout.write(`${verdict.line}\n`);
process.exitCode = verdict.ok ? 0 : 1;

/** Line by line to stderr, minus the passing specs. */
async function relay(stream: ReadableStream<Uint8Array>): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) show(line);
  }
  if (rest !== "") show(rest);
}

function show(line: string): void {
  for (const shown of report.take(line)) process.stderr.write(`${shown}\n`);
}
