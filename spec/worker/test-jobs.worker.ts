/** Thread entry for specs: serves test-jobs.ts the way background.worker.ts serves the real jobs. */

import { ownerLog, serveJobs } from "../../src/worker/serve-jobs.ts";
import { runTestJob, type TestJob } from "./test-jobs.ts";

serveJobs((job: TestJob) => {
  ownerLog("debug", "runs a job", { kind: job.kind });
  return runTestJob(job);
});
