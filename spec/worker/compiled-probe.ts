/**
 * The program that compiled-worker.spec.ts compiles: sends pings through the default executor, two at a
 * time and a flush, and prints where they ran.
 */

import { systemEnv } from "../../src/env/system-env.ts";
import { backgroundExecutor } from "../../src/worker/background-executor.ts";

const executor = backgroundExecutor(systemEnv(), 2);
const results = await Promise.all([
  executor.run({ kind: "ping" }),
  executor.run({ kind: "ping" }),
  executor.run({ kind: "ping" }, { priority: "flush" }),
]);
await executor.close();
process.stdout.write(
  `${results.map((result) => result.kind === "ping" && result.thread).join(" ")}\n`,
);
