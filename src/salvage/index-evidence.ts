/**
 * What the end of a table file, sound or not, says of its blocks. An index that fails its checksum is
 * asked all the same: every block proves itself, and where none does the index was wrong.
 */

import type { Version } from "../base/ids.ts";
import { decryptBlock } from "../format/encryption.ts";
import { readU32BE } from "../format/integers.ts";
import { VERSION_SUFFIX_SIZE } from "../format/internal-key.ts";
import {
  decodeTableFooter,
  TABLE_FOOTER_SIZE_MAX,
  type TableFooter,
  verifyTableIndex,
} from "../format/table-footer.ts";
import { decodeTableIndex, type TableIndexFields } from "../format/table-index.ts";
import { attempt } from "./attempt.ts";
import type { SourceFile } from "./source-file.ts";

/** A block as the index names it. */
export interface IndexedBlock {
  readonly start: number;
  readonly end: number;
  /** User key of its first entry. */
  readonly key: Uint8Array;
}

export interface IndexEvidence {
  /** What is wrong; `undefined` when the index is sound and can be believed. */
  readonly problem: string | undefined;
  /** The index is sound, but was not where the footer says. */
  readonly isFooterWrong: boolean;
  /** In the index's order; empty when it says nothing. */
  readonly blocks: readonly IndexedBlock[];
  readonly largestKey: Uint8Array | undefined;
  /** Key that makes sense of the index; `undefined` = in clear. */
  readonly key: Uint8Array | undefined;
  readonly maxVersion: Version;
  /** Where the blocks end at the latest: where a sound index begins, else where the file ends. */
  readonly blocksEnd: number;
}

/** @param keys data keys to try, the likeliest first; `undefined` among them stands for "in clear" */
export function readIndexEvidence(
  file: SourceFile,
  keys: readonly (Uint8Array | undefined)[],
): IndexEvidence {
  const { size } = file;
  const tail = file.read(Math.max(0, size - TABLE_FOOTER_SIZE_MAX), size);
  let problem: string | undefined;
  const complain = (message: string): undefined => {
    problem ??= message;
  };
  const declared = attempt<TableFooter | undefined>(() => decodeTableFooter(tail, size), complain);
  const sound = soundFooter(file, tail);
  const footer = sound ?? declared;
  if (footer === undefined) return nothing(problem ?? "", size);
  const { indexOffset, indexLength } = footer;
  const stored = file.read(indexOffset, indexOffset + indexLength);
  if (sound === undefined) complain("its checksum does not match");
  for (const key of keys) {
    const fields = attempt(
      () => decodeTableIndex(key === undefined ? stored : decryptBlock(key, stored), indexOffset),
      complain,
    );
    // What another key has made of it says nothing.
    if (fields !== undefined && sound !== undefined) {
      const isFooterWrong = declared?.indexOffset !== indexOffset;
      return { ...evidenceOf(fields, key, undefined, indexOffset), isFooterWrong };
    }
    if (fields !== undefined) return evidenceOf(fields, key, problem, size);
  }
  return nothing(problem ?? "", sound === undefined ? size : indexOffset);
}

/**
 * The footer whose index matches its checksum: as it stands, with one bit of the index's length the other
 * way, or with another length of the checksum. Without its footer an encrypted table would be lost
 * altogether, and the few bytes of it can be put right.
 */
function soundFooter(file: SourceFile, tail: Uint8Array): TableFooter | undefined {
  for (const footer of possibleFooters(tail, file.size)) {
    const stored = file.read(footer.indexOffset, footer.indexOffset + footer.indexLength);
    const isSound = attempt(
      () => {
        verifyTableIndex(footer, stored);
        return true;
      },
      () => false,
    );
    if (isSound) return footer;
  }
  return undefined;
}

/** Checksum messages have up to 13 bytes (format/checksum.ts); empty ones prove nothing. */
const CHECKSUM_BYTES_MIN = 2;
const CHECKSUM_BYTES_MAX = 13;

function* possibleFooters(tail: Uint8Array, size: number): Generator<TableFooter> {
  if (tail.length < 8 + CHECKSUM_BYTES_MAX) return;
  const declared = readU32BE(tail, tail.length - 4);
  const isPlausible = declared >= CHECKSUM_BYTES_MIN && declared <= CHECKSUM_BYTES_MAX;
  if (isPlausible) {
    for (let bit = -1; bit < 32; bit++) yield* footerWith(tail, size, declared, bit);
  }
  for (let length = CHECKSUM_BYTES_MIN; length <= CHECKSUM_BYTES_MAX; length++) {
    if (length !== declared) yield* footerWith(tail, size, length, -1);
  }
}

/** The footer with a checksum of so many bytes, and bit `bit` of the index's length changed. */
function* footerWith(
  tail: Uint8Array,
  size: number,
  checksumLength: number,
  bit: number,
): Generator<TableFooter> {
  const lengthAt = tail.length - 8 - checksumLength;
  const stored = readU32BE(tail, lengthAt);
  const indexLength = bit < 0 ? stored : (stored ^ (1 << bit)) >>> 0;
  const indexOffset = size - tail.length + lengthAt - indexLength;
  if (indexLength === 0 || indexOffset < 0) return;
  const checksum = tail.slice(lengthAt + 4, tail.length - 4);
  yield { indexOffset, indexLength, checksum };
}

/** Whether a plain index that fits a table whose blocks end at `blocksEnd` begins at that very place. */
export function isIndexAt(bytes: Uint8Array, blocksEnd: number): boolean {
  return attempt(
    () => {
      const { offsets, lengths } = decodeTableIndex(bytes.subarray(blocksEnd), blocksEnd).blocks;
      return (offsets.at(-1) ?? 0) + (lengths.at(-1) ?? 0) === blocksEnd;
    },
    () => false,
  );
}

function nothing(problem: string, blocksEnd: number): IndexEvidence {
  return {
    problem,
    isFooterWrong: false,
    blocks: [],
    largestKey: undefined,
    key: undefined,
    maxVersion: 0,
    blocksEnd,
  };
}

function evidenceOf(
  { blocks, extension, maxVersion }: TableIndexFields,
  key: Uint8Array | undefined,
  problem: string | undefined,
  blocksEnd: number,
): IndexEvidence {
  const { keys, keyStarts, offsets, lengths } = blocks;
  const named: IndexedBlock[] = [];
  for (let i = 0; i < offsets.length; i++) {
    const start = offsets[i] as number;
    const end = start + (lengths[i] as number);
    const keyEnd = (keyStarts[i + 1] as number) - VERSION_SUFFIX_SIZE;
    named.push({ start, end, key: keys.subarray(keyStarts[i], keyEnd) });
  }
  const largest = extension?.largestKey;
  return {
    problem,
    isFooterWrong: false,
    blocks: named,
    largestKey: largest?.subarray(0, largest.length - VERSION_SUFFIX_SIZE),
    key,
    maxVersion: problem === undefined ? maxVersion : 0,
    blocksEnd,
  };
}
