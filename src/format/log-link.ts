/**
 * Log link: which log a write-ahead log goes on from. An unencrypted log has no use for the base IV in
 * its header, so Meles writes there what recovery needs to notice a lost end of the log before:
 *
 *     | "MLSp" XOR CRC-32C of the rest, u32 BE | number of the log before, u32 BE | its bytes, u32 BE |
 *
 * The checksum is there because a wrong length would make recovery drop a log.
 *
 * Without it a power cut that shortens an older log exactly between two records would leave a gap that
 * cannot be seen. Badger ignores the IV of logs without a key; its own headers are random there.
 */

import { crc32c } from "./crc32c.ts";
import { readU32BE, writeU32BE } from "./integers.ts";
import { LOG_BASE_IV_SIZE } from "./log-header.ts";

/** ASCII `MLSp`. Frozen. */
const MAGIC = 0x4d4c5370;

export interface LogLink {
  readonly previousNumber: number;
  readonly previousBytes: number;
}

/** The base IV that carries a link. */
export function encodeLogLink(link: LogLink): Uint8Array {
  const iv = new Uint8Array(LOG_BASE_IV_SIZE);
  writeU32BE(iv, 4, link.previousNumber);
  writeU32BE(iv, 8, link.previousBytes);
  writeU32BE(iv, 0, proofOf(iv));
  return iv;
}

/** The link in a base IV, if it carries one. */
export function decodeLogLink(baseIv: Uint8Array): LogLink | undefined {
  if (readU32BE(baseIv, 0) !== proofOf(baseIv)) return undefined;
  return { previousNumber: readU32BE(baseIv, 4), previousBytes: readU32BE(baseIv, 8) };
}

function proofOf(iv: Uint8Array): number {
  return (MAGIC ^ crc32c(iv, 4, LOG_BASE_IV_SIZE)) >>> 0;
}
