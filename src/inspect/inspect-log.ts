/**
 * One `.mem` or `.vlog` file: header and records up to the first that is not whole, and what lies behind
 * it. Reads in windows, so a log of any size needs little memory; only a record that claims to be
 * larger makes the window grow, up to what the file holds.
 */

import { MelesError } from "../base/errors.ts";
import type { File } from "../env/file-system.ts";
import { LogCipher } from "../format/encryption.ts";
import { decodeLogHeader, LOG_HEADER_SIZE } from "../format/log-header.ts";
import { LogRecordView } from "../format/log-record.ts";
import { META_IN_TRANSACTION, META_TRANSACTION_END } from "../format/stored-value.ts";
import { readUvarint, uvarintSize } from "../format/varint.ts";
import { isCrashTail } from "../log/log-tail.ts";
import { metaFacts, valueFacts } from "./entry-facts.ts";
import { facts, finding, type Part, type Row, rowOf, shownKey } from "./part.ts";
import type { Surroundings } from "./surroundings.ts";

const WINDOW_BYTES = 1 << 20;
/** How much is looked at to tell what lies behind the last whole record. */
const TAIL_BYTES_MAX = 4 << 20;

export function* inspectLog(file: File, surroundings: Surroundings): Generator<Part> {
  const size = file.size();
  if (size < LOG_HEADER_SIZE) {
    yield finding(size, `expected a log header of ${LOG_HEADER_SIZE} bytes, found ${size}`);
    return;
  }
  const header = new Uint8Array(LOG_HEADER_SIZE);
  file.read(header, 0, LOG_HEADER_SIZE, 0);
  const { keyId, baseIv } = decodeLogHeader(header);
  yield facts({ dataKey: keyId === 0 ? "none" : keyId, baseIv: baseIv.toHex() });
  let cipher: LogCipher | undefined;
  let isReadable = true;
  if (keyId !== 0) {
    const key = surroundings.dataKey(keyId);
    isReadable = key.known;
    if (key.known) cipher = new LogCipher(key.value, baseIv);
    else yield facts({ encrypted: `keys and values cannot be shown: ${key.reason}` });
  }
  yield* new LogWalk(file, size, cipher, isReadable).run();
}

class LogWalk {
  readonly #file: File;
  readonly #size: number;
  readonly #cipher: LogCipher | undefined;
  /** Keys and values are in clear, or can be made so. */
  readonly #isReadable: boolean;
  readonly #view = new LogRecordView();
  #window = new Uint8Array(WINDOW_BYTES);
  /** Where the window starts in the file, and how much of it is filled. */
  #base = LOG_HEADER_SIZE;
  #filled = 0;
  #offset = LOG_HEADER_SIZE;
  /** Records of a transaction whose end has not come yet. */
  #open = 0;

  constructor(file: File, size: number, cipher: LogCipher | undefined, isReadable: boolean) {
    this.#file = file;
    this.#size = size;
    this.#cipher = cipher;
    this.#isReadable = isReadable;
  }

  *run(): Generator<Part> {
    let count = 0;
    while (this.#next()) {
      count++;
      yield rowOf("records", this.#row());
      this.#offset = this.#base + this.#view.end;
    }
    const end = this.#offset;
    const open = this.#open;
    yield facts({
      recordCount: count,
      end,
      incompleteTransaction: open === 0 ? undefined : `${open} records without an end marker`,
    });
    yield* this.#describeTail(end);
  }

  /** Decodes the record at the current offset; false when there is no whole one. */
  #next(): boolean {
    for (;;) {
      const start = this.#offset - this.#base;
      if (this.#view.checkStored(this.#window, start, this.#filled) === "ok") return true;
      const isAll = this.#base + this.#filled >= this.#size;
      if (isAll) return false;
      if (start === 0 && this.#filled > 0) {
        const claimed = claimedBytes(this.#window, this.#filled);
        if (claimed <= this.#filled || claimed > this.#size - this.#base) return false;
        this.#window = new Uint8Array(claimed);
      }
      this.#fill();
    }
  }

  /** Moves the window to the current offset. */
  #fill(): void {
    this.#base = this.#offset;
    const length = Math.min(this.#window.length, this.#size - this.#base);
    this.#filled = this.#file.read(this.#window, 0, length, this.#base);
  }

  #row(): Row {
    const view = this.#view;
    const start = this.#offset - this.#base;
    const { meta, userMeta, expiresAt, keyOffset } = view;
    const sizes = { recordBytes: view.end - start };
    if ((meta & META_IN_TRANSACTION) !== 0) this.#open++;
    if ((meta & META_TRANSACTION_END) !== 0) this.#open = 0;
    const notes = metaFacts(meta, userMeta, expiresAt);
    if (!this.#isReadable) {
      const { keyLength, valueLength } = view;
      return {
        offset: this.#offset,
        keyBytes: keyLength,
        valueBytes: valueLength,
        ...notes,
        ...sizes,
      };
    }
    // The window keeps the cipher text, for the checksum; a copy becomes plain.
    const record = this.#window.slice(start, view.end);
    this.#cipher?.applyTo(record, keyOffset - start, record.length - 4, this.#offset);
    try {
      view.decode(record, 0, record.length);
    } catch (error) {
      if (!(error instanceof MelesError)) throw error;
      return { offset: this.#offset, unreadable: error.message, ...sizes };
    } finally {
      view.end += start;
    }
    const isEnd = (meta & META_TRANSACTION_END) !== 0;
    return {
      offset: this.#offset,
      key: shownKey(record, view.keyOffset, view.keyOffset + view.keyLength),
      version: view.version,
      endOfTransaction: isEnd ? true : undefined,
      ...(isEnd
        ? {}
        : valueFacts(meta, record, view.valueOffset, view.valueOffset + view.valueLength)),
      ...notes,
      ...sizes,
    };
  }

  /** Badger preallocates its logs: zeros are no damage, anything else is what a torn write left, or worse. */
  *#describeTail(end: number): Generator<Part> {
    if (end === this.#size) return;
    const firstOther = this.#firstNonZero(end);
    if (firstOther === undefined) {
      yield facts({ behindIt: `${this.#size - end} zero bytes` });
      return;
    }
    const tail = new Uint8Array(Math.min(TAIL_BYTES_MAX, this.#size - end));
    const filled = this.#file.read(tail, 0, tail.length, end);
    if (isCrashTail(tail, 0, filled)) {
      const left = "bytes of an interrupted write";
      yield facts({ behindIt: `${this.#size - end} ${left}` });
    } else {
      yield finding(
        end,
        "a damaged record, as no crash leaves it; neither it nor what follows counts",
      );
    }
  }

  #firstNonZero(from: number): number | undefined {
    const window = this.#window;
    for (let position = from; position < this.#size;) {
      const length = Math.min(window.length, this.#size - position);
      const filled = this.#file.read(window, 0, length, position);
      if (filled === 0) return undefined;
      for (let i = 0; i < filled; i++) if (window[i] !== 0) return position + i;
      position += filled;
    }
    return undefined;
  }
}

/** Length of the whole record at the start as its header says, without believing it; 0 when that makes no sense. */
function claimedBytes(window: Uint8Array, filled: number): number {
  let position = 2;
  let claimed = 0;
  // Key length, value length, expiry.
  for (const counts of [true, true, false]) {
    const number = readUvarint(window, position, filled);
    if (number < 0) return 0;
    position += uvarintSize();
    if (counts) claimed += number;
  }
  return claimed + position + 4;
}
