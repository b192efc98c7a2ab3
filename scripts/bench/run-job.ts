/**
 * The process of one job: `bun scripts/bench/run-job.ts JOB MODULES` with the job as JSON and the folder
 * of the peers' packages. Prints a line of JSON per measure; whoever started it reads them.
 */

import { mkdirSync, writeSync } from "node:fs";
import type { Job } from "./job.ts";
import { runSteps } from "./steps.ts";

const [, , text, modules] = process.argv;
const job: Job = JSON.parse(text ?? "{}");
mkdirSync(job.directory, { recursive: true });
await runSteps(job, modules ?? "", (measure) => {
  writeSync(1, `${JSON.stringify(measure)}\n`);
});
