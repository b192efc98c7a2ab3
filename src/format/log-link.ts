/**
 * Log link: which log a write-ahead log goes on from. An unencrypted log has no use for the base IV in
 * its header, so Meles writes there what recovery needs to notice a lost end of the log before:
 *
 *     | "MLSp" | number of the log before, u32 BE | its length in bytes, u32 BE |
 *
 * Without it a power cut that shortens an older log exactly between two records would leave a gap that
 * cannot be seen. Badger ignores the IV of logs without a key; its own headers are random there.
 */

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
  writeU32BE(iv, 0, MAGIC);
  writeU32BE(iv, 4, link.previousNumber);
  writeU32BE(iv, 8, link.previousBytes);
  return iv;
}

/** The link in a base IV, if it carries one. */
export function decodeLogLink(baseIv: Uint8Array): LogLink | undefined {
  if (readU32BE(baseIv, 0) !== MAGIC) return undefined;
  return { previousNumber: readU32BE(baseIv, 4), previousBytes: readU32BE(baseIv, 8) };
}
