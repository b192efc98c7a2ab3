/**
 * Searching a plain block without materialising keys.
 *
 * An entry's key is a prefix of the block's base key and a remainder. So the search key is compared
 * with the base key once, and each probe then either is decided by how much the entry shares with the
 * base key, or compares only the remainder. Correct also for blocks whose overlaps are not maximal.
 * In an indexed block (search-index.ts) most probes are decided before that, by two key bytes.
 *
 * All functions expect a block that has passed `BlockView.checkEntries`. Called by readers and cursors
 * of this folder only.
 */

import type { EntrySlot } from "../cursor/entry-slot.ts";
import { BLOCK_ENTRY_HEADER_SIZE } from "../format/block.ts";
import { readU16LE } from "../format/integers.ts";
import { readVersionSuffix, VERSION_SUFFIX_SIZE } from "../format/internal-key.ts";
import { readExpiry } from "../format/stored-value.ts";
import { uvarintSize } from "../format/varint.ts";
import { type BlockLocation, NOT_INDEXED } from "./block-location.ts";
import { searchPiece } from "./search-index.ts";

/** A suffix that lies partly in the base key is put together here. */
const splitSuffix = new Uint8Array(VERSION_SUFFIX_SIZE);

/** How many entries sort before (`key`, `version`): 0 … entryCount. For blocks in their form on disk. */
export function countBefore(location: BlockLocation, key: Uint8Array, version: number): number {
  return search(location, key, version, 0, location.entryCount);
}

/**
 * The entry that answers a read of `key` at `version`: the newest of that user key with at most that
 * version. -1 when the block does not hold it.
 */
export function findEntry(location: BlockLocation, key: Uint8Array, version: number): number {
  if (location.commonLength === NOT_INDEXED) {
    const entry = countBefore(location, key, version);
    return entry < location.entryCount && entryHasKey(location, entry, key) ? entry : -1;
  }
  // Whether the key shares what the piece stands behind need not be known first: it is compared as a
  // whole in the end, and the base key's cache line is spared until then.
  const piece = searchPiece(key, location.commonLength);
  const first = pieceLowerBound(location, piece);
  if (first === location.entryCount || pieceAt(location, first) !== piece) return -1;
  if (first + 1 === location.entryCount || pieceAt(location, first + 1) !== piece) {
    return entryHasKey(location, first, key) && versionAt(location, first) <= version ? first : -1;
  }
  const end = pieceLowerBound(location, piece + 1);
  const entry = search(location, key, version, first, end);
  return entry < end && entryHasKey(location, entry, key) ? entry : -1;
}

function pieceAt(location: BlockLocation, index: number): number {
  return readU16LE(location.bytes, location.entriesEnd + 4 * index + 2);
}

/** The first entry with this piece or a larger one; `entryCount` if there is none. */
function pieceLowerBound(location: BlockLocation, piece: number): number {
  const { bytes, entriesEnd } = location;
  let low = 0;
  let high = location.entryCount;
  // With branches, unlike BlockIndex: here the loads miss the cache, and guessing ahead overlaps them.
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (readU16LE(bytes, entriesEnd + 4 * middle + 2) < piece) low = middle + 1;
    else high = middle;
  }
  return low;
}

function versionAt(location: BlockLocation, index: number): number {
  const base = location.start + BLOCK_ENTRY_HEADER_SIZE;
  return entryVersion(location.bytes, base, location.entryStart(index));
}

/** The first of the entries `from … to - 1` at or after (`key`, `version`), else `to`. */
function search(
  location: BlockLocation,
  key: Uint8Array,
  version: number,
  from: number,
  to: number,
): number {
  const { bytes, start } = location;
  const base = start + BLOCK_ENTRY_HEADER_SIZE;
  const keyLength = key.length;
  // What the key shares with the whole internal base key decides about entries that share more.
  const common = commonWithBase(bytes, base, readU16LE(bytes, start + 2), key);
  const entrySharingMoreIsBefore =
    common < keyLength && (bytes[base + common] as number) < (key[common] as number);
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = location.entryStart(middle);
    const overlap = readU16LE(bytes, entry);
    const userLength = overlap + readU16LE(bytes, entry + 2) - VERSION_SUFFIX_SIZE;
    let before: boolean;
    if (overlap > common && userLength > common) {
      before = entrySharingMoreIsBefore;
    } else {
      let i = overlap;
      const end = userLength < keyLength ? userLength : keyLength;
      const remainder = entry + BLOCK_ENTRY_HEADER_SIZE - overlap;
      while (i < end && bytes[remainder + i] === key[i]) i++;
      if (i < end) before = (bytes[remainder + i] as number) < (key[i] as number);
      else if (userLength !== keyLength) before = userLength < keyLength;
      else before = entryVersion(bytes, base, entry) > version;
    }
    if (before) low = middle + 1;
    else high = middle;
  }
  return low;
}

function commonWithBase(
  bytes: Uint8Array,
  base: number,
  baseLength: number,
  key: Uint8Array,
): number {
  const limit = baseLength < key.length ? baseLength : key.length;
  let i = 0;
  while (i < limit && bytes[base + i] === key[i]) i++;
  return i;
}

/** Whether entry `index` has this user key. */
export function entryHasKey(location: BlockLocation, index: number, key: Uint8Array): boolean {
  const { bytes, start } = location;
  const entry = location.entryStart(index);
  const overlap = readU16LE(bytes, entry);
  const keyLength = key.length;
  if (overlap + readU16LE(bytes, entry + 2) - VERSION_SUFFIX_SIZE !== keyLength) return false;
  const base = start + BLOCK_ENTRY_HEADER_SIZE;
  const shared = overlap < keyLength ? overlap : keyLength;
  const remainder = entry + BLOCK_ENTRY_HEADER_SIZE - overlap;
  // From the end: neighbouring keys differ there.
  for (let i = keyLength - 1; i >= shared; i--) if (bytes[remainder + i] !== key[i]) return false;
  for (let i = shared - 1; i >= 0; i--) if (bytes[base + i] !== key[i]) return false;
  return true;
}

/** Version of the entry that starts at `entry`; `base` is where the block's base key lies. */
export function entryVersion(bytes: Uint8Array, base: number, entry: number): number {
  const diff = readU16LE(bytes, entry + 2);
  if (diff >= VERSION_SUFFIX_SIZE) {
    return readVersionSuffix(bytes, entry + BLOCK_ENTRY_HEADER_SIZE + diff - VERSION_SUFFIX_SIZE);
  }
  const inBase = VERSION_SUFFIX_SIZE - diff;
  const from = base + readU16LE(bytes, entry) - inBase;
  for (let i = 0; i < inBase; i++) splitSuffix[i] = bytes[from + i] as number;
  for (let i = 0; i < diff; i++) {
    splitSuffix[inBase + i] = bytes[entry + BLOCK_ENTRY_HEADER_SIZE + i] as number;
  }
  return readVersionSuffix(splitSuffix, 0);
}

/** Fills the slot with entry `index`; its value stays in the block's bytes. */
export function readEntry(location: BlockLocation, index: number, slot: EntrySlot): void {
  const { bytes, start } = location;
  const entry = location.entryStart(index);
  const end = location.entryStart(index + 1);
  const value = entry + BLOCK_ENTRY_HEADER_SIZE + readU16LE(bytes, entry + 2);
  slot.version = entryVersion(bytes, start + BLOCK_ENTRY_HEADER_SIZE, entry);
  slot.meta = bytes[value] as number;
  slot.userMeta = bytes[value + 1] as number;
  slot.expiresAt = readExpiry(bytes, value + 2, end);
  const valueOffset = value + 2 + uvarintSize();
  slot.valueBytes = bytes;
  slot.valueOffset = valueOffset;
  slot.valueLength = end - valueOffset;
}

/** A copy of the user key of entry `index`. */
export function copyUserKey(location: BlockLocation, index: number): Uint8Array {
  const { bytes, start } = location;
  const entry = location.entryStart(index);
  const overlap = readU16LE(bytes, entry);
  const userLength = overlap + readU16LE(bytes, entry + 2) - VERSION_SUFFIX_SIZE;
  const key = new Uint8Array(userLength);
  const shared = Math.min(overlap, userLength);
  const base = start + BLOCK_ENTRY_HEADER_SIZE;
  key.set(bytes.subarray(base, base + shared));
  const remainder = entry + BLOCK_ENTRY_HEADER_SIZE;
  key.set(bytes.subarray(remainder, remainder + userLength - shared), shared);
  return key;
}
