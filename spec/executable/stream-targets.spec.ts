/** Devices and pipes as targets of EXPORT and backups: written in place, one byte after the other. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Database, open, openSession } from "../../src/index.ts";

const ROWS = 4000;
let folder: string;
let db: Database;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "meles-streams-"));
  db = await open(join(folder, "data"), { workers: "inline" });
  const batch = db.batch();
  for (let i = 0; i < ROWS; i++) await batch.put(`key-${i}`, "x".repeat(100));
  await batch.flush();
});

afterAll(async () => {
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

async function statement(text: string): Promise<void> {
  const session = openSession(db);
  await session.execute(text);
  await session.close();
}

test("/dev/null takes an export and a backup, and stays what it is", async () => {
  await statement("EXPORT SELECT * FROM kv TO '/dev/null' AS CSV");
  await db.backup("/dev/null");
  expect(readdirSync("/dev").filter((name) => name.includes("null"))).toEqual(["null"]);
});

for (const [name, run] of [
  ["an export", (path: string) => statement(`EXPORT SELECT key FROM kv TO '${path}' AS CSV`)],
  ["a backup", (path: string) => db.backup(path).then(() => undefined)],
] as const) {
  // It has more bytes than a pipe holds, so that writing waits for the reader.
  test(`a named pipe carries ${name} to whoever reads it`, async () => {
    const pipe = join(folder, `pipe-${name.slice(-6)}`);
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    // Into a file: a reader that waited for this thread would never end.
    const received = `${pipe}.out`;
    const reader = Bun.spawn(["sh", "-c", 'timeout 20 cat "$0" > "$1"', pipe, received]);
    await run(pipe);
    expect(await reader.exited).toBe(0);
    const file = join(folder, "plain");
    await run(file);
    expect(readFileSync(received).equals(readFileSync(file))).toBe(true);
    expect(readdirSync(folder).filter((one) => one.endsWith(".partial"))).toEqual([]);
  });
}

test("/dev/stdout is appended to, be it a pipe or a file", async () => {
  const source = JSON.stringify(join(import.meta.dir, "../../src/index.ts"));
  const script = `
    const { open, openSession } = await import(${source});
    const db = await open(":memory:");
    await db.put("a", "1");
    const session = openSession(db);
    await session.execute("EXPORT SELECT key FROM kv TO '/dev/stdout' AS CSV");
    await session.execute("EXPORT SELECT key FROM kv TO '/dev/stdout' AS CSV");
    await session.close();
    await db.close();`;
  const expected = "key\na\nkey\na\n";
  // Behind `| cat`: what Bun makes for a child's output may be a socket, which nobody can open by name.
  const piped = ["sh", "-c", '"$0" -e "$1" | cat', process.execPath, script];
  expect(Bun.spawnSync(piped, { stderr: "inherit" }).stdout.toString()).toBe(expected);
  const file = join(folder, "stdout");
  const command = [
    "sh",
    "-c",
    'echo before > "$2"; "$0" -e "$1" >> "$2"',
    process.execPath,
    script,
  ];
  expect(Bun.spawnSync([...command, file], { stderr: "inherit" }).exitCode).toBe(0);
  expect(readFileSync(file, "utf8")).toBe(`before\n${expected}`);
});
