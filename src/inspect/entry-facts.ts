/** What an entry's meta bits, pointer and times say, the same in every kind of file. */

import { valueLogFileName } from "../format/file-names.ts";
import {
  META_DELETE,
  META_DISCARD_EARLIER,
  META_IN_TRANSACTION,
  META_MERGE,
  META_POINTER,
  META_TRANSACTION_END,
} from "../format/stored-value.ts";
import {
  pointerFile,
  pointerLength,
  pointerOffset,
  VALUE_POINTER_SIZE,
} from "../format/value-pointer.ts";
import { type Row, shownValue } from "./part.ts";

const KNOWN_BITS =
  META_DELETE |
  META_POINTER |
  META_DISCARD_EARLIER |
  META_MERGE |
  META_IN_TRANSACTION |
  META_TRANSACTION_END;

/** Bits that are not set are left out, as are a user byte of 0 and an expiry of never. */
export function metaFacts(meta: number, userMeta: number, expiresAt: number): Row {
  return {
    userMeta: userMeta === 0 ? undefined : userMeta,
    expiresAt: expiresAt === 0 ? undefined : expiresAt,
    deleted: isSet(meta, META_DELETE),
    discardsEarlier: isSet(meta, META_DISCARD_EARLIER),
    merge: isSet(meta, META_MERGE),
    inTransaction: isSet(meta, META_IN_TRANSACTION),
    unknownBits: (meta & ~KNOWN_BITS) === 0 ? undefined : meta & ~KNOWN_BITS,
  };
}

function isSet(meta: number, bit: number): true | undefined {
  return (meta & bit) === 0 ? undefined : true;
}

/** The value, or where it lies in the value log. */
export function valueFacts(meta: number, bytes: Uint8Array, start: number, end: number): Row {
  if ((meta & META_DELETE) !== 0 && start === end) return {};
  if ((meta & META_POINTER) === 0) return { value: shownValue(bytes, start, end) };
  if (end - start !== VALUE_POINTER_SIZE) {
    return { value: shownValue(bytes, start, end), badPointer: true };
  }
  return {
    in: valueLogFileName(pointerFile(bytes, start)),
    at: pointerOffset(bytes, start),
    recordBytes: pointerLength(bytes, start),
  };
}
