/**
 * Entry of a background thread. Static imports only and no top-level `await`: see serve-jobs.ts. In a
 * compiled executable this file is an entry point of its own: see spawn.ts.
 */

import { systemEnv } from "../env/system-env.ts";
import { runJob, type Job } from "./jobs.ts";
import { ownerLog, serveJobs } from "./serve-jobs.ts";

const env = systemEnv({ log: ownerLog });

serveJobs((job: Job) => runJob(job, env));
