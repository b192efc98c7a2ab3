/** The header of a log that is looked at before it is replayed, or without being replayed at all. */

import type { File } from "../env/file-system.ts";
import { decodeLogHeader, LOG_HEADER_SIZE, type LogHeader } from "../format/log-header.ts";

/** `undefined` when the file is too short to have one. */
export function readLogHeader(file: File): LogHeader | undefined {
  const header = new Uint8Array(LOG_HEADER_SIZE);
  const length = file.read(header, 0, LOG_HEADER_SIZE, 0);
  return length < LOG_HEADER_SIZE ? undefined : decodeLogHeader(header);
}
