import { expect, test } from "bun:test";
import { ManualClock } from "../../src/env/manual-clock.ts";

test("time stands still until it is advanced", () => {
  const clock = new ManualClock(1_000);
  expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1_000, 0]);
  clock.advance(250);
  expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1_250, 250]);
});

test("timers run when due, in order of their times, and see the time they were due at", () => {
  const clock = new ManualClock(0);
  const runs: string[] = [];
  const note = (name: string) => () => runs.push(`${name}@${clock.monotonicMs()}`);
  clock.after(30, note("c"));
  clock.after(10, note("a"));
  clock.after(30, note("d"));
  clock.after(20, note("b"));
  clock.after(31, note("late"));
  clock.advance(30);
  expect(runs).toEqual(["a@10", "b@20", "c@30", "d@30"]);
  expect(clock.pendingTimers).toBe(1);
});

test("a timer that starts another goes on within the same advance", () => {
  const clock = new ManualClock(0);
  const ticks: number[] = [];
  const tick = (): void => {
    ticks.push(clock.monotonicMs());
    clock.after(10, tick);
  };
  clock.after(10, tick);
  clock.advance(35);
  expect(ticks).toEqual([10, 20, 30]);
  expect(clock.monotonicMs()).toBe(35);
});

test("a cancelled timer never runs, also when cancelled by one that runs before it", () => {
  const clock = new ManualClock(0);
  let runs = 0;
  const second = clock.after(10, () => runs++);
  clock.after(5, () => second.cancel());
  clock.after(1, () => runs++).cancel();
  clock.advance(100);
  expect(runs).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});

test("a jump moves the wall clock only, back as well as forth", () => {
  const clock = new ManualClock(10_000);
  let runs = 0;
  clock.after(100, () => runs++);
  clock.jump(-5_000);
  expect([clock.nowMs(), clock.monotonicMs(), runs]).toEqual([5_000, 0, 0]);
  expect(() => clock.advance(-1)).toThrow("time does not go back");
});
