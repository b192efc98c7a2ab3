/**
 * Surveys one table file: which blocks of it can be read, how they are stored, and what is missing.
 *
 * 1. Where the blocks lie, says the index (index-evidence.ts), also a damaged one.
 * 2. How they are stored, says the manifest; what it says is tried first, then everything else.
 * 3. Stretches that a damaged index leaves uncovered are searched for blocks (block-search.ts).
 *
 * The survey decodes every block once and keeps only where it lies. Blocks that are not in ascending
 * order with those before them begin another run, so that every run can be merged.
 */

import { EMPTY_BYTES } from "../base/bytes.ts";
import type { FileNumber, Version } from "../base/ids.ts";
import type { CompressionCode } from "../format/compression.ts";
import { findBlocks, type FoundBlock } from "./block-search.ts";
import {
  type IndexedBlock,
  type IndexEvidence,
  isIndexAt,
  readIndexEvidence,
} from "./index-evidence.ts";
import type { Findings } from "./report.ts";
import type { SourceFile } from "./source-file.ts";
import { BlockDecoder, compareEntry, type TableCodec } from "./stored-block.ts";

/** Blocks that follow each other in key order. */
export interface BlockRun {
  readonly offsets: number[];
  readonly lengths: number[];
  readonly firstKey: Uint8Array;
  readonly firstVersion: Version;
}

export interface TableSurvey {
  readonly name: string;
  readonly fileNumber: FileNumber;
  readonly codec: TableCodec;
  readonly runs: readonly BlockRun[];
  /** Largest version of any entry, also of those that cannot be read, if the index tells. */
  readonly maxVersion: Version;
}

/** What is believed of a table before it is looked at. */
export interface TableHints {
  readonly fileNumber: FileNumber;
  readonly compression: CompressionCode | undefined;
  /** Data keys that may have encrypted it, the likeliest first; `undefined` stands for "in clear". */
  readonly keys: readonly (Uint8Array | undefined)[];
}

/** Longest table whose blocks are sought without an index: it is held in memory. */
const SEARCHED_BYTES_MAX = 512 << 20;

/** Surveys a table. `undefined`, with a finding, when no block of it can be read. */
export function surveyTable(
  file: SourceFile,
  hints: TableHints,
  findings: Findings,
): TableSurvey | undefined {
  return new Survey(file, hints, findings).run();
}

class Survey {
  readonly #file: SourceFile;
  readonly #hints: TableHints;
  readonly #findings: Findings;
  readonly #index: IndexEvidence;
  readonly #decoder = new BlockDecoder();
  readonly #runs: BlockRun[] = [];
  #maxVersion = 0;
  /** What the last block taken ended with. */
  #lastKey: Uint8Array = EMPTY_BYTES;
  #lastVersion: Version = 0;
  #content: Uint8Array | undefined;

  constructor(file: SourceFile, hints: TableHints, findings: Findings) {
    this.#file = file;
    this.#hints = hints;
    this.#findings = findings;
    this.#index = readIndexEvidence(file, hints.keys);
  }

  run(): TableSurvey | undefined {
    const { problem, isFooterWrong, blocks, maxVersion } = this.#index;
    const codec = this.#provenCodec() ?? (problem === undefined ? undefined : this.#foundCodec());
    if (problem !== undefined && codec !== undefined) {
      const reason = `the index is damaged (${problem}); blocks are sought without it`;
      this.#findings.add({ file: this.#file.name, offset: 0, reason, lost: false });
    }
    if (isFooterWrong) {
      const reason = "the footer is damaged; the index was found without it, and is sound";
      this.#findings.add({ file: this.#file.name, offset: 0, reason, lost: false });
    }
    if (codec === undefined) {
      this.#lose(0, this.#whyNothing(), blocks[0]?.key, this.#index.largestKey);
      return undefined;
    }
    if (problem === undefined) this.#takeIndexed(codec);
    else this.#takeAndSearch(codec);
    if (this.#runs.length === 0) return undefined;
    return {
      name: this.#file.name,
      fileNumber: this.#hints.fileNumber,
      codec,
      runs: this.#runs,
      maxVersion: Math.max(this.#maxVersion, maxVersion),
    };
  }

  /** The first way of storing that makes sense of a block that the index names. */
  #provenCodec(): TableCodec | undefined {
    const { blocks, key } = this.#index;
    const keys = [key, ...this.#hints.keys.filter((other) => other !== key)];
    for (const codec of codecsOf(this.#hints.compression, keys)) {
      for (const block of blocks) if (this.#isGood(block, codec)) return codec;
    }
    return undefined;
  }

  /**
   * Without a usable index: the way of storing, in clear, that explains most of the file. Compressors
   * store what they cannot compress as it is, so plain blocks are found in compressed tables, too.
   */
  #foundCodec(): TableCodec | undefined {
    const bytes = this.#searched();
    let best: TableCodec | undefined;
    let most = 0;
    for (const codec of codecsOf(this.#hints.compression, [undefined])) {
      const found = findBlocks(bytes, 0, bytes.length, codec.compression);
      const covered = found.reduce((sum, { start, end }) => sum + end - start, 0);
      if (covered > most) best = codec;
      most = Math.max(most, covered);
    }
    return best;
  }

  #isGood({ start, end }: FoundBlock, codec: TableCodec): boolean {
    return this.#decoder.decode(this.#file.read(start, end), codec) === undefined;
  }

  /** The whole file, or nothing if it is too large. */
  #searched(): Uint8Array {
    const { size } = this.#file;
    this.#content ??= size > SEARCHED_BYTES_MAX ? EMPTY_BYTES : this.#file.read(0, size);
    return this.#content;
  }

  #whyNothing(): string {
    const { size } = this.#file;
    const refused = this.#file.refusal(0, size);
    if (size === 0) return "the file is empty";
    if (refused !== undefined) return `its bytes cannot be had (${refused})`;
    if (this.#index.problem === undefined) return "none of its blocks can be read";
    return `no block can be read, and the index is damaged: ${this.#index.problem}`;
  }

  /** Takes the blocks that a sound index names, and tells which of them are damaged. */
  #takeIndexed(codec: TableCodec): void {
    const { blocks, largestKey } = this.#index;
    let badFrom = -1;
    for (let i = 0; i <= blocks.length; i++) {
      const block = blocks[i];
      if (block !== undefined && !this.#take(block, codec)) {
        if (badFrom < 0) badFrom = i;
      } else if (badFrom >= 0) {
        this.#loseBlocks(blocks.slice(badFrom, i), block?.key ?? largestKey);
        badFrom = -1;
      }
    }
  }

  #loseBlocks(bad: readonly IndexedBlock[], after: Uint8Array | undefined): void {
    const start = bad[0]?.start ?? 0;
    const refused = this.#file.refusal(start, bad.at(-1)?.end ?? 0);
    const what = bad.length === 1 ? "a block is" : `${bad.length} blocks are`;
    const why = refused === undefined ? "damaged" : `not given by the disk (${refused})`;
    this.#lose(start, `${what} ${why}`, bad[0]?.key, after);
  }

  /** Takes what a doubtful index names and what is found between. */
  #takeAndSearch(codec: TableCodec): void {
    const { blocksEnd } = this.#index;
    const canSearch = codec.key === undefined;
    let done = 0;
    for (const block of this.#allBlocks(codec, canSearch)) {
      const before = this.#runs.length > 0 ? this.#lastKey : undefined;
      if (!this.#take(block, codec)) continue;
      if (block.start > done) this.#loseGap(done, block.start, before, this.#decoder.firstKey);
      done = block.end;
    }
    // Behind the last block lies the index, which may be whole enough to say that it is the last.
    if (done === blocksEnd || (canSearch && isIndexAt(this.#searched(), done))) return;
    this.#loseGap(done, blocksEnd, this.#lastKey, undefined);
  }

  /** Good blocks in file order, named by the index or found between those. */
  #allBlocks(codec: TableCodec, canSearch: boolean): FoundBlock[] {
    const { blocks, blocksEnd } = this.#index;
    const named: FoundBlock[] = [];
    for (const block of blocks.toSorted((a, b) => a.start - b.start)) {
      const isBehind = block.start >= (named.at(-1)?.end ?? 0);
      if (isBehind && this.#isGood(block, codec)) named.push(block);
    }
    if (!canSearch) return named;
    const all: FoundBlock[] = [];
    let done = 0;
    for (const block of [...named, { start: blocksEnd, end: blocksEnd }]) {
      const bytes = this.#searched();
      all.push(...findBlocks(bytes, done, block.start, codec.compression));
      if (block.end > block.start) all.push(block);
      done = block.end;
    }
    return all;
  }

  /** Adds a block to a run; false when it is damaged. */
  #take(block: FoundBlock, codec: TableCodec): boolean {
    if (!this.#isGood(block, codec)) return false;
    const { firstKey, firstVersion, lastKey, lastVersion, maxVersion } = this.#decoder;
    let run = this.#runs.at(-1);
    if (
      run === undefined ||
      compareEntry(this.#lastKey, this.#lastVersion, firstKey, firstVersion) >= 0
    ) {
      run = { offsets: [], lengths: [], firstKey, firstVersion };
      this.#runs.push(run);
    }
    run.offsets.push(block.start);
    run.lengths.push(block.end - block.start);
    this.#lastKey = lastKey;
    this.#lastVersion = lastVersion;
    this.#maxVersion = Math.max(this.#maxVersion, maxVersion);
    return true;
  }

  #loseGap(
    from: number,
    to: number,
    before: Uint8Array | undefined,
    after: Uint8Array | undefined,
  ): void {
    this.#lose(from, `${to - from} bytes hold no block that can be read`, before, after);
  }

  #lose(
    offset: number,
    reason: string,
    smallestKey: Uint8Array | undefined,
    largestKey: Uint8Array | undefined,
  ): void {
    this.#findings.add({
      file: this.#file.name,
      offset,
      reason,
      lost: true,
      ...(smallestKey === undefined ? {} : { smallestKey }),
      ...(largestKey === undefined ? {} : { largestKey }),
    });
  }
}

/** Ways of storing, the believed one first. */
function* codecsOf(
  compression: CompressionCode | undefined,
  keys: readonly (Uint8Array | undefined)[],
): Generator<TableCodec> {
  const codes: CompressionCode[] = [0, 1, 2];
  codes.sort((a, b) => Number(b === compression) - Number(a === compression));
  for (const key of keys) for (const code of codes) yield { compression: code, key };
}
