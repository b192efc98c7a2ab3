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
  /** Where the blocks end: the index begins there, or the file ends. */
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
  const { indexOffset, indexLength } = footer;
  const stored = file.read(indexOffset, indexOffset + indexLength);
  attempt(() => verifyTableIndex(footer, stored), complain);
  let undecoded: string | undefined;
  for (const key of keys) {
    const fields = attempt(
      () => decodeTableIndex(key === undefined ? stored : decryptBlock(key, stored), indexOffset),
      (message) => {
        undecoded ??= message;
        return undefined;
      },
    );
    if (fields !== undefined) return evidenceOf(fields, key, problem, indexOffset);
  }
  return nothing(problem ?? undecoded ?? "", indexOffset);
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
