/**
 * Where a compiled program finds its threads: really compiled, and started from another directory in which
 * files with the entry's name are waiting to be run by mistake.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const probe = "spec/worker/compiled-probe.ts";
const entry = "src/worker/background.worker.ts";
const flags = ["--minify", "--no-compile-autoload-bunfig", "--no-compile-autoload-dotenv"];

let directory: string;
let elsewhere: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "meles-compiled-"));
  elsewhere = join(directory, "elsewhere");
  const planted = `process.stdout.write("PLANTED "); self.onmessage = () => undefined; postMessage({ type: "ready" });`;
  for (const place of ["", "src/worker", "node_modules/meles/src/worker"]) {
    mkdirSync(join(elsewhere, place), { recursive: true });
    for (const name of ["background.worker.ts", "background.worker.js"]) {
      writeFileSync(join(elsewhere, place, name), planted);
    }
  }
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Compiles in `cwd`, then runs the executable in the directory with the planted files. */
function compileAndRun(cwd: string, name: string, ...options: string[]) {
  const executable = join(directory, name);
  const build = [process.execPath, "build", "--compile", ...options, "--outfile", executable];
  const built = Bun.spawnSync(build, { cwd });
  expect(built.exitCode, built.stderr.toString()).toBe(0);
  const { stdout, stderr, exitCode } = Bun.spawnSync([executable], { cwd: elsewhere });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

const onThreads = { stdout: "background background background\n", stderr: "", exitCode: 0 };

describe("a compiled program", () => {
  test("finds the thread entry that the build names", () => {
    const define = `MELES_WORKER_ENTRY="./${entry}"`;
    const result = compileAndRun(root, "named", ...flags, "--define", define, probe, entry);
    expect(result).toEqual(onThreads);
  });

  test("finds the entry of the package without being told", () => {
    const app = join(directory, "app");
    const modules = join(app, "node_modules");
    mkdirSync(modules, { recursive: true });
    for (const name of readdirSync(join(root, "node_modules"))) {
      if (name !== "meles") symlinkSync(join(root, "node_modules", name), join(modules, name));
    }
    cpSync(join(root, "src"), join(modules, "meles/src"), { recursive: true });
    writeFileSync(join(app, "app.ts"), `import "./node_modules/meles/probe/spec/probe.ts";`);
    cpSync(join(root, probe), join(modules, "meles/probe/spec/probe.ts"));
    const result = compileAndRun(app, "packaged", "app.ts", `./node_modules/meles/${entry}`);
    expect(result).toEqual(onThreads);
  });

  test("finds an entry outside its own folder when the build names it", () => {
    const app = join(directory, "workspace/app");
    mkdirSync(app, { recursive: true });
    symlinkSync(join(root, "node_modules"), join(directory, "workspace/node_modules"));
    cpSync(join(root, "src"), join(directory, "workspace/meles/src"), { recursive: true });
    cpSync(join(root, probe), join(directory, "workspace/meles/probe/spec/probe.ts"));
    writeFileSync(join(app, "app.ts"), `import "../meles/probe/spec/probe.ts";`);
    const define = `MELES_WORKER_ENTRY="../meles/${entry}"`;
    const result = compileAndRun(
      app,
      "workspace-app",
      "--define",
      define,
      "app.ts",
      `../meles/${entry}`,
    );
    expect(result).toEqual(onThreads);
  });

  test("without the entry does its jobs itself, after one warning, and runs nothing it finds lying about", () => {
    const result = compileAndRun(root, "bare", probe);
    expect(result).toMatchObject({ stdout: "main main main\n", exitCode: 0 });
    expect(result.stderr.trim().split("\n").length).toBe(1);
    expect(result.stderr).toStartWith("meles: warn: cannot start a background thread");
  });
});
