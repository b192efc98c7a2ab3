/**
 * `TableSource`: walks one run of blocks. Opens its file when its first entry is wanted, closes it after
 * the last, so that tables which do not overlap are not open together. A block that could be read by
 * the survey and cannot be read now is reported and passed over.
 */

import type { FileSystem } from "../env/file-system.ts";
import type { DirectoryPair } from "../format/directory-pair.ts";
import type { EntrySource } from "./entry-merge.ts";
import type { Findings } from "./report.ts";
import { SourceFile } from "./source-file.ts";
import { BlockDecoder } from "./stored-block.ts";
import type { BlockRun, TableSurvey } from "./table-survey.ts";

export class TableSource implements EntrySource {
  readonly rank: number;
  valid = true;
  key: Uint8Array;
  version: number;
  meta = 0;
  userMeta = 0;
  expiresAt = 0;
  value: Uint8Array = new Uint8Array(0);

  readonly #fileSystem: FileSystem;
  readonly #pair: DirectoryPair;
  readonly #survey: TableSurvey;
  readonly #run: BlockRun;
  readonly #findings: Findings;
  readonly #onBytes: (bytes: number, file: string) => void;
  readonly #decoder = new BlockDecoder();
  #file: SourceFile | undefined;
  #block = -1;
  #entry = 0;

  /** @param onBytes told of every stretch that was read, for progress */
  constructor(
    fileSystem: FileSystem,
    pair: DirectoryPair,
    survey: TableSurvey,
    run: BlockRun,
    rank: number,
    findings: Findings,
    onBytes: (bytes: number, file: string) => void,
  ) {
    this.#fileSystem = fileSystem;
    this.#pair = pair;
    this.#survey = survey;
    this.#run = run;
    this.rank = rank;
    this.#findings = findings;
    this.#onBytes = onBytes;
    this.key = run.firstKey;
    this.version = run.firstVersion;
  }

  open(): void {
    if (this.#file !== undefined || !this.valid) return;
    this.#file = SourceFile.open(this.#fileSystem, this.#pair, this.#survey.name);
    this.#nextBlock();
  }

  next(): void {
    this.open();
    this.#entry++;
    if (this.#entry < this.#decoder.location.entryCount) this.#show();
    else this.#nextBlock();
  }

  close(): void {
    this.valid = false;
    this.#file?.close();
    this.#file = undefined;
  }

  #nextBlock(): void {
    const { offsets, lengths } = this.#run;
    while (++this.#block < offsets.length) {
      const offset = offsets[this.#block] as number;
      const length = lengths[this.#block] as number;
      const stored = this.#file?.read(offset, offset + length) ?? new Uint8Array(0);
      this.#onBytes(length, this.#survey.name);
      const problem = this.#decoder.decode(stored, this.#survey.codec);
      if (problem === undefined) {
        this.#entry = 0;
        this.#show();
        return;
      }
      const reason = `a block that could be read at first cannot be read again: ${problem}`;
      this.#findings.add({ file: this.#survey.name, offset, reason, lost: true });
    }
    this.close();
  }

  #show(): void {
    const { slot } = this.#decoder;
    this.key = this.#decoder.read(this.#entry);
    this.version = slot.version;
    this.meta = slot.meta;
    this.userMeta = slot.userMeta;
    this.expiresAt = slot.expiresAt;
    this.value = slot.valueBytes.subarray(slot.valueOffset, slot.valueOffset + slot.valueLength);
  }
}
