/**
 * What a write-ahead log, sound or not, still holds: every whole record of every transaction that was
 * committed.
 *
 * In a sound log this is what the engine replays. Behind damage more is taken than the engine would:
 * a later record shows that earlier ones were written to their end, so a transaction whose end marker
 * the damage has swallowed was committed. What it has lost is reported.
 */

import { MelesError } from "../base/errors.ts";
import type { LogCipher } from "../format/encryption.ts";
import { memFileName } from "../format/file-names.ts";
import { LOG_BASE_IV_SIZE, LOG_HEADER_SIZE } from "../format/log-header.ts";
import { decodeLogLink } from "../format/log-link.ts";
import { LogRecordView } from "../format/log-record.ts";
import { META_IN_TRANSACTION, META_TRANSACTION_END } from "../format/stored-value.ts";
import { Memtable } from "../memtable/memtable.ts";
import type { KeyEvidence } from "./key-evidence.ts";
import { logCiphers } from "./log-cipher.ts";
import { findRecords, type FoundRecords } from "./record-scan.ts";
import type { Findings } from "./report.ts";
import type { SourceFile } from "./source-file.ts";

/** Records that are enough to tell one cipher from another. */
const SAMPLE_RECORDS = 64;
const CRC_BYTES = 4;

/**
 * The log's committed entries, indexed; `undefined` when there are none. Sets `keys.proven`.
 *
 * @param next the log that was begun after this one, if there is one
 */
export function readLogEvidence(
  file: SourceFile,
  next: SourceFile | undefined,
  keys: KeyEvidence,
  findings: Findings,
): Memtable | undefined {
  const bytes = file.read(0, file.size);
  const found = findRecords(bytes);
  const ciphers = logCiphers(bytes.subarray(0, LOG_HEADER_SIZE), keys);
  const cipher = ciphers.find((candidate) => makesSense(bytes, found.offsets, candidate));
  if (cipher === undefined && !makesSense(bytes, found.offsets, undefined)) {
    const reason = "encrypted with a data key that is lost, or the header is damaged that it needs";
    findings.add({ file: file.name, offset: 0, reason, lost: true });
    return undefined;
  }
  if (cipher !== undefined) keys.proven = true;
  const memtable = new DamagedLog(file, bytes, found, cipher, findings).read(next !== undefined);
  const missing = next === undefined ? 0 : missingAtEnd(file, next);
  if (missing > 0) {
    const reason = `${missing} bytes are missing at the end, as ${next?.name} knows; what was written there is lost`;
    findings.add({ file: file.name, offset: file.size, reason, lost: true });
  }
  return memtable;
}

/** How many bytes at the end of a log are missing, as the next one knows (format/log-link.ts). */
export function missingAtEnd(file: SourceFile, next: SourceFile): number {
  const header = next.read(0, LOG_HEADER_SIZE);
  if (header.length < LOG_HEADER_SIZE) return 0;
  const link = decodeLogLink(header.subarray(LOG_HEADER_SIZE - LOG_BASE_IV_SIZE));
  if (link === undefined || memFileName(link.previousNumber) !== file.name) return 0;
  return Math.max(0, link.previousBytes - file.size);
}

/** Whether, read so, most keys end with a possible version: of random bytes one in 2048 does. */
function makesSense(
  bytes: Uint8Array,
  offsets: readonly number[],
  cipher: LogCipher | undefined,
): boolean {
  const sample = offsets.slice(0, SAMPLE_RECORDS);
  const count = sample.filter((offset) => isReadable(bytes, offset, cipher)).length;
  return sample.length === 0 ? cipher === undefined : count * 2 > sample.length;
}

function isReadable(bytes: Uint8Array, offset: number, cipher: LogCipher | undefined): boolean {
  const view = new LogRecordView();
  if (view.checkStored(bytes, offset, bytes.length) !== "ok") return false;
  const record = bytes.slice(offset, view.end);
  cipher?.applyTo(record, view.keyOffset - offset, record.length - CRC_BYTES, offset);
  return decodes(view, record, 0);
}

/** Decodes a whole record; false for a version that cannot be. */
function decodes(view: LogRecordView, bytes: Uint8Array, offset: number): boolean {
  try {
    return view.decode(bytes, offset, bytes.length);
  } catch (error) {
    if (error instanceof MelesError) return false;
    throw error;
  }
}

class DamagedLog {
  readonly #file: SourceFile;
  readonly #bytes: Uint8Array;
  readonly #found: FoundRecords;
  readonly #cipher: LogCipher | undefined;
  readonly #findings: Findings;
  readonly #view = new LogRecordView();
  readonly #committed: number[] = [];
  /** Records of the transaction that is open, its version, and whether a gap has touched it. */
  #pending: number[] = [];
  #version = 0;
  #touched = false;
  /** Newest version before the current record, for messages. */
  #lastVersion = 0;

  constructor(
    file: SourceFile,
    bytes: Uint8Array,
    found: FoundRecords,
    cipher: LogCipher | undefined,
    findings: Findings,
  ) {
    this.#file = file;
    this.#bytes = bytes;
    this.#found = found;
    this.#cipher = cipher;
    this.#findings = findings;
  }

  /** `isFollowed`: a later log shows that this one was written to its end. */
  read(isFollowed: boolean): Memtable | undefined {
    const { offsets, gaps, tail } = this.#found;
    const tailIsUnfinished = this.#found.tailIsUnfinished && !isFollowed;
    let nextGap = 0;
    for (const offset of offsets) {
      const gap = gaps[nextGap];
      const isBehindGap = gap !== undefined && gap.end === offset;
      if (isBehindGap) {
        nextGap++;
        this.#touched = true;
      }
      const isRead = this.#record(offset);
      if (isBehindGap) this.#reportGap(gap.start, gap.end - gap.start);
      if (isRead) this.#lastVersion = this.#view.version;
    }
    if (tail !== undefined) this.#reportTail(tail.start, tail.end - tail.start, tailIsUnfinished);
    if (this.#touched || (tail !== undefined && !tailIsUnfinished)) this.#commit();
    return this.#index();
  }

  /** Decrypts and decodes a record and takes it into its transaction; false when it makes no sense. */
  #record(offset: number): boolean {
    const bytes = this.#bytes;
    const view = this.#view;
    view.checkStored(bytes, offset, bytes.length);
    this.#cipher?.applyTo(bytes, view.keyOffset, view.end - CRC_BYTES, offset);
    if (!decodes(view, bytes, offset)) {
      this.#report(offset, "a record cannot be decrypted, or has an impossible version", true);
      this.#touched = true;
      return false;
    }
    if ((view.meta & META_TRANSACTION_END) !== 0) {
      // Its value is not looked at: with a threshold of 0 Badger puts it where its own replay does not
      // find it, and loses the transaction.
      if (this.#version !== view.version) this.#endUnmarked(offset);
      this.#commit();
    } else if ((view.meta & META_IN_TRANSACTION) !== 0) {
      if (this.#version !== view.version) this.#endUnmarked(offset);
      this.#version = view.version;
      this.#pending.push(offset);
    } else {
      this.#endUnmarked(offset);
      this.#committed.push(offset);
    }
    return true;
  }

  /** The open transaction ends without its marker. Only damage explains that of a committed one. */
  #endUnmarked(offset: number): void {
    if (this.#pending.length > 0 && !this.#touched) {
      const reason = `the transaction of version ${this.#version} was never finished; it is left out`;
      this.#report(offset, reason, false);
      this.#pending = [];
    }
    this.#commit();
  }

  #commit(): void {
    this.#committed.push(...this.#pending);
    this.#pending = [];
    this.#version = 0;
    this.#touched = false;
  }

  #index(): Memtable | undefined {
    if (this.#committed.length === 0) return undefined;
    // Preallocated logs are mostly zeros.
    this.#view.decode(this.#bytes, this.#committed.at(-1) as number, this.#bytes.length);
    const content = this.#bytes.subarray(0, this.#view.end);
    const memtable = new Memtable(content.length, 0);
    memtable.arena.set(content);
    for (const offset of this.#committed) memtable.indexRecord(offset);
    memtable.finishReplay(content.length);
    return memtable;
  }

  #reportGap(start: number, length: number): void {
    const refused = this.#file.refusal(start, start + length);
    const what =
      refused === undefined
        ? `${length} bytes hold no whole record`
        : `${length} bytes cannot be had (${refused})`;
    const from = this.#lastVersion === 0 ? "" : ` from ${this.#lastVersion}`;
    this.#report(
      start,
      `${what}; writes${from} up to version ${this.#view.version} may be missing`,
      true,
    );
  }

  #reportTail(start: number, length: number, isUnfinished: boolean): void {
    const reason = isUnfinished
      ? `the last ${length} bytes are a write that was never finished`
      : `the last ${length} bytes hold no whole record; the newest writes may be missing`;
    this.#report(start, reason, !isUnfinished);
  }

  #report(offset: number, reason: string, lost: boolean): void {
    this.#findings.add({ file: this.#file.name, offset, reason, lost });
  }
}
