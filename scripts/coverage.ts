/**
 * `bun run coverage [PATH…]`: runs the specs (those named, otherwise all that run in one process) with
 * counters in `src/` and prints lines and branches, file by file. What is not reached is to be listed with
 * a reason in spec/coverage.md: exit code 1 when a file below the mark is not.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { coverageOf, type FileCounters, listedFiles, rangesOf, share } from "./coverage/report.ts";
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
const LEFT_OUT = "^(?!.*(new histories|a planted flaw)).*$";

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
  const told = await child.stderr.text();
  if ((await child.exited) !== 0)
    process.stderr.write(
      told
        .split("\n")
        .filter((line) => line.startsWith("(fail)"))
        .join("\n"),
    );
  process.exitCode = report(JSON.parse(readFileSync(file, "utf8"))) ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function report(counted: Readonly<Record<string, FileCounters>>): boolean {
  const files = Object.entries(counted)
    .map(([path, counters]) => coverageOf(relative(root, path), counters))
    .sort((a, b) => (a.file < b.file ? -1 : 1));
  const sum = { lines: 0, linesReached: 0, branches: 0, branchesReached: 0 };
  const listed = new Set(listedFiles(readFileSync(join(root, "spec", "coverage.md"), "utf8")));
  const unexplained: string[] = [];
  for (const one of files) {
    sum.lines += one.lines;
    sum.linesReached += one.linesReached;
    sum.branches += one.branches;
    sum.branchesReached += one.branchesReached;
    if (one.missing.length > 0)
      process.stdout.write(`${one.file}  ${told(one)}  ${rangesOf(one.missing)}\n`);
    if (one.linesReached < one.lines * LINES_MARK && !listed.has(one.file))
      unexplained.push(one.file);
  }
  process.stdout.write(`${files.length} files of src/: ${told(sum)}\n`);
  if (named.length > 0 || unexplained.length === 0) return true;
  process.stderr.write(`not in spec/coverage.md: ${unexplained.join(", ")}\n`);
  return false;
}

function told(of: {
  lines: number;
  linesReached: number;
  branches: number;
  branchesReached: number;
}): string {
  return `lines ${share(of.linesReached, of.lines)}, branches ${share(of.branchesReached, of.branches)}`;
}
