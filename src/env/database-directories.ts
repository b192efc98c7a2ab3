/**
 * How a file system tells a database's directory, for those who must not write into one by mistake. The
 * manifest's name and first bytes are Badger's and frozen (format/manifest-replay.ts).
 */

import { MelesError } from "../base/errors.ts";

export const MANIFEST_NAME = "MANIFEST";
export const MANIFEST_HEAD_BYTES = 4;

/** Whether a file begins as a manifest does: `Bdgr`. A file of that name alone may be anybody's. */
export function isManifest(head: Uint8Array): boolean {
  return head[0] === 0x42 && head[1] === 0x64 && head[2] === 0x67 && head[3] === 0x72;
}

/** Whether one of the names is a value log's: its directory may be all that a database has there. Frozen. */
export function holdsValueLogs(names: readonly string[]): boolean {
  return names.some((name) => /^[0-9]{6,}\.vlog$/.test(name));
}

export function insideDatabase(path: string): MelesError {
  return new MelesError(
    "ERR_INVALID_ARGUMENT",
    `${path} lies in the directory of a database, whose files must not be overwritten; name a file elsewhere`,
  );
}
