/**
 * Staging one record of a commit: the value, if it is large, at the value log's tail, and the record at
 * the tail of the active memtable's arena. Nothing is readable or on disk before the group is written.
 * For the commit queue alone.
 */

import type { Version } from "../base/ids.ts";
import {
  logRecordLength,
  transactionEndLength,
  writeLogRecord,
  writeTransactionEnd,
} from "../format/log-record.ts";
import { META_IN_TRANSACTION, META_POINTER } from "../format/stored-value.ts";
import { VALUE_POINTER_SIZE } from "../format/value-pointer.ts";
import type { ValueLogWriter } from "../value-log/value-log-writer.ts";
import type { CommitCounters } from "./commit-parts.ts";
import type { Memtables } from "./memtables.ts";

export interface RecordStageParts {
  readonly memtables: Memtables;
  readonly valueLog: ValueLogWriter;
  readonly valueThreshold: number;
}

export class RecordStage {
  readonly #parts: RecordStageParts;
  readonly #counters: CommitCounters;
  readonly #pointer = new Uint8Array(VALUE_POINTER_SIZE);

  constructor(parts: RecordStageParts, counters: CommitCounters) {
    this.#parts = parts;
    this.#counters = counters;
  }

  /** Log bytes of a record. */
  recordBytes(key: Uint8Array, value: Uint8Array, expiresAt: number): number {
    const valueBytes = this.#isInline(value) ? value.length : VALUE_POINTER_SIZE;
    return logRecordLength(key.length, valueBytes, expiresAt);
  }

  /** `bytes` is what `recordBytes` said, and there is room for it. */
  write(
    bytes: number,
    meta: number,
    userMeta: number,
    expiresAt: number,
    key: Uint8Array,
    version: Version,
    value: Uint8Array,
  ): void {
    const { memtables, valueLog } = this.#parts;
    const { memtable } = memtables.active;
    const offset = memtable.reserve(bytes);
    this.#counters.entries++;
    this.#counters.userBytes += key.length + value.length;
    if (this.#isInline(value)) {
      writeLogRecord(memtable.arena, offset, meta, userMeta, expiresAt, key, version, value);
      return;
    }
    const logged = meta & ~META_IN_TRANSACTION;
    const pointer = this.#pointer;
    valueLog.stage(userMeta, logged, expiresAt, key, version, value, pointer, 0);
    const pointed = meta | META_POINTER;
    writeLogRecord(memtable.arena, offset, pointed, userMeta, expiresAt, key, version, pointer);
  }

  /** Log bytes of a record whose value never goes to the value log, and which does not expire. */
  inlineBytes(key: Uint8Array, value: Uint8Array): number {
    return logRecordLength(key.length, value.length, 0);
  }

  /** `bytes` is what `inlineBytes` said, and there is room for it. */
  writeInline(
    bytes: number,
    meta: number,
    key: Uint8Array,
    version: Version,
    value: Uint8Array,
  ): void {
    const { memtable } = this.#parts.memtables.active;
    writeLogRecord(memtable.arena, memtable.reserve(bytes), meta, 0, 0, key, version, value);
  }

  /** The end marker of a transaction whose records were written just before. */
  writeEnd(version: Version): void {
    const { memtable } = this.#parts.memtables.active;
    const offset = memtable.reserve(transactionEndLength(version));
    writeTransactionEnd(memtable.arena, offset, version);
  }

  #isInline(value: Uint8Array): boolean {
    return value.length < this.#parts.valueThreshold || value.length === 0;
  }
}
