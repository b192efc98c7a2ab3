/** What every `Executor` does, wherever it runs its jobs. Runs the jobs of spec/worker/test-jobs.ts. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { CorruptionError, MelesError } from "../../src/base/errors.ts";
import type { Executor } from "../../src/env/executor.ts";
import type { TestJob } from "../worker/test-jobs.ts";

export function executorSuite(name: string, make: () => Executor<TestJob, unknown>): void {
  describe(name, () => {
    let executor: Executor<TestJob, unknown>;
    beforeEach(() => {
      executor = make();
    });
    afterEach(() => executor.close());

    test("a job's result is what `run` resolves with", async () => {
      const value = { text: "x", list: [1, undefined, null], bytes: new Uint8Array([1, 2]) };
      expect(await executor.run({ kind: "echo", value })).toEqual(value);
      expect(await executor.run({ kind: "echo", value }, { priority: "flush" })).toEqual(value);
    });

    test("what a job throws is what `run` rejects with, class and fields included", async () => {
      const error = await executor.run({ kind: "fail" }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CorruptionError);
      expect(error).toMatchObject({ code: "ERR_CORRUPTION", file: "000001.sst", offset: 7 });
    });

    test("a failed job does not disturb the next ones", async () => {
      const jobs: TestJob[] = [
        { kind: "fail" },
        { kind: "echo", value: 1 },
        { kind: "fail" },
        { kind: "echo", value: 2 },
      ];
      const settled = await Promise.allSettled(jobs.map((job) => executor.run(job)));
      expect(settled.map((one) => (one.status === "fulfilled" ? one.value : "failed"))).toEqual([
        "failed",
        1,
        "failed",
        2,
      ]);
    });

    test("many jobs run once each", async () => {
      const cells = new Int32Array(new SharedArrayBuffer(4));
      const results = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          executor.run(
            { kind: "increment", cells },
            { priority: i % 3 === 0 ? "flush" : "background" },
          ),
        ),
      );
      expect(new Set(results).size).toBe(100);
      expect(cells[0]).toBe(100);
    });

    test("shared memory in a job is the caller's own", async () => {
      const cells = new Int32Array(new SharedArrayBuffer(8), 4, 1);
      await executor.run({ kind: "increment", cells });
      expect(cells[0]).toBe(1);
    });

    test("it can do at least one thing at a time", () => {
      expect(executor.parallelism).toBeGreaterThanOrEqual(1);
    });

    test("after close, and during it, jobs are refused; closing again is fine", async () => {
      await executor.run({ kind: "echo", value: 0 });
      const closing = executor.close();
      for (const moment of [undefined, closing]) {
        await moment;
        const error = await executor.run({ kind: "echo", value: 1 }).catch((e: unknown) => e);
        expect(error).toBeInstanceOf(MelesError);
        expect(error).toMatchObject({ code: "ERR_CLOSED" });
      }
      await executor.close();
    });
  });
}
