/**
 * What the end of a table file, sound or not, says of its blocks. An index that fails its checksum is
 * asked all the same: every block proves itself, and where none does the index was wrong.
 */

import type { Version } from "../base/ids.ts";
import { decryptBlock } from "../format/encryption.ts";
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
  const footer = attempt<TableFooter | undefined>(() => decodeTableFooter(tail, size), complain);
  if (footer === undefined) return nothing(problem ?? "", size);
  const sound = soundFooter(file, footer);
  const { indexOffset, indexLength } = sound ?? footer;
  const stored = file.read(indexOffset, indexOffset + indexLength);
  if (sound === undefined) complain("its checksum does not match");
  for (const key of keys) {
    const fields = attempt(
      () => decodeTableIndex(key === undefined ? stored : decryptBlock(key, stored), indexOffset),
      complain,
    );
    // What an earlier key has made of it says nothing.
    if (fields !== undefined) {
      if (sound !== undefined) problem = undefined;
      return evidenceOf(fields, key, problem, sound === undefined ? size : indexOffset);
    }
  }
  return nothing(problem ?? "", sound === undefined ? size : indexOffset);
}

/**
 * The footer whose index matches its checksum: as it stands, or with one bit of the index's length the
 * other way, because without the length an encrypted table would be lost altogether.
 */
function soundFooter(file: SourceFile, footer: TableFooter): TableFooter | undefined {
  const end = footer.indexOffset + footer.indexLength;
  for (let bit = -1; bit < 32; bit++) {
    const indexLength = bit < 0 ? footer.indexLength : (footer.indexLength ^ (1 << bit)) >>> 0;
    if (indexLength === 0 || indexLength > end) continue;
    const candidate = { ...footer, indexLength, indexOffset: end - indexLength };
    const stored = file.read(candidate.indexOffset, end);
    const isSound = attempt(
      () => {
        verifyTableIndex(candidate, stored);
        return true;
      },
      () => false,
    );
    if (isSound) return candidate;
  }
  return undefined;
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
    blocks: named,
    largestKey: largest?.subarray(0, largest.length - VERSION_SUFFIX_SIZE),
    key,
    maxVersion: problem === undefined ? maxVersion : 0,
    blocksEnd,
  };
}
