/**
 * What is done to a directory that is not open: salvage of a damaged one. Like `open.ts` it brings
 * options, environment and the layers below together.
 */

import { resolve } from "node:path";

import { MelesError } from "./base/errors.ts";
import type { Env } from "./env/env.ts";
import { systemEnv } from "./env/system-env.ts";
import type { SalvageProgress, SalvageReport } from "./salvage/report.ts";
import { salvageDirectory } from "./salvage/salvage.ts";

export interface SalvageOptions {
  /** Master key of the damaged directory; the new one is encrypted under the same. */
  readonly encryptionKey?: Uint8Array;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: SalvageProgress) => void;
  /** For specs: clock, disk and randomness. */
  readonly env?: Env;
}

/** Values of at least so many bytes go to the new directory's value log: the default of `open`. */
const VALUE_THRESHOLD = 1024;

/**
 * Builds a database in `newDirectory`, which must not exist or be empty, from everything that can be
 * read of the damaged one in `directory`: all versions, user bytes, expiry times and deletions. The
 * damaged directory is only read, under a shared lock where the file system has locks. What cannot be
 * read is in the report, with file, offset, reason and, where it is known, the range of keys.
 *
 * @throws MelesError `ERR_NOT_A_DATABASE`, `ERR_LOCKED`, `ERR_ENCRYPTION_KEY`, `ERR_INVALID_ARGUMENT`
 *   when `newDirectory` is not empty, `ERR_ABORTED`, `ERR_DISK_FULL`, `ERR_IO`. Then nothing is left in
 *   `newDirectory`. Cost: every table is read twice; memory for the logs and 8 bytes a block.
 */
export async function salvage(
  directory: string,
  newDirectory: string,
  options: SalvageOptions = {},
): Promise<SalvageReport> {
  const env = options.env ?? systemEnv();
  const source = locate(env, directory);
  const target = locate(env, newDirectory);
  if (target === source || target.startsWith(`${source}/`)) {
    throw new MelesError(
      "ERR_INVALID_ARGUMENT",
      `${newDirectory} lies in the directory to be salvaged, which is not touched; name one outside`,
    );
  }
  return salvageDirectory(env, {
    source,
    target,
    encryptionKey: options.encryptionKey,
    valueThreshold: VALUE_THRESHOLD,
    signal: options.signal,
    onProgress: options.onProgress,
  });
}

/** A file system of the caller's own takes paths as they are. */
function locate(env: Env, path: string): string {
  if (typeof path !== "string" || path === "") {
    throw new MelesError("ERR_INVALID_ARGUMENT", "salvage() needs the paths of two directories");
  }
  return resolve(path);
}
