/**
 * What opening a directory needs, with seals below it if the directory is an authenticated one (src/seal); as it
 * was if not. The only place that joins the seals with what they are below of.
 */

import type { Settings } from "./database/settings.ts";
import type { Env } from "./env/env.ts";
import type { Executor } from "./env/executor.ts";
import type { DirectoryPair } from "./format/directory-pair.ts";
import { sealedDirectory } from "./seal/sealed-environment.ts";
import type { Job, JobResult } from "./worker/jobs.ts";
import { SealedExecutor } from "./worker/sealed-executor.ts";

export interface SealableParts {
  readonly env: Env;
  readonly settings: Settings;
  readonly executor: Executor<Job, JobResult>;
}

export function withSeals(pair: DirectoryPair, parts: SealableParts): SealableParts {
  const { env, settings, executor } = parts;
  const sealed = sealedDirectory(env, pair, {
    masterKey: settings.encryptionKey,
    wanted: settings.authenticatedEncryption,
    rotationMs: settings.encryptionKeyRotationMs,
  });
  if (sealed === undefined) return parts;
  return {
    env: sealed.env,
    // What lies above the seals knows of no encryption.
    settings: { ...settings, encryptionKey: undefined, authenticatedEncryption: true },
    executor: new SealedExecutor(executor, () => sealed.grant()),
  };
}
