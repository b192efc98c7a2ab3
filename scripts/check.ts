/**
 * `bun run check [STEP…] [--no-specs]`: everything that CI runs, one line per step with its time. All
 * of the cheap steps run even when one fails; the dear ones only when the cheap ones are green.
 * Exit code 1 when a step failed.
 */

import { parseArgs } from "node:util";
import { capture, duration } from "./child.ts";
import { ensureInstalled, root, tool } from "./project.ts";

interface Step {
  readonly name: string;
  readonly command: string[];
  /** Seconds rather than minutes, needs nothing built. */
  readonly cheap: boolean;
}

const bun = process.execPath;
const steps: readonly Step[] = [
  { name: "format", cheap: true, command: [...tool("oxfmt/bin/oxfmt"), "--check"] },
  { name: "lint", cheap: true, command: tool("oxlint/bin/oxlint") },
  { name: "types", cheap: true, command: [...tool("typescript/bin/tsc"), "--noEmit"] },
  { name: "unused", cheap: true, command: tool("knip/bin/knip.js") },
  { name: "specs", cheap: false, command: [bun, "scripts/test.ts"] },
  { name: "build", cheap: false, command: [bun, "scripts/build.ts", "--no-smoke"] },
  { name: "smoke", cheap: false, command: [bun, "scripts/smoke.ts"] },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { "no-specs": { type: "boolean", default: false } },
});
const unknown = positionals.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  const names = steps.map((step) => step.name).join(" ");
  process.stderr.write(`no such step: ${unknown.join(" ")}; there are ${names}\n`);
  process.exit(2);
}

await ensureInstalled("all");
process.exitCode = (await runAll(steps.filter(isWanted))) ? 0 : 1;

function isWanted(step: Step): boolean {
  if (step.name === "specs" && values["no-specs"]) return false;
  return positionals.length === 0 || positionals.includes(step.name);
}

async function runAll(wanted: readonly Step[]): Promise<boolean> {
  let green = true;
  for (const step of wanted) {
    if (!green && !step.cheap) {
      process.stdout.write(`–    ${step.name}: not run\n`);
      continue;
    }
    green = (await runOne(step)) && green;
  }
  return green;
}

async function runOne(step: Step): Promise<boolean> {
  const result = await capture(step.command, { cwd: root });
  const passed = result.exitCode === 0;
  const last = step.cheap ? "" : lastLine(result.stdout);
  const verdict = `${step.name} (${duration(result.durationMs)})${last === "" ? "" : `: ${last}`}`;
  process.stdout.write(`${passed ? "ok  " : "FAIL"} ${verdict}\n`);
  if (!passed) process.stderr.write(`${result.stdout}${result.stderr}\n`);
  return passed;
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
