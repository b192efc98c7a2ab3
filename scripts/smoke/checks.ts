/** What the executable must do on a user's machine, one entry each. */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageVersion } from "../project.ts";
import { readUntil, type Program, type Run } from "./program.ts";

export interface Check {
  readonly name: string;
  /** Throws when something is wrong. The program starts in an empty directory. */
  readonly run: (meles: Program) => Promise<void>;
}

const hasFullDevice = existsSync("/dev/full");

export const checks: readonly Check[] = [
  { name: "tells its version", run: tellsVersion },
  { name: "explains itself", run: explainsItself },
  { name: "runs the statements on stdin", run: runsStatements },
  { name: "keeps what was put for the next process", run: keepsData },
  { name: "answers queries", run: answersQueries },
  { name: "flushes and compacts in its background threads", run: worksInBackground },
  { name: "has every acknowledged put after kill -9", run: survivesKill },
  { name: "runs no code of the working directory", run: ignoresHostileDirectory },
  { name: "ends well when the reader of a pipe has seen enough", run: endsWithHead },
  ...(hasFullDevice ? [{ name: "exits 2 when the output device is full", run: noticesFull }] : []),
  { name: "exits 1 for a key that is not there", run: saysNo },
  { name: "exits 2 at a syntax error and shows the place", run: showsSyntaxError },
  { name: "exits 3 when it cannot open", run: cannotOpen },
  { name: "refuses a second process and names the first", run: refusesSecondProcess },
];

async function tellsVersion(meles: Program): Promise<void> {
  const run = await meles.run(["version"]);
  run.expectExit(0).expectQuietStderr().expectInStdout(packageVersion());
}

async function explainsItself(meles: Program): Promise<void> {
  const run = await meles.run(["help"]);
  run.expectExit(0).expectQuietStderr().expectInStdout("get", "put", "scan", "shell");
}

async function runsStatements(meles: Program): Promise<void> {
  const run = await meles.run(["db"], "PUT 'a' 'one'; SELECT key, value FROM kv; GET 'a';");
  run.expectExit(0).expectInStdout("a\tone\n", "one\n");
}

async function keepsData(meles: Program): Promise<void> {
  (await meles.run(["put", "db", "a", "one"])).expectExit(0);
  (await meles.run(["get", "db", "a"])).expectExit(0).expectStdout("one");
  (await meles.run(["del", "db", "a"])).expectExit(0);
  (await meles.run(["get", "db", "a"])).expectExit(1);
}

async function answersQueries(meles: Program): Promise<void> {
  const puts = Array.from({ length: 100 }, (_, i) => `PUT 'n:${1000 + i}' '{"n":${i}}';`);
  (await meles.run(["db"], puts.join("\n"))).expectExit(0);
  const text = "SELECT count(*) AS n, max(value ->> '$.n') AS top FROM kv PREFIX 'n:'";
  const run = await meles.run(["db", "-c", text, "--mode", "json"]);
  run.expectExit(0).expectInStdout("100", "99");
  const page = "SELECT key FROM kv WHERE key >= 'n:1042' ORDER BY key LIMIT 2";
  const keys = await meles.run(["db", "-c", page, "--mode", "jsonl"]);
  keys.expectExit(0).expectInStdout("n:1042", "n:1043");
}

async function worksInBackground(meles: Program): Promise<void> {
  // Enough in a memtable that a thread flushes it; below a megabyte the main thread does.
  const filler = "x".repeat(900);
  const statements: string[] = [];
  for (let round = 0; round < 3; round++) {
    const puts = Array.from({ length: 2000 }, (_, i) => `PUT 'k${i}' '${round} ${filler}';`);
    statements.push("BEGIN;", ...puts, "COMMIT;", "FLUSH;");
  }
  const run = await meles.run(["db"], `${statements.join("\n")}\nCOMPACT;`);
  run.expectExit(0);
  expectNoWarning(run);
  (await meles.run(["get", "db", "k77"])).expectExit(0).expectStdout(`2 ${filler}`);
  const count = await meles.run(["db", "--mode", "jsonl", "-c", "SELECT count(*) AS n FROM kv;"]);
  count.expectExit(0).expectInStdout("2000");
}

/** That a thread cannot start is reported as a warning; remarks like "flushed" are fine. */
function expectNoWarning(run: Run): void {
  const warnings = run.stderr.split("\n").filter((line) => line.startsWith("meles:"));
  if (warnings.length > 0) throw new Error(`on stderr: ${warnings.slice(0, 3).join("\n")}`);
}

async function survivesKill(meles: Program): Promise<void> {
  const total = 50_000;
  const wanted = 2_000;
  const first = meles.start(["db", "--mode", "tsv"]);
  // A GET answers only after the PUT before it was acknowledged.
  const statements = Array.from({ length: total }, (_, i) => `PUT 'k${i}' 'v${i}'; GET 'k${i}';\n`);
  void first.stdin.write(statements.join(""));
  void Promise.resolve(first.stdin.end()).catch(() => {});
  const seen = await readUntil(first.stdout, (text) => text.includes(`v${wanted}\n`));
  first.kill("SIGKILL");
  await first.exited;
  if (!seen.includes(`v${wanted}\n`)) {
    const words = await first.stderr.text();
    throw new Error(`stopped before the kill: ${JSON.stringify(words.slice(0, 500))}`);
  }
  if (seen.includes(`v${total - 1}\n`)) throw new Error("was done before the kill");

  const acknowledged = [...seen.matchAll(/\bv(\d+)\n/g)].map(([, number]) => Number(number));
  const scan = await meles.run(["db", "--mode", "tsv", "-c", "SELECT key, value FROM kv;"]);
  scan.expectExit(0);
  const stored = new Set(scan.stdout.split("\n"));
  const lost = acknowledged.filter((i) => !stored.has(`k${i}\tv${i}`));
  if (acknowledged.length < wanted || lost.length > 0) {
    throw new Error(
      `${lost.length} of ${acknowledged.length} acknowledged puts are lost: ${lost.slice(0, 5).join(" ")}`,
    );
  }
}

/** A directory whose settings files and sources would run or redirect something if they were read. */
async function ignoresHostileDirectory(meles: Program): Promise<void> {
  const trap = join(meles.directory, "sprung");
  const evil = `require("node:fs").writeFileSync(${JSON.stringify(trap)}, "code ran");\n`;
  const plant = (path: string, text: string) => {
    mkdirSync(join(meles.directory, path, ".."), { recursive: true });
    writeFileSync(join(meles.directory, path), text);
  };
  plant("evil.js", evil);
  plant("bunfig.toml", 'preload = ["./evil.js"]\n[run]\npreload = ["./evil.js"]\n');
  plant(".env", "MELES_KEY_FILE=/does/not/exist\nBUN_OPTIONS=--preload ./evil.js\n");
  plant("package.json", '{"type": "module"}');
  plant("tsconfig.json", '{"compilerOptions": {"paths": {"*": ["./evil.js"]}}}');
  plant("src/worker/background.worker.ts", evil);
  plant("background.worker.ts", evil);
  plant("node_modules/meles/src/worker/background.worker.ts", evil);

  const run = await meles.run(["db"], "PUT 'a' 'one'; FLUSH; COMPACT; GET 'a';");
  if (existsSync(trap)) throw new Error("code of the working directory ran");
  run.expectExit(0).expectInStdout("one");
  expectNoWarning(run);
}

async function endsWithHead(meles: Program): Promise<void> {
  const puts = Array.from({ length: 20_000 }, (_, i) => `PUT 'k${i}' '${"x".repeat(20)}';`);
  const statements = ["BEGIN;", ...puts, "COMMIT;"].join("\n");
  (await meles.run(["db"], statements)).expectExit(0);
  for (const command of ["scan db", "db -c 'SELECT * FROM kv'", "scan db --keys-only"]) {
    const run = await meles.shell(`set -o pipefail; "$MELES" ${command} | head -n 1`);
    run.expectExit(0).expectQuietStderr();
  }
}

async function noticesFull(meles: Program): Promise<void> {
  (await meles.run(["put", "db", "a", "one"])).expectExit(0);
  for (const command of ["get db a", "scan db", "db -c 'SELECT * FROM kv'", "help"]) {
    (await meles.shell(`"$MELES" ${command} > /dev/full`)).expectExit(2);
  }
}

async function saysNo(meles: Program): Promise<void> {
  (await meles.run(["put", "db", "a", "one"])).expectExit(0);
  (await meles.run(["get", "db", "b"])).expectExit(1).expectStdout("");
}

async function showsSyntaxError(meles: Program): Promise<void> {
  const run = await meles.run(["db", "-c", "SELECT * FORM kv;"]);
  run.expectExit(2).expectStdout("").expectInStderr("SELECT * FORM kv", "^");
}

async function cannotOpen(meles: Program): Promise<void> {
  writeFileSync(join(meles.directory, "file"), "not a directory");
  (await meles.run(["get", "file", "a"])).expectExit(3).expectInStderr("file");
  (await meles.run(["missing", "--readonly", "-c", "SELECT * FROM kv;"])).expectExit(3);
}

async function refusesSecondProcess(meles: Program): Promise<void> {
  const first = meles.start(["db"]);
  try {
    void first.stdin.write("PUT 'a' 'one'; GET 'a';\n");
    void first.stdin.flush();
    await readUntil(first.stdout, (text) => text.includes("one"));
    const second = await meles.run(["put", "db", "a", "two"]);
    second.expectExit(3).expectInStderr(String(first.pid));
  } finally {
    void first.stdin.end();
    await first.exited;
  }
  (await meles.run(["get", "db", "a"])).expectExit(0).expectStdout("one");
}
