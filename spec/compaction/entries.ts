/** Entries as literals, a cursor over them, and the naive twins of visibility and of the drop rules. */

import { compareBytes, EMPTY_BYTES, toBytes, toText } from "../../src/base/bytes.ts";
import type { EntryCursor } from "../../src/cursor/cursor.ts";
import {
  isDeletedOrExpired,
  META_DELETE,
  META_DISCARD_EARLIER,
  META_MERGE,
  META_POINTER,
} from "../../src/format/stored-value.ts";
import { VALUE_POINTER_SIZE, writeValuePointer } from "../../src/format/value-pointer.ts";

export interface SpecEntry {
  key: string;
  version: number;
  meta: number;
  expiresAt: number;
  value: string;
  /** Length of the value-log record it points to, in file 7; 0 = the value is inline. */
  pointed: number;
}

const META_NAMES: readonly (readonly [string, number])[] = [
  ["del", META_DELETE],
  ["discard", META_DISCARD_EARLIER],
  ["merge", META_MERGE],
];

/** `"a@5=x"`, `"a@5 del"`, `"a@5=x discard"`, `"a@5=x merge"`, `"a@5=x ttl:100"`, `"a@5 vlog:60"`. */
export function entry(text: string): SpecEntry {
  const [head = "", ...words] = text.split(" ");
  const [keyAndVersion = "", value = ""] = head.split("=");
  const [key = "", version = ""] = keyAndVersion.split("@");
  const made: SpecEntry = {
    key,
    version: Number(version),
    meta: 0,
    expiresAt: 0,
    value,
    pointed: 0,
  };
  for (const word of words) {
    const bit = META_NAMES.find(([name]) => name === word)?.[1];
    if (bit !== undefined) made.meta |= bit;
    else if (word.startsWith("ttl:")) made.expiresAt = Number(word.slice(4));
    else if (word.startsWith("vlog:")) {
      made.meta |= META_POINTER;
      made.pointed = Number(word.slice(5));
    } else throw new Error(`not a word of an entry: ${word}`);
  }
  return made;
}

/** The reverse of `entry`. */
export function show(one: SpecEntry): string {
  let text = `${one.key}@${one.version}`;
  if (one.value !== "") text += `=${one.value}`;
  for (const [name, bit] of META_NAMES) if ((one.meta & bit) !== 0) text += ` ${name}`;
  if (one.expiresAt !== 0) text += ` ttl:${one.expiresAt}`;
  if (one.pointed !== 0) text += ` vlog:${one.pointed}`;
  return text;
}

export function inOrder(entries: readonly SpecEntry[]): SpecEntry[] {
  return [...entries].sort(
    (a, b) => compareBytes(toBytes(a.key), toBytes(b.key)) || b.version - a.version,
  );
}

/** A forward cursor over entries. Reuses one key buffer, as real cursors do. */
export class EntriesCursor implements EntryCursor {
  valid = false;
  keyBytes: Uint8Array = new Uint8Array(256);
  keyOffset = 3;
  keyLength = 0;
  version = 0;
  meta = 0;
  userMeta = 0;
  expiresAt = 0;
  valueBytes: Uint8Array = EMPTY_BYTES;
  valueOffset = 0;
  valueLength = 0;
  closed = false;
  readonly #entries: readonly SpecEntry[];
  #position = 0;

  constructor(entries: readonly SpecEntry[]) {
    this.#entries = inOrder(entries);
  }

  seekToFirst(): void {
    this.#position = 0;
    this.#settle();
  }

  seek(key: Uint8Array, version: number): void {
    this.#position = this.#entries.findIndex((one) => {
      const order = compareBytes(toBytes(one.key), key);
      return order > 0 || (order === 0 && one.version <= version);
    });
    if (this.#position < 0) this.#position = this.#entries.length;
    this.#settle();
  }

  next(): void {
    this.#position++;
    this.#settle();
  }

  seekToLast(): void {
    throw new Error("forward only");
  }

  seekBefore(): void {
    throw new Error("forward only");
  }

  prev(): void {
    throw new Error("forward only");
  }

  close(): void {
    this.valid = false;
    this.closed = true;
  }

  #settle(): void {
    const one = this.#entries[this.#position];
    this.valid = one !== undefined;
    if (one === undefined) return;
    const key = toBytes(one.key);
    this.keyBytes.fill(0xee);
    this.keyBytes.set(key, this.keyOffset);
    this.keyLength = key.length;
    this.version = one.version;
    this.meta = one.meta;
    this.expiresAt = one.expiresAt;
    this.valueBytes = toBytes(one.value);
    this.valueLength = this.valueBytes.length;
    if (one.pointed !== 0) {
      this.valueBytes = new Uint8Array(VALUE_POINTER_SIZE);
      this.valueLength = VALUE_POINTER_SIZE;
      writeValuePointer(this.valueBytes, 0, 7, one.pointed, 20);
    }
  }
}

export function current(cursor: EntryCursor): SpecEntry {
  const { version, meta, expiresAt } = cursor;
  const key = toText(cursor.keyBytes.slice(cursor.keyOffset, cursor.keyOffset + cursor.keyLength));
  const bytes = cursor.valueBytes.slice(
    cursor.valueOffset,
    cursor.valueOffset + cursor.valueLength,
  );
  const isPointer = (meta & META_POINTER) !== 0;
  const pointed = isPointer ? new DataView(bytes.buffer).getUint32(4, true) : 0;
  return { key, version, meta, expiresAt, value: isPointer ? "" : toText(bytes), pointed };
}

export function drain(cursor: EntryCursor): SpecEntry[] {
  const entries: SpecEntry[] = [];
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) entries.push(current(cursor));
  return entries;
}

/** What a reader at `readVersion` sees: `key=value`, sorted. Duplicates of an internal key: the first counts. */
export function visible(
  entries: readonly SpecEntry[],
  readVersion: number,
  nowSeconds: number,
): string[] {
  const newest = new Map<string, SpecEntry>();
  for (const one of entries) {
    if (one.version > readVersion) continue;
    const found = newest.get(one.key);
    if (found === undefined || found.version < one.version) newest.set(one.key, one);
  }
  return [...newest.values()]
    .filter((one) => !isDeletedOrExpired(one.meta, one.expiresAt, nowSeconds))
    .map((one) => `${one.key}=${one.value || one.pointed}`)
    .sort();
}

/** What a merge read folds at `readVersion`: everything down to the first end of a key's history. */
export function foldable(
  entries: readonly SpecEntry[],
  readVersion: number,
  nowSeconds: number,
): string[] {
  const lines: string[] = [];
  let ended = "";
  for (const one of inOrder(entries)) {
    if (one.version > readVersion || one.key === ended) continue;
    const gone = isDeletedOrExpired(one.meta, one.expiresAt, nowSeconds);
    if (gone || (one.meta & META_DISCARD_EARLIER) !== 0) ended = one.key;
    if (!gone && (one.meta & (META_MERGE | META_DISCARD_EARLIER)) !== 0) lines.push(show(one));
  }
  return lines;
}

export interface NaiveRules {
  discardVersion: number;
  versionsToKeep: number;
  nowSeconds: number;
  mayHaveOlder: (key: string) => boolean;
}

/** The drop rules over an array, key by key. */
export function naiveDrop(entries: readonly SpecEntry[], rules: NaiveRules): SpecEntry[] {
  const kept: SpecEntry[] = [];
  const byKey = Map.groupBy(inOrder(entries), (one) => one.key);
  for (const [key, versions] of byKey) {
    const gone = (one: SpecEntry): boolean =>
      isDeletedOrExpired(one.meta, one.expiresAt, rules.nowSeconds);
    const isMerge = (one: SpecEntry): boolean => (one.meta & META_MERGE) !== 0 && !gone(one);
    const old = versions.filter((one) => one.version <= rules.discardVersion);
    const counted = old.filter((one) => !isMerge(one));
    const endAt = counted.findIndex((one) => gone(one) || (one.meta & META_DISCARD_EARLIER) !== 0);
    const limit = rules.versionsToKeep === 0 ? counted.length : rules.versionsToKeep;
    const staying = counted.slice(0, endAt < 0 ? limit : Math.min(limit, endAt + 1));
    const end = endAt < 0 ? undefined : counted[endAt];
    for (const one of versions) {
      if (one.version > rules.discardVersion) kept.push(one);
      else if (isMerge(one)) {
        if (end === undefined || one.version > end.version) kept.push(one);
      } else if (staying.includes(one)) {
        if (!gone(one)) kept.push(one);
        else if (rules.mayHaveOlder(key)) {
          kept.push({ ...one, meta: META_DELETE, expiresAt: 0, value: "", pointed: 0 });
        }
      }
    }
  }
  return kept;
}
