/**
 * The data keys that a key registry, sound or not, still gives away under the master key.
 *
 * The header's greeting tells a right master key from a wrong one. When it does not match, it may be
 * damaged: then the keys are tried all the same, and `proven` is false until something made sense.
 */

import { concatBytes } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import { IV_SIZE } from "../format/encryption.ts";
import { KEYREGISTRY } from "../format/file-names.ts";
import {
  type DataKey,
  decodeKeyRegistry,
  encodeKeyRegistryHeader,
  KEY_REGISTRY_HEADER_SIZE,
} from "../format/key-registry.ts";
import { complaintOf } from "./attempt.ts";
import { readFramedRecords } from "./framed-records.ts";
import type { Findings } from "./report.ts";

export class KeyEvidence {
  readonly keys: readonly DataKey[];
  /** The master key is known to be the right one. */
  proven: boolean;

  constructor(keys: readonly DataKey[], proven: boolean) {
    this.keys = keys;
    this.proven = proven;
  }

  keyOf(keyId: number): Uint8Array | undefined {
    return this.keys.find((key) => key.keyId === keyId)?.data;
  }

  /** Throws when nothing that was decrypted made sense. */
  requireProof(decrypted: boolean): void {
    if (this.proven || decrypted || this.keys.length === 0) return;
    throw new MelesError(
      "ERR_ENCRYPTION_KEY",
      "nothing in the directory can be decrypted with this encryption key; check that it is the right one",
    );
  }
}

/**
 * Reads `bytes`, the registry's content, or `undefined` when there is none. `ERR_ENCRYPTION_KEY` when
 * the registry says that a master key is missing, or not needed.
 */
export function readKeyEvidence(
  bytes: Uint8Array | undefined,
  masterKey: Uint8Array | undefined,
  findings: Findings,
): KeyEvidence {
  if (bytes === undefined) {
    // Harmless without encryption; with it, every encrypted file will say that its key is missing.
    if (masterKey !== undefined) add(findings, 0, "missing, and with it every data key", true);
    return new KeyEvidence([], true);
  }
  const { records, gaps } = readFramedRecords(bytes, KEY_REGISTRY_HEADER_SIZE);
  const proven = isGreeting(bytes, masterKey, records.length > 0);
  if (!proven) {
    const reason =
      "the header does not match the encryption key; the data keys are tried all the same";
    add(findings, 0, masterKey === undefined ? "the header is damaged" : reason, false);
  }
  const header = encodeKeyRegistryHeader(new Uint8Array(IV_SIZE), masterKey);
  const keys: DataKey[] = [];
  for (const { offset, end } of records) {
    try {
      const alone = concatBytes(header, bytes.subarray(offset, end));
      keys.push(...decodeKeyRegistry(alone, masterKey).keys);
    } catch (error) {
      if (!(error instanceof MelesError)) throw error;
      add(findings, offset, `a data key that cannot be read: ${complaintOf(error)}`, true);
    }
  }
  for (const { start, end } of gaps) {
    add(
      findings,
      start,
      `${end - start} bytes are no data key; files under a lost key are lost`,
      true,
    );
  }
  return new KeyEvidence(keys, proven);
}

/**
 * Whether the header fits the master key. Throws when it plainly fits another case: a damaged header
 * never reads as the greeting in clear, and only an encrypted directory has data keys.
 */
function isGreeting(
  bytes: Uint8Array,
  masterKey: Uint8Array | undefined,
  hasKeys: boolean,
): boolean {
  const header = bytes.subarray(0, KEY_REGISTRY_HEADER_SIZE);
  if (header.length < KEY_REGISTRY_HEADER_SIZE) return false;
  try {
    decodeKeyRegistry(header, masterKey);
    return true;
  } catch (error) {
    if (!(error instanceof MelesError) || error.code !== "ERR_ENCRYPTION_KEY") throw error;
    if (masterKey === undefined ? hasKeys : isPlain(header)) throw error;
    return false;
  }
}

function isPlain(header: Uint8Array): boolean {
  try {
    decodeKeyRegistry(header, undefined);
    return true;
  } catch {
    return false;
  }
}

function add(findings: Findings, offset: number, reason: string, lost: boolean): void {
  findings.add({ file: KEYREGISTRY, offset, reason, lost });
}
