/**
 * The naive twin of a salvage: where every version of every key lies in an intact directory, byte for
 * byte. With it a spec knows, for any damage, what must come back and what may be lost.
 */

import { toText } from "../../src/base/bytes.ts";
import { EntrySlot } from "../../src/cursor/entry-slot.ts";
import { BlockView } from "../../src/format/block.ts";
import { decompressBlock } from "../../src/format/compression.ts";
import { decryptBlock, LogCipher } from "../../src/format/encryption.ts";
import { decodeKeyRegistry } from "../../src/format/key-registry.ts";
import { decodeLogHeader, LOG_HEADER_SIZE } from "../../src/format/log-header.ts";
import { LogRecordView } from "../../src/format/log-record.ts";
import { LogReplay } from "../../src/format/log-replay.ts";
import { replayManifest } from "../../src/format/manifest-replay.ts";
import {
  META_DELETE,
  META_IN_TRANSACTION,
  META_POINTER,
  META_TRANSACTION_END,
} from "../../src/format/stored-value.ts";
import { decodeTableFooter } from "../../src/format/table-footer.ts";
import { decodeTableIndex } from "../../src/format/table-index.ts";
import { pointerFile, pointerLength, pointerOffset } from "../../src/format/value-pointer.ts";
import { BlockLocation, NOT_INDEXED } from "../../src/table/block-location.ts";
import { copyUserKey, readEntry } from "../../src/table/block-search.ts";

export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** One place where a version of a key lies: all its spans must be whole for it to be readable. */
export interface Copy {
  readonly spans: readonly Span[];
  /** Must also be whole, or the copy may, but need not, come back. */
  readonly wanted: readonly Span[];
  /** Readers drop it without a word when its value-log file is not there. */
  readonly pointsTo: string | undefined;
}

export interface StoredVersion {
  readonly key: string;
  readonly version: number;
  /** Everything that has to come back unchanged. */
  readonly content: string;
  readonly copies: Copy[];
}

export type Files = ReadonlyMap<string, Uint8Array>;

/** Every version that the tables of the manifest and the logs hold, by `key@version`. */
export function takeInventory(
  files: Files,
  masterKey: Uint8Array | undefined,
): Map<string, StoredVersion> {
  const registry = files.get("KEYREGISTRY");
  const keys = new Map(
    registry === undefined
      ? []
      : decodeKeyRegistry(registry, masterKey).keys.map(({ keyId, data }) => [keyId, data]),
  );
  const inventory = new Inventory(files, keys);
  const manifest = replayManifest(files.get("MANIFEST") as Uint8Array);
  for (const { fileNumber, keyId, compression } of manifest.tables.values()) {
    inventory.table(`${String(fileNumber).padStart(6, "0")}.sst`, compression, keys.get(keyId));
  }
  for (const name of files.keys()) if (name.endsWith(".mem")) inventory.log(name);
  return inventory.versions;
}

class Inventory {
  readonly versions = new Map<string, StoredVersion>();
  readonly #files: Files;
  readonly #keys: ReadonlyMap<number, Uint8Array>;

  constructor(files: Files, keys: ReadonlyMap<number, Uint8Array>) {
    this.#files = files;
    this.#keys = keys;
  }

  table(name: string, compression: 0 | 1 | 2, key: Uint8Array | undefined): void {
    const bytes = this.#files.get(name) as Uint8Array;
    const { indexOffset, indexLength } = decodeTableFooter(bytes, bytes.length);
    const stored = bytes.subarray(indexOffset, indexOffset + indexLength);
    const index = decodeTableIndex(key === undefined ? stored : decryptBlock(key, stored));
    // Encrypted blocks cannot be told apart without the index.
    const end = { file: name, start: indexOffset, end: bytes.length };
    const registry = { file: "KEYREGISTRY", start: 28, end: 1 << 20 };
    const wanted = key === undefined ? [] : [end, registry];
    index.blocks.offsets.forEach((start, i) => {
      const span = { file: name, start, end: start + (index.blocks.lengths[i] as number) };
      const block = bytes.subarray(span.start, span.end);
      const sealed = key === undefined ? block : decryptBlock(key, block);
      this.#block(decompressBlock(compression, sealed, 1 << 24), span, wanted);
    });
  }

  #block(plain: Uint8Array, span: Span, wanted: readonly Span[]): void {
    const view = new BlockView();
    view.parse(plain, 0, plain.length);
    const location = new BlockLocation();
    location.set(plain, 0, view.entriesEnd, view.entryCount, NOT_INDEXED);
    const slot = new EntrySlot();
    for (let i = 0; i < view.entryCount; i++) {
      readEntry(location, i, slot);
      const key = copyUserKey(location, i);
      const { valueBytes, valueOffset, valueLength } = slot;
      const value = valueBytes.slice(valueOffset, valueOffset + valueLength);
      this.#add(key, slot.version, slot, value, [span], wanted);
    }
  }

  log(name: string): void {
    const bytes = (this.#files.get(name) as Uint8Array).slice();
    const cipher = this.#cipher(bytes);
    const view = new LogRecordView();
    const offsets: number[] = [];
    new LogReplay().replay(bytes, LOG_HEADER_SIZE, bytes.length, (at) => offsets.push(at), cipher);
    const header = { file: name, start: 0, end: LOG_HEADER_SIZE };
    const registry = { file: "KEYREGISTRY", start: 28, end: 1 << 20 };
    for (const offset of offsets) {
      view.decode(bytes, offset, bytes.length);
      const { keyOffset, keyLength, valueOffset, valueLength, version } = view;
      const span = { file: name, start: offset, end: view.end };
      const wanted = cipher === undefined ? [] : [header, registry];
      if ((view.meta & META_IN_TRANSACTION) !== 0) wanted.push(endMarker(bytes, name, offset));
      const key = bytes.slice(keyOffset, keyOffset + keyLength);
      const value = bytes.slice(valueOffset, valueOffset + valueLength);
      view.decode(bytes, offset, bytes.length);
      this.#add(key, version, view, value, [span], wanted);
    }
  }

  #cipher(bytes: Uint8Array): LogCipher | undefined {
    const { keyId, baseIv } = decodeLogHeader(bytes);
    const key = this.#keys.get(keyId);
    return key === undefined ? undefined : new LogCipher(key, baseIv);
  }

  #add(
    key: Uint8Array,
    version: number,
    { meta, userMeta, expiresAt }: { meta: number; userMeta: number; expiresAt: number },
    stored: Uint8Array,
    spans: readonly Span[],
    wanted: readonly Span[],
  ): void {
    let value = stored;
    let pointed: { span: Span; wanted: readonly Span[] } | undefined;
    if ((meta & META_POINTER) !== 0) {
      const file = `${String(pointerFile(stored, 0)).padStart(6, "0")}.vlog`;
      const start = pointerOffset(stored, 0);
      const end = start + pointerLength(stored, 0);
      const log = this.#files.get(file);
      if (log === undefined) return;
      const cipher = this.#cipher(log);
      const header = { file, start: 0, end: LOG_HEADER_SIZE };
      pointed = { span: { file, start, end }, wanted: cipher === undefined ? [] : [header] };
      const record = log.slice(start, end);
      const view = new LogRecordView();
      view.checkStored(record, 0, record.length);
      cipher?.applyTo(record, view.keyOffset, record.length - 4, start);
      value = record.slice(view.valueOffset, view.valueOffset + view.valueLength);
    }
    const id = `${Buffer.from(key).toString("hex")}@${version}`;
    const deleted = (meta & META_DELETE) !== 0;
    const content = contentOf({ deleted, userMeta, expiresAt, value });
    const copy = {
      spans: pointed === undefined ? spans : [...spans, pointed.span],
      wanted: pointed === undefined ? wanted : [...wanted, ...pointed.wanted],
      pointsTo: pointed?.span.file,
    };
    const known = this.versions.get(id);
    if (known === undefined) {
      this.versions.set(id, { key: toText(key), version, content, copies: [copy] });
    } else {
      known.copies.push(copy);
    }
  }
}

/** What a version says, as text. */
export function contentOf(entry: {
  readonly deleted: boolean;
  readonly userMeta: number;
  readonly expiresAt: number;
  readonly value: Uint8Array;
}): string {
  const value = Buffer.from(entry.value).toString("hex");
  return `${entry.deleted ? "deleted" : value} meta ${entry.userMeta} until ${entry.expiresAt}`;
}

/** The end marker of the transaction that the record at `offset` belongs to. */
function endMarker(bytes: Uint8Array, file: string, offset: number): Span {
  const view = new LogRecordView();
  for (let at = offset; view.decode(bytes, at, bytes.length); at = view.end) {
    if ((view.meta & META_TRANSACTION_END) !== 0) return { file, start: at, end: view.end };
  }
  throw new Error("a committed transaction has an end marker");
}
