/** `KEYREGISTRY` and `DISCARD`. A data key itself is never shown. */

import { MelesError } from "../base/errors.ts";
import { decodeDiscardTable } from "../format/discard-table.ts";
import { IV_SIZE } from "../format/encryption.ts";
import { valueLogFileName } from "../format/file-names.ts";
import { decodeKeyRegistry, KEY_REGISTRY_HEADER_SIZE } from "../format/key-registry.ts";
import { facts, type Part, rowOf } from "./part.ts";

export function* inspectKeyRegistry(
  bytes: Uint8Array,
  masterKey: Uint8Array | undefined,
): Generator<Part> {
  try {
    const { iv, keys, validEnd } = decodeKeyRegistry(bytes, masterKey);
    yield facts({ iv: iv.toHex(), encrypted: masterKey !== undefined, dataKeyCount: keys.length });
    for (const { keyId, createdAt, data } of keys) {
      yield rowOf("dataKeys", { keyId, createdAt, keyBits: data.length * 8 });
    }
    if (validEnd < bytes.length) yield facts({ tornBytes: bytes.length - validEnd });
  } catch (error) {
    if (!(error instanceof MelesError) || error.code !== "ERR_ENCRYPTION_KEY") throw error;
    yield facts({ iv: bytes.slice(0, IV_SIZE).toHex(), encrypted: error.message });
    yield facts({ dataKeysBytes: bytes.length - KEY_REGISTRY_HEADER_SIZE });
  }
}

export function* inspectDiscard(bytes: Uint8Array): Generator<Part> {
  const slots = decodeDiscardTable(bytes);
  yield facts({ slotCount: Math.floor(bytes.length / 16), usedSlotCount: slots.size });
  for (const [file, discarded] of slots) {
    yield rowOf("valueLogFiles", { valueLog: valueLogFileName(file), discardedBytes: discarded });
  }
}
