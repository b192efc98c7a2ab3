/**
 * Reading a log to its end: which records of a log file count.
 *
 * Plain records count by themselves. Records of a transaction count together, when an end marker
 * with their version follows. The first thing that does not fit ends the log; what lies behind it is
 * lost, even intact records, because order carries the meaning. Frozen: both engines must stop at
 * the same byte.
 *
 * Recovery replays write-ahead logs with it and finds the end of the newest value-log file.
 */

import { damaged } from "./damage.ts";
import type { LogCipher } from "./encryption.ts";
import { LogRecordView } from "./log-record.ts";
import { META_IN_TRANSACTION, META_TRANSACTION_END } from "./stored-value.ts";

/** Reusable; one replay at a time. */
export class LogReplay {
  readonly #view = new LogRecordView();
  /** Offsets of the records of the open transaction. */
  readonly #pending: number[] = [];

  /**
   * Replays `bytes[start, limit)`, where `bytes` holds the file from its first byte, and returns the
   * offset behind the last record that counts. `apply` gets the offset of each one, in order; it
   * must decode with a view of its own. `CorruptionError` for bytes that no torn write leaves.
   *
   * With a cipher, records are decrypted in place before `apply` sees them: `bytes` is changed.
   */
  replay(
    bytes: Uint8Array,
    start: number,
    limit: number,
    apply: (recordOffset: number) => void,
    cipher?: LogCipher,
  ): number {
    const view = this.#view;
    const pending = this.#pending;
    pending.length = 0;
    let offset = start;
    let validEnd = start;
    /** Version of the open transaction; 0 = none, as in Badger. */
    let open = 0;
    for (;;) {
      const status = view.checkStored(bytes, offset, limit);
      if (status === "end") return validEnd;
      if (status === "malformed") throw damaged(offset, "a log record", "an impossible length");
      cipher?.applyTo(bytes, view.keyOffset, view.end - 4, offset);
      if ((view.meta & META_IN_TRANSACTION) !== 0) {
        if (!view.decode(bytes, offset, limit)) return validEnd;
        if (open === 0) open = view.version;
        if (open !== view.version) return validEnd;
        pending.push(offset);
        offset = view.end;
        continue;
      }
      // `apply` may decode with this very view only by mistake; take what is needed before calling it.
      const next = view.end;
      if ((view.meta & META_TRANSACTION_END) !== 0) {
        if (parseDecimal(bytes, view.valueOffset, view.valueLength) !== open) return validEnd;
        for (let i = 0; i < pending.length; i++) apply(pending[i] as number);
        pending.length = 0;
        open = 0;
      } else {
        if (open !== 0) return validEnd;
        apply(offset);
      }
      offset = next;
      validEnd = next;
    }
  }
}

/** The value of unsigned decimal digits, or -1 when there are none, others, or too many. */
function parseDecimal(bytes: Uint8Array, offset: number, length: number): number {
  if (length === 0) return -1;
  let value = 0;
  for (let i = offset; i < offset + length; i++) {
    const digit = (bytes[i] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return -1;
  }
  return value;
}
