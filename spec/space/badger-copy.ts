/**
 * What Badger's value-log collection leaves in a directory when the process dies after it: an entry that
 * the tree holds already, with the same version, in a log of its own that is replayed on top.
 */

import type { Entry } from "../../src/database/contract.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { memFileName } from "../../src/format/file-names.ts";
import { encodeLogHeader } from "../../src/format/log-header.ts";
import { LOG_RECORD_OVERHEAD_MAX, writeLogRecord } from "../../src/format/log-record.ts";
import { writeFile } from "../suites/copy-file-system.ts";

export function writeBadgerCopy(files: FileSystem, directory: string, entry: Entry): void {
  const { key, version, value, userMeta, expiresAt } = entry;
  const header = encodeLogHeader(0, new Uint8Array(12));
  const bytes = new Uint8Array(header.length + LOG_RECORD_OVERHEAD_MAX + key.length + value.length);
  bytes.set(header);
  const end = writeLogRecord(bytes, header.length, 0, userMeta, expiresAt, key, version, value);
  const numbers = files
    .list(directory)
    .filter((name) => name.endsWith(".mem"))
    .map((name) => Number.parseInt(name, 10));
  const path = files.join(directory, memFileName(Math.max(0, ...numbers) + 1));
  writeFile(files, path, bytes.slice(0, end));
}
