/**
 * Jobs for specs of executors: slow ones that wait for a gate, failing ones, deadly ones. The gate is an
 * Int32Array over shared memory, so that a spec decides when a job goes on, and never sleeps.
 */

import { CorruptionError } from "../../src/base/errors.ts";

export type TestJob =
  | { readonly kind: "echo"; readonly value: unknown }
  /** Marks `gate[0] += 1`, then waits until `gate[1]` is not 0. */
  | { readonly kind: "wait"; readonly gate: Int32Array }
  | { readonly kind: "increment"; readonly cells: Int32Array }
  | { readonly kind: "fail" }
  | { readonly kind: "fail-strangely" }
  | { readonly kind: "unclonable" }
  | { readonly kind: "exit" }
  /** Throws outside the job, where nothing catches it, while the thread waits. */
  | { readonly kind: "crash-later" }
  /** Dies of an uncaught error during the job. */
  | { readonly kind: "crash-now" }
  /** Takes a while, for a spec about when a process ends. */
  | { readonly kind: "linger"; readonly durationMs: number };

export function runTestJob(job: TestJob): unknown {
  switch (job.kind) {
    case "echo":
      return job.value;
    case "wait":
      Atomics.add(job.gate, 0, 1);
      Atomics.notify(job.gate, 0);
      Atomics.wait(job.gate, 1, 0);
      return Atomics.load(job.gate, 1);
    case "increment":
      return Atomics.add(job.cells, 0, 1) + 1;
    case "fail":
      throw new CorruptionError({ file: "000001.sst", offset: 7, expected: "a", actual: "b" });
    case "fail-strangely":
      throw "just a text";
    case "unclonable":
      return () => 1;
    case "exit":
      return process.exit(3);
    case "crash-later":
      queueMicrotask(() => {
        throw new Error("crashed in between");
      });
      return "answered";
    case "crash-now":
      reportError(new Error("crashed at once"));
      return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
    case "linger":
      return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, job.durationMs);
  }
}

export interface Gate {
  readonly gate: Int32Array;
  /** Resolves when so many jobs wait at the gate. */
  readonly arrived: (count: number) => Promise<void>;
  readonly open: () => void;
}

/** A gate for `wait` jobs. */
export function makeGate(): Gate {
  const gate = new Int32Array(new SharedArrayBuffer(8));
  const arrived = async (count: number): Promise<void> => {
    for (;;) {
      const seen = Atomics.load(gate, 0);
      if (seen >= count) return;
      await Atomics.waitAsync(gate, 0, seen).value;
    }
  };
  const open = (): void => {
    Atomics.store(gate, 1, 1);
    Atomics.notify(gate, 1);
  };
  return { gate, arrived, open };
}
