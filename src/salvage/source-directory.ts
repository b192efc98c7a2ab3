/**
 * `SourceDirectory`: everything that was found in a damaged directory, as sources of the merge.
 *
 * Which tables count: with a sound manifest those it lists, and those with numbers beyond all it ever
 * named, whose change was lost with the manifest's end (if they were never part of the tree they repeat
 * what others hold). With a damaged one all that are not known to be deleted.
 */

import { EMPTY_BYTES } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import type { FileNumber, Version } from "../base/ids.ts";
import type { DirectoryLock, FileSystem } from "../env/file-system.ts";
import type { CompressionCode } from "../format/compression.ts";
import { type DirectoryPair, directoriesOf, namesOf, placeOf } from "../format/directory-pair.ts";
import { type Cut, readCut } from "../format/cut.ts";
import {
  KEYREGISTRY,
  MANIFEST,
  memFileName,
  type ParsedName,
  parseMemFileName,
  parseTableFileName,
  parseValueLogFileName,
  valueLogFileName,
  tableFileName,
} from "../format/file-names.ts";
import type { ManifestCreate } from "../format/manifest-change.ts";
import { cutRecords } from "../cursor/cut-records.ts";
import type { EntrySource } from "./entry-merge.ts";
import { readIndexEvidence } from "./index-evidence.ts";
import { type KeyEvidence, readKeyEvidence } from "./key-evidence.ts";
import { readLogEvidence } from "./log-evidence.ts";
import { LogSource } from "./log-source.ts";
import { type ManifestEvidence, readManifestEvidence } from "./manifest-evidence.ts";
import type { Findings } from "./report.ts";
import { SourceFile } from "./source-file.ts";
import { TableSource } from "./table-source.ts";
import { surveyTable, type TableSurvey } from "./table-survey.ts";

/** Told of every stretch of a file that was read. */
export type OnBytes = (bytes: number, file: string) => void;

export class SourceDirectory {
  readonly pair: DirectoryPair;
  readonly #fileSystem: FileSystem;
  readonly #findings: Findings;
  readonly #locks: readonly (DirectoryLock | undefined)[];
  readonly #tables: FileNumber[] = [];
  readonly #logs: FileNumber[] = [];
  readonly #valueLogs: FileNumber[] = [];
  readonly manifest: ManifestEvidence;
  readonly keys: KeyEvidence;
  readonly #surveys: TableSurvey[] = [];
  readonly #logSources: LogSource[] = [];
  readonly #loggedCuts: Cut[] = [];
  /** Largest version seen. */
  maxVersion: Version = 0;

  /**
   * Lists the directory and reads what small files say. `ERR_NOT_A_DATABASE` when nothing in it is of a
   * database, `ERR_LOCKED` when it is open for writing, `ERR_ENCRYPTION_KEY`.
   */
  constructor(
    fileSystem: FileSystem,
    pair: DirectoryPair,
    masterKey: Uint8Array | undefined,
    findings: Findings,
  ) {
    this.pair = pair;
    this.#fileSystem = fileSystem;
    this.#findings = findings;
    this.#list();
    this.#locks = takeLocks(fileSystem, pair);
    try {
      this.#passOverDirectories(this.#tables, tableFileName);
      this.#passOverDirectories(this.#logs, memFileName);
      this.#passOverDirectories(this.#valueLogs, valueLogFileName);
      this.manifest = readManifestEvidence(this.#readSmall(MANIFEST), findings);
      this.keys = readKeyEvidence(this.#readSmall(KEYREGISTRY), masterKey, findings);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get valueLogs(): readonly FileNumber[] {
    return this.#valueLogs;
  }

  /** Tables and logs, with their sizes; both are read by `look`, tables once more by the merge. */
  sizes(): { readonly tables: number; readonly logs: number; readonly files: number } {
    const sum = (names: readonly string[]): number =>
      names.reduce((total, name) => total + this.#sizeOf(name), 0);
    return {
      tables: sum(this.#chosenTables().map(tableFileName)),
      logs: sum(this.#logs.map(memFileName)),
      files: this.#chosenTables().length + this.#logs.length + this.#valueLogs.length,
    };
  }

  /** Surveys every table and reads every log; a generator, so that others may run in between. */
  *look(onBytes: OnBytes): Generator<void> {
    for (const fileNumber of this.#chosenTables()) {
      this.#lookAtTable(fileNumber);
      onBytes(this.#sizeOf(tableFileName(fileNumber)), tableFileName(fileNumber));
      yield;
    }
    // Newest first: their rank.
    for (const [i, fileNumber] of [...this.#logs.entries()].reverse()) {
      const next = this.#logs[i + 1];
      this.#lookAtLog(memFileName(fileNumber), next === undefined ? undefined : memFileName(next));
      onBytes(this.#sizeOf(memFileName(fileNumber)), memFileName(fileNumber));
      yield;
    }
    const decrypted = this.#surveys.some(({ codec }) => codec.key !== undefined);
    this.keys.requireProof(decrypted);
  }

  /** All sources, in order of trust among twins: logs, then tables, newest first. */
  sources(onBytes: OnBytes): EntrySource[] {
    const sources: EntrySource[] = [...this.#logSources];
    for (const survey of this.#surveys.sort((a, b) => this.#rankOf(a) - this.#rankOf(b))) {
      for (const run of survey.runs) {
        sources.push(
          new TableSource(
            this.#fileSystem,
            this.pair,
            survey,
            run,
            sources.length,
            this.#findings,
            onBytes,
          ),
        );
      }
    }
    return sources;
  }

  /** What was dropped by prefix, and may still be in the files. After `look`. */
  cuts(): Cut[] {
    return [...this.#recordedCuts(), ...this.#loggedCuts];
  }

  #recordedCuts(): Cut[] {
    return this.manifest.cuts.flatMap((stored) => {
      const { version, keyId } = stored;
      const key = this.keys.keyOf(keyId);
      if (keyId === 0 || key !== undefined) return [readCut(stored, () => key ?? EMPTY_BYTES)];
      const reason = `a prefix dropped at version ${version} is encrypted with a data key that is lost; what it hid comes back`;
      this.#findings.add({ file: MANIFEST, offset: 0, reason, lost: false });
      return [];
    });
  }

  /** How most of the readable tables are compressed. */
  commonCompression(): CompressionCode {
    const counts = [0, 0, 0];
    for (const { codec } of this.#surveys)
      counts[codec.compression] = (counts[codec.compression] ?? 0) + 1;
    return counts.indexOf(Math.max(...counts)) as CompressionCode;
  }

  close(): void {
    for (const lock of this.#locks) lock?.release();
  }

  #list(): void {
    let isDatabase = false;
    for (const name of namesOf(this.pair, (path) => this.#fileSystem.list(path))) {
      const isKnown =
        this.#collect(name, parseTableFileName(name), this.#tables) ||
        this.#collect(name, parseMemFileName(name), this.#logs) ||
        this.#collect(name, parseValueLogFileName(name), this.#valueLogs);
      isDatabase ||= isKnown || name === MANIFEST;
    }
    if (!isDatabase) {
      throw new MelesError(
        "ERR_NOT_A_DATABASE",
        `${this.pair.directory} holds no file of a database; check the path`,
      );
    }
    for (const numbers of [this.#tables, this.#logs, this.#valueLogs])
      numbers.sort((a, b) => a - b);
  }

  #collect(name: string, parsed: ParsedName, numbers: FileNumber[]): boolean {
    if (parsed.kind === "numbered") numbers.push(parsed.fileNumber);
    if (parsed.kind === "misnamed") {
      const reason =
        "not read: a database names no file so; if it belongs here, give it its name back";
      this.#findings.add({ file: name, offset: 0, reason, lost: true });
    }
    return parsed.kind !== "other";
  }

  /** Something of that name is there, and no file. */
  #passOverDirectories(numbers: FileNumber[], nameOf: (fileNumber: FileNumber) => string): void {
    for (const fileNumber of numbers.slice()) {
      const name = nameOf(fileNumber);
      if (this.#fileSystem.info(placeOf(this.pair, name))?.kind !== "directory") continue;
      numbers.splice(numbers.indexOf(fileNumber), 1);
      const reason = "not read: a directory is in the place of the file";
      this.#findings.add({ file: name, offset: 0, reason, lost: true });
    }
  }

  #readSmall(name: string): Uint8Array | undefined {
    const file = SourceFile.open(this.#fileSystem, this.pair, name);
    if (file === undefined) return undefined;
    try {
      return file.read(0, file.size);
    } finally {
      file.close();
    }
  }

  #sizeOf(name: string): number {
    return this.#fileSystem.info(placeOf(this.pair, name))?.size ?? 0;
  }

  #chosen: readonly FileNumber[] | undefined;

  #chosenTables(): readonly FileNumber[] {
    this.#chosen ??= this.#choose();
    return this.#chosen;
  }

  #choose(): FileNumber[] {
    const { isWhole, tables, deleted, largestTable } = this.manifest;
    for (const fileNumber of tables.keys()) {
      if (this.#tables.includes(fileNumber)) continue;
      const reason = isWhole
        ? "missing, though MANIFEST lists it"
        : "missing, though what is left of MANIFEST lists it; it may have been replaced since";
      this.#findings.add({ file: tableFileName(fileNumber), offset: 0, reason, lost: true });
    }
    return this.#tables.filter((fileNumber) => {
      if (deleted.has(fileNumber)) return false;
      if (!isWhole || tables.has(fileNumber)) return true;
      return fileNumber > largestTable && this.#isFinished(tableFileName(fileNumber));
    });
  }

  /** A table that no manifest names counts only if it was written to its end. */
  #isFinished(name: string): boolean {
    const file = SourceFile.open(this.#fileSystem, this.pair, name);
    if (file === undefined) return false;
    try {
      const { problem } = readIndexEvidence(file, this.#keysFor(undefined));
      const isFinished = problem === undefined;
      const reason = isFinished
        ? "taken, though MANIFEST does not list it: a later change of MANIFEST may be lost"
        : "not read: MANIFEST does not list it, and it was never finished";
      this.#findings.add({ file: name, offset: 0, reason, lost: false });
      return isFinished;
    } finally {
      file.close();
    }
  }

  #lookAtTable(fileNumber: FileNumber): void {
    const name = tableFileName(fileNumber);
    const listed = this.manifest.tables.get(fileNumber);
    if (listed !== undefined && listed.keyId !== 0 && this.keys.keyOf(listed.keyId) === undefined) {
      const reason = `encrypted with data key ${listed.keyId}, which is lost`;
      this.#findings.add({ file: name, offset: 0, reason, lost: true });
      return;
    }
    const file = SourceFile.open(this.#fileSystem, this.pair, name);
    if (file === undefined) return;
    try {
      const hints = {
        fileNumber,
        compression: listed?.compression,
        keys: this.#keysFor(listed),
      };
      const survey = surveyTable(file, hints, this.#findings);
      if (survey === undefined) return;
      this.#surveys.push(survey);
      this.maxVersion = Math.max(this.maxVersion, survey.maxVersion);
    } finally {
      file.close();
    }
  }

  /** Keys to try, the likeliest first. */
  #keysFor(listed: ManifestCreate | undefined): (Uint8Array | undefined)[] {
    const keys = this.keys.keys.map(({ data }) => data).reverse();
    const likely = listed === undefined ? undefined : this.keys.keyOf(listed.keyId);
    if (likely === undefined) return [undefined, ...keys];
    return [likely, ...keys.filter((key) => key !== likely), undefined];
  }

  #lookAtLog(name: string, nextName: string | undefined): void {
    const file = SourceFile.open(this.#fileSystem, this.pair, name);
    if (file === undefined) return;
    const next =
      nextName === undefined ? undefined : SourceFile.open(this.#fileSystem, this.pair, nextName);
    try {
      const memtable = readLogEvidence(file, next, this.keys, this.#findings);
      if (memtable === undefined) return;
      this.#logSources.push(new LogSource(memtable, this.#logSources.length));
      this.#loggedCuts.push(...cutRecords(memtable));
      this.maxVersion = Math.max(this.maxVersion, memtable.maxVersion);
    } finally {
      file.close();
      next?.close();
    }
  }

  /** Newer tables first: by level where levels are known, else by number. */
  #rankOf({ fileNumber }: TableSurvey): number {
    const { isWhole, tables } = this.manifest;
    const listed = isWhole ? tables.get(fileNumber) : undefined;
    // A number is less than 2^32, so levels never mix.
    return (listed === undefined ? -1 : listed.level) * 2 ** 32 - fileNumber;
  }
}

/** All or none. */
function takeLocks(
  fileSystem: FileSystem,
  pair: DirectoryPair,
): readonly (DirectoryLock | undefined)[] {
  const taken: (DirectoryLock | undefined)[] = [];
  try {
    for (const directory of directoriesOf(pair)) taken.push(takeLock(fileSystem, directory));
    return taken;
  } catch (error) {
    for (const lock of taken) lock?.release();
    throw error;
  }
}

/** Shared, if the file system can lock at all. */
function takeLock(fileSystem: FileSystem, path: string): DirectoryLock | undefined {
  try {
    return fileSystem.lockDirectory(path, "shared");
  } catch (error) {
    if (error instanceof MelesError && error.code === "ERR_IO") return undefined;
    throw error;
  }
}
