import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { memoryEnv, systemEnv } from "../../src/env/system-env.ts";

const source = JSON.stringify(join(import.meta.dir, "../../src/env/system-env.ts"));

/** Runs a module text in a fresh process. */
function runScript(text: string) {
  const script = `import { systemEnv, memoryEnv } from ${source};\n${text}`;
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, "-e", script]);
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

describe("log", () => {
  test("warnings and errors go to standard error with their fields, the rest nowhere", () => {
    const result = runScript(`
      const { log } = systemEnv();
      log("debug", "quiet"); log("info", "quiet");
      log("warn", "careful", { file: "a b", size: 3 });
      const loop = {}; loop.self = loop;
      log("error", "broken", { cause: new Error("why"), big: 1n, loop });`);
    expect(result.stderr).toBe(
      'meles: warn: careful file="a b" size=3\nmeles: error: broken cause="why" big=1 loop=[object Object]\n',
    );
    expect(result.stdout).toBe("");
  });

  test("a closed standard error does no harm", () => {
    const script = `import { systemEnv } from ${source}; systemEnv().log("error", "x"); process.stdout.write("alive");`;
    const { stdout, exitCode } = Bun.spawnSync([
      "sh",
      "-c",
      'exec "$0" -e "$1" 2>&-',
      process.execPath,
      script,
    ]);
    expect(stdout.toString()).toBe("alive");
    expect(exitCode).toBe(0);
  });

  test("shows nothing that a terminal would act on", async () => {
    const script = `import { systemEnv } from ${source};
      systemEnv().log("warn", "no \\u001b[31m", { path: "a\\u009b31m\\u202eb\\u007f", error: new Error("\\u2066x\\u0007") });`;
    const { stderr } = Bun.spawnSync([process.execPath, "-e", script]);
    expect(stderr.toString()).toBe(
      'meles: warn: no \\u001b[31m path="a\\u009b31m\\u202eb\\u007f" error="\\u2066x\\u0007"\n',
    );
  });

  test("the caller's own log gets everything", () => {
    const lines: unknown[] = [];
    const env = systemEnv({ log: (...line) => lines.push(line) });
    env.log("debug", "a", { b: 1 });
    expect(lines).toEqual([["debug", "a", { b: 1 }]]);
  });
});

describe("clock", () => {
  const { clock } = systemEnv();

  test("the wall clock is the system's, and the monotonic one does not go back", () => {
    const before = Date.now();
    const now = clock.nowMs();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
    const first = clock.monotonicMs();
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(first);
  });

  test("a timer runs its action, unless it is cancelled before", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    clock.after(1, () => resolve("cancelled ran")).cancel();
    clock.after(2, () => resolve("ran"), true);
    expect(await promise).toBe("ran");
  });

  test("a timer keeps the process alive only if it is told to", () => {
    const idle = runScript(
      `systemEnv().clock.after(3_600_000, () => undefined); process.stdout.write("end");`,
    );
    expect(idle).toMatchObject({ stdout: "end", exitCode: 0 });
    const holding = runScript(
      `systemEnv().clock.after(1, () => process.stdout.write(" ran"), true); process.stdout.write("end");`,
    );
    expect(holding).toMatchObject({ stdout: "end ran", exitCode: 0 });
  });
});

describe("random", () => {
  const { random } = systemEnv();

  test("numbers lie in [0, 1)", () => {
    for (let i = 0; i < 1000; i++) {
      const value = random.next();
      expect(value >= 0 && value < 1).toBe(true);
    }
  });

  test("fills buffers of any size, in shared memory too, and differently each time", () => {
    const large = new Uint8Array(200_000);
    random.fill(large);
    for (let start = 0; start < large.length; start += 50_000) {
      expect(new Set(large.subarray(start, start + 50_000)).size).toBe(256);
    }
    const shared = new Uint8Array(new SharedArrayBuffer(32));
    random.fill(shared);
    expect(shared.some((byte) => byte !== 0)).toBe(true);
    const other = new Uint8Array(32);
    random.fill(other);
    expect(other).not.toEqual(new Uint8Array(shared));
    random.fill(new Uint8Array(0));
  });
});

test("memoryEnv keeps all of its base but the files, and every call starts empty", () => {
  const base = systemEnv({ log: () => undefined });
  const env = memoryEnv(base);
  expect(env.clock).toBe(base.clock);
  expect(env.log).toBe(base.log);
  env.fileSystem.makeDirectory("/only-in-memory");
  expect(base.fileSystem.info("/only-in-memory")).toBeUndefined();
  expect(memoryEnv().fileSystem.list("/")).toEqual([]);
});

test("loading the environment does not load the foreign function interface", () => {
  const result = runScript(`
    const real = process.getBuiltinModule;
    let asked = 0;
    process.getBuiltinModule = (name) => { asked++; return real(name); };
    const { fileSystem } = systemEnv();
    fileSystem.list(".");
    const before = asked;
    fileSystem.lockDirectory(".", "shared").release();
    process.stdout.write(before + " " + asked);`);
  expect(result.stdout).toBe("0 1");
});

test("without flock(2) a directory is not locked, and the error says so", () => {
  const result = runScript(`
    process.getBuiltinModule = () => { throw new Error("no ffi here"); };
    try { systemEnv().fileSystem.lockDirectory(".", "shared"); }
    catch (error) { process.stdout.write(error.code + " " + error.message + " / " + error.cause.message); }`);
  expect(result.stdout).toStartWith("ERR_IO cannot lock a directory on this platform");
  expect(result.stdout).toEndWith("/ no ffi here");
});
