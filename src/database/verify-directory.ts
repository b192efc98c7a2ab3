/**
 * Verification of a directory that is not open, and may not even be possible to open: every byte of
 * every file, what the files say of each other, and what lies there that no file speaks of. Read-only,
 * under a shared lock.
 *
 * A finding is damage. A note is what an interrupted process leaves and the next open puts right.
 */

import { compareBytes } from "../base/bytes.ts";
import { CorruptionError, IoError, MelesError } from "../base/errors.ts";
import type { FileNumber } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import { type DirectoryPair, directoriesOf, placeOf } from "../format/directory-pair.ts";
import {
  KEYREGISTRY,
  MANIFEST,
  memFileName,
  PAIR,
  tableFileName,
  valueLogFileName,
} from "../format/file-names.ts";
import { decodeLogHeader, LOG_HEADER_SIZE } from "../format/log-header.ts";
import type { ManifestCreate } from "../format/manifest-change.ts";
import { decodePairFile } from "../format/pair-file.ts";
import { replayManifest } from "../format/manifest-replay.ts";
import { META_POINTER } from "../format/stored-value.ts";
import { cipherOf, type LogKeys } from "../log/log-keys.ts";
import { cutRecords } from "../cursor/cut-records.ts";
import type { Memtable } from "../memtable/memtable.ts";
import { type KeyEvidence, readKeyEvidence } from "../salvage/key-evidence.ts";
import { missingAtEnd, readLogEvidence } from "../salvage/log-evidence.ts";
import { walkLog } from "../salvage/log-walk.ts";
import { type ManifestEvidence, readManifestEvidence } from "../salvage/manifest-evidence.ts";
import { Findings } from "../salvage/report.ts";
import { SourceFile } from "../salvage/source-file.ts";
import { ValueProbe } from "../value-log/value-probe.ts";
import type { VerifyOptions, VerifyReport } from "./contract.ts";
import { type DirectoryNames, listNames } from "./directory-names.ts";
import { lostTable } from "./orphans.ts";
import { overlapsIn } from "./verify.ts";
import { type KnownTable, PointerCheck } from "./verify-pointers.ts";
import { checkTable, reportDamage } from "./verify-table.ts";

export interface DirectoryReport extends VerifyReport {
  /** Nothing is lost by these. */
  readonly notes: VerifyReport["findings"];
}

export interface DirectoryVerifyOptions extends VerifyOptions {
  readonly encryptionKey?: Uint8Array;
}

/** Blocks or windows checked between two returns to the event loop. */
const CHUNK_STEPS = 64;
/** Levels that the engine knows; a deeper one is refused. */
const LEVELS_MAX = 7;

/** `ERR_NOT_A_DATABASE`, `ERR_LOCKED`, `ERR_ENCRYPTION_KEY`, `ERR_ABORTED`; damage is never thrown. */
export async function verifyDirectory(
  env: Env,
  pair: DirectoryPair,
  options: DirectoryVerifyOptions,
): Promise<DirectoryReport> {
  const names = listNames(env.fileSystem, pair);
  using locks = new DisposableStack();
  for (const directory of directoriesOf(pair)) {
    const lock = env.fileSystem.lockDirectory(directory, "shared");
    locks.defer(() => lock.release());
  }
  return await new DirectoryCheck(env, pair, names, options).run();
}

/** Where there is no value log at all. */
const ELSEWHERE = "; the value log may lie in another directory, to be named as valueDirectory";

class DirectoryCheck {
  readonly #env: Env;
  readonly #pair: DirectoryPair;
  readonly #names: DirectoryNames;
  readonly #options: DirectoryVerifyOptions;
  readonly #evidence = new Findings();
  readonly #findings: VerifyReport["findings"][number][] = [];
  readonly #notes: VerifyReport["findings"][number][] = [];
  readonly #manifest: ManifestEvidence;
  readonly #keys: KeyEvidence;
  readonly #pointers: PointerCheck;
  readonly #tables: KnownTable[] = [];
  readonly #logs: Memtable[] = [];
  readonly #totalBytes: number;
  #files = 0;
  #bytes = 0;
  #entries = 0;
  #steps = 0;

  constructor(
    env: Env,
    pair: DirectoryPair,
    names: DirectoryNames,
    options: DirectoryVerifyOptions,
  ) {
    this.#env = env;
    this.#pair = pair;
    this.#names = names;
    this.#options = options;
    this.#manifest = this.#readManifest();
    this.#keys = readKeyEvidence(this.#small(KEYREGISTRY), options.encryptionKey, this.#evidence);
    this.#pointers = new PointerCheck(
      env.fileSystem,
      pair,
      this.#logKeys(),
      env.clock.nowMs() / 1000,
      (file, offset, message) => this.#find(file, offset, message),
    );
    this.#totalBytes = [
      ...names.tables.map(tableFileName),
      ...names.logs.map(memFileName),
      ...names.valueLogs.map(valueLogFileName),
    ].reduce((sum, name) => sum + this.#sizeOf(name), 0);
  }

  async run(): Promise<DirectoryReport> {
    this.#lookAtNames();
    this.#lookAtPair();
    for (const listed of this.#manifest.tables.values()) await this.#table(listed);
    this.#lookAtLevels();
    this.#lookForEnd();
    for (const number of this.#names.logs) await this.#log(number);
    const hasValueLog = this.#names.valueLogs.length > 0;
    this.#pointers.finish(this.#tables, this.#logs, hasValueLog ? "" : ELSEWHERE);
    for (const number of this.#names.valueLogs) await this.#valueLog(number);
    const decrypted = this.#tables.some(({ source }) => source.key !== undefined);
    this.#keys.requireProof(decrypted);
    this.#sortEvidence();
    return {
      files: this.#files,
      bytes: this.#bytes,
      entries: this.#entries,
      findings: this.#findings,
      notes: this.#notes,
    };
  }

  #readManifest(): ManifestEvidence {
    const bytes = this.#small(MANIFEST);
    const before = new Findings();
    const evidence = readManifestEvidence(bytes, before);
    for (const { offset, reason } of before.list()) {
      if (bytes !== undefined && isTornOnly(bytes))
        this.#note(MANIFEST, offset, "a change that was never finished");
      else this.#find(MANIFEST, offset, reason);
    }
    return evidence;
  }

  /** What lies in the directory against what the manifest says. */
  #lookAtNames(): void {
    const { misnamed, leftovers, tables } = this.#names;
    for (const name of misnamed) {
      this.#find(name, 0, "a database names no file so, and is not opened while it is there");
    }
    for (const name of leftovers) this.#note(name, 0, "left over from an interrupted write");
    for (const number of tables) {
      if (this.#manifest.tables.has(number)) continue;
      const name = tableFileName(number);
      this.#bytes += this.#sizeOf(name);
      this.#note(
        name,
        0,
        "no part of the database: MANIFEST does not list it, the next open removes it",
      );
    }
  }

  /** Whether the manifest has lost its end (orphans.ts): the engine refuses it then. */
  #lookForEnd(): void {
    if (this.#sizeOf(MANIFEST) === 0) return;
    const { tables, logs } = this.#names;
    const unnamed = tables.filter((number) => !this.#manifest.tables.has(number));
    const newest = this.#tables.reduce(
      (version, { maxVersion }) => Math.max(version, maxVersion),
      this.#manifest.newestVersion,
    );
    const keys = this.#keys.keys.map(({ data }) => data);
    const names = unnamed.map(tableFileName);
    const lost = lostTable(
      this.#env,
      this.#pair.directory,
      names,
      logs,
      newest,
      this.#logKeys(),
      keys,
    );
    if (lost === undefined) return;
    const { name, version } = lost;
    const message = `it has lost its end: ${name} with versions up to ${version} is not in it`;
    this.#find(MANIFEST, this.#sizeOf(MANIFEST), message);
  }

  async #table(listed: ManifestCreate): Promise<void> {
    const { fileNumber, level, compression, keyId } = listed;
    const name = tableFileName(fileNumber);
    const report = (offset: number, message: string): void => this.#find(name, offset, message);
    if (!this.#names.tables.includes(fileNumber)) {
      report(0, "missing, though MANIFEST lists it");
      return;
    }
    const key = keyId === 0 ? undefined : this.#keys.keyOf(keyId);
    if (keyId !== 0 && key === undefined) {
      report(0, `encrypted with data key ${keyId}, which is not in ${KEYREGISTRY}`);
      return;
    }
    await this.#reading(name, async () => {
      const path = placeOf(this.#pair, name);
      const file = this.#env.fileSystem.open(path, { write: false, create: "never" });
      try {
        const codec = { compression, key };
        const onPointer: PointerCheck["check"] = (entry) => this.#pointers.check(entry);
        const checked = await this.#drive(checkTable({ file, codec, report, onPointer }));
        if (checked === undefined) return;
        this.#entries += checked.entries;
        const source = { fileNumber, level, compression, keyId, ...(key && { key }) };
        if (checked.entries > 0) this.#tables.push({ ...checked, source });
      } finally {
        file.close();
      }
    });
  }

  /** A damaged one keeps the database from being opened. */
  #lookAtPair(): void {
    for (const directory of directoriesOf(this.#pair)) {
      const bytes = this.#env.fileSystem.readFile(join(directory, PAIR));
      if (bytes === undefined) continue;
      this.#files++;
      this.#bytes += bytes.length;
      try {
        decodePairFile(bytes);
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        reportDamage(error, (offset, message) => this.#find(PAIR, offset, message));
      }
    }
  }

  #lookAtLevels(): void {
    const levels = Array.from({ length: LEVELS_MAX }, (_, level) =>
      this.#tables
        .filter(({ source }) => source.level === level)
        .map(({ source, smallestKey, largestKey }) => ({ ...source, smallestKey, largestKey }))
        .sort((a, b) => compareBytes(a.smallestKey, b.smallestKey)),
    );
    this.#findings.push(...overlapsIn(levels));
    for (const { source } of this.#tables) {
      if (source.level < LEVELS_MAX) continue;
      const message = `on level ${source.level}; at most ${LEVELS_MAX} levels are supported`;
      this.#find(tableFileName(source.fileNumber), 0, message);
    }
  }

  async #log(number: FileNumber): Promise<void> {
    const name = memFileName(number);
    await this.#reading(name, async () => {
      const file = SourceFile.open(this.#env.fileSystem, this.#pair, name);
      if (file === undefined) return;
      try {
        // Evidence is taken with whatever key makes sense; the engine believes the header.
        const header = file.read(0, LOG_HEADER_SIZE);
        if (header.length === LOG_HEADER_SIZE) cipherOf(decodeLogHeader(header), this.#logKeys());
        this.#lookAtEnd(file, number);
        // A torn end is what a crash leaves, also of a log that others follow.
        const memtable = readLogEvidence(file, undefined, this.#keys, this.#evidence);
        if (memtable === undefined) return;
        this.#logs.push(memtable);
        this.#entries += memtable.count;
        // Throws for one that the next open would not understand.
        cutRecords(memtable);
        this.#logPointers(name, memtable);
      } finally {
        file.close();
      }
      await this.#pause();
    });
  }

  /** A power cut may take the end of a log and leave later ones. */
  #lookAtEnd(file: SourceFile, number: FileNumber): void {
    const next = this.#names.logs.find((other) => other > number);
    const follower =
      next === undefined
        ? undefined
        : SourceFile.open(this.#env.fileSystem, this.#pair, memFileName(next));
    if (follower === undefined) return;
    const missing = missingAtEnd(file, follower);
    follower.close();
    if (missing === 0) return;
    const message = `${missing} bytes are missing at the end; the next open drops later logs, as after a power cut`;
    this.#note(file.name, file.size, message);
  }

  #logPointers(name: string, memtable: Memtable): void {
    const { fileSystem } = this.#env;
    const newest = this.#names.valueLogs.at(-1) ?? 0;
    const probe = new ValueProbe(fileSystem, this.#pair.valueDirectory, newest);
    const cursor = memtable.cursor();
    let cut = 0;
    for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
      if ((cursor.meta & META_POINTER) === 0) continue;
      const { keyBytes, keyOffset, keyLength, valueBytes, valueOffset, valueLength } = cursor;
      if (probe.isLost(valueBytes, valueOffset)) {
        cut++;
        continue;
      }
      const { version, meta, expiresAt } = cursor;
      const key = keyBytes.subarray(keyOffset, keyOffset + keyLength);
      const pointer = valueBytes.subarray(valueOffset, valueOffset + valueLength);
      this.#pointers.check({ key, version, meta, expiresAt, pointer });
    }
    cursor.close();
    probe.close();
    if (cut === 0) return;
    const message = `${cut} writes whose values never reached the disk; the next open drops them and what follows`;
    this.#note(name, 0, message);
  }

  async #valueLog(number: FileNumber): Promise<void> {
    const name = valueLogFileName(number);
    await this.#reading(name, async () => {
      const file = SourceFile.open(this.#env.fileSystem, this.#pair, name);
      if (file === undefined) return;
      try {
        for (const { start, end, isUnfinishedTail } of await this.#drive(walkLog(file))) {
          const refused = file.refusal(start, end);
          if (isUnfinishedTail)
            this.#note(name, start, "the end is a write that was never finished");
          else if (refused !== undefined)
            this.#find(name, start, `its bytes cannot be had (${refused})`);
          else this.#find(name, start, `${end - start} bytes hold no whole record`);
        }
      } finally {
        file.close();
      }
      const isNewest = number === this.#names.valueLogs.at(-1);
      const isKnown = this.#findings.length === 0;
      if (isKnown && !isNewest && !this.#pointers.isUsed(number)) {
        this.#note(name, 0, "nothing points into it; it is collected while the database is open");
      }
    });
  }

  /** Counts a file; what the disk refuses is a finding, not the end. */
  async #reading(name: string, work: () => Promise<void>): Promise<void> {
    const { onProgress } = this.#options;
    onProgress?.({ bytes: this.#bytes, totalBytes: this.#totalBytes, file: name });
    this.#files++;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof IoError || error instanceof CorruptionError)) throw error;
      reportDamage(error, (offset, message) => this.#find(name, offset, message));
    }
    this.#bytes += this.#sizeOf(name);
  }

  async #drive<T>(work: Generator<unknown, T>): Promise<T> {
    for (;;) {
      const step = work.next();
      if (step.done === true) return step.value;
      if (++this.#steps % CHUNK_STEPS === 0) await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resume) => setImmediate(resume));
    const { signal } = this.#options;
    if (signal?.aborted === true) {
      throw new MelesError("ERR_ABORTED", "the verification was stopped", { cause: signal.reason });
    }
  }

  #logKeys(): LogKeys {
    return {
      current: () => undefined,
      keyOf: (keyId) => {
        const key = this.#keys.keyOf(keyId);
        if (key !== undefined) return key;
        const message = `encrypted with data key ${keyId}, which is not in ${KEYREGISTRY}`;
        throw new MelesError("ERR_ENCRYPTION_KEY", message);
      },
    };
  }

  /** What the readers of registry and logs noticed on the way. */
  #sortEvidence(): void {
    for (const { file, offset, reason, lost } of this.#evidence.list()) {
      if (lost || file === KEYREGISTRY) this.#find(file, offset, reason);
      else this.#note(file, offset, reason);
    }
  }

  #small(name: string): Uint8Array | undefined {
    const file = SourceFile.open(this.#env.fileSystem, this.#pair, name);
    if (file === undefined) return undefined;
    try {
      this.#files++;
      this.#bytes += file.size;
      return file.read(0, file.size);
    } finally {
      file.close();
    }
  }

  #sizeOf(name: string): number {
    return this.#env.fileSystem.info(placeOf(this.#pair, name))?.size ?? 0;
  }

  #find(file: string, offset: number, message: string): void {
    this.#findings.push({ file, offset, message });
  }

  #note(file: string, offset: number, message: string): void {
    this.#notes.push({ file, offset, message });
  }
}

/** Whether the engine takes the manifest, forgiving an append that was cut short. */
function isTornOnly(bytes: Uint8Array): boolean {
  try {
    replayManifest(bytes);
    return true;
  } catch (error) {
    if (error instanceof MelesError) return false;
    throw error;
  }
}
