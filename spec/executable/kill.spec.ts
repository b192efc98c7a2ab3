/**
 * Kill −9 is a normal way to stop: a compiled program with its threads, under concurrent load, is killed
 * at random moments and the directory opened again, without options. `MELES_KILLS=200` for more rounds.
 */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { toText } from "../../src/base/bytes.ts";
import type { Database } from "../../src/database/contract.ts";
import { open } from "../../src/index.ts";
import { compileProgram } from "./compiled.ts";
import { bigValue, WORKERS } from "./kill-options.ts";

const rounds = Number(process.env["MELES_KILLS"] ?? 20);
const root = mkdtempSync(join(tmpdir(), "meles-kill-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Runs the writer until it has acknowledged so many commits, kills it there, and returns the last of each worker. */
async function runAndKill(directory: string, commits: number, delayMs: number): Promise<number[]> {
  const program = await compileProgram(join(import.meta.dir, "kill-writer.ts"));
  const writer = Bun.spawn([program, directory], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const acknowledged: number[] = new Array<number>(WORKERS).fill(0);
  let rest = "";
  let count = 0;
  let isKilled = false;
  const decoder = new TextDecoder();
  for await (const chunk of writer.stdout) {
    const lines = (rest + decoder.decode(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const [worker, number] = line.split(" ").map(Number) as [number, number];
      acknowledged[worker] = number;
      count++;
    }
    if (count >= commits && !isKilled) {
      isKilled = true;
      setTimeout(() => writer.kill("SIGKILL"), delayMs);
    }
  }
  await writer.exited;
  const complaints = await new Response(writer.stderr).text();
  expect(complaints).toBe("");
  expect(writer.signalCode).toBe("SIGKILL");
  return acknowledged;
}

function numberAt(db: Database, key: string): number {
  const value = db.get(key);
  return value === undefined ? 0 : Number.parseInt(toText(value), 10);
}

describe("a process killed with SIGKILL", () => {
  test(
    `${rounds} times loses no acknowledged commit and leaves none torn`,
    async () => {
      const directory = join(root, "db");
      const seed = Date.now() % 1000;
      for (let round = 0; round < rounds; round++) {
        const delayMs = ((seed + round * 37) % 11) * 3;
        const commits = 150 + ((seed + round * 911) % 1500);
        const acknowledged = await runAndKill(directory, commits, delayMs);
        const db = await open(directory);
        try {
          for (let worker = 0; worker < WORKERS; worker++) {
            const held = numberAt(db, `${worker}/count`);
            const told = acknowledged[worker] as number;
            // One commit may have been on disk and not yet told.
            expect([told, told + 1]).toContain(held);
            for (const name of ["left", "right", "big"]) {
              expect(numberAt(db, `${worker}/${name}`)).toBe(held);
            }
            const big = db.get(`${worker}/big`);
            if (held > 0) expect(toText(big as Uint8Array)).toBe(bigValue(held));
            const last = `${worker}/keys/${held % 500}`;
            if (held > 0) expect(numberAt(db, last)).toBe(held);
          }
          expect(db.count()).toBe(db.scan({ reverse: true }).toArray().length);
          expect((await db.verify()).findings).toEqual([]);
        } finally {
          await db.close();
        }
      }
    },
    20_000 * rounds,
  );
});
