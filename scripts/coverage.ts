/**
 * `bun run coverage [PATH…]`: runs the specs (those named, otherwise all that run in one process) with
 * counters in `src/` and prints lines and branches, file by file, with what is missing and the reason that
 * spec/coverage.md gives. Exit code 1 when a spec fails, when a file below the mark has no reason there, or
 * when one is listed of which nothing is missing.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { source, untouched } from "./coverage/instrument.ts";
import {
  coverageOf,
  type FileCounters,
  listedReasons,
  rangesOf,
  share,
} from "./coverage/report.ts";
import { ensureInstalled, root } from "./project.ts";

/** A file with less of its lines reached has to be explained. */
const LINES_MARK = 0.95;
/** Other processes and compiled programs: nothing is counted there. */
const ELSEWHERE = new Set([
  "executable",
  "interop",
  "scripts",
  "tidy",
  "tidy.spec.ts",
  "demo.spec.ts",
  "readme.spec.ts",
]);
/** Histories in other processes, and flaws that are planted. */
const LEFT_OUT = "^(?!.*(more, from seed|a planted flaw)).*$";

await ensureInstalled("all");
const named = process.argv.slice(2);
const paths =
  named.length > 0
    ? named
    : readdirSync(join(root, "spec"))
        .filter((name) => !ELSEWHERE.has(name))
        .map((name) => join("spec", name));
const scratch = mkdtempSync(join(tmpdir(), "meles-coverage-"));
const file = join(scratch, "counters.json");
try {
  const preload = join(import.meta.dir, "coverage", "count.ts");
  const child = Bun.spawn(
    [
      process.execPath,
      "test",
      "--timeout",
      "600000",
      "--preload",
      preload,
      "-t",
      LEFT_OUT,
      ...paths,
    ],
    {
      cwd: root,
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, COVERAGE_FILE: file },
    },
  );
  const outcome = await child.stderr.text();
  const isPassed = (await child.exited) === 0;
  if (!isPassed) process.stderr.write(failuresIn(outcome));
  const isExplained = report({ ...sources(), ...JSON.parse(readFileSync(file, "utf8")) });
  process.exitCode = isPassed && isExplained ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Every file of `src/`, nothing of it reached: some are loaded by no spec. */
function sources(): Record<string, FileCounters> {
  const paths = [...new Bun.Glob("**/*.ts").scanSync({ cwd: source, absolute: true })];
  return Object.fromEntries(paths.map((path) => [path, untouched(path)]));
}

/** The specs that failed; everything, if that is not what went wrong. */
function failuresIn(outcome: string): string {
  const lines = outcome.split("\n").filter((line) => line.startsWith("(fail)"));
  return lines.length === 0 ? outcome : `${lines.join("\n")}\n`;
}

function report(counted: Readonly<Record<string, FileCounters>>): boolean {
  const files = Object.entries(counted)
    .map(([path, counters]) => coverageOf(relative(root, path), counters))
    .sort((a, b) => (a.file < b.file ? -1 : 1));
  const sum = { lines: 0, linesReached: 0, branches: 0, branchesReached: 0 };
  const reasons = listedReasons(readFileSync(join(root, "spec", "coverage.md"), "utf8"));
  const unexplained: string[] = [];
  const superfluous = new Set(reasons.keys());
  for (const one of files) {
    sum.lines += one.lines;
    sum.linesReached += one.linesReached;
    sum.branches += one.branches;
    sum.branchesReached += one.branchesReached;
    const reason = reasons.get(one.file);
    if (one.missing.length > 0) {
      process.stdout.write(`${one.file}  ${told(one)}  ${rangesOf(one.missing)}\n`);
      if (reason !== undefined) process.stdout.write(`    ${reason}\n`);
    }
    if (one.missing.length > 0) superfluous.delete(one.file);
    if (one.linesReached >= one.lines * LINES_MARK) continue;
    if (reason === undefined) unexplained.push(one.file);
  }
  process.stdout.write(`${files.length} files of src/: ${told(sum)}\n`);
  if (named.length > 0) return true;
  if (unexplained.length > 0)
    process.stderr.write(`not in spec/coverage.md: ${unexplained.join(", ")}\n`);
  if (superfluous.size > 0)
    process.stderr.write(`in spec/coverage.md and reached: ${[...superfluous].join(", ")}\n`);
  return unexplained.length + superfluous.size === 0;
}

function told(of: {
  lines: number;
  linesReached: number;
  branches: number;
  branchesReached: number;
}): string {
  return `lines ${share(of.linesReached, of.lines)}, branches ${share(of.branchesReached, of.branches)}`;
}
