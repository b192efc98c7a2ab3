import { expect, test } from "bun:test";
import { InlineExecutor } from "../../src/env/executor.ts";
import { executorSuite } from "../suites/executor.suite.ts";
import { runTestJob, type TestJob } from "../worker/test-jobs.ts";

executorSuite("InlineExecutor", () => new InlineExecutor<TestJob, unknown>(runTestJob));

test("the inline executor has done the job when `run` returns", async () => {
  const done: number[] = [];
  const executor = new InlineExecutor<number, number>((job) => done.push(job));
  const first = executor.run(7);
  const second = executor.run(8);
  expect(done).toEqual([7, 8]);
  expect(await Promise.all([first, second])).toEqual([1, 2]);
});
